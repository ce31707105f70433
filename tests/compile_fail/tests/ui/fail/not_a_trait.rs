//! Something else than a trait.

use quickrpc::remote_api;

#[remote_api]
pub struct Echo {
    pub text: String,
}

#[remote_api]
impl Echo {
    pub fn say(&self) {}
}

fn main() {}
