//! `Echo::DESCRIPTION`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;

use super::{Side, docs};
use crate::model::{Argument, Call, Returned};
use crate::parse::{Convention, Default};

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
                version: match ::core::option_env!("CARGO_PKG_VERSION") {
                    ::core::option::Option::Some(version) => version,
                    ::core::option::Option::None => "",
                },
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
        let (positional, concurrent) = (call.positional, call.concurrent);
        let ignore_unknown = self.api.ignore_unknown;
        let role = option(call.role.clone());
        let timeout = timeout(call);
        let result = option(
            call.result
                .as_ref()
                .map(|result| crate::text::of(&result.value)),
        );
        let (schema, item) = match &call.result {
            Some(result) => self.describe_result(result, subscription(krate, call)),
            None => (quote!(#krate::TypeSchema::NONE), option_of(None)),
        };
        let error = option_of(
            call.result
                .as_ref()
                .and_then(|result| self.describe_error(result)),
        );
        let deprecated = call.deprecated.is_some();
        quote! {
            #krate::CallDescription {
                name: #name,
                wire_name: #wire_name,
                direction: #direction,
                docs: #docs,
                arguments: &[#(#arguments),*],
                positional: #positional,
                concurrent: #concurrent,
                ignore_unknown: #ignore_unknown,
                role: #role,
                timeout: #timeout,
                result: #result,
                schema: #schema,
                item: #item,
                error: #error,
                deprecated: #deprecated,
            }
        }
    }

    /// How the result looks, or the end of a stream; and the items of one.
    pub(super) fn describe_result(
        &self,
        result: &Returned,
        subscription: TokenStream,
    ) -> (TokenStream, TokenStream) {
        let krate = self.krate;
        let schema = self.schema(result.wire(krate));
        let item = result.stream.as_ref().map(|stream| {
            let (item, end) = (&stream.item, &stream.end.ty);
            let (name, end) = (crate::text::of(&item.ty), crate::text::of(end));
            let schema = self.schema(item.wire(krate));
            quote! {
                #krate::ItemDescription {
                    type_name: #name,
                    schema: #schema,
                    end: #end,
                    subscription: #subscription,
                }
            }
        });
        (schema, option_of(item))
    }

    /// The declared error.
    fn describe_error(&self, result: &Returned) -> Option<TokenStream> {
        let (krate, error) = (self.krate, result.error()?);
        let (name, errors) = (
            crate::text::of(error),
            quote!(#krate::__private::DeclaredError),
        );
        Some(quote! {
            #krate::ErrorDescription {
                type_name: #name,
                codes: #krate::ErrorCodes::__new(|| {
                    #[allow(unused_imports, reason = "one of them fits")]
                    use #krate::__private::{ByCode as _, ByText as _, ByValue as _};
                    #[allow(unused_qualifications, reason = "as it was declared")]
                    let declared = #errors::<#error>(::core::marker::PhantomData);
                    (&&&declared).codes()
                }),
            }
        })
    }

    /// How a type looks, if the library is built so that it can tell.
    pub(super) fn schema(&self, ty: TokenStream) -> TokenStream {
        let krate = self.krate;
        quote!(#krate::__type_schema!(#ty))
    }

    fn describe_argument(&self, argument: &Argument) -> TokenStream {
        let krate = self.krate;
        let name = argument.name.unraw().to_string();
        let wire_name = &argument.wire_name.text;
        let quoted = quoted(wire_name);
        let type_name = crate::text::of(&argument.ty);
        let default = option(argument.default.as_ref().map(|default| match default {
            Default::Trait(_) => "Default::default()".to_owned(),
            Default::Expr(expr) => crate::text::of(expr),
        }));
        let (optional, whole) = (argument.shape.optional, argument.whole);
        let docs = docs::text(&argument.docs);
        let schema = self.schema(argument.shape.described(krate));
        quote! {
            #krate::ArgumentDescription {
                name: #name,
                wire_name: #wire_name,
                quoted: #quoted,
                type_name: #type_name,
                schema: #schema,
                default: #default,
                optional: #optional,
                whole: #whole,
                docs: #docs,
            }
        }
    }
}

/// Whose convention the stream of a call is in, if it is not ours.
pub(super) fn subscription(krate: &syn::Path, call: &Call) -> TokenStream {
    let subscription = call.subscription.as_ref();
    option_of(
        subscription.map(|subscription| match &subscription.convention {
            Convention::ById { item, cancel } => quote! {
                #krate::SubscriptionDescription::ById { item: #item, cancel: #cancel }
            },
            Convention::Event => quote!(#krate::SubscriptionDescription::Event),
        }),
    )
}

/// A name as a key of JSON; nothing if it needs more than quotes there, or means something
/// (`__bytes`, what serde_json calls by `$`).
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    match name.chars().all(plain) && !name.starts_with("__") {
        true => format!("\"{name}\""),
        false => String::new(),
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

/// An expression of type `Option`.
fn option_of(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
