//! References inside of a type.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn a(&self, names: &[&str]);
    #[incoming]
    fn b(&self, pair: (&str, i64));
    #[incoming]
    fn c(&self, names: Vec<&str>);
    #[incoming]
    fn d(&self, text: &&str);
}

fn main() {}
