//! Items that are no methods.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    const N: i64;
    type T;
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
