//! What a condition has taken away is not there.

use quickrpc::{Sender, remote_api};

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);

    #[incoming]
    #[cfg(any())]
    fn lost(&self, text: &str);

    #[outgoing]
    #[cfg(any())]
    fn heard(&self, text: &str);
}

struct Server;

impl EchoIncoming for Server {
    fn say(&self, _: &Sender, _text: &str) {}
    fn lost(&self, _: &Sender, _text: &str) {}
}

fn main() {
    let _ = |api: Echo| {
        api.lost.connect(|_, text: &str| println!("{text}"));
        api.all().heard("x").ok();
    };
    let _: Option<EchoLostSlot> = None;
}
