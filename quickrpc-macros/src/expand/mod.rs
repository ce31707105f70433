//! Fourth stage: the generated code, one function for each item.
//!
//! All paths are absolute and all methods inherent or called by their full path, so that
//! the code means the same in every scope, `#![no_implicit_prelude]` included.

mod description;
mod docs;
mod handle;
mod incoming;
mod outgoing;
mod poison;
mod property;
mod slot;
mod wrong_side;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Path, Visibility};

pub(crate) use self::docs::plain as plain_docs;
use self::property::Property;
use crate::model::{Api, Call, SideNames};

/// Everything that replaces the trait.
pub(crate) fn expand(api: &Api) -> TokenStream {
    let sides = [
        Side::new(api, &api.declared, &api.inverse, true),
        Side::new(api, &api.inverse, &api.declared, false),
    ];
    sides.iter().map(Side::expand).collect()
}

/// One of the two sides of the API.
struct Side<'a> {
    api: &'a Api,
    krate: &'a Path,
    visibility: &'a Visibility,
    names: &'a SideNames,
    opposite: &'a SideNames,
    /// Whether this is the side that is named after the trait.
    declared: bool,
    incoming: Vec<&'a Call>,
    /// With the index in the description.
    outgoing: Vec<(usize, &'a Call)>,
    /// Those of both sides.
    properties: Vec<Property<'a>>,
}

impl<'a> Side<'a> {
    fn new(api: &'a Api, names: &'a SideNames, opposite: &'a SideNames, declared: bool) -> Self {
        let (incoming, outgoing): (Vec<_>, Vec<_>) = api
            .calls
            .iter()
            .enumerate()
            .partition(|(_, call)| call.is_incoming() == declared);
        Side {
            api,
            krate: &api.krate,
            visibility: &api.visibility,
            names,
            opposite,
            declared,
            incoming: incoming.into_iter().map(|(_, call)| call).collect(),
            outgoing,
            properties: Property::all(&api.properties, declared),
        }
    }

    fn expand(&self) -> TokenStream {
        let slots = self.incoming.iter().map(|call| self.slot(call));
        let handle = self.handle();
        let outgoing = self.outgoing();
        let each = self.each();
        let wrong_side = self.wrong_side();
        let incoming = self.incoming_trait();
        quote!(#handle #(#slots)* #outgoing #wrong_side #each #incoming)
    }

    /// Attributes of every generated item. The names are the user's, and so would the
    /// lints be that they cause.
    fn attrs(&self) -> TokenStream {
        let allows = &self.api.allows;
        quote! {
            #[allow(dead_code, deprecated, non_snake_case, clippy::all, clippy::pedantic, reason = "generated")]
            #(#allows)*
        }
    }

    /// A type around something else, which can be cloned and shown.
    fn newtype(&self, name: &Ident, inner: &TokenStream, docs: &TokenStream) -> TokenStream {
        let (attrs, visibility, text) = (self.attrs(), self.visibility, crate::text::of(name));
        quote! {
            #docs
            #attrs
            #visibility struct #name(#inner);

            #[automatically_derived]
            impl ::core::clone::Clone for #name {
                fn clone(&self) -> Self {
                    #name(::core::clone::Clone::clone(&self.0))
                }
            }

            #[automatically_derived]
            impl ::core::fmt::Debug for #name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_tuple(#text).field(&self.0).finish()
                }
            }
        }
    }
}
