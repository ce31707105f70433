//! STUB
use proc_macro::TokenStream;
/// x
#[proc_macro_attribute]
pub fn remote_api(_a: TokenStream, item: TokenStream) -> TokenStream { item }
