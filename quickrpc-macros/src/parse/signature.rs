//! The signature of a call.

use proc_macro2::TokenStream;
use quote::format_ident;
use syn::visit::Visit;
use syn::{
    FnArg, GenericParam, Ident, Lifetime, Pat, ReceiverKind, ReturnType, Safety, Signature,
    TraitItemFn, Type,
};

use super::attr::{ArgumentAttrs, CallAttrs};
use crate::mistakes::Mistakes;

/// More arguments than this have no tuple to travel in.
pub(crate) const MAX_ARGUMENTS: usize = 16;

/// A method as it was declared.
pub(crate) struct DeclaredCall {
    pub(crate) name: Ident,
    pub(crate) attrs: CallAttrs,
    pub(crate) arguments: Vec<DeclaredArgument>,
    pub(crate) result: Option<Type>,
    /// Why no code can be generated for it, if so: the mistake as a type.
    pub(crate) poison: Option<TokenStream>,
}

/// An argument as it was declared.
pub(crate) struct DeclaredArgument {
    pub(crate) name: Ident,
    pub(crate) attrs: ArgumentAttrs,
    pub(crate) ty: Type,
}

impl DeclaredCall {
    pub(super) fn parse(method: TraitItemFn, mistakes: &mut Mistakes) -> Self {
        let name = method.sig.ident.clone();
        let before = mistakes.count();
        let attrs = CallAttrs::parse(method.attrs, &name, mistakes);
        let mut poison = match attrs.direction {
            Some(_) => None,
            None => mistakes.as_type(before),
        };
        if let Some(body) = &method.default {
            mistakes.add_at(
                body.brace_token.span.open(),
                "a call has no body here: what it does is said by `connect` or by `serve`; \
                 end it with `;`",
            );
        }
        check_qualifiers(&method.sig, mistakes);
        check_receiver(&method.sig, mistakes);
        let before = mistakes.count();
        check_generics(&method.sig, mistakes);
        let arguments = arguments(&method.sig, mistakes);
        if attrs.property {
            check_property(&method.sig, mistakes);
        }
        poison = poison.or_else(|| mistakes.as_type(before));
        DeclaredCall {
            name,
            attrs,
            arguments,
            result: match method.sig.output {
                ReturnType::Default => None,
                ReturnType::Type(_, ty) => Some(*ty),
            },
            poison,
        }
    }
}

fn check_qualifiers(sig: &Signature, mistakes: &mut Mistakes) {
    if let Some(token) = &sig.constness {
        mistakes.add(token, "a call cannot be `const`; write plain `fn`");
    }
    if let Some(token) = &sig.asyncness {
        mistakes.add(
            token,
            "a call is declared with plain `fn`: who sends it gets a `Promise`, which is a future, \
             and a handler may return one",
        );
    }
    match &sig.safety {
        Safety::Unsafe(token) => {
            mistakes.add(token, "a call cannot be `unsafe`; write plain `fn`");
        }
        Safety::Safe(token) => mistakes.add(token, "write plain `fn`"),
        _ => {}
    }
    if let Some(abi) = &sig.abi {
        mistakes.add(abi, "a call cannot be `extern`; write plain `fn`");
    }
}

fn check_generics(sig: &Signature, mistakes: &mut Mistakes) {
    let in_types = sig.generics.params.iter();
    let in_types = in_types.filter(
        |param| matches!(param, GenericParam::Lifetime(one) if is_written(&one.lifetime, sig)),
    );
    // A lifetime is reported in the type that has it.
    if in_types.count() < sig.generics.params.len() {
        mistakes.add(
            &sig.generics.params,
            "a call cannot be generic: both sides have to know its types; write concrete types, \
             and references without lifetimes",
        );
    }
    if let Some(clause) = &sig.generics.where_clause {
        mistakes.add(clause, "a call cannot have a `where` clause");
    }
    if let Some(variadic) = &sig.variadic {
        mistakes.add(variadic, "a call has a fixed number of arguments");
    }
}

/// Whether a lifetime stands in the types of a signature.
fn is_written(lifetime: &Lifetime, sig: &Signature) -> bool {
    struct Written<'a>(&'a Lifetime, bool);
    impl<'ast> Visit<'ast> for Written<'_> {
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.1 |= lifetime == self.0;
        }
    }
    let mut written = Written(lifetime, false);
    for input in &sig.inputs {
        if let FnArg::Typed(input) = input {
            written.visit_type(&input.ty);
        }
    }
    written.visit_return_type(&sig.output);
    written.1
}

fn check_receiver(sig: &Signature, mistakes: &mut Mistakes) {
    let Some(receiver) = sig.receiver() else {
        return mistakes.add(
            &sig.ident,
            format!("a call takes `&self` first: `fn {}(&self, ..)`", sig.ident),
        );
    };
    if !matches!(receiver.kind, ReceiverKind::Reference(_, None, None))
        || receiver.mutability.is_some()
    {
        let found = crate::text::of(receiver);
        mistakes.add(receiver, format!("a call takes `&self`, found `{found}`"));
    }
    if let Some(attr) = receiver.attrs.first() {
        mistakes.add(attr, "`&self` has no attributes");
    }
}

/// What a property has and has not.
fn check_property(sig: &Signature, mistakes: &mut Mistakes) {
    let name = &sig.ident;
    if let Some(argument) = sig
        .inputs
        .iter()
        .find(|input| matches!(input, FnArg::Typed(_)))
    {
        mistakes.add(
            argument,
            format!(
                "a property has no arguments: it is one value; several are several properties, and \
                 what depends on an argument is a call, `#[incoming] fn {name}(&self, ..)`"
            ),
        );
    }
    match &sig.output {
        ReturnType::Default => mistakes.add(
            name,
            format!("a property has a value: write its type, as in `fn {name}(&self) -> f64`"),
        ),
        ReturnType::Type(_, ty) => {
            if matches!(crate::model::peel(ty), Type::Tuple(tuple) if tuple.elems.is_empty()) {
                mistakes.add(
                    ty,
                    "a property of type `()` never changes; for an event declare a call without a \
                     return type",
                );
            }
            if crate::model::streamed(ty).is_some() {
                mistakes.add(
                    ty,
                    format!(
                        "a property is one value, whose changes are told: write its type; a stream \
                         is what a call returns, `#[incoming] fn {name}(&self) -> Stream<..>`"
                    ),
                );
            }
        }
    }
}

fn arguments(sig: &Signature, mistakes: &mut Mistakes) -> Vec<DeclaredArgument> {
    let mut arguments = Vec::new();
    for input in &sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        if arguments.len() == MAX_ARGUMENTS {
            mistakes.add(
                input,
                format!(
                    "`{}` has more than {MAX_ARGUMENTS} arguments, which is the most a call may \
                     have; put some into a struct",
                    sig.ident
                ),
            );
        }
        let name = name_of(&input.pat, mistakes);
        arguments.push(DeclaredArgument {
            name: name.unwrap_or_else(|| format_ident!("argument{}", arguments.len())),
            attrs: ArgumentAttrs::parse(input.attrs.clone(), mistakes),
            ty: (*input.ty).clone(),
        });
    }
    check_whole(&sig.ident, &arguments, mistakes);
    arguments
}

/// What an argument is that is all that is sent.
fn check_whole(call: &Ident, arguments: &[DeclaredArgument], mistakes: &mut Mistakes) {
    for argument in arguments {
        let Some(attr) = &argument.attrs.whole else {
            continue;
        };
        if arguments.len() > 1 {
            mistakes.add(
                attr,
                format!(
                    "`#[whole]` is all that `{call}` sends, so that it is for the only argument, \
                     and `{call}` has {}; put them into a struct",
                    arguments.len()
                ),
            );
        }
        if argument.attrs.default.is_some() {
            mistakes.add(
                attr,
                "what is `#[whole]` is never missing, and so needs no `#[default]`",
            );
        }
    }
}

/// The name of an argument, which travels, and so has to be one.
fn name_of(pat: &Pat, mistakes: &mut Mistakes) -> Option<Ident> {
    match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
            if let Some(token) = &pat.mutability {
                mistakes.add(token, "an argument is declared without `mut`");
            }
            return Some(pat.ident.clone());
        }
        Pat::Wild(_) => mistakes.add(
            pat,
            "an argument needs a name, since it travels by name; to leave it unused, begin the name \
             with `_` and give the name on the wire with `#[name = \"..\"]`",
        ),
        _ => mistakes.add(pat, "an argument is a name, not a pattern"),
    }
    None
}
