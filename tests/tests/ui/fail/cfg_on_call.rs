//! A call that is there only sometimes.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[cfg(unix)]
    fn say(&self, text: &str);
}

fn main() {}
