//! An argument of which nobody knows whether it is used.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[must_use] text: &str);
}

fn main() {}
