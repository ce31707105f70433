//! `#[cfg(..)]` and `#[cfg_attr(..)]` on calls and arguments.
//!
//! An attribute macro gets its item before the compiler has decided these. So it has them
//! decided: it hands the trait on to itself, below one `#[cfg_attr(condition, doc = "..")]`
//! for each condition, which the compiler decides first. Which of them have become doc
//! comments when the trait is back says which conditions hold, and nothing behind this
//! stage ever sees a condition.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, FnArg, ItemTrait, Lit, Meta, Path, Token, TraitItem};

/// Begins each text that is handed on; alone, it says that the conditions are decided.
const MARK: &str = "decided by quickrpc:";

/// Takes out of the trait what is not there under the conditions that hold. If it has
/// conditions that are not decided yet, gives the code that comes back with them decided.
pub(super) fn decide(
    options: &TokenStream,
    krate: Option<Path>,
    item: &mut ItemTrait,
) -> Option<TokenStream> {
    if let Some(holding) = take_marks(&mut item.attrs) {
        let mut number = 0;
        visit(item, &mut |_| {
            let holds = holding.contains(&number);
            number += 1;
            holds
        });
    }
    // With all of them taken for true in a copy, nothing that is counted goes.
    let mut conditions = Vec::new();
    visit(&mut item.clone(), &mut |condition| {
        conditions.push(condition);
        true
    });
    if conditions.is_empty() {
        return None;
    }
    let krate = krate.map_or_else(|| quote!(::quickrpc), Path::into_token_stream);
    let marks = conditions.iter().enumerate().map(|(number, condition)| {
        let mark = format!("{MARK}{number}");
        quote_spanned!(condition.span()=> #[cfg_attr(#condition, doc = #mark)])
    });
    Some(quote! {
        #[doc = #MARK]
        #(#marks)*
        #[#krate::remote_api(#options)]
        #item
    })
}

/// The numbers of the conditions that hold; `None` if none was asked for yet.
fn take_marks(attrs: &mut Vec<Attribute>) -> Option<Vec<usize>> {
    let mut holding = None;
    attrs.retain(|attr| {
        let Some(number) = mark(attr) else {
            return true;
        };
        holding
            .get_or_insert_with(Vec::new)
            .extend(number.parse::<usize>());
        false
    });
    holding
}

/// What stands behind the mark, if the attribute is one of ours.
fn mark(attr: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attr.meta else {
        return None;
    };
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = &pair.value
    else {
        return None;
    };
    let text = text.value();
    text.strip_prefix(MARK).map(ToOwned::to_owned)
}

/// Decides all conditions of calls and arguments, in the order in which they are written.
fn visit(item: &mut ItemTrait, holds: &mut dyn FnMut(TokenStream) -> bool) {
    item.items.retain_mut(|item| {
        let TraitItem::Fn(method) = item else {
            return true;
        };
        let stays = resolve(&mut method.attrs, holds);
        let inputs = std::mem::take(&mut method.sig.inputs).into_iter();
        method.sig.inputs = inputs
            .filter_map(|mut input| match &mut input {
                FnArg::Typed(argument) => resolve(&mut argument.attrs, holds).then_some(input),
                _ => Some(input),
            })
            .collect();
        stays
    });
}

/// Decides the conditions among these attributes; whether what they are on stays.
fn resolve(attrs: &mut Vec<Attribute>, holds: &mut dyn FnMut(TokenStream) -> bool) -> bool {
    let mut stays = true;
    let mut resolved = Vec::new();
    for attr in std::mem::take(attrs) {
        match Conditional::of(&attr) {
            None => resolved.push(attr),
            Some(Conditional { condition, then }) => match (holds(condition), then) {
                (holds, None) => stays &= holds,
                (true, Some(metas)) => resolved.extend(metas.into_iter().map(|meta| Attribute {
                    meta,
                    ..attr.clone()
                })),
                (false, Some(_)) => {}
            },
        }
    }
    *attrs = resolved;
    stays
}

/// An attribute with a condition.
struct Conditional {
    condition: TokenStream,
    /// The attributes of `#[cfg_attr(..)]`.
    then: Option<Vec<Meta>>,
}

impl Conditional {
    /// `None` as well for one that is malformed, which is reported where attributes are read.
    fn of(attr: &Attribute) -> Option<Self> {
        let Meta::List(list) = &attr.meta else {
            return None;
        };
        let is_cfg = attr.path().is_ident("cfg");
        if !is_cfg && !attr.path().is_ident("cfg_attr") {
            return None;
        }
        let parse = |input: ParseStream| {
            let mut condition = TokenStream::new();
            while !input.is_empty() && !input.peek(Token![,]) {
                condition.extend([input.parse::<proc_macro2::TokenTree>()?]);
            }
            let comma: Option<Token![,]> = input.parse()?;
            let metas = Punctuated::<Meta, Token![,]>::parse_terminated(input)?;
            Ok((condition, comma.is_some(), metas))
        };
        let (condition, comma, metas) = parse.parse2(list.tokens.clone()).ok()?;
        let condition = super::groups::open(condition);
        let well_formed = match is_cfg {
            true => metas.is_empty(),
            false => comma,
        };
        (well_formed && !condition.is_empty()).then(|| Conditional {
            condition,
            then: (!is_cfg).then(|| metas.into_iter().collect()),
        })
    }
}
