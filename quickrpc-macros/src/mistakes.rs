//! Collects what is wrong with a declaration, so that all of it is reported in one build.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

/// The mistakes found so far, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<syn::Error>);

impl Mistakes {
    /// Adds a mistake; `at` is what gets underlined.
    pub(crate) fn add(&mut self, at: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(at, message));
    }

    /// The same at a place that is no syntax tree.
    pub(crate) fn add_at(&mut self, span: Span, message: impl Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// Adds a mistake that the parser found.
    pub(crate) fn add_error(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// How many there are; compare two of these to see whether a step found any.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The first mistake found after the first `count`, as a type.
    ///
    /// An array whose length is `compile_error!`: the compiler reports that error (the same
    /// text at the same place once only), and then takes whatever is done with a value of
    /// the type for granted. So one mistake in a declaration is one error, and not one more
    /// for every use of what was declared.
    pub(crate) fn as_type(&self, count: usize) -> Option<TokenStream> {
        let error = self.0.get(count)?.to_compile_error();
        Some(quote!([(); { #error }]))
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }
}
