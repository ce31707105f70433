//! Arguments that others cannot give.

use quickrpc::{Stream, remote_api};

#[remote_api]
trait Node {
    #[incoming(subscription(event))]
    fn price_changed(&self, of: &str) -> Stream<f64>;

    #[incoming(subscription(item = "node_item", cancel = "node_stop"))]
    fn node_start(&self, data: Stream<f64>) -> Stream<f64>;
}

fn main() {}
