//! Numbers and JSON that serde_json hands over as text, by private names.

use std::marker::PhantomData;

use serde::ser::{self, Serialize};

use super::ser::Writer;
use crate::base::private_names::{NO_KEY, Private, is_private};
use crate::base::value::{Value, ValueSerializer};
use crate::format::text::{Json, Reader, TextError};

/// Writes what such a struct really is.
pub(super) struct PrivateWriter<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
    what: Private,
    written: bool,
}

impl<'a> PrivateWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, depth: usize, what: Private) -> Self {
        PrivateWriter {
            out,
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
        let no_key = || -> TextError { ser::Error::custom(NO_KEY) };
        if self.written || key != self.what.name() {
            return Err(no_key());
        }
        self.written = true;
        let value = value.serialize(ValueSerializer);
        let value = value.map_err(|error| -> TextError { ser::Error::custom(error) })?;
        let text = value.as_str().ok_or_else(no_key)?;
        // A number is JSON, too. One with more digits than there are bits for is rounded.
        let mut reader = Reader::new(text, Json, self.depth);
        let read = reader.value(PhantomData::<Value>);
        reader.skip_ws();
        let value = match read {
            Ok(value) if reader.at_end() => value,
            _ => {
                return Err(ser::Error::custom(format_args!(
                    "what serde_json has written is no JSON: `{text}`"
                )));
            }
        };
        value.serialize(&mut Writer {
            out: self.out,
            depth: self.depth,
        })
    }

    pub(super) fn end(self) -> Result<(), TextError> {
        match self.written {
            true => Ok(()),
            false => Err(ser::Error::custom(NO_KEY)),
        }
    }
}

/// Whether a key, as it was written, is such a name.
#[inline]
pub(super) fn is_private_key(written: &[u8]) -> bool {
    // Short texts have one byte before them, and the names are short.
    matches!(written, [0xa0..=0xbf, b'$', ..])
        && std::str::from_utf8(written.get(1..).unwrap_or_default()).is_ok_and(is_private)
}
