//! Writing what may only be read, and handlers that do not fit.

use quickrpc::remote_api;

#[remote_api]
pub trait Supply {
    #[incoming(property)]
    fn measured(&self) -> f64;
}

fn main() {
    let (supply, lab) = Supply::pair();
    lab.all().set_measured(5.0);
    supply.measured.on_read(|_sender| "five");
    supply.measured.set("five");
}
