//! A lint that is turned on for one call, although generated code has it turned off.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[deny(non_snake_case)]
    fn sayIt(&self, text: &str);

    #[outgoing]
    fn sayMore(&self, text: &str);
}

fn main() {}
