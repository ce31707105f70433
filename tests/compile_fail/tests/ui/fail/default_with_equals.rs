//! A default as a value.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[default = 5] times: i64);
}

fn main() {}
