//! An option twice.

use quickrpc::remote_api;

#[remote_api(positional, positional)]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
