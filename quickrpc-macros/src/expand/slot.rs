//! `EchoSaySlot`: where the handlers of an incoming call are connected.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned as _;

use super::{Side, docs};
use crate::model::{Argument, ArgumentKind, Call, Returned, located_at};
use crate::parse::Default;

/// Names for the arguments inside of generated functions, hidden from the user's code.
pub(super) fn locals(call: &Call) -> Vec<Ident> {
    (0..call.arguments.len())
        .map(|index| format_ident!("argument{index}", span = Span::mixed_site()))
        .collect()
}

impl Side<'_> {
    pub(super) fn slot(&self, call: &Call) -> TokenStream {
        let (krate, slot) = (self.krate, &call.slot);
        let (attrs, lints) = (self.attrs(), call.lints.silenced());
        let note = format!(
            "Slot of the incoming call `{}::{}`.",
            self.names.handle, call.name
        );
        let docs = docs::of_call(call, &note);
        let docs = quote!(#docs #lints);
        let definition = self.newtype(slot, &quote!(#krate::__private::Slot), &docs);
        let parts = [
            self.connect(call),
            self.subscribe(call),
            self.connect_async(call),
            self.invoke(call),
            self.decode(call),
            self.encode(call),
        ];
        quote! {
            #definition

            #attrs
            #lints
            impl #slot {
                #(#parts)*
            }
        }
    }

    fn connect(&self, call: &Call) -> TokenStream {
        let (krate, vis, api) = (self.krate, self.visibility, self.api);
        let (handler, returned, kind) = (&api.handler_type, &api.returned_type, &api.kind_type);
        let types: Vec<_> = call.arguments.iter().map(|argument| &argument.ty).collect();
        let docs = docs::doc(format!(
            "Adds a handler of `{}`: a function of the sender and the arguments.\n\n{}",
            call.name,
            changes(call)
        ));
        let local_docs = docs::doc(
            "Adds a handler that need not be `Send`: it runs on the thread that calls \
             `process_pending()`, with `Processing::Manual` alone; `start()` fails otherwise. It is a \
             `Fn` as well: what it changes is in a `Cell` or a `RefCell`.",
        );
        let bound = quote! {
            #handler: ::core::ops::Fn(&#krate::Sender, #(#types),*) -> #returned
        };
        let reply = self.reply_bound(call);
        quote! {
            #docs
            #vis fn connect<#handler, #returned, #kind>(&self, handler: #handler) -> #krate::Connection
            where
                #bound + ::core::marker::Send + ::core::marker::Sync + 'static,
                #reply,
            {
                self.0.connect(move |call| Self::__invoke(&handler, call))
            }

            #local_docs
            #vis fn connect_local<#handler, #returned, #kind>(&self, handler: #handler) -> #krate::Connection
            where
                #bound + 'static,
                #reply,
            {
                self.0.connect_local(move |call| Self::__invoke(&handler, call))
            }
        }
    }

    fn subscribe(&self, call: &Call) -> TokenStream {
        let (krate, vis, locals) = (self.krate, self.visibility, locals(call));
        let types = call.arguments.iter().map(|argument| argument.shape.owned());
        let values = call.arguments.iter().zip(&locals);
        let values = values.map(|(argument, local)| owned(krate, argument, local));
        let resolver_type = call.result.as_ref().map(|result| {
            let value = &result.value;
            quote!(#krate::Resolver<#value>)
        });
        let (resolver, outcome) = match self.resolver(call) {
            Some(resolver) => (Some(resolver), quote!(outcome)),
            None => (None, quote!(call.done(()))),
        };
        let resolver_value = resolver.as_ref().map(|_| quote!(resolver));
        let docs = docs::doc(format!(
            "Receives the calls of `{}` instead of handling them: `(Sender, arguments...)`{}.",
            call.name,
            if resolver.is_some() {
                ", with a `Resolver` for the answer at the end"
            } else {
                ""
            },
        ));
        quote! {
            #docs
            #vis fn subscribe(&self) -> #krate::Subscription<(#krate::Sender, #(#types,)* #resolver_type)> {
                self.0.subscribe(|call, pass| {
                    let (#(#locals,)*) = match Self::__decode(call) {
                        ::core::result::Result::Ok(arguments) => arguments,
                        ::core::result::Result::Err(outcome) => return outcome,
                    };
                    #resolver
                    pass((::core::clone::Clone::clone(call.sender()), #(#values,)* #resolver_value));
                    #outcome
                })
            }
        }
    }

    /// Makes the `resolver` of a call with an answer, and the `outcome` of its handler.
    fn resolver(&self, call: &Call) -> Option<TokenStream> {
        let krate = self.krate;
        let result = call.result.as_ref()?;
        let (value, wire, travels) = (&result.value, result.wire(krate), result.travels(krate));
        let resolver = match &result.stream {
            Some(stream) => {
                let types = stream.types(krate);
                quote!(stream_resolver::<#types>)
            }
            None => quote!(resolver::<#value, #wire>),
        };
        Some(quote! {
            #travels
            let (resolver, outcome) = call.#resolver();
        })
    }

    fn connect_async(&self, call: &Call) -> TokenStream {
        let (krate, vis, api, locals) = (self.krate, self.visibility, self.api, locals(call));
        let (handler, returned, kind) = (&api.handler_type, &api.returned_type, &api.kind_type);
        let future = &api.future_type;
        let types = call.arguments.iter().map(|argument| argument.shape.owned());
        let values = call.arguments.iter().zip(&locals);
        let values = values.map(|(argument, local)| owned(krate, argument, local));
        let resolver = self.resolver(call).unwrap_or_else(|| {
            quote! {
                let (resolver, outcome) = call.notification_resolver();
            }
        });
        let reply = self.reply_bound(call);
        let docs = docs::doc(format!(
            "Adds an async handler of `{}`: a function of the sender and the arguments, all owned, that \
             gives a future. What the builder's `executor` is runs it; without one, `start()` \
             fails. A call that is given up drops its future.\n\nIt may be called while futures of earlier \
             calls are not done, so that it is a `Fn`, and what it changes is in a `Mutex`, an atomic or \
             a channel, as for `connect`; what a future keeps beyond an `.await` is in an `Arc`.",
            call.name
        ));
        quote! {
            #docs
            #vis fn connect_async<#handler, #future, #returned, #kind>(&self, handler: #handler) -> #krate::Connection
            where
                #handler: ::core::ops::Fn(#krate::Sender, #(#types),*) -> #future
                    + ::core::marker::Send + ::core::marker::Sync + 'static,
                #future: ::core::future::Future<Output = #returned> + ::core::marker::Send + 'static,
                #reply,
                #returned: 'static,
                #kind: 'static,
            {
                self.0.connect_async(move |call| {
                    let (#(#locals,)*) = match Self::__decode(call) {
                        ::core::result::Result::Ok(arguments) => arguments,
                        ::core::result::Result::Err(outcome) => return outcome,
                    };
                    #resolver
                    let future = handler(::core::clone::Clone::clone(call.sender()), #(#values),*);
                    call.run(future, resolver, outcome)
                })
            }
        }
    }

    /// What a handler may return.
    fn reply_bound(&self, call: &Call) -> TokenStream {
        let (krate, api) = (self.krate, self.api);
        let (returned, kind) = (&api.returned_type, &api.kind_type);
        match &call.result {
            Some(Returned { value, .. }) => {
                quote!(#returned: #krate::__private::Returns<#value, #kind>)
            }
            None => quote!(#returned: #krate::__private::Returns<(), #kind>),
        }
    }

    /// Decodes the arguments, runs the handler, answers.
    fn invoke(&self, call: &Call) -> TokenStream {
        let (krate, api, locals) = (self.krate, self.api, locals(call));
        let (handler, returned, kind) = (&api.handler_type, &api.returned_type, &api.kind_type);
        let types = call.arguments.iter().map(|argument| &argument.ty);
        let values = call.arguments.iter().zip(&locals);
        let values = values.map(|(argument, local)| passed(krate, argument, local));
        let reply = self.reply_bound(call);
        let answer = match &call.result {
            Some(result) => {
                let (value, wire, travels) =
                    (&result.value, result.wire(krate), result.travels(krate));
                let reply = match &result.stream {
                    Some(stream) => {
                        let types = stream.types(krate);
                        quote!(stream::<#types, _, _>)
                    }
                    None => quote!(reply::<#value, #wire, _, _>),
                };
                quote! {
                    #travels
                    call.#reply(returned)
                }
            }
            None => quote!(call.done(returned)),
        };
        quote! {
            fn __invoke<#handler, #returned, #kind>(
                handler: &#handler,
                call: &mut #krate::__private::Invocation<'_>,
            ) -> #krate::__private::Outcome
            where
                #handler: ::core::ops::Fn(&#krate::Sender, #(#types),*) -> #returned,
                #reply,
            {
                let (#(#locals,)*) = match Self::__decode(call) {
                    ::core::result::Result::Ok(arguments) => arguments,
                    ::core::result::Result::Err(outcome) => return outcome,
                };
                let returned = handler(call.sender(), #(#values),*);
                #answer
            }
        }
    }

    /// From the message to the arguments. The one place that decodes them, so that a type
    /// that cannot be decoded is one error.
    fn decode(&self, call: &Call) -> TokenStream {
        let krate = self.krate;
        let wires = call.arguments.iter();
        let wires: Vec<_> = wires.map(|argument| argument.shape.wire(krate)).collect();
        let defaults = call
            .arguments
            .iter()
            .map(|argument| default(krate, argument));
        let decode = format_ident!("decode{}", wires.len());
        // What is `'static` may borrow nevertheless, which is an error where it is decoded.
        let mut types = call.arguments.iter();
        let span = types.find_map(|argument| argument.shape.lifetime());
        let span = span.map_or_else(Span::call_site, |span| Span::call_site().located_at(span));
        let krate = located_at(krate, span);
        let decoded = match call.has_whole() {
            true => quote_spanned!(span=> #krate::__private::decode_whole::<#(#wires),*>(__call)),
            false => {
                quote_spanned!(span=> #krate::__private::#decode::<#(#wires),*>(__call, (#(#defaults,)*)))
            }
        };
        quote! {
            fn __decode<'de>(
                __call: &#krate::__private::Invocation<'de>,
            ) -> ::core::result::Result<(#(#wires,)*), #krate::__private::Outcome> {
                #decoded
            }
        }
    }

    /// From the arguments to what is encoded. The one place that says that each can be
    /// encoded; the senders of the opposite side call it.
    ///
    /// Each argument of a type that we do not know passes through a function that hides its
    /// type, so that the error is in there, at the type, and nowhere else.
    fn encode(&self, call: &Call) -> TokenStream {
        let (krate, locals) = (self.krate, locals(call));
        let types: Vec<_> = call
            .arguments
            .iter()
            .map(|a| a.shape.outgoing(krate))
            .collect();
        let unknown = call
            .arguments
            .iter()
            .map(|argument| !argument.shape.is_well_known());
        let hide: Vec<_> = (0..)
            .map(|index| format_ident!("hide{index}"))
            .zip(unknown)
            .collect();
        let functions = hide.iter().zip(&call.arguments).zip(&types);
        let functions = functions.map(|(((name, unknown), argument), ty)| {
            let span = argument.shape.span();
            let krate = located_at(krate, span);
            unknown.then(|| {
                quote_spanned! {span=>
                    fn #name<'a>(value: #ty) -> impl #krate::__private::ArgValue + 'a {
                        value
                    }
                }
            })
        });
        let values = hide
            .iter()
            .zip(&locals)
            .map(|((name, unknown), local)| match unknown {
                true => quote!(#name(#local)),
                false => quote!(#local),
            });
        let streams = call.arguments.iter().filter_map(Argument::stream);
        let travels = streams.map(|stream| stream.travels(krate));
        let values = match call.has_whole() {
            true => quote!(#krate::__private::Whole(#(#values),*)),
            false => quote!((#(#values,)*)),
        };
        quote! {
            fn __encode<'a>(#(#locals: #types),*) -> impl #krate::__private::OutArgs + 'a {
                #(#functions)*
                #(#travels)*
                #values
            }
        }
    }
}

/// Why a handler is no `FnMut`, and what to do about it: the compiler says no more than that what a
/// closure has captured cannot be changed.
fn changes(call: &Call) -> String {
    let arguments = ", _".repeat(call.arguments.len());
    format!(
        "Several threads may call it at once, so that it is a `Fn`, and no `FnMut`: the compiler refuses a \
         closure that changes what it has captured (\"cannot assign to `n`\", \"cannot borrow `n` as \
         mutable\"; \"`Fn` closure\"). What it changes is in a `Mutex` or an atomic, goes into a channel, \
         or is in a `Cell` or `RefCell` with `connect_local`:\n\n\
         ```text\n\
         let n = Mutex::new(0); // in the place of `let mut n = 0`\n\
         api.{name}.connect(move |_sender{arguments}| {{ *n.lock().unwrap() += 1; .. }});\n\
         ```\n\n\
         If others look at it too, it is an `Arc` of that, and the closure has a clone.",
        name = call.name
    )
}

/// A decoded argument as the handler gets it.
fn passed(krate: &syn::Path, argument: &Argument, local: &Ident) -> TokenStream {
    match (&argument.shape.kind, argument.shape.optional) {
        (ArgumentKind::Text | ArgumentKind::Blob | ArgumentKind::Slice(_), false) => {
            quote!(&*#local)
        }
        (ArgumentKind::Text | ArgumentKind::Blob | ArgumentKind::Slice(_), true) => {
            quote!(#local.as_deref())
        }
        (ArgumentKind::Reference(_), false) => quote!(&#local),
        (ArgumentKind::Reference(_), true) => quote!(#local.as_ref()),
        _ => owned(krate, argument, local),
    }
}

/// A decoded argument as a subscription gives it.
fn owned(krate: &syn::Path, argument: &Argument, local: &Ident) -> TokenStream {
    let convert = match &argument.shape.kind {
        ArgumentKind::Text => quote!(#krate::__private::Text::into_string),
        ArgumentKind::Blob => quote!(#krate::__private::Blob::into_vec),
        ArgumentKind::Bytes => quote!(#krate::Bytes::into_vec),
        ArgumentKind::Stream(_) => {
            let types = argument.stream().map(|stream| stream.types(krate));
            return match argument.shape.optional {
                true => quote!(#local.map(|stream| call.take_stream::<#types>(stream))),
                false => quote!(call.take_stream::<#types>(#local)),
            };
        }
        _ => return quote!(#local),
    };
    match argument.shape.optional {
        true => quote!(#local.map(#convert)),
        false => quote!(#convert(#local)),
    }
}

/// The function that gives the value of a missing argument, as an `Option`.
fn default(krate: &syn::Path, argument: &Argument) -> TokenStream {
    let wire = argument.shape.wire(krate);
    let (span, value) = match &argument.default {
        None => return quote!(::core::option::Option::None),
        Some(Default::Trait(span)) => (*span, default_value(argument, *span)),
        Some(Default::Expr(expr)) => (expr.span(), given_value(argument, expr)),
    };
    quote_spanned! {span=>
        ::core::option::Option::Some({
            let function: fn() -> #wire = || #value;
            function
        })
    }
}

/// `#[default]`
fn default_value(argument: &Argument, span: Span) -> TokenStream {
    match &argument.shape.kind {
        _ if argument.shape.optional => quote!(::core::option::Option::None),
        ArgumentKind::Text => quote!(::core::convert::From::from("")),
        ArgumentKind::Blob => quote!(::core::convert::From::from(&[][..])),
        ArgumentKind::Bytes => quote!(::core::convert::From::from(::std::vec::Vec::new())),
        _ => quote_spanned!(span=> ::core::default::Default::default()),
    }
}

/// `#[default(expr)]`: an expression of the declared type. For `&T` it is a `T`, and for
/// `&[T]` whatever becomes a vector, since they have to be owned by somebody.
fn given_value(argument: &Argument, expr: &syn::Expr) -> TokenStream {
    let span = expr.span();
    let declared = match &argument.shape.kind {
        ArgumentKind::Reference(_) | ArgumentKind::Stream(_) | ArgumentKind::Plain(_) => {
            return quote!(#expr);
        }
        ArgumentKind::Slice(_) if !argument.shape.optional => {
            return quote_spanned!(span=> ::core::convert::Into::into(#expr));
        }
        ArgumentKind::Text => quote!(&'de ::core::primitive::str),
        ArgumentKind::Blob => quote!(&'de [::core::primitive::u8]),
        ArgumentKind::Bytes => quote!(::std::vec::Vec<::core::primitive::u8>),
        ArgumentKind::Slice(item) => quote!(&[#item]),
    };
    if argument.shape.optional {
        quote_spanned! {span=> {
            let value: ::core::option::Option<#declared> = #expr;
            value.map(::core::convert::From::from)
        }}
    } else {
        quote_spanned! {span=> {
            let value: #declared = #expr;
            ::core::convert::From::from(value)
        }}
    }
}
