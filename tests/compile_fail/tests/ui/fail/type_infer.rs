//! A type that would have to be inferred.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: _, list: Vec<_>) -> _;
}

fn main() {}
