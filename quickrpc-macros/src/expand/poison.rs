//! Placeholders for calls with mistakes; see `Mistakes::as_type`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::Side;
use crate::model::{Direction, Poisoned};

impl Side<'_> {
    /// The calls with mistakes that this side receives, or may receive.
    pub(super) fn poisoned_incoming(&self) -> impl Iterator<Item = &Poisoned> {
        let not_here = match self.declared {
            true => Direction::Outgoing,
            false => Direction::Incoming,
        };
        let all = self.api.poisoned.iter();
        all.filter(move |call| call.direction != Some(not_here))
    }

    /// The calls with mistakes that this side sends, or may send.
    pub(super) fn poisoned_outgoing(&self) -> impl Iterator<Item = &Poisoned> {
        let not_here = match self.declared {
            true => Direction::Incoming,
            false => Direction::Outgoing,
        };
        let all = self.api.poisoned.iter();
        all.filter(move |call| call.direction != Some(not_here))
    }

    /// In the place of slots.
    pub(super) fn poisoned_fields(&self) -> TokenStream {
        let vis = self.visibility;
        let fields = self
            .poisoned_incoming()
            .map(|Poisoned { name, error, .. }| {
                quote! {
                    /// A call with a mistake.
                    #vis #name: #error,
                }
            });
        fields.collect()
    }

    /// In the place of outgoing calls: anything goes in, and what comes out is the error.
    pub(super) fn poisoned_senders(&self) -> TokenStream {
        let vis = self.visibility;
        let senders = self.poisoned_outgoing().map(|call| {
            let (name, error) = (&call.name, &call.error);
            let types = (0..call.arguments).map(|index| format_ident!("A{index}"));
            let parameters = types.clone().map(|ty| quote!(_: #ty));
            quote! {
                /// A call with a mistake.
                #vis fn #name<#(#types),*>(&self, #(#parameters),*) -> #error {
                    loop {}
                }
            }
        });
        senders.collect()
    }

    /// In the place of methods of the trait of incoming calls.
    pub(super) fn poisoned_methods(&self) -> TokenStream {
        let krate = self.krate;
        let methods = self.poisoned_incoming().map(|call| {
            let (name, error) = (&call.name, &call.error);
            let parameters = (0..call.arguments).map(|_| quote!(_: #error));
            quote! {
                /// A call with a mistake.
                fn #name(&self, _: &#krate::Sender, #(#parameters),*) -> #error;
            }
        });
        methods.collect()
    }
}
