//! A name that is no string.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[name(say)]
    fn say(&self, text: &str);
}

fn main() {}
