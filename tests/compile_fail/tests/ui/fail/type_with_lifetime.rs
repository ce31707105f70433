//! Types with lifetimes.

use std::borrow::Cow;

use quickrpc::remote_api;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Name<'a> {
    text: Cow<'a, str>,
}

#[remote_api]
pub trait Echo {
    #[incoming]
    fn a(&self, text: &'static str);
    #[incoming]
    fn b(&self, text: Cow<str>, texts: Vec<std::borrow::Cow<'_, [String]>>) -> Cow<'_, str>;
    #[incoming]
    fn c(&self, name: Name<'a>, names: &'a [Name<'_>]) -> Result<std::rc::Rc<Name<'a>>, String>;
    #[incoming(property)]
    fn d(&self) -> Option<Name<'_>>;
}

fn main() {}
