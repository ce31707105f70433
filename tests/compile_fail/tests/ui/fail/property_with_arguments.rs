//! A property that depends on something.

use quickrpc::remote_api;

#[remote_api]
pub trait Supply {
    #[incoming(property)]
    fn voltage(&self, channel: u8) -> f64;

    #[outgoing(property, writable)]
    fn limit(&self, channel: u8, unit: &str) -> f64;
}

// What uses them adds no errors of its own.
fn _use(supply: &Supply, lab: &SupplyInverse) {
    supply.voltage.set(5.0);
    lab.voltage.connect(|_, _| {});
    lab.all().voltage();
    supply.all().set_limit(5.0);
}

fn main() {}
