//! What the declaration says about an answer that nobody looks at.
#![deny(unused_must_use)]

use quickrpc::remote_api;

#[remote_api]
pub trait Shop {
    #[outgoing]
    #[must_use = "it costs"]
    fn buy(&self, what: &str) -> i64;
}

fn main() {
    let _ = |api: Shop| {
        api.all().buy("x");
        api.all().each().buy("x");
    };
}
