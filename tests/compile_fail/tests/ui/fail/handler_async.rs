//! Async handlers where others belong.

use quickrpc::{Sender, remote_api};

#[remote_api]
pub trait Echo {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    #[incoming]
    fn say(&self, text: &str);
}

async fn add(_sender: &Sender, a: i64, b: i64) -> i64 {
    a + b
}

fn main() {
    let _ = |api: Echo| {
        api.add.connect(|_, a, b| async move { a + b });
        api.add.connect(add);
        api.say.connect(async |_, _| ());
    };
}
