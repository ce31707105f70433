//! Types without a size.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn a(&self, text: str);
    #[incoming]
    fn b(&self, numbers: [i64]);
}

fn main() {}
