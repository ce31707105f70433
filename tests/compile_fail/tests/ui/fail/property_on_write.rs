//! A handler of writes of a property that nobody writes.

use quickrpc::remote_api;

#[remote_api]
pub trait Supply {
    #[incoming(property)]
    fn measured(&self) -> f64;
}

fn main() {
    let (supply, _lab) = Supply::pair();
    supply.measured.on_write(|_sender, volts| println!("{volts}"));
}
