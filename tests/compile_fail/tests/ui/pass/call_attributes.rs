//! `#[deprecated]`, `#[must_use]` and lints on calls and arguments: generated code itself
//! gives no warning, and whoever only serves gives none.
#![deny(warnings, missing_docs, unfulfilled_lint_expectations)]

use quickrpc::{Sender, remote_api};

/// Declared, and used below.
#[remote_api]
pub trait Shop {
    /// Sells.
    #[incoming]
    #[deprecated]
    fn sell(&self, what: &str) -> i64;

    /// Buys.
    #[incoming]
    #[deprecated = "use `order`"]
    #[must_use = "it costs"]
    fn buy(&self, what: &str) -> i64;

    /// Tells.
    #[outgoing]
    #[deprecated(since = "0.2.0", note = "nobody listens")]
    #[allow(clippy::too_many_arguments)]
    #[must_use]
    fn tell(&self, #[allow(unused)] what: &str, #[warn(unused_variables)] count: i64);

    /// In the words of another language.
    #[outgoing]
    #[expect(non_snake_case)]
    fn tellMore(&self, #[expect(non_snake_case)] whatElse: &str) -> i64;

    /// The same the other way.
    #[incoming]
    #[expect(non_snake_case, reason = "their name")]
    #[deny(unused_mut)]
    #[forbid(unsafe_code)]
    fn hearMore(&self, #[deny(unused)] what: &str);
}

struct Server;

impl ShopIncoming for Server {
    fn sell(&self, _: &Sender, what: &str) -> i64 {
        what.len() as i64
    }

    fn buy(&self, _: &Sender, what: &str) -> i64 {
        what.len() as i64
    }

    #[allow(non_snake_case)]
    fn hearMore(&self, _: &Sender, _what: &str) {}
}

/// Nobody uses it.
#[remote_api]
trait Unused {
    #[incoming]
    #[deprecated]
    fn one(&self) -> i64;

    #[outgoing]
    #[deprecated]
    #[allow(dead_code)]
    fn two(&self);
}

#[allow(deprecated)]
fn main() {
    let (api, caller) = Shop::pair();
    let _clone = api.clone();
    api.serve(Server);
    assert_eq!(caller.all().sell("four").result().unwrap(), 4);
    let _: Option<Unused> = None;
}
