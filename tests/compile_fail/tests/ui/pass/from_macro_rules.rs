//! What comes through `macro_rules!` means what it means when it is written.
#![deny(warnings)]

use quickrpc::remote_api;

/// As a crate that has quickrpc for its users.
mod reexport {
    pub use quickrpc;
}

macro_rules! literals {
    ($prefix:literal, $rule:literal, $name:literal, $role:literal, $text:literal, $krate:literal) => {
        literals!(@ Literals, $prefix, $rule, $name, $role, $text, $krate);
    };
    // Once more, as macros that call macros have it.
    (@ $api:ident, $prefix:expr, $rule:expr, $name:expr, $role:expr, $text:expr, $krate:expr) => {
        #[doc = $text]
        #[remote_api(prefix = $prefix, rename_all = $rule, crate = $krate, positional)]
        trait $api {
            #[doc = $text]
            #[incoming]
            #[require(role = $role)]
            #[deprecated(since = $name, note = $text)]
            fn first_call(
                &self,
                #[name = $name]
                #[doc = $text]
                #[default($text)]
                the_text: &str,
            );

            #[outgoing]
            #[name = $name]
            #[must_use = $text]
            fn second_call(&self, the_text: &str);
        }
    };
}

literals!("lab.", "camelCase", "given", "admin", " Text.", "::quickrpc");

macro_rules! tokens {
    ($prefix:tt, $rule:tt, $name:tt, $role:tt, $default:tt, $krate:tt) => {
        #[remote_api(rename_all = $rule, prefix = $prefix, crate = $krate, ignore_unknown)]
        trait Tokens {
            #[incoming]
            #[require(role = $role)]
            fn first_call(&self, #[name = $name] #[default($default)] the_text: i64);
        }
    };
}

tokens!("lab.", "camelCase", "given", "admin", 3, "::quickrpc");

macro_rules! options {
    ($(#[$attr:meta])* $option:meta, $flag:ident, $vis:vis $direction:ident $word:ident $call:meta) => {
        #[remote_api($option, $flag)]
        $(#[$attr])*
        $vis trait Options {
            #[$direction($word)]
            #[$call]
            $(#[$attr])*
            fn call(&self);
        }
    };
}

options!(
    /// Documented.
    #[allow(unused)]
    prefix = "lab.", ignore_unknown, pub(self) incoming positional name = "given"
);

macro_rules! expressions {
    ($default:expr, $block:block, $path:path, $size:expr, $negative:literal) => {
        #[remote_api]
        trait Expressions {
            #[incoming]
            fn call(
                &self,
                #[default($default * 2)] a: i64,
                #[default($block)] b: i64,
                #[default($path)] c: i64,
                #[default(Some($default))] d: Option<i64>,
                #[cfg_attr(all(), default($default * 3))] e: i64,
                #[default($default)] f: i64,
                #[default(vec![$default * 2])] g: Vec<i64>,
                #[default([0; $size * 2])] h: [u8; $size * 2],
                #[default(i64::pow($default, 2).min($negative))] i: i64,
                #[default(i64::from($negative).pow(2))] j: i64,
            ) -> Option<[u8; $size * 2]>;
        }
    };
}

expressions!(1 + 2, { 5 }, i64::MAX, 1 + 1, -1);

macro_rules! types {
    ($($text:ty, $byte:ty, $bytes:ty, $blob:ty, $option:ty, $path:path, $tt:tt, $lifetimes:ty => $result:ty;)*) => {$(
        #[remote_api]
        trait Types {
            #[incoming]
            fn call(
                &self,
                a: $text,
                b: &[$byte],
                c: $bytes,
                d: $blob,
                e: $option,
                f: $path,
                g: $tt,
                h: &$lifetimes,
                i: Option<$text>,
                j: Option<$blob>,
                k: Vec<$byte>,
                l: &[$bytes],
            ) -> $result;

            #[outgoing]
            fn fails(&self) -> Result<$result, std::fmt::Error>;

            #[outgoing]
            fn perhaps(&self) -> Option<$bytes>;
        }
    )*};
}

types!(&str, u8, Vec<u8>, &[u8], Option<i64>, std::collections::BTreeMap<String, i64>, (u8, bool), str => Vec<u8>;);

macro_rules! items {
    ($(#[$attr:meta])* $name:ident { $($item:item)* }) => {
        #[remote_api]
        $(#[$attr])*
        trait $name {
            $($item)*
        }
    };
}

items!(
    /// From items.
    Items {
        /// Says.
        #[incoming]
        #[name = "lab.say"]
        fn say(&self, #[default("x")] text: &str);

        #[outgoing]
        #[cfg(not(any()))]
        fn echo(&self, text: &str);

        #[outgoing]
        #[cfg(any())]
        fn nothing(&self, text: &str);
    }
);

macro_rules! whole {
    ($item:item) => {
        #[remote_api(prefix = "lab.", positional)]
        $item
    };
}

whole! {
    /// A trait as one fragment.
    pub trait Whole {
        /// Says.
        #[incoming]
        #[name = "say"]
        fn speak(&self, text: &str) -> Vec<u8>;
    }
}

macro_rules! conditions {
    ($yes:meta, $no:meta, $($attr:meta),*) => {
        #[remote_api]
        trait Conditions {
            #[incoming]
            #[cfg($yes)]
            $(#[$attr])*
            fn there(&self, #[cfg($no)] absent: i64, #[cfg($yes)] present: i64);

            #[incoming]
            #[cfg(not($yes))]
            fn not_there(&self);
        }
    };
}

conditions!(not(any()), any(), name = "given", cfg_attr(all(), require(role = "admin")));

macro_rules! names {
    ($method:ident, $argument:ident, $pattern:pat, $ty:ident) => {
        #[remote_api]
        trait Names {
            #[incoming]
            fn $method(&self, $argument: &$ty, $pattern: i64) -> $ty;
        }
    };
}

names!(method, first, second, String);

macro_rules! located {
    ($krate:path, $ident:ident) => {
        #[remote_api(crate = $krate, positional)]
        trait ByPath {
            #[incoming]
            #[cfg(all())]
            fn call(&self, a: String) -> Vec<String>;
        }

        #[remote_api(positional, crate = $ident)]
        trait ByIdent {
            #[incoming]
            fn call(&self);
        }

        #[remote_api(crate = $crate::reexport::quickrpc)]
        trait ByCrate {
            #[incoming]
            #[cfg(all())]
            fn call(&self, a: std::collections::BTreeMap<String, i64>) -> i64;
        }
    };
}

located!(crate::reexport::quickrpc, quickrpc);

fn main() {
    let [first, second] = Literals::DESCRIPTION.calls else { panic!() };
    assert_eq!(Literals::DESCRIPTION.docs, "Text.");
    assert_eq!((first.wire_name, first.docs, first.role), ("lab.firstCall", "Text.", Some("admin")));
    assert!(first.positional && second.positional);
    let argument = first.arguments[0];
    assert_eq!((argument.wire_name, argument.docs, argument.default), ("given", "Text.", Some("\" Text.\"")));
    assert_eq!((second.wire_name, second.arguments[0].wire_name), ("given", "theText"));

    let [call] = Tokens::DESCRIPTION.calls else { panic!() };
    assert_eq!((call.wire_name, call.role), ("lab.firstCall", Some("admin")));
    assert_eq!((call.arguments[0].wire_name, call.arguments[0].default), ("given", Some("3")));
    assert!(call.ignore_unknown);

    let [call] = Options::DESCRIPTION.calls else { panic!() };
    assert_eq!((call.wire_name, call.docs), ("given", "Documented."));
    assert!(call.positional && call.ignore_unknown);

    let api = Expressions::bind("jrpc", "internal:from-macro-rules:api").unwrap();
    let caller = quickrpc::dynamic::Api::bind("jrpc", "internal:from-macro-rules:caller").unwrap();
    api.call.connect(|_, a, b, c, d, e, f, g, h, i, j| {
        assert_eq!((a, b, c, d, e, f), (6, 5, i64::MAX, Some(3), 9, 3));
        assert_eq!((g, h, i, j), (vec![6], [0; 4], -1, 1));
        Some(Some([1; 4]))
    });
    api.start().unwrap();
    caller.start().unwrap();
    assert!(caller.call("call", ()).result().is_ok());
    let [call] = Expressions::DESCRIPTION.calls else { panic!() };
    assert_eq!((call.arguments[0].default, call.arguments[5].default), (Some("(1 + 2)*2"), Some("1 + 2")));
    assert_eq!(call.result, Some("Option<[u8; (1 + 1)*2]>"));


    let [call, fails, perhaps] = Types::DESCRIPTION.calls else { panic!() };
    let types: Vec<_> = call.arguments.iter().map(|argument| argument.type_name).collect();
    assert_eq!(
        types,
        [
            "&str", "&[u8]", "Vec<u8>", "&[u8]", "Option<i64>",
            "std::collections::BTreeMap<String, i64>", "(u8, bool)", "&str", "Option<&str>",
            "Option<&[u8]>", "Vec<u8>", "&[Vec<u8>]",
        ]
    );
    assert!(call.arguments[4].optional && call.arguments[8].optional && !call.arguments[0].optional);
    assert_eq!((fails.result, perhaps.result), (Some("Vec<u8>"), Some("Option<Vec<u8>>")));
    let _ = |api: Types, inverse: TypesInverse| {
        api.call.connect(
            |_, a: &str, _: &[u8], _: Vec<u8>, _: &[u8], _: Option<i64>, _, _: (u8, bool), _: &str,
             _: Option<&str>, _: Option<&[u8]>, _: Vec<u8>, _: &[Vec<u8>]| a.as_bytes().to_vec(),
        );
        let _: Vec<u8> = api.all().fails().result().unwrap();
        inverse.perhaps.connect(|_| None::<Vec<u8>>);
    };

    let names = |calls: &[quickrpc::CallDescription]| -> Vec<_> {
        calls.iter().map(|call| call.wire_name).collect()
    };
    assert_eq!(Items::DESCRIPTION.docs, "From items.");
    assert_eq!(names(Items::DESCRIPTION.calls), ["lab.say", "echo"]);
    assert_eq!(Items::DESCRIPTION.calls[0].arguments[0].default, Some("\"x\""));
    assert_eq!(Whole::DESCRIPTION.docs, "A trait as one fragment.");
    assert_eq!(names(Whole::DESCRIPTION.calls), ["say"]);
    assert_eq!(Whole::DESCRIPTION.calls[0].result, Some("Vec<u8>"));

    let [call] = Conditions::DESCRIPTION.calls else { panic!() };
    assert_eq!((call.wire_name, call.role, call.arguments.len()), ("given", Some("admin"), 1));
    assert_eq!(call.arguments[0].name, "present");

    let [call] = Names::DESCRIPTION.calls else { panic!() };
    assert_eq!((call.arguments[0].name, call.arguments[1].name), ("first", "second"));
    assert_eq!((call.arguments[0].type_name, call.result), ("&String", Some("String")));

    let _ = |a: ByPath, b: ByIdent, c: ByCrate| {
        a.call.connect(|_, a| vec![a]);
        b.call.connect(|_| ());
        c.call.connect(|_, map| map.len() as i64);
    };
}
