//! All that is sent, and something else.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[whole] text: &str, times: i64);
}

fn main() {}
