//! A crate path that is none.

use quickrpc::remote_api;

#[remote_api(crate = "a b")]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
