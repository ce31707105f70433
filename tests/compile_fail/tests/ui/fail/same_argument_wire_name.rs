//! Two arguments with the same name on the wire.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str, #[name = "text"] other: &str);
}

fn main() {}
