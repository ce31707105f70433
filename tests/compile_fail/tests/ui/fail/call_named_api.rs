//! A call with a name that is generated.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn __api(&self);
}

fn main() {}
