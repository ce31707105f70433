//! An argument named `sender` on the wire.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[outgoing]
    fn say(&self, #[name = "sender"] who: &str);
}

fn main() {}
