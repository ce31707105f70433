//! The crate under another path, in a module and in a function.

mod reexport {
    pub use quickrpc;
}

fn main() {
    #[reexport::quickrpc::remote_api(crate = "crate::reexport::quickrpc", rename_all = "camelCase")]
    trait Local {
        #[incoming]
        fn say_it(&self, the_text: &str) -> String;
        #[outgoing]
        fn heard_it(&self, the_text: &str);
    }

    let _ = |api: Local| {
        api.say_it.connect(|_, text| text.to_owned());
        let _ = api.all().heard_it("x");
    };
    assert_eq!(Local::DESCRIPTION.calls[0].wire_name, "sayIt");
    assert_eq!(Local::DESCRIPTION.calls[0].arguments[0].wire_name, "theText");
}
