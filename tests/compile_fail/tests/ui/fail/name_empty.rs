//! An empty name.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[name = ""]
    fn say(&self, text: &str);
}

fn main() {}
