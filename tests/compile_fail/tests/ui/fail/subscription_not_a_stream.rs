//! It has no items.

use quickrpc::remote_api;

#[remote_api]
trait Node {
    #[outgoing(subscription(item = "eth_subscription", cancel = "eth_unsubscribe"))]
    fn eth_subscribe(&self, kind: &str) -> String;

    #[incoming(subscription(event))]
    fn price_changed(&self);
}

fn main() {}
