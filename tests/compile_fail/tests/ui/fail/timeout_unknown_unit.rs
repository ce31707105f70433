//! A time in a unit that nobody knows.

use quickrpc::remote_api;

#[remote_api]
pub trait Lab {
    #[incoming]
    #[timeout("5 parsecs")]
    fn travel(&self) -> u8;
}

fn main() {}
