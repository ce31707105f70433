//! A rule that `rename_all` does not know.

use quickrpc::remote_api;

#[remote_api(rename_all = "camel")]
pub trait Echo {
    #[incoming]
    fn say(&self, text: &str);
}

fn main() {}
