//! Names that mean something already.

use quickrpc::{Stream, remote_api};

#[remote_api]
trait Node {
    #[outgoing(subscription(item = "same", cancel = "same"))]
    fn a(&self) -> Stream<u64>;

    #[outgoing(subscription(item = "b_item", cancel = "b"))]
    fn b(&self) -> Stream<u64>;

    #[outgoing(subscription(item = "told", cancel = "stop"))]
    fn c(&self) -> Stream<u64>;

    #[outgoing(subscription(item = "rpc.item", cancel = ""))]
    fn d(&self) -> Stream<u64>;

    #[incoming]
    fn told(&self, text: &str);

    #[outgoing]
    fn stop(&self, id: &str);
}

fn main() {}
