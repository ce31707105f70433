//! No time at all.

use quickrpc::remote_api;

#[remote_api]
pub trait Lab {
    #[incoming]
    #[timeout("0s")]
    fn travel(&self) -> u8;
}

fn main() {}
