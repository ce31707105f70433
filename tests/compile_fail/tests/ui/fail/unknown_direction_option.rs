//! An option that `incoming` does not have.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming(positionnal)]
    fn say(&self, text: &str);
}

fn main() {}
