//! Strings: finding their end, and what is escaped in them.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::{Reader, Syntax, Terse, TextError};

impl<'de, S: Syntax> Reader<'de, S> {
    /// Reads a string, at its opening quote; borrows it unless it has escapes.
    ///
    /// # Errors
    ///
    /// Without a string here, and for one that is not valid in this syntax.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'de, str>, TextError> {
        self.expect(b'"')?;
        let start = self.position();
        let end = self.plain_until(start)?;
        if self.text().as_bytes().get(end) == Some(&b'"') {
            self.set_position(end + 1);
            return Ok(Cow::Borrowed(self.slice(start..end)));
        }
        self.escaped_string(start, end).map(Cow::Owned)
    }

    /// The rest of a string that has its first escape at `at`.
    #[cold]
    fn escaped_string(&mut self, start: usize, mut at: usize) -> Result<String, TextError> {
        let mut value = String::from(self.slice(start..at));
        loop {
            at = S::unescape(self.text(), at, &mut value).ok_or_else(|| invalid_escape(at))?;
            let end = self.plain_until(at)?;
            value.push_str(self.slice(at..end));
            at = end;
            if self.text().as_bytes().get(at) == Some(&b'"') {
                self.set_position(at + 1);
                return Ok(value);
            }
        }
    }

    /// Goes past a string, at its opening quote, and returns where its content is.
    pub(super) fn skip_string(&mut self) -> Result<std::ops::Range<usize>, TextError> {
        self.expect(b'"')?;
        let start = self.position();
        let bytes = self.text().as_bytes();
        let mut at = self.plain_until(start)?;
        while bytes.get(at) == Some(&b'\\') {
            let valid = match bytes.get(at + 1) {
                _ if !S::STRICT => true,
                None => false,
                Some(b'u') => hex4(bytes, at + 2).is_some(),
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
                Some(_) => false,
            };
            if !valid {
                return Err(invalid_escape(at));
            }
            // What follows these two bytes has no backslash or quote of the escape's own.
            at = self.plain_until(at + 2)?;
        }
        self.set_position(at + 1);
        Ok(start..at)
    }

    /// Where the string that has been read up to `at` ends or has its next escape.
    #[inline]
    fn plain_until(&self, mut at: usize) -> Result<usize, TextError> {
        let bytes = self.text().as_bytes();
        loop {
            at = find_special(bytes, at);
            match bytes.get(at) {
                Some(b'"' | b'\\') => return Ok(at),
                Some(_) if !S::STRICT => at += 1,
                Some(_) => return Err(TextError::new("control character in a string", at)),
                None => return Err(TextError::new("string without an end", bytes.len())),
            }
        }
    }
}

/// Appends a string with its quotes.
#[inline]
pub(crate) fn write_str<S: Syntax>(out: &mut Vec<u8>, _syntax: S, text: &str) {
    let bytes = text.as_bytes();
    let end = out.len() + bytes.len() + 2;
    // A piece of a fixed size is copied by one instruction; what is too much of it goes again.
    if bytes.len() <= 14 {
        if let Some(quoted) = quoted::<16>(bytes) {
            out.extend_from_slice(&quoted);
            return out.truncate(end);
        }
    } else if let Some(quoted) = quoted::<32>(bytes) {
        out.extend_from_slice(&quoted);
        return out.truncate(end);
    }
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let plain = find_special(bytes, 0);
    if plain == bytes.len() {
        out.extend_from_slice(bytes);
    } else {
        write_escaped::<S>(out, bytes, plain);
    }
    out.push(b'"');
}

/// A short string with its quotes, unless something in it is escaped. Names of arguments and methods
/// are such: nothing of them is looked at byte by byte.
#[inline]
fn quoted<const ROOM: usize>(bytes: &[u8]) -> Option<[u8; ROOM]> {
    if bytes.len() + 2 > ROOM {
        return None;
    }
    let mut quoted = [b' '; ROOM];
    quoted.get_mut(1..=bytes.len())?.copy_from_slice(bytes);
    let (words, _) = quoted.as_chunks::<8>();
    let hits = words.iter().fold(0, |hits, word| hits | special(*word));
    if hits != 0 {
        return None;
    }
    *quoted.first_mut()? = b'"';
    *quoted.get_mut(bytes.len() + 1)? = b'"';
    Some(quoted)
}

/// Appends the content of a string that has its first escape at `at`.
#[cold]
fn write_escaped<S: Syntax>(out: &mut Vec<u8>, bytes: &[u8], mut at: usize) {
    let mut start = 0;
    loop {
        out.extend_from_slice(bytes.get(start..at).unwrap_or_default());
        let Some(&byte) = bytes.get(at) else { break };
        S::write_escape(out, byte);
        start = at + 1;
        at = find_special(bytes, start);
    }
    if !S::STRICT && bytes.last() == Some(&b'\\') {
        // The original takes `\\"` for a quote and reads on, into the next string.
        out.truncate(out.len() - 2);
        out.extend_from_slice(b"\\u{5c}");
    }
}

/// Appends a terse name that needs quotes. Its colons are escaped, since the original ends
/// a name at the first one, quoted or not, and stops at what it takes for a number then.
pub(super) fn write_quoted_key(out: &mut Vec<u8>, key: &str) {
    let start = out.len();
    write_str(out, Terse, key);
    if memchr(b':', key.as_bytes()).is_some() {
        let quoted = out.split_off(start);
        for (i, part) in quoted.split(|byte| *byte == b':').enumerate() {
            if i > 0 {
                out.extend_from_slice(b"\\u{3a}");
            }
            out.extend_from_slice(part);
        }
    }
}

/// The two hexadecimal digits of a byte.
pub(super) fn hex(byte: u8) -> [u8; 2] {
    let digit = |value: u8| match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    };
    [digit(byte >> 4), digit(byte & 15)]
}

/// JSON's escapes. Half a surrogate pair, which Python writes and reads, is no character
/// and becomes U+FFFD.
pub(super) fn unescape_json(text: &str, at: usize, out: &mut String) -> Option<usize> {
    let bytes = text.as_bytes();
    let character = match bytes.get(at + 1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = hex4(bytes, at + 2)?;
            if (0xd800..0xdc00).contains(&first)
                && bytes.get(at + 6..at + 8) == Some(b"\\u")
                && let Some(second @ 0xdc00..0xe000) = hex4(bytes, at + 8)
            {
                let pair = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                out.push(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
                return Some(at + 12);
            }
            out.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
            return Some(at + 6);
        }
        _ => return None,
    };
    out.push(character);
    Some(at + 2)
}

/// Terse escapes. Those that are unknown stand for themselves, as in the original.
pub(super) fn unescape_terse(text: &str, at: usize, out: &mut String) -> usize {
    let character = match text.as_bytes().get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'0') => '\0',
        Some(b'u') => {
            if let Some((character, end)) = braced(text, at + 2) {
                out.push(character);
                return end;
            }
            out.push('\\');
            return at + 1;
        }
        _ => {
            // The character itself follows as plain text.
            out.push('\\');
            return at + 1;
        }
    };
    out.push(character);
    at + 2
}

/// The character `{1f600}` at `at`, and where it ends.
fn braced(text: &str, at: usize) -> Option<(char, usize)> {
    let rest = text.get(at..)?.strip_prefix('{')?;
    let mut value = 0;
    for (index, byte) in rest.bytes().enumerate().take(7) {
        if byte == b'}' && index > 0 {
            return Some((char::from_u32(value)?, at + index + 2));
        }
        value = value << 4 | char::from(byte).to_digit(16)?;
    }
    None
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, &digit| {
        Some(value << 4 | char::from(digit).to_digit(16)?)
    })
}

#[cold]
fn invalid_escape(at: usize) -> TextError {
    TextError::new("invalid escape in a string", at)
}

/// The first quote, backslash or control character from `at` on, or the end.
///
/// Looks at eight bytes at once. In each of the three terms the highest bit of a byte is
/// set where the byte is a hit; beyond the first hit a borrow may set more, which does not
/// matter.
#[inline]
pub(crate) fn find_special(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let hits = special(*chunk);
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
        // Short texts are the rule, whatever stands behind them.
        if at - from == LONG {
            return find_far(bytes, at);
        }
    }
    // The last eight bytes, the first of which were looked at already.
    if at > from
        && at < bytes.len()
        && let Some(chunk) = bytes.last_chunk::<8>()
    {
        let hits = special(*chunk);
        return bytes.len() - 8 + (hits.trailing_zeros() as usize / 8).min(8);
    }
    while let Some(&byte) = bytes.get(at) {
        if byte < 0x20 || byte == b'"' || byte == b'\\' {
            return at;
        }
        at += 1;
    }
    at
}

/// The same for a long text. It is looked at in pieces, once for quotes and backslashes and once for
/// control characters, both with vector instructions. The pieces grow, so that where each is looked at in
/// vain it is no more than what went before.
#[inline(never)]
fn find_far(bytes: &[u8], mut at: usize) -> usize {
    let mut step = LONG;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let piece = rest.get(..step).unwrap_or(rest);
        let end = memchr2(b'"', b'\\', piece).unwrap_or(piece.len());
        let plain = piece.get(..end).unwrap_or_default();
        let least = plain.iter().fold(u8::MAX, |least, byte| least.min(*byte));
        if least < 0x20 {
            return at + plain.iter().take_while(|byte| **byte >= 0x20).count();
        }
        at += end;
        if end < step {
            return at;
        }
        step = (step * 2).min(LARGEST_PIECE);
    }
}

/// Has the highest bit of the first byte set that is special, and of none before it.
#[inline]
fn special(chunk: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(chunk);
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    // No byte with its highest bit set is a hit, and flipping other bits keeps it set.
    (quote | backslash | control) & !word & HIGHS
}

/// A text from here on is long.
const LONG: usize = 64;
/// It stays in the cache of the processor that is next to it.
const LARGEST_PIECE: usize = 4096;
const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES * 0x80;

#[cfg(test)]
mod tests {
    use super::{find_special, write_str};
    use crate::format::text::Json;

    #[test]
    fn short_strings_are_written_like_long_ones() {
        for length in 0..40 {
            for byte in ["x", "\"", "\\", "\n", "\u{7f}", "ä"] {
                for at in 0..=length {
                    let mut text = "a".repeat(length);
                    text.insert_str(at, byte);
                    let mut out = b"before".to_vec();
                    write_str(&mut out, Json, &text);
                    let expected = format!("before{}", serde_json::to_string(&text).unwrap());
                    assert_eq!(String::from_utf8(out).unwrap(), expected);
                }
            }
        }
    }

    #[test]
    fn every_special_byte_is_found_at_every_offset() {
        for byte in 0..=255_u8 {
            for length in (0..20).chain(90..100) {
                for at in 0..length {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    let special = byte < 0x20 || byte == b'"' || byte == b'\\';
                    let expected = if special { at } else { length };
                    assert_eq!(find_special(&text, 0), expected, "{byte} at {at}/{length}");
                }
            }
        }
        assert_eq!(find_special(b"\"abc\\", 1), 4);
    }

    #[test]
    fn the_first_of_two_special_bytes_is_found_in_a_long_text() {
        let places = [
            0, 63, 64, 65, 127, 128, 191, 192, 447, 448, 4031, 8127, 8128, 12_223, 19_999,
        ];
        for first in [b'"', b'\\', b'\n', 0, 0x1f] {
            for second in [b'"', b'\\', b'\n'] {
                for (index, &at) in places.iter().enumerate() {
                    for &behind in &places[index..] {
                        for from in [0, 1, 60] {
                            let mut text = vec![0xc3; 20_000 + from];
                            text[from + behind] = second;
                            text[from + at] = first;
                            text[..from].fill(b'"');
                            assert_eq!(find_special(&text, from), from + at, "{from} {behind}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_lies_before_the_start_does_not_count() {
        // Also where the end is looked at twice.
        for length in 0..30 {
            let text = [&b"\"\"\"\"\"\"\"\"\""[..], &vec![b'x'; length]].concat();
            assert_eq!(find_special(&text, 9), text.len());
        }
        assert_eq!(find_special(b"abc", 9), 9);
    }
}
