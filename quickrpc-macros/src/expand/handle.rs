//! `Echo`: the handle of a side, with its slots.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::{Side, docs};
use crate::model::{Call, Returned};

impl Side<'_> {
    pub(super) fn handle(&self) -> TokenStream {
        let definition = self.handle_struct();
        let methods = self.handle_methods();
        let serve = self.serve();
        let generated = self.generated();
        quote!(#definition #methods #serve #generated)
    }

    fn handle_struct(&self) -> TokenStream {
        let (krate, visibility, name) = (self.krate, self.visibility, &self.names.handle);
        let (attrs, docs) = (self.attrs(), self.handle_docs());
        let text = name.to_string();
        let fields: TokenStream = self
            .incoming
            .iter()
            .map(|call| {
                let note = format!("Slot of the incoming call `{}`.", call.name);
                let docs = docs::of_call(call, &note);
                let (field, slot) = (&call.name, &call.slot);
                let (deprecated, lints) = (&call.deprecated, call.lints.silenced());
                quote!(#docs #deprecated #lints #visibility #field: #slot,)
            })
            .collect();
        let properties = self.property_fields();
        let poisoned = self.poisoned_fields();
        let names = self.incoming.iter().map(|call| &call.name);
        let names: Vec<_> = names
            .chain(self.properties.iter().map(|property| &property.call.name))
            .chain(self.poisoned_incoming().map(|call| &call.name))
            .collect();
        quote! {
            #docs
            #attrs
            #visibility struct #name {
                #fields
                #properties
                #poisoned
                __api: #krate::Api,
            }

            #[automatically_derived]
            #attrs
            impl ::core::clone::Clone for #name {
                fn clone(&self) -> Self {
                    #name {
                        #(#names: ::core::clone::Clone::clone(&self.#names),)*
                        __api: ::core::clone::Clone::clone(&self.__api),
                    }
                }
            }

            #[automatically_derived]
            impl ::core::fmt::Debug for #name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_tuple(#text).field(&self.__api).finish()
                }
            }

            #[automatically_derived]
            impl ::core::ops::Deref for #name {
                type Target = #krate::Api;

                fn deref(&self) -> &#krate::Api {
                    &self.__api
                }
            }
        }
    }

    fn handle_docs(&self) -> TokenStream {
        let (opposite, outgoing) = (&self.opposite.handle, &self.names.outgoing);
        let note = match self.declared {
            true => format!(
                "A cheap-to-clone handle with one slot for each incoming call; `{outgoing}` sends \
                 the outgoing ones. The opposite side is `{opposite}`."
            ),
            false => format!(
                "The opposite side of `{opposite}`: a cheap-to-clone handle with one slot for each \
                 call that `{opposite}` sends; `{outgoing}` sends those that it receives."
            ),
        };
        match self.declared {
            true => docs::with_note(&self.api.docs, &note),
            false => docs::doc(note),
        }
    }

    fn handle_methods(&self) -> TokenStream {
        let (krate, vis, attrs) = (self.krate, self.visibility, self.attrs());
        let (name, outgoing) = (&self.names.handle, &self.names.outgoing);
        let inverse = &self.opposite.handle;
        let description = self.description();
        quote! {
            #attrs
            impl #name {
                /// The calls with their names, arguments, types, defaults and docs.
                #vis const DESCRIPTION: #krate::Description = #description;

                /// Starts to put an API together.
                #vis fn builder() -> #krate::Builder<Self> {
                    #krate::Builder::__new()
                }

                /// The API with this codec on this transport, not started yet.
                ///
                /// # Errors
                ///
                /// A codec or transport expression that is wrong.
                #vis fn bind(
                    codec: impl #krate::codec::IntoCodec,
                    transport: impl #krate::transport::IntoTransport,
                ) -> #krate::Result<Self> {
                    Self::builder().codec(codec).transport(transport).build()
                }

                /// Both sides of the API, connected in memory and started: for tests.
                ///
                /// # Panics
                ///
                /// When the system has no thread or descriptor left.
                #vis fn pair() -> (Self, #inverse) {
                    #krate::__private::pair::<Self>()
                }

                /// Sends to all connected peers.
                #vis fn all(&self) -> #outgoing {
                    #outgoing(self.__api.__all())
                }

                /// Sends to one of those who serve a call: behind a broker, whoever it gives the call
                /// to; elsewhere one of the connected peers, in turns.
                #vis fn any(&self) -> #outgoing {
                    #outgoing(self.__api.__all().any())
                }

                /// Sends to some peers: a `Sender`, a name, or a list of either.
                #vis fn to(&self, receivers: impl #krate::Receivers) -> #outgoing {
                    #outgoing(self.__api.__all().to(receivers))
                }
            }
        }
    }

    fn serve(&self) -> TokenStream {
        let (krate, vis, attrs) = (self.krate, self.visibility, self.attrs());
        let (name, incoming) = (&self.names.handle, &self.names.incoming);
        let connections = self.incoming.iter().map(|call| {
            let method = &call.name;
            let arguments = super::slot::locals(call);
            let mut returned = quote!(<S as #incoming>::#method(&*server, sender, #(#arguments),*));
            if call
                .result
                .as_ref()
                .is_some_and(Returned::is_fallible_promise)
            {
                returned = quote!(#krate::__private::served(#returned));
            }
            quote_spanned! {blamed(call)=> {
                let server = ::core::clone::Clone::clone(&server);
                self.#method.connect(move |sender, #(#arguments),*| #returned)
            }}
        });
        let connections = connections.chain(self.serve_properties());
        let serve_async = self.serve_async();
        quote! {
            #attrs
            impl #name {
                /// Connects the methods of a server, or of an `Arc` of one, one to each slot.
                #vis fn serve<S: #incoming>(&self, server: S) -> #krate::Connection {
                    let server = ::std::sync::Arc::new(server);
                    #krate::Connection::__group(::std::vec![#(#connections),*])
                }

                #serve_async
            }
        }
    }

    fn serve_async(&self) -> TokenStream {
        let (krate, vis, incoming) = (self.krate, self.visibility, &self.names.incoming_async);
        if self.poisoned_incoming().next().is_some() {
            return TokenStream::new();
        }
        let connections = self.incoming.iter().map(|call| {
            let method = &call.name;
            let arguments = super::slot::locals(call);
            let mut returned =
                quote!(<S as #incoming>::#method(&*server, sender, #(#arguments),*).await);
            if call
                .result
                .as_ref()
                .is_some_and(Returned::is_fallible_promise)
            {
                returned = quote!(#krate::__private::served(#returned));
            }
            quote_spanned! {blamed(call)=> {
                let server = ::core::clone::Clone::clone(&server);
                self.#method.connect_async(move |sender, #(#arguments),*| {
                    let server = ::core::clone::Clone::clone(&server);
                    async move { #returned }
                })
            }}
        });
        let connections = connections.chain(self.serve_properties_async());
        quote! {
            /// Connects the `async fn`s of a server, or of an `Arc` of one, one to each slot, and those
            /// that read and write its properties; the builder's `executor` runs them.
            #vis fn serve_async<S: #incoming>(&self, server: S) -> #krate::Connection {
                let server = ::std::sync::Arc::new(server);
                #krate::Connection::__group(::std::vec![#(#connections),*])
            }
        }
    }

    /// How the declared errors of a call travel; makes them known to who receives them.
    pub(super) fn errors(&self, result: Option<&Returned>) -> TokenStream {
        let krate = self.krate;
        let Some(error) = result.and_then(Returned::error) else {
            return quote!(#krate::CallError::from_boxed);
        };
        quote! {{
            #[allow(unused_imports, reason = "one of them fits")]
            use #krate::__private::{ByCode as _, ByText as _, ByValue as _};
            let declared = #krate::__private::DeclaredError::<#error>(::core::marker::PhantomData);
            (&&&declared).errors()
        }}
    }

    fn generated(&self) -> TokenStream {
        let (krate, attrs) = (self.krate, self.attrs());
        let (name, inverse) = (&self.names.handle, &self.opposite.handle);
        let fields = self.api.calls.iter().enumerate();
        let fields = fields.filter(|(_, call)| call.is_incoming() == self.declared);
        let fields = fields.map(|(index, call)| {
            let (field, slot) = (&call.name, &call.slot);
            let (travels, reads_null) = match &call.result {
                Some(result) => (Some(result.travels(krate)), result.reads_null(krate)),
                None => (None, quote!(#krate::__private::reads_null::<()>)),
            };
            let lints = call.lints.silenced();
            let errors = self.errors(call.result.as_ref());
            quote! {
                #field: {
                    #lints
                    let slot = {
                        #travels
                        api.__slot(
                            const { &#name::DESCRIPTION.calls[#index] },
                            #reads_null,
                            #errors,
                        )
                    };
                    #slot(slot)
                },
            }
        });
        let sent = self.outgoing.iter().filter_map(|(_, call)| {
            call.result.as_ref()?.error()?;
            Some(self.errors(call.result.as_ref()))
        });
        let properties = self.property_values();
        let body = match self.poisoned_incoming().next() {
            None => quote! {
                #(let _ = #sent;)*
                #name { #(#fields)* #properties __api: api }
            },
            Some(_) => quote!(loop {}),
        };
        quote! {
            #[automatically_derived]
            #attrs
            impl #krate::__private::Generated for #name {
                const DESCRIPTION: #krate::Description = #name::DESCRIPTION;
                type Inverse = #inverse;

                fn from_api(api: #krate::Api) -> Self {
                    #body
                }
            }
        }
    }
}

/// Where it is said that the declared error is none.
fn blamed(call: &Call) -> Span {
    let error = call.result.as_ref().and_then(Returned::error);
    let place = Span::call_site();
    error.map_or(place, |error| place.located_at(error.span()))
}
