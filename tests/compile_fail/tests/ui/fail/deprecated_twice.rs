//! Deprecated more than once.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[deprecated]
    #[deprecated = "really"]
    fn say(&self, text: &str);
}

fn main() {}
