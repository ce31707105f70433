//! A property of a type of which there is only one.

use quickrpc::remote_api;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Unique {
    x: f64,
}

#[remote_api]
pub trait Supply {
    #[incoming(property, writable)]
    fn unique(&self) -> Unique;
}

fn main() {}
