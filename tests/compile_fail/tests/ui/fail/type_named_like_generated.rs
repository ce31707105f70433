//! A type named like a generated one.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &EchoOutgoing, other: Vec<Echo>) -> EchoSaySlot;
}

fn main() {}
