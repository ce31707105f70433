//! Source text of tokens, as a person would write it: `&str`, `Vec<u8>`, `Some(3)`.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens as one line of source text.
pub(crate) fn of(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    write(&mut text, tokens.into_token_stream());
    text
}

fn write(text: &mut String, tokens: TokenStream) {
    let mut tokens = tokens.into_iter().peekable();
    let mut pending = String::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => word(text, &ident.to_string()),
            TokenTree::Literal(literal) => word(text, &literal.to_string()),
            TokenTree::Punct(punct) => {
                pending.push(punct.as_char());
                if punct.spacing() == Spacing::Joint
                    && punct.as_char() != '\''
                    && let Some(TokenTree::Punct(next)) = tokens.peek()
                    && next.as_char() != '\''
                    && !matches!(next.as_char(), '&' | '<')
                {
                    continue;
                }
                operator(text, &pending, tokens.peek().is_none());
                pending.clear();
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => (" { ", " }"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(text, group.stream());
                text.push_str(close);
            }
        }
    }
}

/// Writes a word, with a blank where two of them would become one.
fn word(text: &mut String, word: &str) {
    if text.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | '"')) {
        text.push(' ');
    }
    text.push_str(word);
}

fn operator(text: &mut String, operator: &str, last: bool) {
    match operator {
        "," | ";" | ":" => {
            text.push_str(operator);
            if !last {
                text.push(' ');
            }
        }
        "->" | "=>" | "=" | "==" | "+" | "||" | "&&" if !text.is_empty() && !last => {
            text.push(' ');
            text.push_str(operator);
            text.push(' ');
        }
        _ => text.push_str(operator),
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn writes_types_and_expressions_as_a_person_would() {
        for text in [
            "&str",
            "&[u8]",
            "Vec<u8>",
            "Option<&[Point]>",
            "HashMap<String, Vec<Option<i64>>>",
            "[u8; 4]",
            "(i64, f64)",
            "std::time::Duration",
            "Result<T, Box<dyn Error + Send>>",
            "-1",
            "Some(3)",
            "\"a b\"",
            "b\"abc\".to_vec()",
            "Point { x: 1, y: -2 }",
            "Point::new(1, 2)",
            "vec![1, 2]",
            "Duration::from_secs(5)",
            "&mut self",
        ] {
            let tokens: proc_macro2::TokenStream = text.parse().expect("valid tokens");
            assert_eq!(of(tokens), text);
        }
    }
}
