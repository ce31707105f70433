//! Where the parts of a terse line are.
//!
//! Everything here takes the line and a place in it, and gives places; what is between
//! them is read elsewhere.

use std::ops::Range;
use std::slice::SliceIndex;

use crate::wire::codec::envelope::DecodeError;

/// A part of the line; empty if there is none.
pub(crate) fn part(text: &str, range: impl SliceIndex<str, Output = str>) -> &str {
    text.get(range).unwrap_or_default()
}

/// The first place from `at` on that is no blank.
pub(crate) fn skip_blanks(text: &str, at: usize) -> usize {
    text.len() - part(text, at..).trim_ascii_start().len()
}

/// Whether this can be the name of a method, and nothing but that.
pub(crate) fn is_method(name: &str) -> bool {
    is_plain(name)
        || (!name.is_empty() && !name.contains(ends_method) && !name.contains(char::is_control))
}

/// Whether it is a name as they nearly always are, of which no character has to be looked up.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The name of a method that begins at `at`; empty if none does.
pub(crate) fn method(text: &str, at: usize) -> Range<usize> {
    let rest = part(text, at..);
    at..at + rest.find(ends_method).unwrap_or(rest.len())
}

fn ends_method(c: char) -> bool {
    c.is_whitespace() || matches!(c, '[' | ']' | '/' | ':' | '"' | '\'' | '{' | '}')
}

/// The id of a call whose name ends at `at`, and where its arguments begin.
pub(crate) fn id_of_call(
    text: &str,
    at: usize,
) -> Result<(Option<Range<usize>>, usize), DecodeError> {
    match text.as_bytes().get(at) {
        None => Ok((None, at)),
        Some(byte) if byte.is_ascii_whitespace() => Ok((None, at)),
        Some(b'[') => {
            let id = bracket(text, at)?;
            let rest = id.end + 1;
            Ok((Some(id), rest))
        }
        Some(b'/') => {
            let id = part(text, at + 1..);
            let length = id.find(|c: char| c.is_ascii_whitespace());
            let end = at + 1 + length.unwrap_or(id.len());
            Ok((Some(at + 1..end), end))
        }
        Some(_) => Err(DecodeError::new(
            "expected a blank or an id such as `[1]` behind the name of the method",
            at,
        )),
    }
}

/// The id between brackets; `at` is the opening one.
pub(crate) fn bracket(text: &str, at: usize) -> Result<Range<usize>, DecodeError> {
    match part(text, at..).find(']') {
        Some(length) => Ok(at + 1..at + length),
        None => Err(DecodeError::new("expected `]` behind the id", text.len())),
    }
}

/// Why this cannot be the id of a call, if it cannot. It is echoed between brackets.
pub(crate) fn wrong_id(id: &str, limit: usize) -> Option<String> {
    if id.is_empty() {
        return Some(String::from("expected an id, such as `1`"));
    }
    if id.len() > limit {
        return Some(format!("an id may have {limit} bytes"));
    }
    let wrong = id.contains(|c: char| c == '[' || c == ']' || c.is_control());
    wrong.then(|| String::from("an id cannot contain brackets or control characters"))
}

/// The name of the pair that begins at `at`, if one does: a bare name and a colon.
pub(crate) fn name_of_pair(text: &str, at: usize) -> Option<Range<usize>> {
    let name = method(text, at);
    let colon = text.as_bytes().get(skip_blanks(text, name.end));
    (!name.is_empty() && colon == Some(&b':')).then_some(name)
}

/// Where the number ends that begins at `at`, if one does.
///
/// An exponent without a sign counts only if it is not the beginning of a word: Python
/// always writes the sign, and `e2e` may be the name of a method.
pub(crate) fn number(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut end = at + usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
    let whole = digits(end);
    end += whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let signed = matches!(bytes.get(end + 1), Some(b'-' | b'+'));
        let start = end + 1 + usize::from(signed);
        let exponent = digits(start);
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        if exponent > 0 && (signed || !bytes.get(start + exponent).is_some_and(word)) {
            end = start + exponent;
        }
    }
    Some(end)
}
