//! `Echo::DESCRIPTION`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;

use super::{Side, docs};
use crate::model::{Argument, Call};
use crate::parse::Default;

impl Side<'_> {
    /// The value of the constant.
    pub(super) fn description(&self) -> TokenStream {
        let krate = self.krate;
        let name = self.api.name.unraw().to_string();
        let docs = docs::text(&self.api.docs);
        let calls = self.api.calls.iter().map(|call| self.describe_call(call));
        let properties = self.api.properties.iter();
        let properties = properties.filter_map(|property| self.describe_property(property));
        quote! {
            #krate::Description {
                name: #name,
                docs: #docs,
                calls: &[#(#calls),*],
                properties: &[#(#properties),*],
            }
        }
    }

    fn describe_call(&self, call: &Call) -> TokenStream {
        let krate = self.krate;
        let name = call.name.unraw().to_string();
        let wire_name = &call.wire_name.text;
        let direction = match call.is_incoming() == self.declared {
            true => quote!(#krate::Direction::Incoming),
            false => quote!(#krate::Direction::Outgoing),
        };
        let docs = docs::text(&call.docs);
        let arguments = call
            .arguments
            .iter()
            .map(|argument| self.describe_argument(argument));
        let positional = call.positional;
        let ignore_unknown = self.api.ignore_unknown;
        let role = option(call.role.clone());
        let timeout = timeout(call);
        let result = option(
            call.result
                .as_ref()
                .map(|result| crate::text::of(&result.value)),
        );
        quote! {
            #krate::CallDescription {
                name: #name,
                wire_name: #wire_name,
                direction: #direction,
                docs: #docs,
                arguments: &[#(#arguments),*],
                positional: #positional,
                ignore_unknown: #ignore_unknown,
                role: #role,
                timeout: #timeout,
                result: #result,
            }
        }
    }

    fn describe_argument(&self, argument: &Argument) -> TokenStream {
        let krate = self.krate;
        let name = argument.name.unraw().to_string();
        let wire_name = &argument.wire_name.text;
        let type_name = crate::text::of(&argument.ty);
        let default = option(argument.default.as_ref().map(|default| match default {
            Default::Trait(_) => "Default::default()".to_owned(),
            Default::Expr(expr) => crate::text::of(expr),
        }));
        let (optional, whole) = (argument.shape.optional, argument.whole);
        let docs = docs::text(&argument.docs);
        quote! {
            #krate::ArgumentDescription {
                name: #name,
                wire_name: #wire_name,
                type_name: #type_name,
                default: #default,
                optional: #optional,
                whole: #whole,
                docs: #docs,
            }
        }
    }
}

/// How long the callers of a call wait, if it says so.
pub(super) fn timeout(call: &Call) -> TokenStream {
    match &call.timeout {
        Some((_, duration)) => {
            let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
            quote!(::core::option::Option::Some(::core::time::Duration::new(#seconds, #nanos)))
        }
        None => quote!(::core::option::Option::None),
    }
}

pub(super) fn option(text: Option<String>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(#text)),
        None => quote!(::core::option::Option::None),
    }
}
