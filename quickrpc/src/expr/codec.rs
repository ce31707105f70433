//! Expressions that name a codec.

use std::fmt;
use std::str::FromStr;

use super::hololinked::{self, HololinkedExpr};
use super::juggler::{self, JugglerExpr};
use super::options::Scope;
use super::parse::{
    Parsed, Piece, push_hex, split_options, split_shorthand, unescape, unknown_shorthand,
};
use super::registry::{CustomExpr, TEXT_OPTION, is_registered};
use super::zonis::{self, ZonisExpr};
use crate::base::expr_error::{ExprError, ExprKind, Wrong, found};

/// How messages become bytes: `jrpc`, `jrpc:<delimiter>`, `jrpc:content-length`, `terse`,
/// `terse?answers=on`, `msgpack`, `msgpack?named=on`, a protocol of others, or a registered codec.
///
/// ```
/// use quickrpc::CodecExpr;
/// use quickrpc::expr::{CodecKind, Framing};
///
/// let expr: CodecExpr = r"jrpc:\r\n?strict=true".parse()?;
/// let CodecKind::Jrpc { framing, strict } = expr.kind() else { unreachable!() };
/// assert_eq!(framing, &Framing::Delimiter(String::from("\r\n")));
/// assert!(strict);
/// assert_eq!(expr.to_string(), r"jrpc:\r\n?strict=on");
/// # Ok::<(), quickrpc::ExprError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecExpr {
    kind: CodecKind,
    deadlines: bool,
    trace: bool,
    answers: Option<bool>,
}

/// What a [`CodecExpr`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecKind {
    /// JSON-RPC 2.0.
    Jrpc {
        /// How messages are told apart in a stream.
        framing: Framing,
        /// Whether messages that cannot be tied to an id, or have the id null, are answered
        /// with a null id. Such an answer stops a Python peer.
        strict: bool,
    },
    /// The line format for people.
    Terse,
    /// MessagePack-RPC.
    Msgpack {
        /// Whether arguments are sent as a map, by their names.
        named: bool,
    },
    /// A Thing of hololinked, over ZeroMQ.
    Hololinked(HololinkedExpr),
    /// Zonis, over a WebSocket.
    Zonis(ZonisExpr),
    /// Juggler, over a WebSocket.
    Juggler(JugglerExpr),
    /// A codec that was registered.
    Custom(CustomExpr),
}

/// How messages are told apart in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// One or more ASCII characters end each message, NUL by default.
    Delimiter(String),
    /// Headers stand before each message, as in the Language Server Protocol (version 3.17,
    /// "Base Protocol"): `Content-Length: 42`, and a blank line.
    ContentLength,
}

impl Default for Framing {
    fn default() -> Self {
        Framing::Delimiter(String::from(NUL))
    }
}

impl CodecExpr {
    /// What the expression says.
    pub fn kind(&self) -> &CodecKind {
        &self.kind
    }

    /// Whether each call says how long its caller waits for the answer (`jrpc?deadlines=on`): a
    /// call that has waited longer for its turn is not begun.
    pub fn deadlines(&self) -> bool {
        self.deadlines
    }

    /// Whether each call says which trace it belongs to (`jrpc?trace=on`): that of the call that is
    /// handled when it is made, or a new one.
    pub fn trace(&self) -> bool {
        self.trace
    }

    /// Whether people get answers that have no id: to `help`, and to lines that are wrong
    /// (`terse?answers=on`). `None` where that is left to the transport: `tcpserv` does it.
    pub fn answers(&self) -> Option<bool> {
        self.answers
    }

    #[cfg(test)]
    pub(super) fn of(kind: CodecKind) -> Self {
        let deadlines = false;
        let answers = None;
        CodecExpr {
            kind,
            deadlines,
            trace: false,
            answers,
        }
    }
}

impl Default for CodecExpr {
    /// `jrpc`.
    fn default() -> Self {
        CodecExpr {
            kind: CodecKind::Jrpc {
                framing: Framing::default(),
                strict: false,
            },
            deadlines: false,
            trace: false,
            answers: None,
        }
    }
}

impl FromStr for CodecExpr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        parse(Piece::whole(text)).map_err(|wrong| wrong.within(ExprKind::Codec, text))
    }
}

fn parse(piece: Piece<'_>) -> Parsed<CodecExpr> {
    let mut deadlines = None;
    let mut trace = None;
    let mut answers = None;
    let (body, options) = split_options(piece);
    let scope = Scope::new(None, false, options)?;
    let (shorthand, params) = split_shorthand(body);
    let (kind, known): (_, &[&str]) = match shorthand.text {
        "jrpc" => {
            let strict = scope.take("strict").map(|o| o.flag()).transpose()?;
            deadlines = scope.take("deadlines").map(|o| o.flag()).transpose()?;
            trace = scope.take("trace").map(|o| o.flag()).transpose()?;
            let kind = CodecKind::Jrpc {
                framing: parse_framing(params)?,
                strict: strict.unwrap_or(false),
            };
            (kind, &["strict", "deadlines", "trace"])
        }
        "terse" if params.text.is_empty() => {
            answers = scope.take("answers").map(|o| o.flag()).transpose()?;
            (CodecKind::Terse, &["answers"])
        }
        "msgpack" if params.text.is_empty() => {
            let named = scope.take("named").map(|o| o.flag()).transpose()?;
            let named = named.unwrap_or(false);
            (CodecKind::Msgpack { named }, &["named"])
        }
        "terse" | "msgpack" => {
            let (name, found) = (shorthand.text, found(params.text));
            let message = format!("`{name}` takes no parameters, {found}");
            return Err(Wrong::new(params.at, message));
        }
        "hololinked" => (hololinked::parse(params, &scope)?, &hololinked::OPTIONS),
        "juggler" => {
            let kind = juggler::parse(params, &scope)?;
            let options = juggler::options(&kind);
            (kind, options)
        }
        "zonis" => (zonis::parse(params, &scope)?, &zonis::OPTIONS),
        name if is_registered(ExprKind::Codec, name) => {
            (CodecKind::Custom(parse_custom(name, params, &scope)?), &[])
        }
        _ => return Err(unknown_shorthand(ExprKind::Codec, shorthand)),
    };
    scope.finish(|| known.to_vec())?;
    Ok(CodecExpr {
        kind,
        deadlines: deadlines.unwrap_or(false),
        trace: trace.unwrap_or(false),
        answers,
    })
}

fn parse_framing(params: Piece<'_>) -> Parsed<Framing> {
    if params.text.is_empty() {
        return Ok(Framing::default());
    }
    if params.text.eq_ignore_ascii_case(CONTENT_LENGTH) {
        return Ok(Framing::ContentLength);
    }
    if let Some((at, c)) = params.text.char_indices().find(|(_, c)| !c.is_ascii()) {
        let message = format!("a delimiter is made of ASCII characters, found `{c}`");
        return Err(Wrong::new(params.at + at, message));
    }
    unescape(params).map(Framing::Delimiter)
}

/// The text and options of a plug-in that is not a transport: all options are its own.
pub(super) fn parse_custom(
    shorthand: &str,
    params: Piece<'_>,
    scope: &Scope<'_, '_>,
) -> Parsed<CustomExpr> {
    let given = match params.text {
        "" => scope.take(TEXT_OPTION),
        _ => None,
    };
    let text = match given {
        Some(option) => option.text()?,
        None => params.text.to_owned(),
    };
    let mut options = Vec::new();
    for option in scope.take_rest(|key| given.is_some() && key == TEXT_OPTION) {
        options.push((option.key.to_owned(), option.text()?));
    }
    Ok(CustomExpr {
        shorthand: shorthand.to_owned(),
        text,
        options,
    })
}

impl fmt::Display for CodecExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            CodecKind::Jrpc { framing, strict } => {
                f.write_str("jrpc")?;
                match framing {
                    Framing::Delimiter(delimiter) if delimiter == NUL => {}
                    Framing::Delimiter(delimiter) => {
                        write!(f, ":{}", written_delimiter(delimiter))?;
                    }
                    Framing::ContentLength => write!(f, ":{CONTENT_LENGTH}")?,
                }
                let options = [
                    (*strict, "strict"),
                    (self.deadlines, "deadlines"),
                    (self.trace, "trace"),
                ];
                let on = options.iter().filter(|(is_on, _)| *is_on);
                on.enumerate().try_for_each(|(number, (_, name))| {
                    let before = if number == 0 { '?' } else { '&' };
                    write!(f, "{before}{name}=on")
                })
            }
            CodecKind::Terse => f.write_str(match self.answers {
                None => "terse",
                Some(true) => "terse?answers=on",
                Some(false) => "terse?answers=off",
            }),
            CodecKind::Msgpack { named: false } => f.write_str("msgpack"),
            CodecKind::Msgpack { named: true } => f.write_str("msgpack?named=on"),
            CodecKind::Hololinked(hololinked) => hololinked.fmt(f),
            CodecKind::Juggler(juggler) => juggler.fmt(f),
            CodecKind::Zonis(zonis) => zonis.fmt(f),
            CodecKind::Custom(custom) => custom.fmt(f),
        }
    }
}

/// Printable characters stand for themselves, except where they would mean something.
fn written_delimiter(delimiter: &str) -> String {
    let mut out = String::new();
    for (i, c) in delimiter.chars().enumerate() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\\' => out.push_str("\\\\"),
            // The delimiter may look like options, or like the name of a framing.
            '?' => push_hex(&mut out, c),
            _ if i == 0 && delimiter.eq_ignore_ascii_case(CONTENT_LENGTH) => push_hex(&mut out, c),
            c if c.is_ascii_control() => push_hex(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

const NUL: &str = "\0";
const CONTENT_LENGTH: &str = "content-length";

#[cfg(test)]
mod tests {
    use super::*;

    fn jrpc(delimiter: &str, strict: bool) -> CodecExpr {
        let framing = Framing::Delimiter(delimiter.into());
        CodecExpr::of(CodecKind::Jrpc { framing, strict })
    }

    fn with_headers(strict: bool) -> CodecExpr {
        let framing = Framing::ContentLength;
        CodecExpr::of(CodecKind::Jrpc { framing, strict })
    }

    fn msgpack(named: bool) -> CodecExpr {
        CodecExpr::of(CodecKind::Msgpack { named })
    }

    #[test]
    fn both_directions() {
        let cases = [
            ("jrpc", jrpc("\0", false), "jrpc"),
            ("jrpc:", jrpc("\0", false), "jrpc"),
            (r"jrpc:\0", jrpc("\0", false), "jrpc"),
            ("jrpc:\0", jrpc("\0", false), "jrpc"),
            ("jrpc:\n", jrpc("\n", false), r"jrpc:\n"),
            (r"jrpc:\n", jrpc("\n", false), r"jrpc:\n"),
            (r"jrpc:\x1e", jrpc("\x1e", false), r"jrpc:\x1e"),
            ("jrpc:||", jrpc("||", false), "jrpc:||"),
            ("jrpc::", jrpc(":", false), "jrpc::"),
            ("jrpc:(", jrpc("(", false), "jrpc:("),
            ("jrpc:?", jrpc("?", false), r"jrpc:\x3f"),
            (r"jrpc:\\", jrpc("\\", false), r"jrpc:\\"),
            ("jrpc?strict=true", jrpc("\0", true), "jrpc?strict=on"),
            ("jrpc:<?strict=1", jrpc("<", true), "jrpc:<?strict=on"),
            (
                r"jrpc:\x63ontent-length",
                jrpc("content-length", false),
                r"jrpc:\x63ontent-length",
            ),
            ("jrpc?strict=off", jrpc("\0", false), "jrpc"),
            (
                "jrpc:content-length",
                with_headers(false),
                "jrpc:content-length",
            ),
            // As the header is written; nobody means a delimiter.
            (
                "jrpc:Content-Length",
                with_headers(false),
                "jrpc:content-length",
            ),
            (
                r"jrpc:\x43ontent-Length",
                jrpc("Content-Length", false),
                r"jrpc:\x43ontent-Length",
            ),
            (
                "jrpc:content-length?strict=on",
                with_headers(true),
                "jrpc:content-length?strict=on",
            ),
            ("terse", CodecExpr::of(CodecKind::Terse), "terse"),
            ("terse:", CodecExpr::of(CodecKind::Terse), "terse"),
            ("msgpack", msgpack(false), "msgpack"),
            ("msgpack:?named=off", msgpack(false), "msgpack"),
            ("msgpack?named=true", msgpack(true), "msgpack?named=on"),
        ];
        for (text, value, written) in cases {
            assert_eq!(text.parse::<CodecExpr>().as_ref(), Ok(&value), "{text}");
            assert_eq!(value.to_string(), written);
            assert_eq!(written.parse::<CodecExpr>(), Ok(value));
        }
    }

    #[test]
    fn mistakes() {
        let cases = [
            ("", 0, "expected a codec; known are"),
            (
                "jrcp",
                0,
                "unknown codec, found `jrcp`; did you mean `jrpc`?",
            ),
            ("jrpc:ä", 5, "a delimiter is made of ASCII"),
            (r"jrpc:a\q", 6, "expected one of the escapes"),
            (
                "jrpc?strict=maybe",
                12,
                "expected `on` or `off`, found `maybe`",
            ),
            (
                "jrpc?stirct=on",
                5,
                "unknown option, found `stirct`; did you mean `strict`?",
            ),
            ("terse:x", 6, "`terse` takes no parameters, found `x`"),
            ("msgpack:x", 8, "`msgpack` takes no parameters, found `x`"),
            ("msgpack?name=on", 8, "unknown option, found `name`"),
            (
                "terse?x=1",
                6,
                "unknown option, found `x`; known here are `answers`",
            ),
        ];
        for (text, position, message) in cases {
            let error = text.parse::<CodecExpr>().unwrap_err();
            assert_eq!(error.position(), position, "{error}");
            assert!(error.message().starts_with(message), "{error}");
        }
    }
}
