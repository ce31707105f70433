//! What says, to who sends a call from the side that receives it, where it is sent.

use proc_macro2::TokenStream;
use quote::quote;

use super::property::Property;
use super::{Side, slot};

/// Methods that every type may have, or a sending half: what is named so is found there.
const TAKEN: [&str; 23] = [
    "to",
    "timeout",
    "ready",
    "each",
    "batch",
    "peers",
    "disconnect",
    "clone",
    "clone_from",
    "fmt",
    "into",
    "try_into",
    "to_owned",
    "to_string",
    "borrow",
    "borrow_mut",
    "as_ref",
    "as_mut",
    "type_id",
    "eq",
    "ne",
    "cmp",
    "hash",
];

impl Side<'_> {
    /// Methods of the sending half that nobody can call, in the place of those of the other side.
    /// The condition that never holds has a lifetime, so that the compiler looks at it only where
    /// one is called.
    pub(super) fn wrong_side(&self) -> TokenStream {
        let (krate, vis, attrs) = (self.krate, self.visibility, self.attrs());
        let (handle, outgoing) = (&self.names.handle, &self.names.outgoing);
        let inverse = &self.opposite.handle;
        let is_free = |name: &syn::Ident| {
            let mut sent = self.outgoing.iter().map(|(_, call)| &call.name);
            let mut senders = self.properties.iter().flat_map(Property::senders);
            let mut poisoned = self.poisoned_outgoing();
            !TAKEN.iter().any(|taken| name == taken)
                && !sent.any(|sent| sent == name)
                && !senders.any(|sent| sent == name)
                && !poisoned.any(|call| call.name == *name)
        };
        let calls = self.incoming.iter().filter(|call| is_free(&call.name));
        let calls = calls.map(|call| {
            let (name, lints, arguments) = (&call.name, call.lints.silenced(), slot::locals(call));
            let types = call.arguments.iter().map(|argument| &argument.ty);
            let result = match &call.result {
                Some(result) => {
                    let value = &result.value;
                    quote!(#krate::Promise<#value>)
                }
                None => quote!(#krate::Result<()>),
            };
            quote! {
                #[doc(hidden)]
                #lints
                #vis fn #name(&self, #(#arguments: #types),*) -> #result
                where
                    for<'never> &'never Self: #krate::__private::Sends<#handle, #inverse>,
                {
                    loop {}
                }
            }
        });
        let calls: Vec<_> = calls.collect();
        if calls.is_empty() {
            return TokenStream::new();
        }
        quote! {
            #attrs
            #[allow(unused_variables, reason = "it is never called")]
            impl #outgoing {
                #(#calls)*
            }
        }
    }
}
