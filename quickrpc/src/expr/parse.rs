//! The grammar that all expressions share: `shorthand:parameters?key=value&key=value`,
//! with parentheses of four kinds.

use super::registry;
use crate::base::expr_error::{ExprKind, Wrong, found, nearest};

/// What parsing gives before the whole text is known to the error.
pub(super) type Parsed<T> = Result<T, Wrong>;

/// A part of an expression that knows where it stands in the whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Piece<'a> {
    pub(super) fn whole(text: &'a str) -> Self {
        Piece { text, at: 0 }
    }

    pub(super) fn end(self) -> usize {
        self.at + self.text.len()
    }

    /// The parts before and after the byte offset, which must be a character boundary.
    pub(super) fn split_at(self, offset: usize) -> (Piece<'a>, Piece<'a>) {
        let (head, tail) = self.text.split_at(offset);
        let tail = Piece {
            text: tail,
            at: self.at + offset,
        };
        (
            Piece {
                text: head,
                at: self.at,
            },
            tail,
        )
    }

    /// The parts before and after the first separator; `None` where there is none.
    pub(super) fn split_once(self, separator: char) -> Option<(Piece<'a>, Piece<'a>)> {
        let offset = self.text.find(separator)?;
        let (head, tail) = self.split_at(offset);
        Some((head, tail.split_at(separator.len_utf8()).1))
    }

    /// All parts between the separators; at least one.
    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Piece<'a>> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let piece = rest?;
            match piece.split_once(separator) {
                Some((head, tail)) => {
                    rest = Some(tail);
                    Some(head)
                }
                None => rest.take(),
            }
        })
    }
}

/// Splits `shorthand:parameters` at the first colon.
pub(super) fn split_shorthand(piece: Piece<'_>) -> (Piece<'_>, Piece<'_>) {
    piece
        .split_once(':')
        .unwrap_or_else(|| piece.split_at(piece.text.len()))
}

/// Cuts off the options: what follows the last `?` outside parentheses that is followed
/// by `key=`. Without the `?`; `None` where there are no options.
pub(super) fn split_options(piece: Piece<'_>) -> (Piece<'_>, Option<Piece<'_>>) {
    let bytes = piece.text.as_bytes();
    let closers = matching(bytes);
    let (mut i, mut last) = (0, None);
    while i < bytes.len() {
        if let Some(closer) = closers[i] {
            i = closer;
        } else if bytes[i] == b'?' && starts_with_key(&bytes[i + 1..]) {
            last = Some(i);
        }
        i += 1;
    }
    match last {
        None => (piece, None),
        Some(at) => {
            let (body, rest) = piece.split_at(at);
            (body, Some(rest.split_at(1).1))
        }
    }
}

fn starts_with_key(bytes: &[u8]) -> bool {
    let length = bytes.iter().take_while(|byte| in_key(**byte)).count();
    length > 0 && bytes.get(length) == Some(&b'=')
}

/// What the key of an option is made of.
pub(super) fn in_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// For each opening parenthesis that is closed, where. As in the original, only
/// parentheses of the same kind count: `(a [ b)` is closed. An opening one that is never
/// closed is an ordinary character, so that it may stand in a path.
fn matching(bytes: &[u8]) -> Vec<Option<usize>> {
    let mut closers = vec![None; bytes.len()];
    for (open, close) in PARENTHESES {
        let mut opened = Vec::new();
        for (i, byte) in bytes.iter().enumerate() {
            if *byte == open {
                opened.push(i);
            } else if *byte == close
                && let Some(at) = opened.pop()
            {
                closers[at] = Some(i);
            }
        }
    }
    closers
}

/// Whether the expression starts with a parenthesis of any kind.
pub(super) fn starts_with_parenthesis(piece: Piece<'_>) -> bool {
    closing_for(piece).is_some()
}

fn closing_for(piece: Piece<'_>) -> Option<(u8, u8)> {
    let first = *piece.text.as_bytes().first()?;
    PARENTHESES.into_iter().find(|(open, _)| *open == first)
}

/// Takes the parenthesised part from the front: what is in it, and what follows it.
pub(super) fn take_parenthesised<'a>(
    piece: Piece<'a>,
    expected: &str,
) -> Parsed<(Piece<'a>, Piece<'a>)> {
    let Some((open, close)) = closing_for(piece) else {
        let message = format!("expected {expected}, {}", found(piece.text));
        return Err(Wrong::new(piece.at, message));
    };
    let mut depth = 0_usize;
    for (i, byte) in piece.text.bytes().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                let (inside, rest) = piece.split_at(i);
                return Ok((inside.split_at(1).1, rest.split_at(1).1));
            }
        }
    }
    let message = format!("this `{}` is never closed", char::from(open));
    Err(Wrong::new(piece.at, message))
}

/// # Errors
///
/// Where there is more.
pub(super) fn expect_end(rest: Piece<'_>) -> Parsed<()> {
    if rest.text.is_empty() {
        return Ok(());
    }
    let message = format!(
        "expected the end or `?key=value` here, {}",
        found(rest.text)
    );
    Err(Wrong::new(rest.at, message))
}

/// Whether the text can stand for itself as a parameter wherever `Display` puts it, that
/// is within `(` and `)` and before options. What cannot is written as an option.
pub(super) fn is_tame(text: &str) -> bool {
    is_tame_within_parentheses(text) && split_options(Piece::whole(text)).1.is_none()
}

/// The same for a text that has parentheses of its own, in which it may look like options.
pub(super) fn is_tame_within_parentheses(text: &str) -> bool {
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return false,
            ')' => depth -= 1,
            c if c.is_control() => return false,
            _ => {}
        }
    }
    depth == 0
}

/// Reads the escapes `\n \r \t \0 \xNN \\`; anything else after a backslash is an error.
pub(super) fn unescape(piece: Piece<'_>) -> Parsed<String> {
    let mut text = String::with_capacity(piece.text.len());
    let mut rest = piece;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain.text);
        let (c, length) = read_escape(escape.text).ok_or_else(|| {
            let end = escape.text.char_indices().nth(1).map_or(0, |(end, _)| end);
            let message = format!(
                "expected one of the escapes {ESCAPES}, found `\\{}`",
                escape.text.get(..end.max(1)).unwrap_or(escape.text)
            );
            Wrong::new(plain.end(), message)
        })?;
        text.push(c);
        rest = escape.split_at(length).1;
    }
    text.push_str(rest.text);
    Ok(text)
}

fn read_escape(text: &str) -> Option<(char, usize)> {
    Some(match text.as_bytes().first()? {
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'0' => ('\0', 1),
        b'\\' => ('\\', 1),
        b'x' => {
            let digits = text.get(1..3)?;
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let code = u8::from_str_radix(digits, 16).ok()?;
            (code.is_ascii().then_some(code)?.into(), 3)
        }
        _ => return None,
    })
}

/// Where a backslash in a path with escapes was meant to separate names: it stands for neither
/// itself nor something that cannot be written otherwise.
pub(super) fn stray_backslash(path: &str) -> Option<usize> {
    let mut rest = path;
    while let Some((_, escape)) = rest.split_once('\\') {
        let needed = |c: char| c == '\\' || must_be_escaped(c);
        match read_escape(escape) {
            Some((c, length)) if needed(c) => rest = escape.get(length..).unwrap_or_default(),
            _ => return Some(path.len() - escape.len() - 1),
        }
    }
    None
}

/// What means something in an expression.
fn must_be_escaped(c: char) -> bool {
    matches!(c, '?' | '&' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>')
}

/// Writes the text so that [`unescape`] gives it back, without any character that means
/// something in an expression.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\\' => out.push_str("\\\\"),
            c if must_be_escaped(c) || c.is_ascii_control() => push_hex(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// Writes an ASCII character as `\xNN`.
pub(super) fn push_hex(out: &mut String, c: char) {
    out.push_str(&format!("\\x{:02x}", u32::from(c)));
}

/// The error for a shorthand that nobody has.
pub(super) fn unknown_shorthand(kind: ExprKind, shorthand: Piece<'_>) -> Wrong {
    let known = registry::known(kind);
    let listed = known.join("`, `");
    if shorthand.text.is_empty() {
        let message = format!("expected a {kind}; known are `{listed}`");
        return Wrong::new(shorthand.at, message);
    }
    let meant = nearest(shorthand.text, known.iter().map(String::as_str));
    let hint = meant.map_or(String::new(), |meant| format!("did you mean `{meant}`? "));
    let message = format!(
        "unknown {kind}, {}; {hint}known are `{listed}`",
        found(shorthand.text)
    );
    Wrong::new(shorthand.at, message)
}

/// Opening and closing, in the order of the original.
const PARENTHESES: [(u8, u8); 4] = [(b'(', b')'), (b'[', b']'), (b'{', b'}'), (b'<', b'>')];
const ESCAPES: &str = r"`\n`, `\r`, `\t`, `\0`, `\xNN` (up to 7f) and `\\`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_follow_the_last_question_mark_outside_parentheses() {
        let cases = [
            ("tcp:h:1", "tcp:h:1", None),
            ("tcp:h:1?a=1&b=2", "tcp:h:1", Some("a=1&b=2")),
            ("unix:/a?b", "unix:/a?b", None),
            ("unix:/a?b=1?c=2", "unix:/a?b=1", Some("c=2")),
            ("mux:(a?x=1)(b)", "mux:(a?x=1)(b)", None),
            ("mux:[a?x=1](b)?y=2", "mux:[a?x=1](b)", Some("y=2")),
            ("mux:(a ] b)?y=2", "mux:(a ] b)", Some("y=2")),
            ("unix:/a(b?y=2", "unix:/a(b", Some("y=2")),
            ("a:b?=2", "a:b?=2", None),
            ("?k=", "", Some("k=")),
            ("a?k=(b?c=1)", "a", Some("k=(b?c=1)")),
        ];
        for (text, body, options) in cases {
            let split = split_options(Piece::whole(text));
            assert_eq!(
                (split.0.text, split.1.map(|o| o.text)),
                (body, options),
                "{text}"
            );
        }
    }

    #[test]
    fn only_parentheses_of_the_same_kind_count() {
        let take =
            |text| take_parenthesised(Piece::whole(text), "(").map(|(a, b)| (a.text, b.text));
        assert_eq!(take("(a (b) c)(d)e").unwrap(), ("a (b) c", "(d)e"));
        assert_eq!(take("<a (b>)").unwrap(), ("a (b", ")"));
        assert_eq!(take("{}").unwrap(), ("", ""));
        assert!(take("(a").is_err());
        assert!(take("a)").is_err());
        assert!(take("").is_err());
    }

    #[test]
    fn escapes_round_trip() {
        for text in ["", "a b", "\0\n\r\t\\", "a?b=c&(d)[e]{f}<g>", "\x1b\x7fäö"] {
            let written = escape(text);
            assert!(is_tame(&written), "{written}");
            assert_eq!(unescape(Piece::whole(&written)).unwrap(), text);
        }
        for wrong in [
            "\\", "a\\q", "\\x8", "\\x80", "\\xg0", "\\x+1", "\\ä", "\\x1ä",
        ] {
            assert!(unescape(Piece::whole(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_backslash_that_separates_names_is_found() {
        for (path, place) in [
            (r"C:\\www\\new", None),
            ("C:/www/new", None),
            (r"C:\\Program Files \x28x86\x29", None),
            ("C:\\", Some(2)),
            (r"C:\x64", Some(2)),
            (r"C:\\www\new", Some(7)),
            (r"web\table", Some(3)),
            (r"ä\", Some(2)),
        ] {
            assert_eq!(stray_backslash(path), place, "{path}");
        }
        for path in [
            r"C:\Program Files (x86)\new & old",
            r"\\server\share",
            "web",
        ] {
            assert_eq!(stray_backslash(&escape(path)), None, "{path}");
        }
    }
}
