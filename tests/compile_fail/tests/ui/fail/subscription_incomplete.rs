//! What `subscription(..)` has to say, and what it has not.

use quickrpc::{Stream, remote_api};

#[remote_api]
trait Node {
    #[outgoing(subscription)]
    fn a(&self) -> Stream<u64>;

    #[outgoing(subscription())]
    fn b(&self) -> Stream<u64>;

    #[outgoing(subscription(item = "b_item"))]
    fn c(&self) -> Stream<u64>;

    #[outgoing(subscription(item = 7, cancel = "stop"))]
    fn d(&self) -> Stream<u64>;

    #[outgoing(subscription(event, cancel = "stop"))]
    fn e(&self) -> Stream<u64>;

    #[outgoing(subscription(notification = "f_item"))]
    fn f(&self) -> Stream<u64>;
}

fn main() {}
