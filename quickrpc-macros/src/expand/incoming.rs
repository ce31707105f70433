//! `EchoIncoming`: the incoming calls as a trait.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::Ident;

use super::{Side, docs};
use crate::model::Call;

impl Side<'_> {
    pub(super) fn incoming_trait(&self) -> TokenStream {
        let (visibility, attrs) = (self.visibility, self.attrs());
        let (name, handle) = (&self.names.incoming, &self.names.handle);
        let docs = docs::doc(format!(
            "The incoming calls of `{handle}`, for a type that handles all of them: implement it \
             and hand an instance to `{handle}::serve`."
        ));
        let methods = self.incoming.iter().map(|call| self.incoming_method(call));
        let properties = self.incoming_properties();
        let poisoned = self.poisoned_methods();
        let shared = self.shared_server();
        let asynchronous = self.async_trait();
        quote! {
            #docs
            #attrs
            #visibility trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
                #(#methods)*
                #properties
                #poisoned
            }

            #shared
            #asynchronous
        }
    }

    /// `EchoIncomingAsync`: the same with `async fn`, for servers with an executor.
    fn async_trait(&self) -> TokenStream {
        let (krate, visibility, attrs) = (self.krate, self.visibility, self.attrs());
        let (name, handle) = (&self.names.incoming_async, &self.names.handle);
        if self.poisoned_incoming().next().is_some() {
            return TokenStream::new();
        }
        let docs = docs::doc(format!(
            "The incoming calls of `{handle}` for a type that handles them by `async fn`, with owned \
             arguments: implement it and hand an instance to `{handle}::serve_async`."
        ));
        let (properties, shared) = (self.async_properties(), self.shared_async_server());
        let methods = self.incoming.iter().map(|call| {
            let (name, lints) = (&call.name, call.lints.silenced());
            let docs = docs::call(call, &format!("Handles the incoming call `{name}`."));
            let sender = sender_name(call);
            let arguments = call.arguments.iter().map(|argument| {
                let (name, ty, lints) = (
                    &argument.name,
                    argument.shape.owned(),
                    argument.lints.silenced(),
                );
                quote!(#lints #name: #ty)
            });
            let result = match &call.result {
                Some(result) => result.declared.to_token_stream(),
                None => quote!(()),
            };
            quote! {
                #docs
                #lints
                fn #name(&self, #sender: #krate::Sender, #(#arguments),*)
                    -> impl ::core::future::Future<Output = #result> + ::core::marker::Send;
            }
        });
        quote! {
            #docs
            #attrs
            #visibility trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
                #(#methods)*
                #properties
            }

            #shared
        }
    }

    /// That for a server that is shared.
    fn shared_async_server(&self) -> TokenStream {
        let (krate, attrs, name) = (self.krate, self.attrs(), &self.names.incoming_async);
        let server = &self.api.handler_type;
        let calls = self.incoming.iter().map(|call| {
            let (method, arguments) = (&call.name, super::slot::locals(call));
            let types = call.arguments.iter().map(|argument| argument.shape.owned());
            let result = match &call.result {
                Some(result) => result.declared.to_token_stream(),
                None => quote!(()),
            };
            let lints = call.lints.silenced();
            quote! {
                #lints
                fn #method(&self, sender: #krate::Sender, #(#arguments: #types),*)
                    -> impl ::core::future::Future<Output = #result> + ::core::marker::Send
                {
                    <#server as #name>::#method(&**self, sender, #(#arguments),*)
                }
            }
        });
        let properties = self.shared_async_properties();
        quote! {
            #[automatically_derived]
            #attrs
            impl<#server: #name> #name for ::std::sync::Arc<#server> {
                #(#calls)*
                #properties
            }
        }
    }

    /// The same for a server that is shared.
    fn shared_server(&self) -> TokenStream {
        let (krate, attrs, name) = (self.krate, self.attrs(), &self.names.incoming);
        let server = &self.api.handler_type;
        if self.poisoned_incoming().next().is_some() {
            return TokenStream::new();
        }
        let calls = self.incoming.iter().map(|call| {
            let (method, arguments) = (&call.name, super::slot::locals(call));
            let types = call.arguments.iter().map(|argument| &argument.ty);
            let result = call.result.as_ref().map(|result| {
                let declared = &result.declared;
                quote!(-> #declared)
            });
            let lints = call.lints.silenced();
            quote! {
                #lints
                fn #method(&self, sender: &#krate::Sender, #(#arguments: #types),*) #result {
                    <#server as #name>::#method(&**self, sender, #(#arguments),*)
                }
            }
        });
        let properties = self.shared_properties();
        quote! {
            #[automatically_derived]
            #attrs
            impl<#server: #name> #name for ::std::sync::Arc<#server> {
                #(#calls)*
                #properties
            }
        }
    }

    fn incoming_method(&self, call: &Call) -> TokenStream {
        let (krate, name) = (self.krate, &call.name);
        let (deprecated, lints) = (&call.deprecated, call.lints.silenced());
        let docs = docs::call(call, &format!("Handles the incoming call `{name}`."));
        let sender = sender_name(call);
        let arguments = call.arguments.iter().map(|argument| {
            let (name, ty, lints) = (&argument.name, &argument.ty, argument.lints.silenced());
            quote!(#lints #name: #ty)
        });
        let result = call.result.as_ref().map(|result| {
            let declared = &result.declared;
            quote!(-> #declared)
        });
        quote! {
            #docs
            #deprecated
            #lints
            fn #name(&self, #sender: &#krate::Sender, #(#arguments),*) #result;
        }
    }
}

/// The user may have an argument called `sender` in Rust (but not on the wire).
fn sender_name(call: &Call) -> Ident {
    let mut sender = format_ident!("sender");
    while call
        .arguments
        .iter()
        .any(|argument| argument.name == sender)
    {
        sender = format_ident!("{sender}_");
    }
    sender
}
