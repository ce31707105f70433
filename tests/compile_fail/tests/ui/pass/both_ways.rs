//! One name on the wire for an incoming and an outgoing call.
#![deny(warnings)]

use quickrpc::remote_api;

#[remote_api(rename_all = "camelCase")]
pub trait LanguageServer {
    #[outgoing]
    #[name = "$/cancelRequest"]
    fn cancel(&self, id: i64);

    #[incoming]
    #[name = "$/cancelRequest"]
    fn cancelled(&self, id: i64);

    /// By the rule, and given.
    #[outgoing]
    fn show_message(&self, text: &str) -> Option<i64>;

    #[incoming]
    #[name = "showMessage"]
    fn shown(&self);
}

fn main() {
    for calls in [LanguageServer::DESCRIPTION.calls, LanguageServerInverse::DESCRIPTION.calls] {
        let names: Vec<_> = calls.iter().map(|call| call.wire_name).collect();
        assert_eq!(names, ["$/cancelRequest", "$/cancelRequest", "showMessage", "showMessage"]);
    }
}
