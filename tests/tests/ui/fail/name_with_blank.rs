//! A name that no codec could carry.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[name = "say it"]
    fn say(&self, #[name = "the:text"] text: &str);
}

fn main() {}
