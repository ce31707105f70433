//! A property is not begun and ended.

use quickrpc::remote_api;

#[remote_api]
trait Node {
    #[incoming(property, subscription(event))]
    fn price(&self) -> f64;
}

fn main() {}
