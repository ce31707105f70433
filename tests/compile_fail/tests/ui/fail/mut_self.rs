//! A call with another `self`.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn a(&mut self);
    #[incoming]
    fn b(self);
    #[incoming]
    fn c(self: Box<Self>);
}

fn main() {}
