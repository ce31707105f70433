//! A handler whose error cannot become one of ours.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn main() {
    struct NoError;
    let _ = |api: Echo| {
        api.add.connect(|_, a, b| if a > b { Ok(a) } else { Err(NoError) });
    };
}
