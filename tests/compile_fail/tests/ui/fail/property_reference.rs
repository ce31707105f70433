//! Properties whose values are somebody else's.

use quickrpc::remote_api;

#[remote_api]
pub trait Supply {
    #[incoming(property)]
    fn name(&self) -> &str;

    #[incoming(property, writable)]
    fn curve(&self) -> Option<&[f64]>;
}

fn main() {}
