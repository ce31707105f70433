//! `EchoIncoming`: the incoming calls as a trait.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

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
        quote! {
            #docs
            #attrs
            #visibility trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
                #(#methods)*
                #properties
                #poisoned
            }

            #shared
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
        // The user may have an argument called `sender` in Rust (but not on the wire).
        let mut sender = format_ident!("sender");
        while call
            .arguments
            .iter()
            .any(|argument| argument.name == sender)
        {
            sender = format_ident!("{sender}_");
        }
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
