//! An option that `remote_api` does not have.

use quickrpc::remote_api;

#[remote_api(rename = "x")]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
