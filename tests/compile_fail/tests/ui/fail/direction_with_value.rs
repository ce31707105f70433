//! A value for `incoming`.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming = "say"]
    fn say(&self, text: &str);
}

fn main() {}
