//! A default of another type than the argument.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[default("five")] times: i64, #[default(5)] text: &str);
}

fn main() {}
