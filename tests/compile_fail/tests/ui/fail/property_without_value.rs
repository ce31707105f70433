//! Properties that have no value.

use quickrpc::remote_api;

#[remote_api]
pub trait Supply {
    #[incoming(property)]
    fn voltage(&self);

    #[incoming(property)]
    fn ready(&self) -> ();
}

fn main() {}
