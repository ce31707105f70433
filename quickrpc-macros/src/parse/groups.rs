//! What arrives through `macro_rules!`: `prefix = $prefix`.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Attribute, Expr, FnArg, ItemTrait, Meta, ReturnType, TraitItem, Type};

/// Takes the invisible groups out of a declaration, types excepted, which have an eye for
/// them.
pub(super) fn settle(item: &mut ItemTrait) {
    item.attrs.iter_mut().for_each(settle_attr);
    for item in &mut item.items {
        let TraitItem::Fn(method) = item else {
            continue;
        };
        method.attrs.iter_mut().for_each(settle_attr);
        for input in &mut method.sig.inputs {
            if let FnArg::Typed(argument) = input {
                argument.attrs.iter_mut().for_each(settle_attr);
                visible_lengths(&mut argument.ty);
            }
        }
        if let ReturnType::Type(_, ty) = &mut method.sig.output {
            visible_lengths(ty);
        }
    }
}

/// The tokens without the invisible groups in which `macro_rules!` hands on a `$fragment`,
/// and in which a literal is no literal to whoever looks for one.
///
/// For what has no operators only: see [`visible`].
pub(super) fn open(tokens: TokenStream) -> TokenStream {
    let opened = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) if is_invisible(&group) => open(group.stream()),
        TokenTree::Group(group) => with(&group, open(group.stream())),
        token => token.into(),
    });
    opened.collect()
}

/// An expression with parentheses in the place of invisible groups, where it takes them: the
/// compiler does not see the groups in what a macro like ours makes, so that `$a * 2` would
/// become `1 + 2 * 2`.
fn visible(tokens: TokenStream) -> TokenStream {
    let mut tokens: Vec<_> = tokens.into_iter().collect();
    while let [TokenTree::Group(group)] = tokens.as_slice()
        && is_invisible(group)
    {
        tokens = group.stream().into_iter().collect();
    }
    let visible = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) if is_invisible(&group) => {
            let inner = visible(group.stream());
            if !has_operators(&inner) {
                return inner;
            }
            let mut parentheses = Group::new(Delimiter::Parenthesis, inner);
            // Nobody wrote them, so that nobody shall be told that there are too many.
            parentheses.set_span(Span::call_site().located_at(group.span()));
            TokenTree::Group(parentheses).into()
        }
        TokenTree::Group(group) => with(&group, visible(group.stream())),
        token => token.into(),
    });
    visible.collect()
}

/// The same for the expressions in a type: lengths of arrays, and constants in braces.
fn visible_lengths(ty: &mut Type) {
    if let Ok(visible) = syn::parse2(lengths(ty.to_token_stream())) {
        *ty = visible;
    }
}

fn lengths(tokens: TokenStream) -> TokenStream {
    let looked_at = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => match group.delimiter() {
            Delimiter::Brace => with(&group, visible(group.stream())),
            Delimiter::Bracket => {
                let mut inner = group.stream().into_iter();
                let item = inner.by_ref().take_while(|token| !is_semicolon(token));
                let mut looked_at = lengths(item.collect());
                let length = visible(inner.collect());
                if !length.is_empty() {
                    looked_at.extend(quote!(; #length));
                }
                with(&group, looked_at)
            }
            _ => with(&group, lengths(group.stream())),
        },
        token => token.into(),
    });
    looked_at.collect()
}

/// Whether something beside it could take a part of it.
fn has_operators(tokens: &TokenStream) -> bool {
    match syn::parse2(tokens.clone()) {
        Ok(expr) => matches!(
            expr,
            Expr::Assign(_)
                | Expr::Binary(_)
                | Expr::Cast(_)
                | Expr::Closure(_)
                | Expr::If(_)
                | Expr::Match(_)
                | Expr::Range(_)
                | Expr::Reference(_)
                | Expr::Unary(_)
        ),
        Err(_) => false,
    }
}

fn is_semicolon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';')
}

fn is_invisible(group: &Group) -> bool {
    group.delimiter() == Delimiter::None
}

/// The group with something else in it.
fn with(group: &Group, inner: TokenStream) -> TokenStream {
    let mut new = Group::new(group.delimiter(), inner);
    new.set_span(group.span());
    TokenTree::Group(new).into()
}

/// An attribute of which only what is an expression keeps what groups say.
fn settle_attr(attr: &mut Attribute) {
    if attr.path().is_ident("default") {
        if let Meta::List(list) = &mut attr.meta {
            list.tokens = visible(std::mem::take(&mut list.tokens));
        }
    } else if !attr.path().is_ident("cfg_attr")
        && let Ok(meta) = syn::parse2(open(attr.meta.to_token_stream()))
    {
        attr.meta = meta;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(tokens: TokenStream) -> TokenTree {
        TokenTree::Group(Group::new(Delimiter::None, tokens))
    }

    #[test]
    fn what_is_no_expression_is_opened() {
        let literal = fragment(fragment(quote!("lab.")).into());
        let opened = open(quote!(a(prefix = #literal)));
        assert_eq!(opened.to_string(), quote!(a(prefix = "lab.")).to_string());
    }

    #[test]
    fn operators_stay_together() {
        let (sum, name) = (fragment(quote!(1 + 2)), fragment(quote!(a.b)));
        let text = |tokens| visible(tokens).to_string();
        assert_eq!(text(quote!(#sum * 2)), quote!((1 + 2) * 2).to_string());
        assert_eq!(
            text(quote!(vec![#sum, -#name])),
            quote!(vec![(1 + 2), -a.b]).to_string()
        );
        assert_eq!(text(fragment(sum.into()).into()), quote!(1 + 2).to_string());
    }

    #[test]
    fn lengths_of_arrays_are_expressions() {
        let (sum, item) = (fragment(quote!(1 + 2)), fragment(quote!(&str)));
        let mut ty = syn::parse2(quote!(Option<[#item; #sum * 2]>)).expect("a type");
        visible_lengths(&mut ty);
        assert_eq!(
            crate::text::of(ty),
            crate::text::of(quote!(Option<[&str; (1 + 2) * 2]>))
        );
    }
}
