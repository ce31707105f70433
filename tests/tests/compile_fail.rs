//! What `#[remote_api]` accepts, and what it says about what it does not accept: one
//! mistake per file, named after it.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
