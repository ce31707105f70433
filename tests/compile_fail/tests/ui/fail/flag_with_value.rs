//! A value for a flag.

use quickrpc::remote_api;

#[remote_api(positional = true)]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
