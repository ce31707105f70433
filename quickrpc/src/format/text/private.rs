//! Numbers and JSON that serde_json hands over as text, by private names.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::{Deserialize, Visitor};
use serde::ser::{self, Serialize};

use super::bytes::{TAG, note_key};
use super::ser::Writer;
use super::{Json, Reader, Syntax, TextError};
use crate::base::private_names::{NO_KEY, Private, RawEntry};
use crate::base::value::{Value, ValueSerializer};

/// Writes what such a struct really is.
pub(super) struct PrivateWriter<'a, S: Syntax> {
    out: &'a mut Vec<u8>,
    syntax: S,
    depth: usize,
    what: Private,
    written: bool,
}

impl<'a, S: Syntax> PrivateWriter<'a, S> {
    pub(super) fn new(out: &'a mut Vec<u8>, syntax: S, depth: usize, what: Private) -> Self {
        PrivateWriter {
            out,
            syntax,
            depth,
            what,
            written: false,
        }
    }

    #[cold]
    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        if self.written || key != self.what.name() {
            return Err(no_key());
        }
        self.written = true;
        let value = value.serialize(ValueSerializer);
        let value = value.map_err(|error| -> TextError { ser::Error::custom(error) })?;
        let text = value.as_str().ok_or_else(no_key)?;
        match self.what {
            Private::Number => self.number(text),
            Private::Raw => self.json(text),
        }
    }

    pub(super) fn end(self) -> Result<(), TextError> {
        match self.written {
            true => Ok(()),
            false => Err(no_key()),
        }
    }

    /// All digits of it.
    fn number(&mut self, text: &str) -> Result<(), TextError> {
        let mut reader = Reader::new(text, Json, 0);
        let whole = reader.skip_value().is_ok() && reader.at_end();
        let bytes = text.as_bytes();
        let (Some(b'-' | b'0'..=b'9'), Some(b'0'..=b'9'), true) =
            (bytes.first(), bytes.last(), whole)
        else {
            let message = format!("`{text}` is no number");
            return Err(ser::Error::custom(message));
        };
        let exponent = text.find(['e', 'E']);
        match exponent {
            // The sign tells it from the name of the next call, for the original.
            Some(at) if !S::STRICT && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                let (before, exponent) = bytes.split_at(at);
                self.out.extend_from_slice(before);
                self.out.extend_from_slice(b"e+");
                self.out
                    .extend_from_slice(exponent.get(1..).unwrap_or_default());
            }
            _ => self.out.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn json(&mut self, text: &str) -> Result<(), TextError> {
        let wrong = |error: TextError| -> TextError {
            let (message, at) = (error.message(), error.position());
            ser::Error::custom(format_args!(
                "the text of a `RawValue` is no JSON: {message} (at byte {at})"
            ))
        };
        let mut reader = Reader::new(text, Json, self.depth);
        // A key in disguise would not be seen to be one.
        if S::STRICT && !text.contains("\\u00") {
            reader.skip_ws();
            reader.skip_value().map_err(wrong)?;
            reader.skip_ws();
            if !reader.at_end() {
                return Err(wrong(reader.error("expected the end")));
            }
            if text.contains(TAG) {
                note_key(TAG);
            }
            compact(self.out, text);
            return Ok(());
        }
        let value = reader.value(PhantomData::<Value>).map_err(wrong)?;
        reader.skip_ws();
        if !reader.at_end() {
            return Err(wrong(reader.error("expected the end")));
        }
        value.serialize(&mut Writer::new(self.out, self.syntax, self.depth))
    }
}

/// Appends valid JSON without blanks: a line end could be a delimiter.
fn compact(out: &mut Vec<u8>, json: &str) {
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.bytes() {
        if quoted || !byte.is_ascii_whitespace() {
            out.push(byte);
        }
        if !escaped && byte == b'"' {
            quoted = !quoted;
        }
        escaped = quoted && !escaped && byte == b'\\';
    }
}

#[cold]
pub(super) fn no_key() -> TextError {
    ser::Error::custom(NO_KEY)
}

impl<'de, S: Syntax> Reader<'de, S> {
    /// Reads any value as JSON, for a `RawValue`.
    #[cold]
    pub(super) fn raw_value<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TextError> {
        let text = match S::STRICT {
            true => {
                self.skip_ws();
                let range = self.skip_value()?;
                Cow::Borrowed(self.slice(range))
            }
            false => Cow::Owned(Value::deserialize(&mut *self)?.to_string()),
        };
        visitor.visit_map(RawEntry::new(text))
    }
}
