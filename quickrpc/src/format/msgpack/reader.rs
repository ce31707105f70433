//! Bytes that are read from left to right.

use std::mem;

use serde::de::DeserializeSeed;

use super::scan::{Scan, Stop};
use super::{SIGNED, UNSIGNED, mark};
use crate::format::text::TextError;

/// Reads values from the bytes of a message. `&mut Reader` is a [`serde::Deserializer`].
///
/// Nothing goes back on an error: where the reader stands then is not specified.
#[derive(Debug)]
pub(crate) struct Reader<'de> {
    bytes: &'de [u8],
    position: usize,
    /// Lists and maps that may still be opened within each other.
    depth: usize,
    limit: usize,
    /// Options and newtypes that have been entered since the last list or map. They take no
    /// input, so that a type which holds itself through them would never end.
    wrappers: usize,
}

/// A value, or what begins one that has others in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    Wide(i128),
    WideUnsigned(u128),
    Float32(f32),
    Float(f64),
    /// A text, which may not be UTF-8.
    Text(&'de [u8]),
    Bytes(&'de [u8]),
    Ext(i8, &'de [u8]),
    /// So many values follow.
    List(usize),
    /// So many pairs of values follow.
    Map(usize),
}

impl<'de> Reader<'de> {
    /// Begins at the front, and allows `depth` lists and maps within each other.
    #[inline]
    pub(crate) fn new(bytes: &'de [u8], depth: usize) -> Self {
        Reader {
            bytes,
            position: 0,
            depth,
            limit: depth,
            wrappers: 0,
        }
    }

    /// The byte that is read next.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Whether everything has been read.
    #[inline]
    pub(crate) fn at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// How many bytes have not been read.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// If there is none, if it is not valid or too deep, or if it is not what `seed` takes.
    #[inline]
    pub(crate) fn value<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, TextError> {
        seed.deserialize(self)
    }

    /// Goes past a value, however deep it is.
    ///
    /// # Errors
    ///
    /// If there is none, or it is not whole.
    pub(crate) fn skip(&mut self) -> Result<(), TextError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        match Scan::default().advance(rest, rest.len()) {
            Ok(Some(size)) => {
                self.position += size;
                Ok(())
            }
            Err(Stop::Unused) => Err(self.unused()),
            Ok(None) | Err(Stop::TooLarge) => Err(self.cut()),
        }
    }

    /// Reads a value, or what begins one.
    ///
    /// # Errors
    ///
    /// If there is none, or it is not whole.
    #[inline]
    pub(crate) fn token(&mut self) -> Result<Token<'de>, TextError> {
        let Some(first) = self.peek() else {
            return Err(self.cut());
        };
        self.position += 1;
        Ok(match first {
            0x00..=0x7f => Token::Unsigned(first.into()),
            0xe0..=0xff => Token::Signed(first.cast_signed().into()),
            0xa0..=0xbf => Token::Text(self.take(usize::from(first & 0x1f))?),
            0x90..=0x9f => Token::List(usize::from(first & 0x0f)),
            0x80..=0x8f => Token::Map(usize::from(first & 0x0f)),
            mark::NIL => Token::Nil,
            mark::FALSE => Token::Bool(false),
            mark::TRUE => Token::Bool(true),
            _ => return self.wide_token(first),
        })
    }

    fn wide_token(&mut self, first: u8) -> Result<Token<'de>, TextError> {
        let signed = |value: i64| match u64::try_from(value) {
            Ok(value) => Token::Unsigned(value),
            Err(_) => Token::Signed(value),
        };
        Ok(match first {
            mark::U8 => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            mark::U16 => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            mark::U32 => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            mark::U64 => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            mark::I8 => signed(i8::from_be_bytes(self.array()?).into()),
            mark::I16 => signed(i16::from_be_bytes(self.array()?).into()),
            mark::I32 => signed(i32::from_be_bytes(self.array()?).into()),
            mark::I64 => signed(i64::from_be_bytes(self.array()?)),
            mark::F32 => Token::Float32(f32::from_be_bytes(self.array()?)),
            mark::F64 => Token::Float(f64::from_be_bytes(self.array()?)),
            mark::STR8 => Token::Text(self.long::<1>()?),
            mark::STR16 => Token::Text(self.long::<2>()?),
            mark::STR32 => Token::Text(self.long::<4>()?),
            mark::BIN8 => Token::Bytes(self.long::<1>()?),
            mark::BIN16 => Token::Bytes(self.long::<2>()?),
            mark::BIN32 => Token::Bytes(self.long::<4>()?),
            mark::LIST16 => Token::List(self.length::<2>()?),
            mark::LIST32 => Token::List(self.length::<4>()?),
            mark::MAP16 => Token::Map(self.length::<2>()?),
            mark::MAP32 => Token::Map(self.length::<4>()?),
            mark::FIX_EXT..=0xd8 => self.ext(1 << (first - mark::FIX_EXT))?,
            mark::EXT8 => self.length::<1>().and_then(|size| self.ext(size))?,
            mark::EXT16 => self.length::<2>().and_then(|size| self.ext(size))?,
            mark::EXT32 => self.length::<4>().and_then(|size| self.ext(size))?,
            _ => {
                self.position -= 1;
                return Err(self.unused());
            }
        })
    }

    fn ext(&mut self, size: usize) -> Result<Token<'de>, TextError> {
        let kind = i8::from_be_bytes(self.array()?);
        let data = self.take(size)?;
        Ok(match (kind, <[u8; 16]>::try_from(data)) {
            (SIGNED, Ok(digits)) => Token::Wide(i128::from_be_bytes(digits)),
            (UNSIGNED, Ok(digits)) => Token::WideUnsigned(u128::from_be_bytes(digits)),
            _ => Token::Ext(kind, data),
        })
    }

    #[inline]
    fn take(&mut self, size: usize) -> Result<&'de [u8], TextError> {
        let end = self.position.saturating_add(size);
        match self.bytes.get(self.position..end) {
            Some(bytes) => {
                self.position = end;
                Ok(bytes)
            }
            None => Err(self.cut()),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], TextError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        match rest.first_chunk::<N>() {
            Some(bytes) => {
                self.position += N;
                Ok(*bytes)
            }
            None => Err(self.cut()),
        }
    }

    #[inline]
    fn length<const N: usize>(&mut self) -> Result<usize, TextError> {
        let digits = self.array::<N>()?;
        let digits = digits.iter().map(|digit| usize::from(*digit));
        Ok(digits.fold(0, |number, digit| (number << 8) | digit))
    }

    #[inline]
    fn long<const N: usize>(&mut self) -> Result<&'de [u8], TextError> {
        let size = self.length::<N>()?;
        self.take(size)
    }

    /// Runs `read` within one more list or map.
    #[inline]
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, TextError>,
    ) -> Result<T, TextError> {
        if self.depth == 0 {
            return Err(self.error(format!("nested deeper than {} levels", self.limit)));
        }
        self.depth -= 1;
        let wrappers = mem::take(&mut self.wrappers);
        let result = read(self);
        self.wrappers = wrappers;
        self.depth += 1;
        result
    }

    /// Runs `read` within an option or newtype.
    #[inline]
    pub(super) fn wrapped<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, TextError>,
    ) -> Result<T, TextError> {
        if self.wrappers >= WRAPPERS {
            return Err(self.error("options or newtypes nested too deeply"));
        }
        self.wrappers += 1;
        let result = read(self);
        self.wrappers -= 1;
        result
    }

    /// An error about what is read next.
    #[cold]
    pub(crate) fn error(&self, message: impl Into<String>) -> TextError {
        TextError::new(message, self.position)
    }

    #[cold]
    fn cut(&self) -> TextError {
        self.error("the message ends within a value")
    }

    #[cold]
    fn unused(&self) -> TextError {
        self.error("the byte 0xc1 begins no value")
    }
}

/// More than any type has that ends.
const WRAPPERS: usize = 128;
