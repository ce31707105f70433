//! Doc comments: the user's, forwarded, and ours.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::model::Call;

/// One `#[doc]` attribute with the text.
pub(super) fn doc(text: impl AsRef<str>) -> TokenStream {
    let text = text.as_ref();
    quote!(#[doc = #text])
}

/// The user's doc comment, and below it a paragraph of ours.
pub(super) fn with_note(docs: &[Attribute], note: &str) -> TokenStream {
    let note = doc(note);
    if has_text(docs) {
        let blank = doc("");
        quote!(#(#docs)* #blank #note)
    } else {
        quote!(#(#docs)* #note)
    }
}

/// The user's doc comment of a call, and below it a paragraph of ours.
pub(super) fn of_call(call: &Call, note: &str) -> TokenStream {
    match &call.role {
        Some(role) => with_note(
            &call.docs,
            &format!("{note} The caller needs the role `{role}`."),
        ),
        None => with_note(&call.docs, note),
    }
}

/// The same with a list of those arguments that are documented.
pub(super) fn call(call: &Call, note: &str) -> TokenStream {
    let main = of_call(call, note);
    if !call
        .arguments
        .iter()
        .any(|argument| has_text(&argument.docs))
    {
        return main;
    }
    let items = call
        .arguments
        .iter()
        .filter(|argument| has_text(&argument.docs))
        .map(|argument| {
            let bullet = doc(format!("* `{}`:", argument.name));
            let lines = argument.docs.iter().map(|attr| match literal(attr) {
                Some(text) => doc(format!("  {}", text.trim())),
                None => quote!(#attr),
            });
            quote!(#bullet #(#lines)*)
        });
    let (blank, heading) = (doc(""), doc("# Arguments"));
    quote!(#main #blank #heading #blank #(#items)*)
}

/// The doc comment as an expression of type `&'static str`.
pub(super) fn text(docs: &[Attribute]) -> TokenStream {
    let parts: Vec<&Expr> = docs.iter().filter_map(value).collect();
    let literals: Option<Vec<String>> = docs
        .iter()
        .filter(|attr| value(attr).is_some())
        .map(literal)
        .collect();
    match literals {
        Some(lines) => {
            let text = unindent(&lines.join("\n"));
            quote!(#text)
        }
        // `#[doc = include_str!(..)]`
        None => quote!(::core::concat!(#(#parts, "\n"),*)),
    }
}

/// The doc comment as far as it is written out, for a macro that makes a text of it.
pub(crate) fn plain(docs: &[Attribute]) -> String {
    let docs = docs.iter().filter(|attr| attr.path().is_ident("doc"));
    let lines: Vec<String> = docs.filter_map(literal).collect();
    unindent(&lines.join("\n"))
}

/// Takes away the blank that everybody writes behind `///`.
fn unindent(text: &str) -> String {
    let indented = text
        .lines()
        .all(|line| line.is_empty() || line.starts_with(' '));
    let lines = text.lines().map(|line| match indented {
        true => line.strip_prefix(' ').unwrap_or(line),
        false => line,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn has_text(docs: &[Attribute]) -> bool {
    docs.iter().any(|attr| value(attr).is_some())
}

/// What stands right of `=` in `#[doc = ".."]`.
fn value(attr: &Attribute) -> Option<&Expr> {
    match &attr.meta {
        Meta::NameValue(pair) => Some(&pair.value),
        _ => None,
    }
}

fn literal(attr: &Attribute) -> Option<String> {
    match value(attr)? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::unindent;

    #[test]
    fn doc_comments_lose_the_blank_behind_the_slashes() {
        assert_eq!(unindent(" A.\n\n B.\n     code"), "A.\n\nB.\n    code");
        assert_eq!(unindent("A.\n  b"), "A.\n  b");
        assert_eq!(unindent(""), "");
    }
}
