//! What is wrong with an expression, and where.

use std::fmt;
use std::sync::Arc;

/// The three kinds of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExprKind {
    /// How messages become bytes, such as `jrpc`.
    Codec,
    /// Who vouches for a sender, such as `null`.
    Security,
    /// How bytes travel, such as `tcp:localhost:8888`.
    Transport,
}

impl fmt::Display for ExprKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ExprKind::Codec => "codec",
            ExprKind::Security => "security",
            ExprKind::Transport => "transport",
        })
    }
}

/// A wrong expression: what was expected, and where.
///
/// Shown with a caret line:
///
/// ```
/// use quickrpc::TransportExpr;
///
/// let error = "mux:(tcpserv::80x)(stdio:)".parse::<TransportExpr>().unwrap_err();
/// assert_eq!(error.position(), 14);
/// assert_eq!(
///     error.to_string(),
///     "wrong transport expression: expected a port number from 0 to 65535, found `80x`\n\
///      \x20   mux:(tcpserv::80x)(stdio:)\n\
///      \x20                 ^"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    kind: ExprKind,
    text: Box<str>,
    position: usize,
    message: Box<str>,
}

impl ExprError {
    /// Which kind of expression it should have been.
    pub fn kind(&self) -> ExprKind {
        self.0.kind
    }

    /// The expression as it was given, but that users, passwords and queries of URLs, which may be
    /// secrets, are stars.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Where in the expression, in bytes from its beginning.
    pub fn position(&self) -> usize {
        self.0.position
    }

    /// What was expected there, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            text,
            position,
            message,
        } = &*self.0;
        let (line, column) = around(text, *position);
        write!(f, "wrong {kind} expression: {message}\n    {line}\n    ")?;
        write!(f, "{:column$}^", "")
    }
}

impl std::error::Error for ExprError {}

/// One line of the text around the position, and the caret's column in it.
///
/// Characters that would break the line are replaced one for one, so that the caret
/// stays below its place, and long texts are cut to a window.
fn around(text: &str, position: usize) -> (String, usize) {
    let column = text
        .char_indices()
        .take_while(|(at, _)| *at < position)
        .count();
    let first = column.saturating_sub(WINDOW);
    let mut line = String::new();
    if first > 0 {
        line.push_str(ELLIPSIS);
    }
    let shown = text.chars().skip(first).take(2 * WINDOW);
    line.extend(shown.map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    if text.chars().nth(first + 2 * WINDOW).is_some() {
        line.push_str(ELLIPSIS);
    }
    let shift = if first > 0 { ELLIPSIS.len() } else { 0 };
    (line, column - first + shift)
}

/// An error within a parser, which does not know the whole text.
#[derive(Debug)]
pub(crate) struct Wrong {
    position: usize,
    message: String,
}

impl Wrong {
    pub(crate) fn new(position: usize, message: impl Into<String>) -> Self {
        Wrong {
            position,
            message: message.into(),
        }
    }

    /// The same error about a text in which secrets are stars, byte for byte: they are in what was
    /// found, too.
    pub(crate) fn masked(mut self, text: &str, masked: &str) -> Self {
        const FOUND: &str = "found `";
        let Some(at) = self.message.find(FOUND).map(|at| at + FOUND.len()) else {
            return self;
        };
        let quoted = self.message.get(at..).unwrap_or_default();
        let quoted = quoted.split('`').next().unwrap_or_default();
        let quoted = quoted.strip_suffix(ELLIPSIS).unwrap_or(quoted);
        let length = quoted.len();
        let here = |text: &str| -> Option<String> {
            Some(text.get(self.position..)?.get(..length)?.to_owned())
        };
        if let (Some(plain), Some(stars)) = (here(text), here(masked))
            && plain == quoted
        {
            self.message.replace_range(at..at + length, &stars);
        }
        self
    }

    pub(crate) fn within(self, kind: ExprKind, text: &str) -> ExprError {
        ExprError(Arc::new(Inner {
            kind,
            text: text.into(),
            position: self.position,
            message: self.message.into(),
        }))
    }
}

/// What was found, quoted for a message of one line.
pub(crate) fn found(text: &str) -> String {
    if text.is_empty() {
        return String::from("found nothing");
    }
    let mut quoted: String = text
        .chars()
        .take(QUOTED)
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if text.chars().nth(QUOTED).is_some() {
        quoted.push_str(ELLIPSIS);
    }
    format!("found `{quoted}`")
}

/// The candidate that was probably meant: the nearest one, if it is near.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST_WORD {
        return None;
    }
    let allowed = if word.len() < 4 { 1 } else { 2 };
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (
        a.chars().map(|c| c.to_ascii_lowercase()).collect(),
        b.chars().collect(),
    );
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

/// Characters shown on either side of the caret.
const WINDOW: usize = 60;
/// Characters of a found text that are quoted.
const QUOTED: usize = 40;
/// Longer words are not compared: nobody mistypes those.
const LONGEST_WORD: usize = 40;
const ELLIPSIS: &str = "...";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caret_is_below_its_place_in_texts_of_any_kind() {
        let show = |text: &str, at| {
            Wrong::new(at, "m")
                .within(ExprKind::Codec, text)
                .to_string()
        };
        assert_eq!(
            show("äö?x=1", 4),
            "wrong codec expression: m\n    äö?x=1\n      ^"
        );
        assert_eq!(
            show("a\nb", 2),
            "wrong codec expression: m\n    a\u{fffd}b\n      ^"
        );
        assert_eq!(show("", 0), "wrong codec expression: m\n    \n    ^");
        assert_eq!(
            show("a", usize::MAX),
            "wrong codec expression: m\n    a\n     ^"
        );
        let long = "x".repeat(300);
        let shown = show(&long, 150);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1].len(), 4 + 3 + 120 + 3);
        assert_eq!(lines[2].len(), 4 + 3 + 60 + 1);
    }

    #[test]
    fn found_is_one_short_line() {
        assert_eq!(found(""), "found nothing");
        assert_eq!(found("a\nb"), "found `a\\nb`");
        assert_eq!(
            found(&"y".repeat(99)),
            format!("found `{}...`", "y".repeat(40))
        );
    }

    #[test]
    fn near_words_are_suggested_and_others_are_not() {
        let known = ["tcp", "tcpserv", "stdio", "restart"];
        assert_eq!(nearest("tpc", known), Some("tcp"));
        assert_eq!(nearest("TCP", known), Some("tcp"));
        assert_eq!(nearest("stido", known), Some("stdio"));
        assert_eq!(nearest("tcpserver", known), Some("tcpserv"));
        assert_eq!(nearest("websocket", known), None);
        assert_eq!(nearest("", known), None);
    }
}
