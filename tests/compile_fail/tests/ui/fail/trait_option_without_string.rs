//! A prefix that is no string.

use quickrpc::remote_api;

#[remote_api(prefix = lab)]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
