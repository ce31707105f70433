//! An attribute that a call does not have.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[rename = "x"]
    fn say(&self, text: &str);
}

fn main() {}
