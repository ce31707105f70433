//! A default without an expression.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[default()] times: i64);
}

fn main() {}
