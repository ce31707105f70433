//! First stage: from tokens to a [`Declaration`], still in the user's terms.

mod attr;
mod conditions;
mod groups;
mod options;
mod signature;
mod subscription;

use proc_macro2::TokenStream;
use syn::{Attribute, Ident, Item, ItemTrait, TraitItem, Visibility};

pub(crate) use attr::{CallAttrs, Default, Lints};
pub(crate) use options::Options;
pub(crate) use signature::{DeclaredArgument, DeclaredCall};
pub(crate) use subscription::{Convention, Subscription};

use crate::mistakes::Mistakes;

/// A trait as it was declared.
pub(crate) struct Declaration {
    pub(crate) options: Options,
    pub(crate) name: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) allows: Vec<Attribute>,
    pub(crate) calls: Vec<DeclaredCall>,
}

/// What came of reading a trait.
pub(crate) enum Parsed {
    Declaration(Declaration),
    /// Code by which the trait comes again, with its conditions decided.
    Again(TokenStream),
}

impl Declaration {
    /// Reads the trait below `#[remote_api(options)]`.
    ///
    /// # Errors
    ///
    /// Only what leaves nothing to go on with: an item that is no trait.
    pub(crate) fn parse(
        tokens: TokenStream,
        item: TokenStream,
        mistakes: &mut Mistakes,
    ) -> syn::Result<Parsed> {
        let tokens = groups::open(tokens);
        let options = Options::parse(tokens.clone(), mistakes);
        let mut item = match syn::parse2::<Item>(item)? {
            Item::Trait(item) => item,
            other => return Err(not_a_trait(&other)),
        };
        // Before it is handed on, by which groups are lost; what a condition has hidden is
        // seen when it is back.
        groups::settle(&mut item);
        if let Some(again) = conditions::decide(&tokens, options.krate.clone(), &mut item) {
            return Ok(Parsed::Again(again));
        }
        groups::settle(&mut item);
        check_trait(&item, mistakes);
        let (docs, allows) = attr::trait_attrs(item.attrs, mistakes);
        let mut calls = Vec::new();
        for item in item.items {
            if let Some(method) = only_method(item, mistakes) {
                calls.push(DeclaredCall::parse(method, mistakes));
            }
        }
        Ok(Parsed::Declaration(Declaration {
            options,
            name: item.ident,
            visibility: item.vis,
            docs,
            allows,
            calls,
        }))
    }
}

fn not_a_trait(item: &Item) -> syn::Error {
    let what = match item {
        Item::Struct(_) => "a struct",
        Item::Enum(_) => "an enum",
        Item::Fn(_) => "a function",
        Item::Impl(_) => "an impl block; declare the API as a trait",
        Item::Mod(_) => "a module",
        Item::TraitAlias(_) => "a trait alias",
        _ => "something else",
    };
    syn::Error::new(
        proc_macro2::Span::call_site(),
        format!("`#[remote_api]` goes on a trait, and this is {what}"),
    )
}

/// What a trait may have and an API may not.
fn check_trait(item: &ItemTrait, mistakes: &mut Mistakes) {
    if let Some(token) = &item.unsafety {
        mistakes.add(token, "an API cannot be an `unsafe` trait");
    }
    if let Some(token) = &item.modifiers.auto_token {
        mistakes.add(token, "an API cannot be an `auto` trait");
    }
    if !item.generics.params.is_empty() {
        mistakes.add(
            &item.generics.params,
            "an API cannot be generic: both sides have to know the types; write concrete types",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        mistakes.add(clause, "an API cannot have a `where` clause");
    }
    if !item.supertraits.is_empty() {
        mistakes.add(
            &item.supertraits,
            "an API cannot have supertraits: the trait itself is replaced by generated types; \
             declare all calls in one trait",
        );
    }
}

fn only_method(item: TraitItem, mistakes: &mut Mistakes) -> Option<syn::TraitItemFn> {
    const ALLOWED: &str = "an API consists of methods marked `#[incoming]` or `#[outgoing]`";
    match item {
        TraitItem::Fn(method) => return Some(method),
        TraitItem::Const(item) => mistakes.add(
            &item.ident,
            format!("associated constants do not travel; {ALLOWED}"),
        ),
        TraitItem::Type(item) => mistakes.add(
            &item.ident,
            format!("associated types do not travel; {ALLOWED}"),
        ),
        TraitItem::Macro(item) => mistakes.add(
            &item.mac.path,
            format!("macros are not expanded here; {ALLOWED}"),
        ),
        other => mistakes.add(other, ALLOWED),
    }
    None
}
