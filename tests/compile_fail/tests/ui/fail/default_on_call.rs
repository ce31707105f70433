//! A default on the method.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[default]
    fn say(&self, text: &str);
}

fn main() {}
