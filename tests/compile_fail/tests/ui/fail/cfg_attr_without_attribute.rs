//! A condition for nothing.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[cfg_attr(unix)]
    fn say(&self, text: &str);
}

fn main() {}
