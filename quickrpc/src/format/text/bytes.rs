//! Byte strings, which travel as base64.
//!
//! JSON has `{"__bytes": "<base64>"}`. The Python original takes any object with that key
//! for bytes, whatever else it holds and wherever the key stands; a reader that does not
//! know the type it is asked for has to look ahead for it, see [`Tags`].

use std::cell::Cell;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Reader, Syntax, TextError};

/// The key that makes a JSON object a byte string.
pub(super) const TAG: &str = "__bytes";

/// Where byte strings are in a JSON text, as far as it has been looked at.
///
/// Two steps keep this linear in the length of the text whatever a peer sends: the quoted
/// key is searched, and each stretch between two finds is searched once; and only where it
/// occurs ahead, the outermost object is read once, noting all tagged objects in it.
#[derive(Debug)]
pub(super) struct Tags {
    /// No tag begins between these two, and if the second is not the end, one begins there.
    clear: Range<usize>,
    /// This range has been read, and `objects` are the tagged objects in it.
    read: Range<usize>,
    objects: Vec<usize>,
    /// Whether a skipped object notes its tag.
    pub(super) noting: bool,
}

impl Tags {
    #[inline]
    pub(super) fn new() -> Self {
        Tags {
            clear: usize::MAX..usize::MAX,
            read: 0..0,
            objects: Vec::new(),
            noting: false,
        }
    }

    #[cold]
    pub(super) fn note(&mut self, object: usize) {
        self.objects.push(object);
    }
}

impl<'de, S: Syntax> Reader<'de, S> {
    /// Whether the JSON object that begins here is a byte string.
    pub(super) fn is_tagged(&mut self) -> Result<bool, TextError> {
        let here = self.position();
        if self.tags.read.contains(&here) {
            return Ok(self.tags.objects.binary_search(&here).is_ok());
        }
        if !(self.tags.clear.start <= here && here <= self.tags.clear.end) {
            let rest = self.text().as_bytes().get(here..).unwrap_or_default();
            let next = memchr::memmem::find(rest, b"\"__bytes\"");
            self.tags.clear = here..next.map_or(usize::MAX, |next| here + next);
        }
        if self.tags.clear.end == usize::MAX {
            return Ok(false);
        }
        self.tags.objects.clear();
        self.tags.noting = true;
        let read = self.skip_value();
        self.tags.noting = false;
        self.set_position(here);
        self.tags.read = read?;
        self.tags.objects.sort_unstable();
        Ok(self.tags.objects.binary_search(&here).is_ok())
    }

    /// Reads the JSON object that begins here as a byte string; `None` if it is none.
    pub(super) fn tagged_bytes(&mut self) -> Result<Option<Vec<u8>>, TextError> {
        self.nested(|reader| {
            reader.set_position(reader.position() + 1);
            let mut found = None;
            let mut first = true;
            while reader.next_entry(first, b'}')? {
                first = false;
                let key = reader.key()?;
                reader.colon()?;
                reader.skip_ws();
                if key == TAG && reader.peek() == Some(b'"') {
                    let at = reader.position();
                    let text = reader.string()?;
                    found = Some(decode(&text).map_err(|error| TextError::new(error, at))?);
                } else {
                    reader.skip_value()?;
                }
            }
            reader.expect(b'}')?;
            Ok(found)
        })
    }

    /// Reads terse bytes, at the opening quote.
    pub(super) fn quoted_bytes(&mut self) -> Result<Vec<u8>, TextError> {
        let start = self.position();
        let range = self.skip_quoted_bytes()?;
        decode(self.slice(range)).map_err(|error| TextError::new(error, start))
    }

    /// Goes past terse bytes, and returns where the base64 is.
    pub(super) fn skip_quoted_bytes(&mut self) -> Result<Range<usize>, TextError> {
        let start = self.position() + 1;
        let rest = self.text().as_bytes().get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'\'', rest) else {
            return Err(TextError::new("bytes without an end", start - 1));
        };
        self.set_position(start + length + 1);
        Ok(start..start + length)
    }
}

thread_local! {
    /// A map of the user's was written that has the key.
    static TAGGED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `write`, and says whether it wrote a map with the key that marks byte strings. The
/// byte strings themselves do not count.
pub(crate) fn noting_tags<R>(write: impl FnOnce() -> R) -> (R, bool) {
    let outer = TAGGED.replace(false);
    let result = write();
    (result, TAGGED.replace(outer))
}

/// A key of a map was written.
#[inline]
pub(super) fn note_key(key: &str) {
    if key == TAG {
        TAGGED.set(true);
    }
}

/// Appends the base64 of `value`.
pub(super) fn encode(out: &mut Vec<u8>, value: &[u8]) {
    base64_simd::STANDARD.encode_append(value, out);
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    // What is wrong with a text, only the other crate can tell.
    base64_simd::STANDARD
        .decode_to_vec(text)
        .or_else(|_| STANDARD.decode(text))
        .map_err(|error| format!("invalid base64: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_written_and_read_as_the_other_crate_does(value in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut out = b"before".to_vec();
            encode(&mut out, &value);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(&text, &format!("before{}", STANDARD.encode(&value)));
            prop_assert_eq!(decode(&text["before".len()..]).unwrap(), value);
        }

        #[test]
        fn what_the_other_crate_refuses_is_refused(text in "[A-Ea-e0-3+/=\\-_ ]{0,12}|[A-Za-z0-9+/]{60,70}={0,3}") {
            prop_assert_eq!(decode(&text).ok(), STANDARD.decode(&text).ok());
        }
    }
}
