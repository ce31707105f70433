//! A result behind the items, which others do not know.

use quickrpc::{Stream, remote_api};

#[remote_api]
trait Node {
    #[outgoing(subscription(item = "eth_subscription", cancel = "eth_unsubscribe"))]
    fn eth_subscribe(&self, kind: &str) -> Stream<u64, String>;
}

fn main() {}
