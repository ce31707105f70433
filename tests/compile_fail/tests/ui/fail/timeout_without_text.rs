//! A time that is not a text.

use quickrpc::remote_api;

#[remote_api]
pub trait Lab {
    #[incoming]
    #[timeout(5)]
    fn travel(&self) -> u8;
}

fn main() {}
