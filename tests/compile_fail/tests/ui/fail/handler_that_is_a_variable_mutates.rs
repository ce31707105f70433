//! A handler that changes what it owns, and had a name before it was connected.

use quickrpc::{Sender, remote_api};

#[remote_api]
pub trait Echo {
    #[incoming]
    fn ping(&self);
}

fn main() {
    let _ = |api: Echo| {
        let mut n = 0;
        let counts = move |_: &Sender| n += 1;
        api.ping.connect(counts);
    };
}
