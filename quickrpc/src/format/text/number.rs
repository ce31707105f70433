//! Numbers in both syntaxes, and the words that are floats.

use serde::de::Visitor;

use super::syntax::is_bare;
use super::{Reader, Syntax, TextError};

/// A number as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Wide(i128),
    WideUnsigned(u128),
    Float(f64),
}

/// A value that is written as a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Word {
    Null,
    Bool(bool),
    Float(f64),
}

/// A number that has been looked at, but not converted.
struct Token {
    end: usize,
    negative: bool,
    /// Has a point or an exponent.
    float: bool,
    /// The integer without its sign, where `small`.
    magnitude: u64,
    small: bool,
}

impl Number {
    /// An integer for a float that is one, as far as floats are exact.
    pub(super) fn or_integer(self) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self {
            Number::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => {
                Number::Signed(value as i64)
            }
            number => number,
        }
    }

    #[inline]
    pub(super) fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self {
            Number::Unsigned(value) => visitor.visit_u64(value),
            Number::Signed(value) => visitor.visit_i64(value),
            Number::Wide(value) => visitor.visit_i128(value),
            Number::WideUnsigned(value) => visitor.visit_u128(value),
            Number::Float(value) => visitor.visit_f64(value),
        }
    }
}

impl<'de, S: Syntax> Reader<'de, S> {
    /// Reads a number, or a word that is a float, where one begins.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Number, TextError> {
        let start = self.position();
        if let Some(value) = self.small_integer() {
            return Ok(Number::Unsigned(value));
        }
        let token = match self.token()? {
            Some(token) => token,
            None => return self.float_word().map(Number::Float),
        };
        self.set_position(token.end);
        if token.small && !token.float {
            if !token.negative {
                return Ok(Number::Unsigned(token.magnitude));
            }
            if let Some(value) = 0_i64.checked_sub_unsigned(token.magnitude) {
                return Ok(Number::Signed(value));
            }
        }
        self.large_number(start, &token)
    }

    /// Reads what most numbers are; `None` for others, at which the reader still stands then.
    #[inline]
    pub(super) fn small_integer(&mut self) -> Option<u64> {
        let (value, length) = small_integer::<S>(self.rest())?;
        self.set_position(self.position() + length);
        Some(value)
    }

    #[cold]
    fn large_number(&self, start: usize, token: &Token) -> Result<Number, TextError> {
        let digits = self.slice(start..token.end);
        if !token.float {
            if let Ok(value) = digits.parse() {
                return Ok(Number::Unsigned(value));
            }
            if let Ok(value) = digits.parse() {
                return Ok(Number::Wide(value));
            }
            if let Ok(value) = digits.parse() {
                return Ok(Number::WideUnsigned(value));
            }
        }
        self.parse_float(start, token.end).map(Number::Float)
    }

    /// Reads a number as a float, whatever it looks like.
    #[inline]
    pub(super) fn float(&mut self) -> Result<f64, TextError> {
        let start = self.position();
        let Some(token) = self.token()? else {
            return self.float_word();
        };
        self.set_position(token.end);
        if token.small && !token.float {
            let value = token.magnitude as f64;
            return Ok(if token.negative { -value } else { value });
        }
        self.parse_float(start, token.end)
    }

    fn parse_float(&self, start: usize, end: usize) -> Result<f64, TextError> {
        match self.slice(start..end).parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            // The spelling that we write, and that Python reads as infinity.
            Ok(value)
                if [S::WRITTEN_INFINITY, S::WRITTEN_MINUS_INFINITY]
                    .contains(&self.slice(start..end)) =>
            {
                Ok(value)
            }
            // Python reads 1e999 as infinity. To us a number that is not the one that was
            // sent is worse than an error.
            Ok(_) => Err(TextError::new("number out of range", start)),
            Err(_) => Err(TextError::new("invalid number", start)),
        }
    }

    pub(super) fn skip_number(&mut self) -> Result<(), TextError> {
        if self.small_integer().is_some() {
            return Ok(());
        }
        match self.token()? {
            Some(token) => self.set_position(token.end),
            None => {
                self.float_word()?;
            }
        }
        Ok(())
    }

    /// Looks at a number; `None` if it is a minus before a word.
    #[inline]
    fn token(&self) -> Result<Option<Token>, TextError> {
        let bytes = self.text().as_bytes();
        let start = self.position();
        let invalid = || Err(TextError::new("invalid number", start));
        let mut at = start;
        let negative = bytes.get(at) == Some(&b'-');
        if negative || (!S::STRICT && bytes.get(at) == Some(&b'+')) {
            at += 1;
            if negative && matches!(bytes.get(at), Some(b'i' | b'I')) {
                return Ok(None);
            }
        }

        let first = at;
        let mut magnitude = 0_u64;
        while let Some(digit @ 0..=9) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')) {
            magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        let whole = at - first;
        if S::STRICT && (whole == 0 || (whole > 1 && bytes.get(first) == Some(&b'0'))) {
            return invalid();
        }

        let mut float = false;
        let mut fraction = 0;
        if bytes.get(at) == Some(&b'.') {
            float = true;
            let end = digits(bytes, at + 1);
            fraction = end - at - 1;
            if S::STRICT && fraction == 0 {
                return invalid();
            }
            at = end;
        }
        if whole + fraction == 0 {
            return invalid();
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let end = digits(bytes, at + 1 + sign);
            if end > at + 1 + sign {
                float = true;
                at = end;
            } else if S::STRICT {
                return invalid();
            }
        }
        // Terse needs no blank before a name, but `1.2.3` and `1-2` are not two numbers.
        if !S::STRICT && matches!(bytes.get(at), Some(b'+' | b'-' | b'.')) {
            return invalid();
        }
        Ok(Some(Token {
            end: at,
            negative,
            float,
            magnitude,
            // 19 digits always fit.
            small: whole <= 19,
        }))
    }

    fn float_word(&mut self) -> Result<f64, TextError> {
        let start = self.position();
        match self.word()? {
            Word::Float(value) => Ok(value),
            _ => Err(TextError::new("invalid number", start)),
        }
    }

    /// Reads a word: null, a bool, or a float that has no digits.
    #[inline]
    pub(super) fn word(&mut self) -> Result<Word, TextError> {
        let rest = self.rest();
        let (length, word) = if rest.starts_with(b"null") {
            (4, Word::Null)
        } else if rest.starts_with(b"true") {
            (4, Word::Bool(true))
        } else if rest.starts_with(b"false") {
            (5, Word::Bool(false))
        } else if rest.starts_with(S::NAN.as_bytes()) {
            (S::NAN.len(), Word::Float(f64::NAN))
        } else if rest.starts_with(S::INFINITY.as_bytes()) {
            (S::INFINITY.len(), Word::Float(f64::INFINITY))
        } else if rest.starts_with(S::MINUS_INFINITY.as_bytes()) {
            (S::MINUS_INFINITY.len(), Word::Float(f64::NEG_INFINITY))
        } else {
            return Err(self.no_value());
        };
        if rest.get(length).copied().is_some_and(is_bare) {
            return Err(self.no_value());
        }
        self.set_position(self.position() + length);
        Ok(word)
    }

    /// The error for something that begins no value.
    #[cold]
    fn no_value(&self) -> TextError {
        let length = self.rest().iter().take_while(|byte| is_bare(**byte));
        let start = self.position();
        match self.slice(start..start + length.count()) {
            "" => self.unexpected("a value"),
            word if word.len() > 40 => self.unexpected("a value"),
            word if S::STRICT => self.error(format!("expected a value, found `{word}`")),
            word => self.error(format!(
                "expected a value, found `{word}`; a string needs quotes"
            )),
        }
    }
}

/// What most numbers are: up to seven digits, with something behind them that belongs to no number.
/// Gives the value, and how many digits it has. Looks at eight bytes at once.
#[inline]
fn small_integer<S: Syntax>(bytes: &[u8]) -> Option<(u64, usize)> {
    let word = match bytes.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => {
            let mut padded = [b' '; 8];
            padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
            u64::from_le_bytes(padded)
        }
    };
    let (digits, others) = apart(word);
    let bits = others.trailing_zeros() & !7;
    if bits == 0 || bits == 64 || (S::STRICT && bits > 8 && digits & 0xff == 0) {
        return None;
    }
    if let b'.' | b'e' | b'E' | b'+' | b'-' = (word >> bits) as u8 {
        return None;
    }
    Some((joined(digits << (64 - bits)), bits as usize / 8))
}

/// The digits among eight bytes as numbers, and the highest bit of each byte that is none. What is
/// far from a digit may make one of the byte behind it, too.
#[inline]
pub(crate) fn apart(word: u64) -> (u64, u64) {
    const ONES: u64 = u64::MAX / 255;
    let digits = word ^ (ONES * 0x30);
    let others = (digits.wrapping_add(ONES * 0x76) | digits) & (ONES * 0x80);
    (digits, others)
}

/// The number that eight digits make, of which the last byte is the last. Neighbours are put
/// together: two digits, two pairs, two fours.
#[inline]
pub(crate) fn joined(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

#[inline]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Appends a float so that it reads back the same and stays a float.
pub(super) fn write_f64<S: Syntax>(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        write_word::<S>(out, value.is_nan(), value > 0.0);
    }
}

/// Appends a float so that it reads back the same and stays a float.
pub(super) fn write_f32<S: Syntax>(out: &mut Vec<u8>, value: f32) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        write_word::<S>(out, value.is_nan(), value > 0.0);
    }
}

#[cold]
fn write_word<S: Syntax>(out: &mut Vec<u8>, nan: bool, positive: bool) {
    let word = match (nan, positive) {
        (true, _) => S::NAN,
        (false, true) => S::WRITTEN_INFINITY,
        (false, false) => S::WRITTEN_MINUS_INFINITY,
    };
    out.extend_from_slice(word.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::text::{Json, Terse};

    #[test]
    fn small_integers_are_read_at_once_and_others_are_left() {
        for value in (0..20_000).chain([99_999, 100_000, 1_234_567, 9_999_999]) {
            let text = value.to_string();
            for behind in ["", ",", "}", " ", ",\"b\":12345678", "a", "\u{ff}\u{ff}"] {
                let read = small_integer::<Json>(format!("{text}{behind}").as_bytes());
                assert_eq!(read, Some((value, text.len())), "{text}{behind}");
            }
        }
        for text in [
            "", "-1", "1.5", "1e5", "1E5", "1-2", "1+2", "01", "00", "12345678", "\u{80}1", "x",
        ] {
            assert_eq!(small_integer::<Json>(text.as_bytes()), None, "{text}");
        }
        assert_eq!(small_integer::<Terse>(b"007 "), Some((7, 3)));
    }
}
