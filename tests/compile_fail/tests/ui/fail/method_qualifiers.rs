//! Calls that are more than `fn`.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    unsafe fn a(&self);
    #[incoming]
    extern "C" fn b(&self);
}

fn main() {}
