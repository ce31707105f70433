//! Calls that are named like those of a property.

use quickrpc::remote_api;

#[remote_api]
pub trait Supply {
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;

    #[incoming]
    fn get_voltage(&self) -> f64;

    #[incoming]
    fn set_voltage(&self, value: f64);

    #[outgoing]
    #[name = "voltage_changed"]
    fn other(&self, value: f64);

    // The other way, all of them are free.
    #[outgoing]
    #[name = "set_voltage"]
    fn wish(&self, value: f64);
}

#[remote_api]
pub trait Renamed {
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;

    #[incoming]
    #[name = "volts"]
    fn set_voltage(&self, value: f64);
}

fn main() {}
