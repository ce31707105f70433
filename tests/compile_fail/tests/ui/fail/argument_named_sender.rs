//! An argument named `sender`, which a Python peer rejects.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, sender: &str);
}

fn main() {}
