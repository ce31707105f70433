//! A condition that is none.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[cfg]
    fn say(&self, text: &str);
}

fn main() {}
