//! Words that only a property has, and words that it has not.

use quickrpc::remote_api;

#[remote_api]
pub trait Supply {
    #[incoming(writable)]
    fn voltage(&self) -> f64;

    #[incoming(property, writeable)]
    fn current(&self) -> f64;

    #[incoming(property = true)]
    fn power(&self) -> f64;

    #[incoming(property)]
    #[require(write_role = "operator")]
    fn limit(&self) -> f64;

    #[incoming]
    #[require(write_role = "operator")]
    fn reset(&self) -> f64;
}

fn main() {}
