//! Types with lifetimes.

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    fn a(&self, text: &'static str);
    #[incoming]
    fn b(&self, text: std::borrow::Cow<'static, str>);
}

fn main() {}
