//! How declared types travel. They are recognised as they are written, by the last segment
//! of the path, since a macro sees no more.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit::Visit;
use syn::{GenericArgument, Lifetime, Path, PathArguments, Type};

/// How an argument travels.
pub(crate) struct Shape {
    /// `Option<..>` around the rest: it may be missing.
    pub(crate) optional: bool,
    pub(crate) kind: ArgumentKind,
}

/// The kind of an argument, without the `Option`.
pub(crate) enum ArgumentKind {
    /// `&str`
    Text,
    /// `&[u8]`
    Blob,
    /// `&[T]`
    Slice(Type),
    /// `&T`
    Reference(Type),
    /// `Vec<u8>`
    Bytes,
    /// `Stream<T, R>`
    Stream(Type),
    /// Any other type.
    Plain(Type),
}

/// The kind of a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ValueKind {
    /// `Vec<u8>`
    Bytes,
    /// `Option<Vec<u8>>`
    OptionalBytes,
    /// Any other type.
    Plain,
}

impl Shape {
    pub(super) fn of(ty: &Type) -> Self {
        let inner = option_value(ty);
        Shape {
            optional: inner.is_some(),
            kind: ArgumentKind::of(inner.unwrap_or(ty)),
        }
    }

    /// The type that is decoded, element of the tuple of arguments.
    pub(crate) fn wire(&self, krate: &Path) -> TokenStream {
        let span = self.span();
        let wire = match &self.kind {
            ArgumentKind::Text => quote!(#krate::__private::Text<'de>),
            ArgumentKind::Blob => quote!(#krate::__private::Blob<'de>),
            ArgumentKind::Slice(item) => quote_spanned!(span=> ::std::vec::Vec<#item>),
            ArgumentKind::Bytes => quote!(#krate::Bytes),
            ArgumentKind::Stream(_) => quote!(#krate::__private::StreamId),
            ArgumentKind::Reference(ty) | ArgumentKind::Plain(ty) => quote!(#ty),
        };
        self.wrap(wire)
    }

    /// The type that a subscription gives: the same, owned.
    pub(crate) fn owned(&self) -> TokenStream {
        let owned = match &self.kind {
            ArgumentKind::Text => quote!(::std::string::String),
            ArgumentKind::Blob | ArgumentKind::Bytes => {
                quote!(::std::vec::Vec<::core::primitive::u8>)
            }
            ArgumentKind::Slice(item) => quote!(::std::vec::Vec<#item>),
            ArgumentKind::Reference(ty) | ArgumentKind::Stream(ty) | ArgumentKind::Plain(ty) => {
                quote!(#ty)
            }
        };
        self.wrap(owned)
    }

    /// The type that travels, owned, without the `Option`.
    pub(crate) fn described(&self, krate: &Path) -> TokenStream {
        match &self.kind {
            ArgumentKind::Text => quote!(::std::string::String),
            ArgumentKind::Blob | ArgumentKind::Bytes => quote!(#krate::Bytes),
            ArgumentKind::Slice(item) => quote!(::std::vec::Vec<#item>),
            ArgumentKind::Stream(_) => quote!(#krate::__private::StreamId),
            ArgumentKind::Reference(ty) | ArgumentKind::Plain(ty) => quote!(#ty),
        }
    }

    /// The type that is encoded, borrowing for `'a`.
    pub(crate) fn outgoing(&self, krate: &Path) -> TokenStream {
        let span = self.span();
        let krate = located_at(krate, span);
        let private = quote_spanned!(span=> #krate::__private);
        let outgoing = match &self.kind {
            ArgumentKind::Text => quote!(#private::Plain<'a, ::core::primitive::str>),
            ArgumentKind::Blob | ArgumentKind::Bytes => quote!(#private::BlobRef<'a>),
            ArgumentKind::Slice(item) => quote_spanned!(span=> #private::Plain<'a, [#item]>),
            ArgumentKind::Stream(_) => quote!(#private::Plain<'a, #private::StreamId>),
            ArgumentKind::Reference(ty) | ArgumentKind::Plain(ty) => {
                quote_spanned!(span=> #private::Plain<'a, #ty>)
            }
        };
        match self.optional {
            true => quote_spanned!(span=> #private::Maybe<#outgoing>),
            false => outgoing,
        }
    }

    fn wrap(&self, ty: TokenStream) -> TokenStream {
        match self.optional {
            true => quote_spanned!(self.span()=> ::core::option::Option<#ty>),
            false => ty,
        }
    }

    /// Whether it certainly can be serialised and deserialised.
    pub(crate) fn is_well_known(&self) -> bool {
        match &self.kind {
            ArgumentKind::Text
            | ArgumentKind::Blob
            | ArgumentKind::Bytes
            | ArgumentKind::Stream(_) => true,
            ArgumentKind::Slice(ty) | ArgumentKind::Reference(ty) | ArgumentKind::Plain(ty) => {
                WELL_KNOWN.iter().any(|name| is_path(ty, name))
            }
        }
    }

    /// Where the user's type inside has a lifetime, if it has one.
    pub(crate) fn lifetime(&self) -> Option<Span> {
        struct Found(Option<Span>);
        impl<'ast> Visit<'ast> for Found {
            fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
                self.0.get_or_insert(lifetime.span());
            }
        }
        let mut found = Found(None);
        match &self.kind {
            ArgumentKind::Slice(ty) | ArgumentKind::Reference(ty) | ArgumentKind::Plain(ty) => {
                found.visit_type(ty);
            }
            _ => {}
        }
        found.0
    }

    /// The user's type inside, which is what the compiler shall point at if it cannot travel.
    pub(crate) fn span(&self) -> Span {
        match &self.kind {
            ArgumentKind::Slice(ty)
            | ArgumentKind::Reference(ty)
            | ArgumentKind::Stream(ty)
            | ArgumentKind::Plain(ty) => ty.span(),
            ArgumentKind::Text | ArgumentKind::Blob | ArgumentKind::Bytes => Span::call_site(),
        }
    }
}

/// Types for which nobody has to look where they come from.
const WELL_KNOWN: [&str; 16] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32",
    "u64", "u128", "String",
];

impl ArgumentKind {
    fn of(ty: &Type) -> Self {
        let ty = peel(ty);
        if is_bytes(ty) {
            return ArgumentKind::Bytes;
        }
        if streamed(ty).is_some() {
            return ArgumentKind::Stream(ty.clone());
        }
        let Type::Reference(reference) = ty else {
            return ArgumentKind::Plain(ty.clone());
        };
        match peel(&reference.elem) {
            Type::Slice(slice) if is_path(&slice.elem, "u8") => ArgumentKind::Blob,
            Type::Slice(slice) => ArgumentKind::Slice((*slice.elem).clone()),
            ty if is_path(ty, "str") => ArgumentKind::Text,
            ty => ArgumentKind::Reference(ty.clone()),
        }
    }
}

impl ValueKind {
    pub(super) fn of(ty: &Type) -> Self {
        match option_value(ty) {
            _ if is_bytes(ty) => ValueKind::Bytes,
            Some(inner) if is_bytes(inner) => ValueKind::OptionalBytes,
            _ => ValueKind::Plain,
        }
    }
}

/// The `T` of `Result<T, E>` and of an alias `Result<T>`.
pub(super) fn result_value(ty: &Type) -> Option<&Type> {
    match generic_arguments(ty, "Result")?.as_slice() {
        [value] | [value, _] => Some(value),
        _ => None,
    }
}

/// The `T` of `Promise<T>`.
pub(super) fn promise_value(ty: &Type) -> Option<&Type> {
    match generic_arguments(ty, "Promise")?.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// The `E` of `Result<T, E>`.
pub(super) fn result_error(ty: &Type) -> Option<&Type> {
    match generic_arguments(ty, "Result")?.as_slice() {
        [_, error] => Some(error),
        _ => None,
    }
}

/// The `T` of `Option<T>`.
pub(crate) fn option_value(ty: &Type) -> Option<&Type> {
    match generic_arguments(ty, "Option")?.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// The `T` and `R` of `Stream<T, R>`; `R` is `()` where it is not written.
pub(crate) fn streamed(ty: &Type) -> Option<(Type, Type)> {
    match generic_arguments(ty, "Stream")?.as_slice() {
        [item] => Some(((*item).clone(), syn::parse_quote!(()))),
        [item, end] => Some(((*item).clone(), (*end).clone())),
        _ => None,
    }
}

/// `Vec<u8>`
fn is_bytes(ty: &Type) -> bool {
    match generic_arguments(ty, "Vec").as_deref() {
        Some([item]) => is_path(item, "u8"),
        _ => false,
    }
}

/// The type arguments of a path that ends in `name`.
fn generic_arguments<'a>(ty: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
    let Type::Path(path) = peel(ty) else {
        return None;
    };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    if last.ident != name {
        return None;
    }
    let types = arguments.args.iter().map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

fn is_path(ty: &Type, name: &str) -> bool {
    match peel(ty) {
        Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last();
            last.is_some_and(|last| last.ident == name && last.arguments.is_empty())
        }
        _ => false,
    }
}

/// The path of the crate, for errors that shall point somewhere else.
pub(crate) fn located_at(path: &Path, span: Span) -> TokenStream {
    let tokens = path.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    tokens.collect()
}

/// The type without parentheses, visible or not.
pub(crate) fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Paren(inner) => &inner.elem,
            Type::Group(inner) => &inner.elem,
            _ => return ty,
        };
    }
}
