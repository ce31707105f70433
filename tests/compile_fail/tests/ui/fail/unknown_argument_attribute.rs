//! An attribute that an argument does not have.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[defualt] text: &str);
}

fn main() {}
