//! The `#[remote_api]` attribute of the `quickrpc` crate, which re-exports it.

mod expand;
mod mistakes;
mod model;
mod parse;
mod text;
mod validate;

use proc_macro::TokenStream;

/// Declares an API.
#[proc_macro_attribute]
pub fn remote_api(options: TokenStream, item: TokenStream) -> TokenStream {
    remote_api_impl(options.into(), item.into()).into()
}

/// The four stages: parse, model, validate, expand.
fn remote_api_impl(
    options: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> proc_macro2::TokenStream {
    let mut mistakes = mistakes::Mistakes::default();
    let declaration = match parse::Declaration::parse(options, item.clone(), &mut mistakes) {
        Ok(declaration) => declaration,
        Err(error) => {
            mistakes.add_error(error);
            let errors = mistakes.into_compile_errors();
            return quote::quote!(#errors #item);
        }
    };
    let mut api = model::Api::new(declaration);
    validate::validate(&mut api, &mut mistakes);
    // Next to errors everything is there nevertheless, so that code that uses the API adds
    // none of its own.
    let code = expand::expand(&api);
    let errors = mistakes.into_compile_errors();
    quote::quote!(#errors #code)
}
