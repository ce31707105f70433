//! Arguments without a name.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, (a, b): (i64, i64));
    #[incoming]
    fn hear(&self, _: i64);
    #[incoming]
    fn change(&self, mut a: i64);
}

fn main() {}
