//! Two deadlines for one call.

use quickrpc::remote_api;

#[remote_api]
pub trait Lab {
    #[incoming]
    #[timeout("5s")]
    #[timeout("6s")]
    fn travel(&self) -> u8;
}

fn main() {}
