//! Calls named like methods that take the handle by value.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[outgoing]
    fn into(&self, text: &str);

    #[incoming]
    fn try_into(&self);
}

fn main() {}
