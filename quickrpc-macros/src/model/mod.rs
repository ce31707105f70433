//! Second stage: the API that a declaration means, with all names decided.

mod names;
mod property;
mod rename;
mod shape;

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Ident, LitStr, Path, Type, Visibility, parse_quote};

pub(crate) use names::{SideNames, generated_names};
pub(crate) use property::PropertyParts;
pub(crate) use rename::RenameRule;
pub(crate) use shape::{ArgumentKind, Shape, ValueKind, located_at, option_value, peel, streamed};

use crate::parse::{
    Declaration, DeclaredArgument, DeclaredCall, Default, Lints, Options, Subscription,
};

/// Which way a call goes, seen from the side that is named after the trait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Incoming,
    Outgoing,
}

impl Direction {
    pub(crate) fn opposite(self) -> Self {
        match self {
            Direction::Incoming => Direction::Outgoing,
            Direction::Outgoing => Direction::Incoming,
        }
    }
}

/// An API with everything that the generated code needs.
pub(crate) struct Api {
    /// The path of the quickrpc crate.
    pub(crate) krate: Path,
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) allows: Vec<Attribute>,
    pub(crate) ignore_unknown: bool,
    pub(crate) prefix: Option<LitStr>,
    /// Names of the side that is called like the trait, and of the opposite side.
    pub(crate) declared: SideNames,
    pub(crate) inverse: SideNames,
    /// Names for the type parameters of generated functions, which no type of the user has.
    pub(crate) handler_type: Ident,
    pub(crate) returned_type: Ident,
    pub(crate) kind_type: Ident,
    pub(crate) future_type: Ident,
    /// Properties are among them until they are validated.
    pub(crate) calls: Vec<Call>,
    pub(crate) properties: Vec<Call>,
    /// Calls with mistakes, which validation takes out of `calls`.
    pub(crate) poisoned: Vec<Poisoned>,
}

/// A call that is so wrong that only a placeholder can be generated.
pub(crate) struct Poisoned {
    pub(crate) name: Ident,
    /// `None` if unknown: then it is there on both sides.
    pub(crate) direction: Option<Direction>,
    /// The number of arguments.
    pub(crate) arguments: usize,
    /// The mistake as a type.
    pub(crate) error: TokenStream,
}

/// One call.
pub(crate) struct Call {
    pub(crate) name: Ident,
    pub(crate) wire_name: WireName,
    /// `None` only together with a mistake.
    pub(crate) direction: Option<Direction>,
    pub(crate) positional: bool,
    /// Its calls run beside each other.
    pub(crate) concurrent: bool,
    /// Its stream is in the convention of other people.
    pub(crate) subscription: Option<Subscription>,
    /// The role that a caller needs.
    pub(crate) role: Option<String>,
    /// How long its callers wait.
    pub(crate) timeout: Option<(Attribute, Duration)>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) deprecated: Option<Attribute>,
    pub(crate) must_use: Option<Attribute>,
    pub(crate) lints: Lints,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) result: Option<Returned>,
    /// The slot of the side that receives it, if it is no property.
    pub(crate) slot: Ident,
    /// What makes it a property, if it is one. Its result is the value.
    pub(crate) property: Option<PropertyParts>,
    /// Why no code can be generated for it, if so: the mistake as a type.
    pub(crate) poison: Option<TokenStream>,
}

/// One argument.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) wire_name: WireName,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) lints: Lints,
    /// As declared.
    pub(crate) ty: Type,
    pub(crate) shape: Shape,
    pub(crate) default: Option<Default>,
    /// It is all that is sent.
    pub(crate) whole: bool,
}

/// What a call answers.
pub(crate) struct Returned {
    /// As declared, `Result` and `Promise` included.
    pub(crate) declared: Type,
    /// What travels: the `T` of `Result<T, E>` and of `Promise<T>`.
    pub(crate) value: Type,
    pub(crate) kind: ValueKind,
    /// What comes bit by bit, if it is a stream.
    pub(crate) stream: Option<Streamed>,
}

/// A `Stream<T, R>`.
pub(crate) struct Streamed {
    pub(crate) item: Travelling,
    pub(crate) end: Travelling,
}

/// A type, and how it travels.
pub(crate) struct Travelling {
    pub(crate) ty: Type,
    kind: ValueKind,
}

/// A name on the wire, and where it comes from.
pub(crate) struct WireName {
    pub(crate) text: String,
    /// The literal of `#[name]`, if that is where it comes from.
    pub(crate) given: Option<LitStr>,
    /// The Rust name.
    pub(crate) name: Ident,
}

impl Api {
    pub(crate) fn new(declaration: Declaration) -> Self {
        let Declaration {
            options,
            name,
            visibility,
            docs,
            allows,
            calls,
        } = declaration;
        let [handler_type, returned_type, kind_type, future_type] = names::type_parameters(&calls);
        let mut slots = names::Slots::new(&name);
        Api {
            declared: SideNames::new(&name, ""),
            inverse: SideNames::new(&name, "Inverse"),
            calls: calls
                .into_iter()
                .map(|call| Call::new(call, &options, &mut slots))
                .collect(),
            krate: options.krate.unwrap_or_else(|| parse_quote!(::quickrpc)),
            ignore_unknown: options.ignore_unknown,
            prefix: options.prefix,
            name,
            visibility,
            docs,
            allows,
            handler_type,
            returned_type,
            kind_type,
            future_type,
            properties: Vec::new(),
            poisoned: Vec::new(),
        }
    }
}

impl Call {
    fn new(call: DeclaredCall, options: &Options, slots: &mut names::Slots) -> Self {
        let DeclaredCall {
            name,
            attrs,
            arguments,
            result,
            poison,
        } = call;
        let prefix = options.prefix.as_ref().map(LitStr::value);
        let property = PropertyParts::new(&name, &attrs, options.rename_all, prefix.as_deref());
        Call {
            slot: match &property {
                Some(_) => name.clone(),
                None => slots.name(&name, attrs.direction),
            },
            property,
            wire_name: WireName::new(&name, attrs.name, options.rename_all, prefix.as_deref()),
            direction: attrs.direction,
            // Others know no names.
            positional: attrs.positional || options.positional || attrs.subscription.is_some(),
            concurrent: attrs.concurrent,
            subscription: attrs.subscription,
            role: attrs.role.map(|role| role.value()),
            timeout: attrs.timeout,
            docs: attrs.docs,
            deprecated: attrs.deprecated,
            must_use: attrs.must_use,
            lints: attrs.lints,
            arguments: arguments
                .into_iter()
                .map(|argument| Argument::new(argument, options.rename_all))
                .collect(),
            result: result.map(Returned::new),
            poison,
            name,
        }
    }

    /// Whether its one argument is all that it sends.
    pub(crate) fn has_whole(&self) -> bool {
        matches!(&*self.arguments, [Argument { whole: true, .. }])
    }

    /// Whether there are streams among its arguments.
    pub(crate) fn takes_streams(&self) -> bool {
        let mut arguments = self.arguments.iter();
        arguments.any(|argument| matches!(argument.shape.kind, ArgumentKind::Stream(_)))
    }

    /// Whether the side that is named after the trait receives it.
    pub(crate) fn is_incoming(&self) -> bool {
        self.direction == Some(Direction::Incoming)
    }
}

impl Argument {
    fn new(argument: DeclaredArgument, rule: Option<RenameRule>) -> Self {
        let DeclaredArgument { name, attrs, ty } = argument;
        Argument {
            wire_name: WireName::new(&name, attrs.name, rule, None),
            docs: attrs.docs,
            lints: attrs.lints,
            shape: Shape::of(&ty),
            default: attrs.default,
            whole: attrs.whole.is_some(),
            name,
            ty,
        }
    }
}

impl Argument {
    /// What comes bit by bit, if it is a stream.
    pub(crate) fn stream(&self) -> Option<Streamed> {
        match &self.shape.kind {
            ArgumentKind::Stream(ty) => Streamed::of(ty),
            _ => None,
        }
    }
}

impl Returned {
    fn new(declared: Type) -> Self {
        let value = shape::result_value(&declared).unwrap_or(&declared);
        let value = shape::promise_value(value).unwrap_or(value).clone();
        Returned {
            kind: ValueKind::of(&value),
            stream: Streamed::of(&value),
            value,
            declared,
        }
    }

    /// Whether it is a `Result<Promise<T>, E>`.
    pub(crate) fn is_fallible_promise(&self) -> bool {
        shape::result_value(&self.declared)
            .is_some_and(|value| shape::promise_value(value).is_some())
    }

    /// The `E` of `Result<T, E>`.
    pub(crate) fn error(&self) -> Option<&Type> {
        shape::result_error(&self.declared)
    }

    /// The type that is encoded as the answer: byte strings travel as such.
    pub(crate) fn wire(&self, krate: &Path) -> TokenStream {
        match &self.stream {
            Some(stream) => stream.end.wire(krate),
            None => wire(self.kind, &self.value, krate),
        }
    }

    /// Where the compiler is to say what is wrong with the type.
    pub(crate) fn span(&self) -> Span {
        Span::call_site().located_at(self.value.span())
    }

    /// The function that tells whether it may be null.
    pub(crate) fn reads_null(&self, krate: &Path) -> TokenStream {
        let (wire, krate) = (self.wire(krate), located_at(krate, self.span()));
        quote_spanned!(self.span()=> #krate::__private::reads_null::<#wire>)
    }

    /// Says where it is used that what is encoded can travel.
    pub(crate) fn travels(&self, krate: &Path) -> TokenStream {
        match &self.stream {
            Some(stream) => stream.travels(krate),
            None => travels(&self.value, &self.wire(krate), krate),
        }
    }
}

impl Streamed {
    fn of(ty: &Type) -> Option<Self> {
        let (item, end) = streamed(ty)?;
        Some(Streamed {
            item: Travelling::new(item),
            end: Travelling::new(end),
        })
    }

    /// The type arguments of what handles streams: items and end, as they are and as they travel.
    pub(crate) fn types(&self, krate: &Path) -> TokenStream {
        let (item, end) = (&self.item.ty, &self.end.ty);
        let (item_wire, end_wire) = (self.item.wire(krate), self.end.wire(krate));
        quote!(#item, #item_wire, #end, #end_wire)
    }

    /// Says where it is used that both can travel.
    pub(crate) fn travels(&self, krate: &Path) -> TokenStream {
        let item = travels(&self.item.ty, &self.item.wire(krate), krate);
        let end = travels(&self.end.ty, &self.end.wire(krate), krate);
        quote!(#item #end)
    }
}

impl Travelling {
    fn new(ty: Type) -> Self {
        Travelling {
            kind: ValueKind::of(&ty),
            ty,
        }
    }

    pub(crate) fn wire(&self, krate: &Path) -> TokenStream {
        wire(self.kind, &self.ty, krate)
    }
}

/// Says that what is encoded for a type can travel; what is wrong with that is at the type.
pub(crate) fn travels(ty: &Type, wire: &TokenStream, krate: &Path) -> TokenStream {
    let span = ty.span();
    let krate = located_at(krate, span);
    quote_spanned!(span=> #krate::__private::result_travels::<#wire>();)
}

fn wire(kind: ValueKind, ty: &Type, krate: &Path) -> TokenStream {
    match kind {
        ValueKind::Bytes => quote!(#krate::Bytes),
        ValueKind::OptionalBytes => quote!(::core::option::Option<#krate::Bytes>),
        ValueKind::Plain => ty.to_token_stream(),
    }
}

impl WireName {
    fn new(
        name: &Ident,
        given: Option<LitStr>,
        rule: Option<RenameRule>,
        prefix: Option<&str>,
    ) -> Self {
        let text = given.as_ref().map_or_else(
            || {
                let plain = syn::ext::IdentExt::unraw(name).to_string();
                let renamed = rule.map_or_else(|| plain.clone(), |rule| rule.apply(&plain));
                format!("{}{renamed}", prefix.unwrap_or_default())
            },
            LitStr::value,
        );
        WireName {
            text,
            given,
            name: name.clone(),
        }
    }
}

impl ToTokens for WireName {
    /// Where to point when the name is wrong.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.given {
            Some(literal) => literal.to_tokens(tokens),
            None => self.name.to_tokens(tokens),
        }
    }
}
