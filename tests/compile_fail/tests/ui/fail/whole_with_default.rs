//! What is all that is sent cannot be missing.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn say(&self, #[whole] #[default] times: i64);
    #[incoming]
    fn twice(&self, #[whole] #[whole] times: i64);
    #[incoming]
    fn valued(&self, #[whole(times)] times: i64);
    #[incoming]
    #[whole]
    fn method(&self, times: i64);
}

fn main() {}
