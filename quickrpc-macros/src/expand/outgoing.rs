//! `EchoOutgoing` and `EchoOutgoingEach`: the sending half.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::property::Property;
use super::{Side, docs};
use crate::model::{Argument, ArgumentKind, Call, Returned};

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
                    quote_spanned!(result.span()=> call::<#value, #wire, _>),
                    "Sends the call and returns a promise of the answer.",
                )
            }
        };
        let gives = self.gives(call, |argument| quote!(#argument));
        let send = self.sent(index, call, &method);
        let body = match gives {
            Some((target, streams)) => quote! {
                let mut #target = #krate::__private::Giving::new(&self.0);
                #streams
                #target.#send
            },
            None => quote!(self.0.#send),
        };
        let parameters = call.arguments.iter().map(|argument| {
            let (name, ty, lints) = (&argument.name, &argument.ty, argument.lints.as_declared());
            quote!(#lints #name: #ty)
        });
        let lints = call.lints.as_declared();
        self.method(
            call,
            note,
            &lints,
            &quote!(#(#parameters),*),
            &result,
            &body,
        )
    }

    /// A call to each of the receivers; each gets streams of its own, which the caller makes for it.
    fn send_each(&self, index: usize, call: &Call) -> TokenStream {
        let krate = self.krate;
        let peer = Ident::new("peer", Span::mixed_site());
        let gives = self.gives(call, |argument| quote!(#argument(#peer)));
        let (result, sent, method, note) = match &call.result {
            None => (
                quote!(::std::vec::Vec<(#krate::Sender, #krate::Result<()>)>),
                quote!(notify_each),
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
                    quote!(stream_each),
                    match &gives {
                        Some(_) => quote!(stream::<#types, _>),
                        None => quote!(stream_each::<#types, _>),
                    },
                    "Sends the call to each receiver and returns one stream for each.",
                )
            }
            Some(result) => {
                let (value, wire) = (&result.value, result.wire(krate));
                (
                    quote!(#krate::Promises<#value>),
                    quote!(call_each),
                    match &gives {
                        Some(_) => quote_spanned!(result.span()=> call::<#value, #wire, _>),
                        None => quote_spanned!(result.span()=> call_each::<#value, #wire, _>),
                    },
                    "Sends the call to each receiver and returns one promise for each.",
                )
            }
        };
        let send = self.sent(index, call, &method);
        let body = match gives {
            Some((target, streams)) => quote! {
                #krate::__private::Giving::#sent(&self.0, |#peer, mut #target| {
                    #streams
                    #target.#send
                })
            },
            None => quote!(self.0.#send),
        };
        let parameters = call.arguments.iter().map(|argument| {
            let (name, ty, lints) = (&argument.name, &argument.ty, argument.lints.silenced());
            match argument.stream() {
                Some(_) => quote! {
                    #lints mut #name: impl ::core::ops::FnMut(&#krate::Sender) -> #ty
                },
                None => quote!(#lints #name: #ty),
            }
        });
        let lints = call.lints.silenced();
        self.method(
            call,
            note,
            &lints,
            &quote!(#(#parameters),*),
            &result,
            &body,
        )
    }

    /// What a `Target`, or what gives streams to one, is told to send.
    fn sent(&self, index: usize, call: &Call, method: &TokenStream) -> TokenStream {
        let (handle, slot) = (&self.names.handle, &call.slot);
        let values = call.arguments.iter().map(|argument| self.value(argument));
        quote! {
            #method(
                const { &#handle::DESCRIPTION.calls[#index] },
                #slot::__encode(#(#values),*),
            )
        }
    }

    fn method(
        &self,
        call: &Call,
        note: &str,
        lints: &TokenStream,
        parameters: &TokenStream,
        result: &TokenStream,
        body: &TokenStream,
    ) -> TokenStream {
        let (vis, name) = (self.visibility, &call.name);
        let (docs, deprecated, must_use) =
            (docs::call(call, note), &call.deprecated, &call.must_use);
        let travels = call.result.as_ref();
        let travels = travels.map(|result| result.travels(self.krate));
        quote! {
            #docs
            #deprecated
            #must_use
            #lints
            #vis fn #name(&self, #parameters) -> #result {
                #travels
                #body
            }
        }
    }

    /// Streams among the arguments are given to the peer by the first of these two, and something
    /// stands in their place.
    fn gives(
        &self,
        call: &Call,
        stream: impl Fn(&Ident) -> TokenStream,
    ) -> Option<(Ident, TokenStream)> {
        let target = Ident::new("target", Span::mixed_site());
        let streams = call.arguments.iter().filter_map(|argument| {
            let (name, types) = (&argument.name, argument.stream()?.types(self.krate));
            let stream = stream(name);
            Some(match argument.shape.optional {
                true => quote! {
                    let #name = #stream.map(|stream| #target.give::<#types>(stream));
                },
                false => quote!(let #name = #target.give::<#types>(#stream);),
            })
        });
        let streams = quote!(#(#streams)*);
        call.takes_streams().then_some((target, streams))
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
    fn handle_methods_by_name(&self) -> [(&'static str, TokenStream); 8] {
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
                "start_within",
                quote! {
                    /// The same with a limit for the time until the other side begins, where the
                    /// protocol has that.
                    #vis fn start_within(&self, limit: ::core::time::Duration) -> Self {
                        #krate::Handle::start_within(self, limit)
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

                fn start_within(&self, limit: ::core::time::Duration) -> Self {
                    #name(self.0.start_within(limit))
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
