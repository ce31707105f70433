//! A name with a line end, which ends a message.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[name = "say\nit"]
    fn say(&self, #[name = "the\ttext"] text: &str);
}

fn main() {}
