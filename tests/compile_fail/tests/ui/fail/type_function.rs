//! Functions and pointers.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn a(&self, callback: fn(i64));
    #[incoming]
    fn b(&self, pointer: *const u8);
}

fn main() {}
