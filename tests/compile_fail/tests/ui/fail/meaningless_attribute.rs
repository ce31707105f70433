//! Attributes of functions that say nothing about a call.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[inline]
    fn say(&self, #[cold] text: &str);

    #[outgoing]
    #[track_caller]
    fn echo(&self, text: &str);
}

fn main() {}
