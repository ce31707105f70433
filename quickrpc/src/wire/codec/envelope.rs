//! What a decoded telegram says, without its arguments and results.
//!
//! Texts are kept as places in the telegram wherever they stand there as they are, so
//! that decoding allocates nothing for an ordinary call.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::base::error::CallError;
use crate::base::security::SecInfo;
use crate::base::trace::Trace;
use crate::base::utf8;
use crate::base::value::Value;
use crate::format::text::TextError;

/// A telegram as its codec has decoded it: a text, or bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script<'t> {
    Text(&'t str),
    Bytes(&'t [u8]),
}

impl<'t> Script<'t> {
    /// How many bytes it has.
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Script::Text(text) => text.len(),
            Script::Bytes(bytes) => bytes.len(),
        }
    }

    /// The text; empty if it is none.
    #[inline]
    pub(crate) fn text(self) -> &'t str {
        match self {
            Script::Text(text) => text,
            Script::Bytes(_) => "",
        }
    }

    /// The bytes; none if it is a text.
    #[inline]
    pub(crate) fn bytes(self) -> &'t [u8] {
        match self {
            Script::Text(_) => &[],
            Script::Bytes(bytes) => bytes,
        }
    }

    /// What it is made of, to be shown to people.
    pub(crate) fn as_bytes(self) -> &'t [u8] {
        match self {
            Script::Text(text) => text.as_bytes(),
            Script::Bytes(bytes) => bytes,
        }
    }

    /// A copy for several.
    pub(crate) fn share(self) -> SharedScript {
        match self {
            Script::Text(text) => SharedScript::Text(text.into()),
            Script::Bytes(bytes) => SharedScript::Bytes(bytes.into()),
        }
    }
}

impl<'t, T: AsRef<str> + ?Sized> From<&'t T> for Script<'t> {
    #[inline]
    fn from(text: &'t T) -> Self {
        Script::Text(text.as_ref())
    }
}

/// A copy of a telegram.
#[derive(Debug, Clone)]
pub(crate) enum SharedScript {
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
}

impl SharedScript {
    pub(crate) fn script(&self) -> Script<'_> {
        match self {
            SharedScript::Text(text) => Script::Text(text),
            SharedScript::Bytes(bytes) => Script::Bytes(bytes),
        }
    }
}

/// A place in a telegram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The place of these bytes; `None` in telegrams of 4 GiB and more.
    pub(crate) fn new(range: Range<usize>) -> Option<Self> {
        Some(Span {
            start: u32::try_from(range.start).ok()?,
            end: u32::try_from(range.end).ok()?,
        })
    }

    /// The same place, seen from so many bytes before.
    #[cfg(any(feature = "hololinked", feature = "juggler", feature = "zonis"))]
    pub(crate) fn from(self, offset: usize) -> Option<Self> {
        let range = self.start as usize + offset..self.end as usize + offset;
        Span::new(range)
    }

    /// Where it begins.
    #[cfg(any(feature = "hololinked", feature = "juggler", feature = "zonis"))]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    /// Which bytes of the telegram these are.
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text at this place; empty if the telegram has no such place.
    pub(crate) fn of(self, telegram: &str) -> &str {
        let range = self.start as usize..self.end as usize;
        telegram.get(range).unwrap_or("")
    }

    /// The bytes at this place; none if the telegram has no such place.
    pub(crate) fn bytes(self, telegram: &[u8]) -> &[u8] {
        let range = self.start as usize..self.end as usize;
        telegram.get(range).unwrap_or_default()
    }
}

/// A text of a telegram: a place in it, or an own copy where it had to be unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Span(Span),
    Owned(Box<str>),
    /// A number that does not stand there as text.
    #[cfg(feature = "msgpack")]
    Digits(Digits),
}

/// The digits of a number.
#[cfg(feature = "msgpack")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digits {
    length: u8,
    /// As many as the largest number has.
    text: [u8; 20],
}

#[cfg(feature = "msgpack")]
impl Digits {
    pub(crate) fn of(number: u64) -> Self {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(number).as_bytes();
        let mut text = [0; 20];
        if let Some(room) = text.get_mut(..digits.len()) {
            room.copy_from_slice(digits);
        }
        Digits {
            length: digits.len() as u8,
            text,
        }
    }

    fn text(&self) -> &str {
        let text = self.text.get(..self.length.into()).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl Part {
    /// The text itself; `telegram` is the one that was decoded.
    #[inline]
    pub(crate) fn of<'a>(&'a self, telegram: impl Into<Script<'a>>) -> &'a str {
        match (self, telegram.into()) {
            (Part::Span(span), Script::Text(text)) => span.of(text),
            (Part::Span(span), Script::Bytes(bytes)) => {
                utf8::text(span.bytes(bytes)).unwrap_or_default()
            }
            (Part::Owned(text), _) => text,
            #[cfg(feature = "msgpack")]
            (Part::Digits(digits), _) => digits.text(),
        }
    }

    /// Whether it has so many bytes, which is known without looking at the telegram.
    #[inline]
    pub(crate) fn has_length(&self, bytes: usize) -> bool {
        match self {
            Part::Span(span) => (span.end - span.start) as usize == bytes,
            Part::Owned(text) => text.len() == bytes,
            #[cfg(feature = "msgpack")]
            Part::Digits(digits) => digits.text().len() == bytes,
        }
    }
}

/// Arguments or a result, to be read with [`AnyCodec::read`](super::AnyCodec::read).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload {
    /// Nothing was sent.
    Missing,
    /// One value, as the codec writes it.
    Text(Span),
    /// The same, or the arguments of a terse call, but nobody has looked whether it is valid. If it cannot be read, the whole
    /// telegram is to be decoded by [`AnyCodec::decode`](super::AnyCodec::decode) first.
    Raw(Span),
    /// The arguments of a terse call, valid, as text: `a:1 b:2`.
    Pairs(Span),
    /// A value; what codecs of plug-ins give.
    Value(Value),
}

/// A decoded call: where its parts lie in the telegram.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallParts {
    pub(crate) method: Part,
    pub(crate) params: Payload,
    pub(crate) id: Option<Part>,
}

/// How long a call may take, as its caller has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// When it has waited so long, it is not begun.
    pub(crate) start: Option<Duration>,
    /// What counts from its beginning on, where that is told apart from its waiting. Elsewhere its
    /// caller gives up when the other time is over.
    pub(crate) run: Option<Run>,
    /// Which trace it belongs to.
    pub(crate) trace: Option<Trace>,
}

/// What is said of a call that runs. The session of the peer hears when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) within: Option<Duration>,
    /// What is logged meanwhile is wanted.
    pub(crate) logs: bool,
    /// Its caller wants no answer, and does not have to stay for it. It has an id all the same, since
    /// its times are told.
    pub(crate) oneway: bool,
}

impl From<Duration> for Terms {
    /// Its caller waits so long.
    fn from(timeout: Duration) -> Self {
        Terms {
            start: Some(timeout),
            run: None,
            trace: None,
        }
    }
}

/// One decoded telegram.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Envelope {
    /// A call; `id` is the raw text as received, which is echoed. No id: no answer.
    Call {
        method: Part,
        params: Payload,
        id: Option<Part>,
    },
    /// A call, and how long it may take.
    Timed(Box<(Terms, CallParts)>),
    /// The caller of the call with this id does not want the answer any more; and how that was
    /// said, which was a notification.
    Cancel { id: Box<str>, call: Box<CallParts> },
    /// The answer to a call; without an id it cannot be ours.
    Reply { id: Option<u64>, result: Payload },
    /// The answer to a call that failed.
    Failure { id: Option<u64>, error: CallError },
    /// A security header; it belongs to the telegram behind it.
    Header(SecInfo),
    /// More than one message; `together`: the answers have to be joined as well.
    Several {
        parts: Vec<Envelope>,
        together: bool,
    },
    /// Not a valid message, and this is why. Answered only if there is an id.
    Invalid { id: Option<Part>, error: CallError },
    /// Has no method, no result and no error: the empty answer to our call `ours`, if that is
    /// one; otherwise invalid.
    Hollow {
        id: Part,
        ours: u64,
        error: CallError,
    },
    /// The answer to our call `ours`, and why the rest of it cannot be read.
    Unreadable { ours: u64, error: DecodeError },
    /// Nothing but blanks.
    Empty,
}

impl Envelope {
    /// Whether somebody who speaks JSON-RPC in full waits for an answer to it.
    pub(crate) fn wants_answer(&self) -> bool {
        match self {
            Envelope::Call { id, .. } => id.is_some(),
            Envelope::Timed(timed) => timed.1.id.is_some(),
            Envelope::Several { parts, .. } => parts.iter().any(Envelope::wants_answer),
            Envelope::Invalid { .. } | Envelope::Hollow { .. } => true,
            Envelope::Cancel { .. }
            | Envelope::Reply { .. }
            | Envelope::Failure { .. }
            | Envelope::Unreadable { .. }
            | Envelope::Header(_)
            | Envelope::Empty => false,
        }
    }

    /// The same, whose calls belong to this trace, as far as they do not say another one.
    pub(crate) fn in_trace(self, trace: Trace) -> Self {
        match self {
            Envelope::Call {
                method,
                params,
                id: id @ Some(_),
            } => {
                let terms = Terms {
                    start: None,
                    run: None,
                    trace: Some(trace),
                };
                Envelope::Timed(Box::new((terms, CallParts { method, params, id })))
            }
            Envelope::Timed(mut timed) => {
                timed.0.trace.get_or_insert(trace);
                Envelope::Timed(timed)
            }
            Envelope::Several { parts, together } => Envelope::Several {
                parts: parts.into_iter().map(|part| part.in_trace(trace)).collect(),
                together,
            },
            other => other,
        }
    }

    /// An invalid request, with what is wrong about it.
    pub(crate) fn invalid(id: Option<Part>, message: impl Into<String>) -> Self {
        Envelope::Invalid {
            id,
            error: CallError::new(CallError::INVALID_REQUEST, message),
        }
    }
}

/// A telegram that is no message at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecodeError {
    /// What was found or expected.
    pub(crate) message: String,
    /// Where, in bytes from the start of the telegram.
    pub(crate) position: usize,
}

impl DecodeError {
    pub(crate) fn new(message: impl Into<String>, position: usize) -> Self {
        DecodeError {
            message: message.into(),
            position,
        }
    }
}

impl From<TextError> for DecodeError {
    fn from(error: TextError) -> Self {
        let position = error.position();
        DecodeError::new(error.into_message(), position)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.position)
    }
}
