//! A deadline for what nobody waits for.

use quickrpc::remote_api;

#[remote_api]
pub trait Lab {
    #[incoming]
    #[timeout("5s")]
    fn travel(&self);
}

fn main() {}
