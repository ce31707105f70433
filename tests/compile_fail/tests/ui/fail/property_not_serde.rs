//! A property that cannot travel.

use quickrpc::remote_api;

#[derive(Clone)]
pub struct Local {
    x: f64,
}

#[remote_api]
pub trait Supply {
    #[incoming(property, writable)]
    fn local(&self) -> Local;
}

fn main() {}
