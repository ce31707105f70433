//! Two conditions where there is one.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[cfg(unix, windows)] text: &str);
}

fn main() {}
