//! Two calls that a rule gives the same name.

use quickrpc::remote_api;

#[remote_api(rename_all = "camelCase")]
pub trait Echo {
    #[incoming]
    fn say_it(&self);

    #[incoming]
    #[name = "sayIt"]
    fn say(&self);
}

fn main() {}
