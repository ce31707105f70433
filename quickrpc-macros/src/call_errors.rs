//! `#[derive(CallErrors)]`: errors with codes.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Ident};

use crate::mistakes::Mistakes;

/// A variant of the enum, or the struct.
struct Variant<'a> {
    /// `Self::Name`, or `Self`.
    path: TokenStream,
    /// What it is called, and what its doc comment says.
    about: String,
    fields: &'a Fields,
    code: Option<Expr>,
}

pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let variants = match &input.data {
        Data::Enum(data) => {
            if let Some(attr) = input.attrs.iter().find(|attr| is_code(attr)) {
                mistakes.add(
                    attr,
                    "each variant has a code of its own: `#[code(..)]` on it",
                );
            }
            let variants = data.variants.iter().map(|variant| {
                let name = &variant.ident;
                Variant {
                    path: quote!(Self::#name),
                    about: about(name, &variant.attrs),
                    fields: &variant.fields,
                    code: code(&variant.attrs, &mut mistakes),
                }
            });
            variants.collect()
        }
        Data::Struct(data) => vec![Variant {
            path: quote!(Self),
            about: about(&input.ident, &input.attrs),
            fields: &data.fields,
            code: code(&input.attrs, &mut mistakes),
        }],
        Data::Union(_) => {
            mistakes.add(&input.ident, "an error is an enum or a struct");
            Vec::new()
        }
    };
    if !input.generics.params.is_empty() {
        mistakes.add(
            &input.generics,
            "both sides have to know the type: write an error without parameters",
        );
    }
    match mistakes.count() {
        0 => expand(&input.ident, &variants),
        _ => mistakes.into_compile_errors(),
    }
}

fn is_code(attr: &Attribute) -> bool {
    attr.path().is_ident("code")
}

/// The code that the attributes say.
fn code(attrs: &[Attribute], mistakes: &mut Mistakes) -> Option<Expr> {
    let mut found = None;
    for attr in attrs.iter().filter(|attr| is_code(attr)) {
        if found.is_some() {
            mistakes.add(attr, "one code is enough");
            continue;
        }
        match attr.parse_args::<Expr>() {
            Ok(code) => found = Some(code),
            Err(_) => mistakes.add(
                attr,
                "expected a number, as in `#[code(404)]` or `#[code(CallError::FORBIDDEN)]`",
            ),
        }
    }
    found
}

fn expand(name: &Ident, variants: &[Variant<'_>]) -> TokenStream {
    let krate = quote!(::quickrpc);
    let codes = variants.iter().map(|variant| {
        let path = &variant.path;
        match (&variant.code, only(variant.fields)) {
            (Some(code), _) => {
                let code = typed(code);
                quote!(#path { .. } => #code,)
            }
            (None, Some(field)) => {
                let member = member(field);
                quote! {
                    #path { #member: field } => {
                        #[allow(unused_imports, reason = "one of them fits")]
                        use #krate::__private::{FieldWithCode as _, FieldWithoutCode as _};
                        (&&#krate::__private::Field(field)).code()
                    }
                }
            }
            (None, None) => quote!(#path { .. } => #krate::CallError::HANDLER_ERROR,),
        }
    });
    let reads = variants.iter().map(|variant| read(&krate, variant));
    let known = variants.iter().map(|variant| known_codes(&krate, variant));
    quote! {
        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic, reason = "generated")]
        impl #krate::CallErrors for #name {
            fn code(&self) -> ::core::primitive::i64 {
                match self {
                    #(#codes)*
                    #[allow(unreachable_patterns, reason = "there may be no variant")]
                    _ => #krate::CallError::HANDLER_ERROR,
                }
            }

            fn from_code(error: &#krate::CallError) -> ::core::option::Option<Self> {
                #(#reads)*
                ::core::option::Option::None
            }

            fn codes() -> ::std::vec::Vec<(::core::primitive::i64, &'static ::core::primitive::str)> {
                #[allow(unused_mut, reason = "there may be no codes")]
                let mut codes = ::std::vec::Vec::new();
                #(#known)*
                codes
            }
        }

        #[automatically_derived]
        impl ::core::convert::From<#name> for #krate::CallError {
            fn from(error: #name) -> Self {
                #krate::CallError::__of_code(&error)
            }
        }

        #[automatically_derived]
        impl ::core::convert::From<#name> for #krate::Error {
            fn from(error: #name) -> Self {
                #krate::Error::Call(#krate::CallError::__of_code(&error))
            }
        }
    }
}

/// The name, and the doc comment behind it where there is one.
fn about(name: &Ident, attrs: &[Attribute]) -> String {
    let name = syn::ext::IdentExt::unraw(name).to_string();
    match crate::expand::plain_docs(attrs) {
        docs if docs.is_empty() => name,
        docs => format!("{name}: {docs}"),
    }
}

/// Adds the codes of a variant to those of the type.
fn known_codes(krate: &TokenStream, variant: &Variant<'_>) -> TokenStream {
    if let Some(code) = &variant.code {
        let (code, about) = (typed(code), &variant.about);
        return quote!(codes.push((#code, #about)););
    }
    let Some(field) = only(variant.fields) else {
        return TokenStream::new();
    };
    let (ty, private) = (&field.ty, quote!(#krate::__private));
    quote! {{
        #[allow(unused_imports, reason = "one of them fits")]
        use #private::{ReadsCode as _, ReadsNoCode as _};
        codes.extend((&&#private::FieldType::<#ty>(::core::marker::PhantomData)).codes());
    }}
}

/// A code, which is an `i64` or an error where it stands.
fn typed(code: &Expr) -> TokenStream {
    quote_spanned! {code.span()=> {
        const CODE: ::core::primitive::i64 = #code;
        CODE
    }}
}

/// The one field, if there is one.
fn only(fields: &Fields) -> Option<&syn::Field> {
    let mut all = fields.iter();
    match (all.next(), all.next()) {
        (Some(field), None) => Some(field),
        _ => None,
    }
}

fn member(field: &syn::Field) -> TokenStream {
    match &field.ident {
        Some(name) => quote!(#name),
        None => quote!(0),
    }
}

/// Returns the variant if the code is its own and its fields can be read.
fn read(krate: &TokenStream, variant: &Variant<'_>) -> TokenStream {
    let (path, private) = (&variant.path, quote!(#krate::__private));
    let Some(code) = &variant.code else {
        let Some(field) = only(variant.fields) else {
            return TokenStream::new();
        };
        let (member, ty) = (member(field), &field.ty);
        return quote! {{
            #[allow(unused_imports, reason = "one of them fits")]
            use #private::{ReadsCode as _, ReadsNoCode as _};
            let field = #private::FieldType::<#ty>(::core::marker::PhantomData);
            if let ::core::option::Option::Some(field) = (&&field).read(error) {
                return ::core::option::Option::Some(#path { #member: field });
            }
        }};
    };
    let code = typed(code);
    let names = (0..).map(|index| quote::format_ident!("field{index}"));
    let (mut members, mut values) = (Vec::new(), Vec::new());
    for ((index, field), local) in variant.fields.iter().enumerate().zip(names) {
        let ty = &field.ty;
        let value = match &field.ident {
            Some(name) => {
                let text = syn::ext::IdentExt::unraw(name).to_string();
                quote!(#private::field_named::<#ty>(error, #text))
            }
            None if variant.fields.len() == 1 => quote!(#private::only_field::<#ty>(error)),
            None => quote!(#private::field_at::<#ty>(error, #index)),
        };
        let member = match &field.ident {
            Some(name) => quote!(#name),
            None => {
                let index = syn::Index::from(index);
                quote!(#index)
            }
        };
        members.push(quote!(#member: #local));
        values.push(quote!(let ::core::option::Option::Some(#local) = #value));
    }
    quote! {
        if error.code == #code {
            let read = || -> ::core::option::Option<Self> {
                #(#values else { return ::core::option::Option::None; };)*
                ::core::option::Option::Some(#path { #(#members),* })
            };
            if let ::core::option::Option::Some(read) = read() {
                return ::core::option::Option::Some(read);
            }
        }
    }
}
