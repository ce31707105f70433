//! The same direction twice.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
