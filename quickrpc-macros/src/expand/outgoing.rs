//! `EchoOutgoing` and `EchoOutgoingEach`: the sending half.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::property::Property;
use super::{Side, docs};
use crate::model::{Argument, ArgumentKind, Call, Returned};
use crate::parse::Lints;

impl Side<'_> {
    pub(super) fn outgoing(&self) -> TokenStream {
        let (krate, attrs) = (self.krate, self.attrs());
        let (name, handle) = (&self.names.outgoing, &self.names.handle);
        let docs = docs::doc(format!(
            "Sends the outgoing calls of `{handle}`, to all peers or to some. Cheap to clone, and \
             keeps nothing running."
        ));
        let definition = self.newtype(name, &quote!(#krate::__private::Target), &docs);
        let calls = self
            .outgoing
            .iter()
            .map(|(index, call)| self.send(*index, call));
        let properties = self.property_senders(false);
        let poisoned = self.poisoned_senders();
        let handle_methods = self.inherent_handle();
        let handle_impl = self.handle_impl();
        quote! {
            #definition

            #attrs
            impl #name {
                #(#calls)*
                #properties
                #poisoned
                #handle_methods
            }

            #handle_impl
        }
    }

    pub(super) fn each(&self) -> TokenStream {
        let (krate, attrs) = (self.krate, self.attrs());
        let (name, outgoing) = (&self.names.each, &self.names.outgoing);
        let docs = docs::doc(format!(
            "The calls of `{outgoing}` with one result for each receiver; see `{outgoing}::each`."
        ));
        let definition = self.newtype(name, &quote!(#krate::__private::Target), &docs);
        let calls = self
            .outgoing
            .iter()
            // A stream goes to one.
            .filter(|(_, call)| !call.takes_streams())
            .map(|(index, call)| self.send_each(*index, call));
        let properties = self.property_senders(true);
        let poisoned = self.poisoned_senders();
        quote! {
            #definition

            #attrs
            impl #name {
                #(#calls)*
                #properties
                #poisoned
            }
        }
    }

    /// A call to the receivers as a whole.
    fn send(&self, index: usize, call: &Call) -> TokenStream {
        let krate = self.krate;
        let (result, method, note) = match &call.result {
            None => (
                quote!(#krate::Result<()>),
                quote!(notify),
                "Sends the call; nobody answers it.",
            ),
            Some(Returned {
                value,
                stream: Some(stream),
                ..
            }) => {
                let types = stream.types(krate);
                (
                    quote!(#value),
                    quote!(stream::<#types, _>),
                    "Sends the call to one peer and returns the stream that it answers with.",
                )
            }
            Some(result) => {
                let (value, wire) = (&result.value, result.wire(krate));
                (
                    quote!(#krate::Promise<#value>),
                    quote!(call::<#value, #wire, _>),
                    "Sends the call and returns a promise of the answer.",
                )
            }
        };
        self.send_with(index, call, &result, &method, note, Lints::as_declared)
    }

    /// A call to each of the receivers.
    fn send_each(&self, index: usize, call: &Call) -> TokenStream {
        let krate = self.krate;
        let (result, method, note) = match &call.result {
            None => (
                quote!(::std::vec::Vec<(#krate::Sender, #krate::Result<()>)>),
                quote!(notify_each),
                "Sends the call to each receiver; says for each whether it was sent.",
            ),
            Some(Returned {
                value,
                stream: Some(stream),
                ..
            }) => {
                let types = stream.types(krate);
                (
                    quote!(::std::vec::Vec<(#krate::Sender, #value)>),
                    quote!(stream_each::<#types, _>),
                    "Sends the call to each receiver and returns one stream for each.",
                )
            }
            Some(result) => {
                let (value, wire) = (&result.value, result.wire(krate));
                (
                    quote!(#krate::Promises<#value>),
                    quote!(call_each::<#value, #wire, _>),
                    "Sends the call to each receiver and returns one promise for each.",
                )
            }
        };
        self.send_with(index, call, &result, &method, note, Lints::silenced)
    }

    fn send_with(
        &self,
        index: usize,
        call: &Call,
        result: &TokenStream,
        method: &TokenStream,
        note: &str,
        lints: fn(&Lints) -> TokenStream,
    ) -> TokenStream {
        let (vis, handle, slot, name) =
            (self.visibility, &self.names.handle, &call.slot, &call.name);
        let (docs, deprecated, must_use) =
            (docs::call(call, note), &call.deprecated, &call.must_use);
        let call_lints = lints(&call.lints);
        let parameters = call.arguments.iter().map(|argument| {
            let (name, ty, lints) = (&argument.name, &argument.ty, lints(&argument.lints));
            quote!(#lints #name: #ty)
        });
        let values = call.arguments.iter().map(|argument| self.value(argument));
        let travels = call.result.as_ref();
        let travels = travels.map(|result| result.travels(self.krate));
        let target = Ident::new("target", Span::mixed_site());
        let gives = self.gives(call, &target);
        let target = match &gives {
            Some(_) => quote!(#target),
            None => quote!(self.0),
        };
        quote! {
            #docs
            #deprecated
            #must_use
            #call_lints
            #vis fn #name(&self, #(#parameters),*) -> #result {
                #travels
                #gives
                #target.#method(
                    const { &#handle::DESCRIPTION.calls[#index] },
                    #slot::__encode(#(#values),*),
                )
            }
        }
    }

    /// Streams among the arguments are given to the peer, and something stands in their place.
    fn gives(&self, call: &Call, target: &Ident) -> Option<TokenStream> {
        let krate = self.krate;
        let streams = call.arguments.iter().filter_map(|argument| {
            let (name, types) = (&argument.name, argument.stream()?.types(krate));
            Some(match argument.shape.optional {
                true => quote! {
                    let #name = #name.map(|stream| #target.give::<#types>(stream));
                },
                false => quote!(let #name = #target.give::<#types>(#name);),
            })
        });
        call.takes_streams().then(|| {
            quote! {
                let mut #target = #krate::__private::Giving::new(&self.0);
                #(#streams)*
            }
        })
    }

    /// An argument as it is handed to the encoder; see `Shape::outgoing`.
    fn value(&self, argument: &Argument) -> TokenStream {
        let (krate, name) = (self.krate, &argument.name);
        let wrapper = match argument.shape.kind {
            ArgumentKind::Blob | ArgumentKind::Bytes => quote!(#krate::__private::BlobRef),
            _ => quote!(#krate::__private::Plain),
        };
        let kind = &argument.shape.kind;
        if !argument.shape.optional {
            return match kind {
                ArgumentKind::Bytes | ArgumentKind::Stream(_) | ArgumentKind::Plain(_) => {
                    quote!(#wrapper(&#name))
                }
                _ => quote!(#wrapper(#name)),
            };
        }
        let borrowed = match kind {
            ArgumentKind::Bytes => quote!(#name.as_deref()),
            ArgumentKind::Stream(_) | ArgumentKind::Plain(_) => quote!(#name.as_ref()),
            _ => quote!(#name),
        };
        quote!(#krate::__private::Maybe(#borrowed.map(#wrapper)))
    }

    /// The methods of `Handle`, which need no import where the user's calls leave room.
    fn inherent_handle(&self) -> TokenStream {
        let free = self
            .handle_methods_by_name()
            .into_iter()
            .filter(|(name, _)| {
                let mut names = self.outgoing.iter().map(|(_, call)| &call.name);
                let mut poisoned = self.poisoned_outgoing();
                let mut properties = self.properties.iter().flat_map(Property::senders);
                !names.any(|call| call == name)
                    && !properties.any(|call| call == name)
                    && !poisoned.any(|call| call.name == name)
            });
        free.map(|(_, method)| method).collect()
    }

    /// All of them, with their names.
    fn handle_methods_by_name(&self) -> [(&'static str, TokenStream); 7] {
        let (krate, vis, each) = (self.krate, self.visibility, &self.names.each);
        [
            (
                "to",
                quote! {
                    /// The same for some peers: a `Sender`, a name, or a list of either.
                    #vis fn to(&self, receivers: impl #krate::Receivers) -> Self {
                        #krate::Handle::to(self, receivers)
                    }
                },
            ),
            (
                "timeout",
                quote! {
                    /// The same with another deadline for calls.
                    #vis fn timeout(&self, timeout: ::core::time::Duration) -> Self {
                        #krate::Handle::timeout(self, timeout)
                    }
                },
            ),
            (
                "ready",
                quote! {
                    /// Waits until the receivers are connected; gives the handle itself.
                    ///
                    /// # Errors
                    ///
                    /// Who is missing at the limit.
                    #vis fn ready(&self, limit: ::core::time::Duration) -> #krate::Result<Self> {
                        #krate::Handle::ready(self, limit)
                    }
                },
            ),
            (
                "each",
                quote! {
                    /// The same calls, with one result for each receiver.
                    #vis fn each(&self) -> #each {
                        #krate::Handle::each(self)
                    }
                },
            ),
            (
                "batch",
                quote! {
                    /// Sends what `send` sends in as few writes as possible.
                    #vis fn batch<R>(&self, send: impl ::core::ops::FnOnce(&Self) -> R) -> R {
                        #krate::Handle::batch(self, send)
                    }
                },
            ),
            (
                "peers",
                quote! {
                    /// The receivers that are connected now.
                    #vis fn peers(&self) -> ::std::vec::Vec<#krate::Sender> {
                        #krate::Handle::peers(self)
                    }
                },
            ),
            (
                "disconnect",
                quote! {
                    /// Closes the connection to a peer.
                    ///
                    /// # Errors
                    ///
                    /// No such peer is connected.
                    #vis fn disconnect(&self, peer: impl #krate::Receivers) -> #krate::Result<()> {
                        #krate::Handle::disconnect(self, peer)
                    }
                },
            ),
        ]
    }

    fn handle_impl(&self) -> TokenStream {
        let (krate, name, each) = (self.krate, &self.names.outgoing, &self.names.each);
        quote! {
            #[automatically_derived]
            impl #krate::Handle for #name {
                type Each = #each;

                fn to(&self, receivers: impl #krate::Receivers) -> Self {
                    #name(self.0.to(receivers))
                }

                fn timeout(&self, timeout: ::core::time::Duration) -> Self {
                    #name(self.0.timeout(timeout))
                }

                fn ready(&self, limit: ::core::time::Duration) -> #krate::Result<Self> {
                    self.0.ready(limit)?;
                    ::core::result::Result::Ok(::core::clone::Clone::clone(self))
                }

                fn each(&self) -> #each {
                    #each(::core::clone::Clone::clone(&self.0))
                }

                fn batch<R>(&self, send: impl ::core::ops::FnOnce(&Self) -> R) -> R {
                    self.0.batch(|| send(self))
                }

                fn peers(&self) -> ::std::vec::Vec<#krate::Sender> {
                    self.0.peers()
                }

                fn disconnect(&self, peer: impl #krate::Receivers) -> #krate::Result<()> {
                    self.0.disconnect(peer)
                }
            }
        }
    }
}
