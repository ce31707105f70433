//! A condition that the compiler does not know: it says so once.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[cfg(system(unix))]
    fn say(&self, text: &str);
}

fn main() {}
