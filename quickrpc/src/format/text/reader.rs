//! A text that is read from left to right.

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::ops::Range;

use serde::de::DeserializeSeed;

use super::bytes::Tags;
use super::syntax::is_bare;
use super::{Syntax, TextError};

/// Reads values, and what is between them, from a text.
///
/// The primitives are for envelopes, which pick a message apart and leave the arguments
/// for later; `&mut Reader` is a [`serde::Deserializer`]. None of them goes back on an
/// error: where the reader stands then is not specified.
#[derive(Debug)]
pub(crate) struct Reader<'de, S: Syntax> {
    text: &'de str,
    position: usize,
    /// Lists and maps that may still be opened within each other.
    depth: usize,
    limit: usize,
    /// Options and newtypes that have been entered since the last list or map. They take
    /// no input, so that a type which holds itself through them would never end.
    wrappers: usize,
    pub(super) tags: Tags,
    _syntax: S,
}

impl<'de, S: Syntax> Reader<'de, S> {
    /// Begins at the start of `text`, and allows `depth` lists and maps within each other.
    #[inline]
    pub(crate) fn new(text: &'de str, syntax: S, depth: usize) -> Self {
        Reader {
            text,
            position: 0,
            depth,
            limit: depth,
            wrappers: 0,
            tags: Tags::new(),
            _syntax: syntax,
        }
    }

    /// The byte that is read next.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Goes on at this byte of the text.
    #[inline]
    pub(crate) fn set_position(&mut self, position: usize) {
        self.position = position;
    }

    /// The whole text.
    #[inline]
    pub(crate) fn text(&self) -> &'de str {
        self.text
    }

    /// Whether everything has been read.
    #[inline]
    pub(crate) fn at_end(&self) -> bool {
        self.position >= self.text.len()
    }

    /// Goes past blanks.
    #[inline]
    pub(crate) fn skip_ws(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.position += 1;
        }
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    /// Goes past the next byte if it is this one.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// Goes past the next byte.
    ///
    /// # Errors
    ///
    /// If it is not `byte`.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), TextError> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.unexpected(match byte {
                b'"' => "a string",
                b':' => "`:`",
                b'{' => "`{`",
                b'}' => "`}`",
                b'[' => "`[`",
                b']' => "`]`",
                _ => return Err(self.unexpected(format_args!("`{}`", char::from(byte)))),
            }))
        }
    }

    /// Reads the key of a map entry: a string, or in terse a bare word too.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Cow<'de, str>, TextError> {
        if S::STRICT || self.peek() == Some(b'"') {
            return self.string();
        }
        self.skip_bare_key()
            .map(|range| Cow::Borrowed(self.slice(range)))
    }

    pub(super) fn skip_bare_key(&mut self) -> Result<Range<usize>, TextError> {
        let start = self.position;
        while self.peek().is_some_and(is_bare) {
            self.position += 1;
        }
        if self.position == start {
            return Err(self.unexpected("a name"));
        }
        Ok(start..self.position)
    }

    /// Goes past the colon after a key, and the blanks around it.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), TextError> {
        self.skip_ws();
        self.expect(b':')?;
        self.skip_ws();
        Ok(())
    }

    /// Goes to the next entry of a list or map; false where it ends, at its closing bracket.
    #[inline]
    pub(super) fn next_entry(&mut self, first: bool, close: u8) -> Result<bool, TextError> {
        self.skip_ws();
        let mut comma = false;
        if !first && self.peek() == Some(b',') {
            self.position += 1;
            self.skip_ws();
            comma = true;
        }
        match self.peek() {
            Some(byte) if byte == close => {
                if S::STRICT && comma {
                    return Err(self.error("trailing comma"));
                }
                Ok(false)
            }
            Some(_) if !S::STRICT || first || comma => Ok(true),
            _ => Err(self.unexpected(match (close, S::STRICT) {
                (b']', true) => "`,` or `]`",
                (b']', false) => "a value or `]`",
                (_, true) => "`,` or `}`",
                (_, false) => "a name or `}`",
            })),
        }
    }

    /// Goes past the end of a list or map of which all entries that were wanted are read.
    #[inline]
    pub(super) fn end_of(&mut self, first: bool, close: u8) -> Result<(), TextError> {
        if self.next_entry(first, close)? {
            return Err(self.error("more entries than expected"));
        }
        self.position += 1;
        Ok(())
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
        self.skip_ws();
        let start = self.position;
        seed.deserialize(self).map_err(|error| error.at(start))
    }

    /// Runs `read` within one more list or map.
    #[inline]
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, TextError>,
    ) -> Result<T, TextError> {
        if self.depth == 0 {
            return Err(self.too_deep());
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

    /// What has not been read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'de [u8] {
        self.text
            .as_bytes()
            .get(self.position..)
            .unwrap_or_default()
    }

    /// A part of the text; empty where there is none.
    #[inline]
    pub(super) fn slice(&self, range: Range<usize>) -> &'de str {
        self.text.get(range).unwrap_or_default()
    }

    /// An error about what is read next.
    #[cold]
    pub(crate) fn error(&self, message: impl Into<String>) -> TextError {
        TextError::new(message, self.position)
    }

    /// The error for something else than `wanted`.
    #[cold]
    pub(super) fn unexpected(&self, wanted: impl fmt::Display) -> TextError {
        let rest = self.text.get(self.position..).unwrap_or_default();
        self.error(match rest.chars().next() {
            Some(found) => format!("expected {wanted}, found `{}`", found.escape_debug()),
            None => format!("expected {wanted}, found the end"),
        })
    }

    #[cold]
    fn too_deep(&self) -> TextError {
        self.error(format!("nested deeper than {} levels", self.limit))
    }
}

/// More than any type has that ends.
const WRAPPERS: usize = 128;
