//! Handlers with other arguments than declared.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn main() {
    let _ = |api: Echo| {
        api.add.connect(|_, a| a);
        api.add.connect(|_, a: i64, b: &str| a + b.len() as i64);
    };
}
