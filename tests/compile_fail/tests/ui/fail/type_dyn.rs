//! Trait objects.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &dyn ToString);
    #[incoming]
    fn hear(&self, text: Box<dyn ToString>);
}

fn main() {}
