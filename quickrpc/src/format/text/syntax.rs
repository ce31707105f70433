//! How the two formats differ.

use std::fmt::Debug;

use super::bytes;
use super::string;

/// A text format, as a type without content.
///
/// What both formats have in common (quotes, brackets, `true`, `false`, `null`, blanks)
/// is in the engine; this trait is the rest.
pub(crate) trait Syntax: Copy + Debug + 'static {
    /// Read by the letter: commas between entries, quoted keys, JSON's numbers, no control
    /// characters in strings. Otherwise people at a terminal are given some freedom.
    const STRICT: bool;
    /// What is written between the entries of a list or map.
    const SEPARATOR: u8;
    /// The floats that are words.
    const NAN: &'static str;
    const INFINITY: &'static str;
    const MINUS_INFINITY: &'static str;
    /// How the infinities are written.
    const WRITTEN_INFINITY: &'static str;
    const WRITTEN_MINUS_INFINITY: &'static str;

    /// Reads the escape at `at` (a backslash) into `out`, and returns where it ends, or
    /// `None` where it is invalid.
    fn unescape(text: &str, at: usize, out: &mut String) -> Option<usize>;

    /// Writes a byte that is not written as itself: quote, backslash, or below 0x20.
    fn write_escape(out: &mut Vec<u8>, byte: u8);

    /// Writes a key that may hold anything.
    fn write_key(out: &mut Vec<u8>, key: &str);

    /// Writes a key that is a bare word for certain, like digits.
    fn write_bare_key(out: &mut Vec<u8>, key: &str);

    /// Writes a key that is known with its quotes, too, which is all that JSON takes.
    fn write_prepared_key(out: &mut Vec<u8>, quoted: &str, key: &str);

    /// Writes a byte string.
    fn write_bytes(out: &mut Vec<u8>, value: &[u8]);
}

/// JSON as Python's `json` module speaks it, with `NaN`, `Infinity` and `-Infinity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Json;

/// The values of a terse line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terse;

impl Syntax for Json {
    const STRICT: bool = true;
    const SEPARATOR: u8 = b',';
    const NAN: &'static str = "NaN";
    const INFINITY: &'static str = "Infinity";
    const MINUS_INFINITY: &'static str = "-Infinity";
    const WRITTEN_INFINITY: &'static str = Self::INFINITY;
    const WRITTEN_MINUS_INFINITY: &'static str = Self::MINUS_INFINITY;

    fn unescape(text: &str, at: usize, out: &mut String) -> Option<usize> {
        string::unescape_json(text, at, out)
    }

    fn write_escape(out: &mut Vec<u8>, byte: u8) {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&string::hex(byte));
            }
        }
    }

    #[inline]
    fn write_key(out: &mut Vec<u8>, key: &str) {
        bytes::note_key(key);
        string::write_str(out, Json, key);
    }

    #[inline]
    fn write_bare_key(out: &mut Vec<u8>, key: &str) {
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.push(b'"');
    }

    #[inline]
    fn write_prepared_key(out: &mut Vec<u8>, quoted: &str, _key: &str) {
        out.extend_from_slice(quoted.as_bytes());
    }

    fn write_bytes(out: &mut Vec<u8>, value: &[u8]) {
        out.extend_from_slice(b"{\"__bytes\":\"");
        bytes::encode(out, value);
        out.extend_from_slice(b"\"}");
    }
}

impl Syntax for Terse {
    const STRICT: bool = false;
    const SEPARATOR: u8 = b' ';
    const NAN: &'static str = "nan";
    const INFINITY: &'static str = "inf";
    const MINUS_INFINITY: &'static str = "-inf";
    // The original cannot read `inf`, and stops receiving at `-inf`.
    const WRITTEN_INFINITY: &'static str = "1e+999";
    const WRITTEN_MINUS_INFINITY: &'static str = "-1e+999";

    fn unescape(text: &str, at: usize, out: &mut String) -> Option<usize> {
        Some(string::unescape_terse(text, at, out))
    }

    fn write_escape(out: &mut Vec<u8>, byte: u8) {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0 => out.extend_from_slice(b"\\0"),
            _ => {
                out.extend_from_slice(b"\\u{");
                out.extend_from_slice(&string::hex(byte));
                out.push(b'}');
            }
        }
    }

    #[inline]
    fn write_key(out: &mut Vec<u8>, key: &str) {
        if !key.is_empty() && key.bytes().all(is_bare) {
            out.extend_from_slice(key.as_bytes());
        } else {
            string::write_quoted_key(out, key);
        }
    }

    #[inline]
    fn write_bare_key(out: &mut Vec<u8>, key: &str) {
        out.extend_from_slice(key.as_bytes());
    }

    #[inline]
    fn write_prepared_key(out: &mut Vec<u8>, _quoted: &str, key: &str) {
        Self::write_key(out, key);
    }

    fn write_bytes(out: &mut Vec<u8>, value: &[u8]) {
        out.push(b'\'');
        bytes::encode(out, value);
        out.push(b'\'');
    }
}

/// Whether a byte can be in a terse name without quotes: all but blanks, controls, and
/// what has a meaning between names. Every byte of a letter beyond ASCII can.
#[inline]
pub(super) fn is_bare(byte: u8) -> bool {
    byte > b' '
        && !matches!(
            byte,
            b':' | b',' | b'"' | b'\'' | b'[' | b']' | b'{' | b'}' | 0x7f
        )
}
