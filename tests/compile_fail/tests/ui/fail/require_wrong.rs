//! Roles that are none.

use quickrpc::remote_api;

#[remote_api]
pub trait Store {
    #[incoming]
    #[require]
    fn a(&self);

    #[incoming]
    #[require("admin")]
    fn b(&self);

    #[incoming]
    #[require(user = "admin")]
    fn c(&self);

    #[incoming]
    #[require(role = admin)]
    fn d(&self);

    #[incoming]
    #[require(role = "admin operator")]
    fn e(&self);

    #[incoming]
    #[require(role = "admin")]
    #[require(role = "operator")]
    fn f(&self);
}

fn main() {}
