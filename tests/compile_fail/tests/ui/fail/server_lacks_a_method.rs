//! A server without one of the methods, and with one of another type.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);

    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn main() {
    struct Server;
    impl EchoIncoming for Server {
        fn add(&self, _sender: &quickrpc::Sender, a: i64, b: i64) -> String {
            format!("{}", a + b)
        }
    }
}
