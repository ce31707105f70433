//! Lifetimes in the types of arguments and results: what travels is owned, and so `'static`. Only an
//! argument as a whole is borrowed.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{GenericArgument, Lifetime, PathArguments, PathSegment, TypePath};

use crate::mistakes::Mistakes;
use crate::text;

/// Reports a path that borrows, if it does: once, whatever the number of its lifetimes.
pub(super) fn borrows(ty: &TypePath, mistakes: &mut Mistakes) -> bool {
    let borrows = ty.path.segments.iter().any(|segment| {
        let mut lifetimes = lifetimes(segment).peekable();
        // Of others nobody sees here whether they have one that was left out.
        let left_out = lifetimes.peek().is_none() && is_cow(segment);
        left_out || lifetimes.any(|lifetime| lifetime.ident != "static")
    });
    if !borrows {
        return false;
    }
    let owned = text::of(owned(ty.to_token_stream()));
    mistakes.add(
        ty,
        match ty.path.segments.last().is_some_and(is_cow) {
            true => format!("a `Cow` that travels owns what it has: write `{owned}`"),
            false => format!(
                "a type that travels owns what it has: write `{owned}`, with owned parts, such as `String` \
                 or `Cow<'static, str>` for a `&str`"
            ),
        },
    );
    true
}

fn lifetimes(segment: &PathSegment) -> impl Iterator<Item = &Lifetime> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    let arguments = arguments.into_iter().flatten();
    arguments.filter_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    })
}

/// `Cow<..>`
fn is_cow(segment: &PathSegment) -> bool {
    segment.ident == "Cow" && !segment.arguments.is_empty()
}

/// The type with `'static` for each lifetime, and where a `Cow` has none.
pub(super) fn owned(tokens: TokenStream) -> TokenStream {
    let mut owned = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    let mut cow = false;
    while let Some(token) = tokens.next() {
        let is_quote = is(&token, '\'');
        let opens = cow && is(&token, '<');
        cow = matches!(&token, TokenTree::Ident(ident) if ident == "Cow");
        match token {
            TokenTree::Group(group) => {
                let group = Group::new(group.delimiter(), self::owned(group.stream()));
                owned.extend([TokenTree::from(group)]);
            }
            token => owned.extend([token]),
        }
        if is_quote && tokens.next().is_some() {
            owned.extend(quote!(static));
        } else if opens && !tokens.peek().is_some_and(|next| is(next, '\'')) {
            owned.extend(quote!('static,));
        }
    }
    owned
}

fn is(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(token) if token.as_char() == punct)
}
