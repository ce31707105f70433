//! A name that JSON-RPC has reserved.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[name = "rpc.discover"]
    fn say(&self, text: &str);
}

fn main() {}
