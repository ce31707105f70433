//! Attributes of the trait that have no meaning.

use quickrpc::remote_api;

#[remote_api]
#[derive(Clone)]
#[incoming]
#[must_use]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
