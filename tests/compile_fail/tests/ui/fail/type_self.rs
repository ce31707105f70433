//! `Self` as a type.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, other: Self) -> Option<Self>;
}

fn main() {}
