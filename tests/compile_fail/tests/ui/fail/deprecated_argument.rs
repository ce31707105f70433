//! An argument that is to be given and not to be given.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str, #[deprecated] loud: bool);
}

fn main() {}
