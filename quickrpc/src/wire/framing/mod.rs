//! Cuts a stream of bytes into telegrams.

mod content_length;

use std::ops::Range;
use std::sync::Arc;

use memchr::memchr;
use memchr::memmem::Finder;

#[cfg(feature = "msgpack")]
use super::guess;
#[cfg(feature = "msgpack")]
use crate::format::msgpack::{self, Scan, Stop};

/// Where the next telegram is in a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The telegram, without what frames it.
    pub(crate) telegram: Range<usize>,
    /// How many bytes to drop from the front of the buffer once it is handled.
    pub(crate) consumed: usize,
}

/// Why a stream cannot be cut any further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unframed {
    /// The telegram at the front is larger than the limit.
    TooLarge,
    /// What is at the front is no frame, so that nothing behind it can be found; and why.
    Garbled(String),
}

/// What is known of the telegram at the front of a buffer while it is incomplete. It
/// begins as the default, and is kept as long as more input is appended to the buffer:
/// that way no byte of a telegram is looked at twice.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// How many bytes at the front are known to hold no delimiter.
    searched: usize,
    /// Where the telegram is, once its header says so.
    announced: Option<Range<usize>>,
    /// What is known of where it ends, if it says so by itself.
    #[cfg(feature = "msgpack")]
    scan: Scan,
}

/// How a telegram is told from the next one in a stream.
#[derive(Debug, Clone)]
pub(crate) enum Framing {
    /// One byte behind each telegram, which is what nearly everybody uses.
    Byte([u8; 1]),
    /// Two bytes or more behind each telegram, prepared for the search.
    Bytes(Arc<Finder<'static>>),
    /// Headers before each telegram, among them its length.
    ContentLength,
    /// None: a value of MessagePack says by itself where it ends. What is no message, as what
    /// security providers send, is a byte string.
    #[cfg(feature = "msgpack")]
    MessagePack,
}

impl Framing {
    /// The delimiter of these bytes; `None` if there are none.
    pub(crate) fn delimited(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => None,
            [byte] => Some(Framing::Byte([*byte])),
            _ => Some(Framing::Bytes(Arc::new(Finder::new(bytes).into_owned()))),
        }
    }

    /// What stands behind each telegram, if anything does.
    pub(crate) fn delimiter(&self) -> Option<&[u8]> {
        match self {
            Framing::Byte(byte) => Some(byte),
            Framing::Bytes(finder) => Some(finder.needle()),
            Framing::ContentLength => None,
            #[cfg(feature = "msgpack")]
            Framing::MessagePack => None,
        }
    }

    /// Where a telegram ends, for messages to people.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Framing::ContentLength => "every message has as many bytes as its header says",
            #[cfg(feature = "msgpack")]
            Framing::MessagePack => "every message is one array",
            _ => "every message ends with the delimiter",
        }
    }

    /// The first telegram in the buffer, if it has arrived as a whole.
    ///
    /// # Errors
    ///
    /// When there will be none: the stream cannot be read any further.
    pub(crate) fn next_frame(
        &self,
        buffer: &[u8],
        progress: &mut Progress,
        limit: usize,
    ) -> Result<Option<Frame>, Unframed> {
        let length = match self {
            Framing::Byte(_) => 1,
            Framing::Bytes(finder) => finder.needle().len(),
            Framing::ContentLength => {
                return announced(buffer, &mut progress.announced, limit);
            }
            #[cfg(feature = "msgpack")]
            Framing::MessagePack => {
                return message_pack(buffer, &mut progress.scan, limit);
            }
        };
        let searched = &mut progress.searched;
        let from = (*searched).min(buffer.len());
        match self.find(buffer.get(from..).unwrap_or_default()) {
            Some(offset) => {
                *searched = 0;
                let end = from + offset;
                if end > limit {
                    return Err(Unframed::TooLarge);
                }
                Ok(Some(Frame {
                    telegram: 0..end,
                    consumed: end + length,
                }))
            }
            None => {
                // The last bytes may be the beginning of the delimiter.
                *searched = from.max((buffer.len() + 1).saturating_sub(length));
                match *searched > limit {
                    true => Err(Unframed::TooLarge),
                    false => Ok(None),
                }
            }
        }
    }

    /// Frames the telegram that begins at `start` and is the last thing in `out`.
    ///
    /// # Errors
    ///
    /// When the receiver would see a delimiter earlier, in the telegram itself.
    pub(crate) fn close(&self, out: &mut Vec<u8>, start: usize) -> Result<(), String> {
        let Some(delimiter) = self.delimiter() else {
            match self {
                Framing::ContentLength => content_length::insert(out, start),
                #[cfg(feature = "msgpack")]
                Framing::MessagePack => msgpack::enclose(out, start)?,
                Framing::Byte(_) | Framing::Bytes(_) => {}
            }
            return Ok(());
        };
        let end = out.len();
        out.extend_from_slice(delimiter);
        // Searched with the delimiter in place, as a telegram that ends in `|` spoils
        // the delimiter `||` without containing it.
        if self.find(out.get(start..).unwrap_or_default()) == end.checked_sub(start) {
            return Ok(());
        }
        out.truncate(end);
        Err(format!(
            "the message contains the delimiter `{}`",
            delimiter.escape_ascii()
        ))
    }

    fn find(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Framing::Byte([byte]) => memchr(*byte, bytes),
            Framing::Bytes(finder) => finder.find(bytes),
            Framing::ContentLength => None,
            #[cfg(feature = "msgpack")]
            Framing::MessagePack => None,
        }
    }
}

/// The first telegram of a stream of values of MessagePack.
#[cfg(feature = "msgpack")]
fn message_pack(buffer: &[u8], scan: &mut Scan, limit: usize) -> Result<Option<Frame>, Unframed> {
    let head = match buffer.first() {
        Some(first) if msgpack::is_list(*first) => 0,
        Some(first) => match msgpack::head_of_bytes(*first) {
            Some(head) => head,
            None => return Err(Unframed::Garbled(guess::no_list(buffer))),
        },
        None => return Ok(None),
    };
    match scan.advance(buffer, limit.saturating_add(head)) {
        Ok(size) => Ok(size.map(|size| Frame {
            telegram: head..size,
            consumed: size,
        })),
        Err(Stop::TooLarge) => Err(Unframed::TooLarge),
        Err(Stop::Unused) => Err(Unframed::Garbled(String::from(
            "the byte 0xc1, which begins no value of MessagePack",
        ))),
    }
}

/// The first telegram of a stream in which a header tells where it is.
fn announced(
    buffer: &[u8],
    place: &mut Option<Range<usize>>,
    limit: usize,
) -> Result<Option<Frame>, Unframed> {
    if place.is_none() {
        *place = content_length::read(buffer).map_err(Unframed::Garbled)?;
    }
    let telegram = match place {
        Some(telegram) if telegram.len() > limit => return Err(Unframed::TooLarge),
        Some(telegram) if telegram.end <= buffer.len() => telegram.clone(),
        _ => return Ok(None),
    };
    *place = None;
    Ok(Some(Frame {
        consumed: telegram.end,
        telegram,
    }))
}
