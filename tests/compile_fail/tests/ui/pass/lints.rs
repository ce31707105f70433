//! Generated code causes no warnings: private traits whose slots nobody uses, public ones.
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unused,
    unused_qualifications,
    unused_lifetimes,
    unused_results,
    single_use_lifetimes,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    let_underscore_drop,
    trivial_casts,
    trivial_numeric_casts,
    rust_2018_idioms,
    rust_2024_compatibility,
    future_incompatible,
    nonstandard_style
)]
#![forbid(unsafe_code)]

use quickrpc::remote_api;

#[remote_api]
trait Private {
    #[incoming]
    fn say(&self, text: &str) -> Option<Vec<u8>>;
    #[outgoing]
    fn heard(&self, text: Option<&[u8]>, #[default("x".to_owned())] b: String) -> Result<i64, std::fmt::Error>;
}

#[remote_api]
trait Empty {}

mod inner {
    /// In a private module.
    #[quickrpc::remote_api]
    pub(crate) trait Visible {
        /// Documented.
        #[incoming]
        fn say(&self, text: &str);
        /// Documented.
        #[outgoing]
        fn heard(&self, text: &[u8], #[default] p: &i64);
    }

    #[quickrpc::remote_api]
    pub(super) trait ForParent {
        #[incoming]
        fn say(&self, text: &str);
    }
}

/// Public, and documented.
pub mod public {
    /// An API.
    #[quickrpc::remote_api(positional, ignore_unknown)]
    pub trait Public {
        /// Says.
        #[incoming]
        fn say(&self, text: &str);
        /// Hears.
        #[outgoing]
        fn heard(&self);
    }
}

fn main() {
    let _visible: Option<inner::Visible> = None;
    let parent: Option<inner::ForParent> = None;
    if let Some(parent) = parent {
        let _connection = parent.say.connect(|_, _| ());
    }
}
