//! An `unsafe` trait.

use quickrpc::remote_api;

#[remote_api]
pub unsafe trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
