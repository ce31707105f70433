//! No prelude, the crate renamed, and names of the user that look like everything that
//! generated code could use.
#![no_implicit_prelude]
#![deny(warnings)]

extern crate quickrpc as renamed;

mod shadows {
    //! Nothing in here is used; it must not be used by generated code either.
    #![allow(dead_code)]

    pub(crate) struct String;
    pub(crate) struct Vec;
    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct Box;
    pub(crate) struct Sender;
    pub(crate) struct Promise;
    pub(crate) struct Slot;
    pub(crate) trait Clone {}
    pub(crate) trait Fn {}
    pub(crate) trait Send {}
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod quickrpc {}
    pub(crate) mod serde {}
    pub(crate) const fn handler() -> i64 {
        1
    }
    pub(crate) const fn call() -> i64 {
        2
    }

    /// Types named like the type parameters.
    #[derive(::serde::Serialize, ::serde::Deserialize)]
    pub(crate) struct F(pub(crate) i64);
    #[derive(::serde::Serialize, ::serde::Deserialize)]
    pub(crate) struct R(pub(crate) i64);

    #[::renamed::remote_api(crate = "::renamed")]
    pub(crate) trait Hygiene {
        #[incoming]
        fn types(&self, f: F, r: &R) -> F;

        #[incoming]
        fn names(
            &self,
            self_: i64,
            handler: &str,
            #[default(call() + self::handler())] call: i64,
            #[name = "from"] sender: &str,
            arguments: &[u8],
            argument0: ::std::vec::Vec<u8>,
        );

        #[outgoing]
        fn out(&self, self_: i64, call: &str, arguments: ::core::option::Option<&str>) -> R;
    }
}

fn main() {
    let _ = |api: shadows::Hygiene, inverse: shadows::HygieneInverse| {
        api.types.connect(|_, f, r| shadows::F(f.0 + r.0));
        api.names.connect(|_, _, _, _, _, _, _| ());
        inverse.out.connect(|_, _, _, _| shadows::R(1));
        let promise = api.all().out(1, "", ::core::option::Option::None);
        promise
    };
}
