//! What `#[remote_api]` accepts, and what it says about what it does not accept: one
//! mistake per file, named after it.

/// Apart from those that fail, which are compiled together only without them.
#[test]
fn accepted() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
}

#[test]
fn refused() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
}
