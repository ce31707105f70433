//! Types that are declared `'static`, and borrow what they are read from.

use quickrpc::remote_api;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Name<'a> {
    text: &'a str,
}

#[remote_api]
pub trait Echo {
    #[incoming]
    fn a(&self, first: i64, name: &Name<'static>);
    #[incoming]
    fn b(&self) -> Name<'static>;
}

fn main() {}
