//! Cuts a stream of bytes into telegrams.

use std::ops::Range;
use std::sync::Arc;

use memchr::memchr;
use memchr::memmem::Finder;

/// Where the next telegram is in a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The telegram, without its delimiter.
    pub(crate) telegram: Range<usize>,
    /// How many bytes to drop from the front of the buffer once it is handled.
    pub(crate) consumed: usize,
}

/// What stands behind each telegram in a stream.
#[derive(Debug, Clone)]
pub(crate) enum Delimiter {
    /// One byte, which is what nearly everybody uses.
    Byte([u8; 1]),
    /// Two bytes or more, prepared for the search.
    Bytes(Arc<Finder<'static>>),
}

impl Delimiter {
    /// The delimiter of these bytes; `None` if there are none.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => None,
            [byte] => Some(Delimiter::Byte([*byte])),
            _ => Some(Delimiter::Bytes(Arc::new(Finder::new(bytes).into_owned()))),
        }
    }

    /// Its bytes, never empty.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Delimiter::Byte(byte) => byte,
            Delimiter::Bytes(finder) => finder.needle(),
        }
    }

    /// The first telegram in the buffer, if it has arrived as a whole.
    ///
    /// `searched` says how many bytes at the front are known to hold no delimiter. It
    /// starts at 0 with each new telegram, and has to be kept as long as more input is
    /// appended to the same buffer: that way no byte is ever looked at twice (except for
    /// the few that may be the start of a delimiter of several bytes).
    pub(crate) fn next_frame(&self, buffer: &[u8], searched: &mut usize) -> Option<Frame> {
        let from = (*searched).min(buffer.len());
        let length = self.as_bytes().len();
        match self.find(buffer.get(from..).unwrap_or_default()) {
            Some(offset) => {
                *searched = 0;
                let end = from + offset;
                Some(Frame {
                    telegram: 0..end,
                    consumed: end + length,
                })
            }
            None => {
                *searched = from.max((buffer.len() + 1).saturating_sub(length));
                None
            }
        }
    }

    /// Appends the delimiter to the telegram that begins at `start`.
    ///
    /// # Errors
    ///
    /// When the receiver would see a delimiter earlier, in the telegram itself.
    pub(crate) fn close(&self, out: &mut Vec<u8>, start: usize) -> Result<(), String> {
        let end = out.len();
        out.extend_from_slice(self.as_bytes());
        // Searched with the delimiter in place, as a telegram that ends in `|` spoils
        // the delimiter `||` without containing it.
        if self.find(out.get(start..).unwrap_or_default()) == end.checked_sub(start) {
            return Ok(());
        }
        out.truncate(end);
        Err(format!(
            "the message contains the delimiter `{}`",
            self.as_bytes().escape_ascii()
        ))
    }

    fn find(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Delimiter::Byte([byte]) => memchr(*byte, bytes),
            Delimiter::Bytes(finder) => finder.find(bytes),
        }
    }
}
