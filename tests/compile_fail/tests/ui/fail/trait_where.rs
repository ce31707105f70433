//! A `where` clause on the trait.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo where Self: Sized {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
