//! An expectation of a declaration that is not met is told once.
#![deny(unfulfilled_lint_expectations)]

use quickrpc::remote_api;

#[remote_api]
pub trait Echo {
    #[incoming]
    #[expect(non_snake_case)]
    fn say(&self, #[expect(non_snake_case)] text: &str);
}

fn main() {}
