//! Frames on their way in, put together to messages.

use std::fmt;
use std::sync::Arc;

use crate::base::reason::DisconnectReason;
use crate::expr::ZmqType;
use crate::wire::cut::Broken;

use super::frame::{self, COMMAND, LONG, LONGEST, MORE};
use super::handshake::split_name;
use super::peer::Peer;

/// What has arrived of the message at hand.
pub(crate) struct Reader {
    peer: Arc<Peer>,
    /// What a message is.
    form: Form,
    /// The bytes of its parts. Those of one that is complete stay until the next look.
    message: Vec<u8>,
    /// Where each part that has come ends in it.
    ends: Vec<usize>,
    /// Bytes that are missing of the frame at hand.
    left: usize,
    /// More frames follow the one at hand.
    more: bool,
    at: At,
}

/// What makes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One part, and perhaps an empty one or a topic before it.
    Telegram,
    /// All of its parts.
    Parts,
}

/// How far the message at hand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Between two messages.
    Start,
    /// Within its frames.
    Within,
    /// Nobody wants the rest of it.
    Skipping,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// More input is needed.
    Incomplete,
    /// Something that is no message.
    Part,
    /// A whole message of one part.
    Message(&'a [u8]),
    /// A whole message of any number of parts.
    Parts(Parts<'a>),
    /// A message that is of no use, for this reason.
    Strange(&'static str),
    /// A question, and the frame that answers it.
    Ping(Vec<u8>),
    /// The peer says that it ends, for this reason.
    Error(String),
}

/// The parts of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl Violation {
    /// Why the input cannot be cut any further.
    pub(crate) fn broken(self, limit: usize) -> Broken {
        match self {
            Violation::TooLarge => Broken::Rules(DisconnectReason::MessageTooLarge { limit }),
            Violation::Protocol(text) => Broken::Garbled(text.to_owned()),
        }
    }
}

impl<'a> Parts<'a> {
    #[cfg(any(all(test, feature = "hololinked"), feature = "__fuzz"))]
    pub(crate) fn of(bytes: &'a [u8], ends: &'a [usize]) -> Self {
        Parts { bytes, ends }
    }

    #[cfg(any(test, feature = "hololinked"))]
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let starts = std::iter::once(&0).chain(self.ends);
        let places = starts.zip(self.ends);
        places.map(move |(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }
}

/// What is wrong with what was read. Nothing behind it is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The message is larger than the limit.
    TooLarge,
    /// It is against the protocol.
    Protocol(&'static str),
}

/// The longest command that is read: a subscription to a long topic.
pub(super) const LONGEST_COMMAND: usize = 8 << 10;
/// A question has so many bytes of its own, which come back.
const CONTEXT: usize = 16;
/// What each part takes of the limit beside its bytes, so that empty ones are not endless.
const EACH: usize = size_of::<usize>();
/// Memory for messages that is kept between them.
const KEEP: usize = 512;

/// The header of a frame.
struct Header {
    flags: u8,
    length: usize,
    /// Where it ends.
    end: usize,
}

impl Reader {
    fn new(peer: &Arc<Peer>, form: Form) -> Self {
        Reader {
            peer: Arc::clone(peer),
            form,
            message: Vec::new(),
            ends: Vec::new(),
            left: 0,
            more: false,
            at: At::Start,
        }
    }

    /// One of a peer, which keeps it for long.
    pub(crate) fn boxed(peer: &Arc<Peer>, form: Form) -> Box<Self> {
        Box::new(Reader::new(peer, form))
    }

    /// The bytes that it holds: of a message that is not complete, and of subscriptions.
    pub(crate) fn held(&self) -> usize {
        let message = match self.at {
            At::Start => 0,
            _ => self.taken(),
        };
        message + self.peer.held()
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        self.at != At::Start
    }

    /// Nobody wants the rest of the message.
    pub(crate) fn clear(&mut self) {
        self.at = At::Start;
        self.message = Vec::new();
        self.ends = Vec::new();
    }

    /// Nothing is read for a while: an idle connection keeps no buffer.
    pub(crate) fn rest(&mut self) {
        if self.at == At::Start {
            if self.message.capacity() > KEEP {
                self.message = Vec::new();
            }
            if self.ends.capacity() * EACH > KEEP {
                self.ends = Vec::new();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.message.capacity() + self.ends.capacity()
    }

    /// Reads the next frame, or a part of it. Gives how many bytes it took.
    ///
    /// # Errors
    ///
    /// When the stream cannot be read any further.
    pub(crate) fn next<'a>(
        &'a mut self,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<(usize, Event<'a>), Violation> {
        if self.at == At::Start {
            self.message.clear();
            self.ends.clear();
        }
        let mut taken = 0;
        if self.left == 0 {
            let Some(header) = header(bytes)? else {
                return Ok((0, Event::Incomplete));
            };
            let rest = bytes.get(header.end..).unwrap_or_default();
            if header.flags & COMMAND != 0 {
                return self.command(&header, rest);
            }
            if self.taken().saturating_add(header.length) > limit {
                return Err(Violation::TooLarge);
            }
            taken = header.end;
            let more = header.flags & MORE != 0;
            // The whole message in one frame, and nothing to be done with it.
            if self.at == At::Start
                && !more
                && self.form == Form::Telegram
                && let Some(message) = rest.get(..header.length)
            {
                self.peer.is_delimited(false);
                let event = self.whole(message)?;
                return Ok((taken + header.length, event));
            }
            self.more = more;
            self.left = header.length;
            self.begins();
        }
        let rest = bytes.get(taken..).unwrap_or_default();
        let piece = rest.get(..self.left.min(rest.len())).unwrap_or_default();
        if self.at != At::Skipping {
            self.message.extend_from_slice(piece);
        }
        self.left -= piece.len();
        taken += piece.len();
        if self.left > 0 {
            return Ok((taken, Event::Incomplete));
        }
        if self.at != At::Skipping {
            self.ends.push(self.message.len());
        }
        if self.more {
            return Ok((taken, Event::Part));
        }
        let event = match std::mem::replace(&mut self.at, At::Start) {
            _ if is_deaf(&self.peer) => told(&self.peer, &self.message)?,
            At::Skipping => Event::Strange(SEVERAL),
            _ => match self.form {
                Form::Telegram => Event::Message(&self.message),
                Form::Parts => Event::Parts(Parts {
                    bytes: &self.message,
                    ends: &self.ends,
                }),
            },
        };
        Ok((taken, event))
    }

    /// What the message has of its limit already.
    fn taken(&self) -> usize {
        let parts = self.ends.len().saturating_mul(EACH);
        self.message.len().saturating_add(parts)
    }

    /// A frame begins.
    fn begins(&mut self) {
        let is_first = self.at == At::Start;
        if is_first {
            self.at = At::Within;
        }
        if self.form == Form::Parts || self.at == At::Skipping {
            return;
        }
        if is_first {
            self.peer.is_delimited(self.left == 0 && self.more);
        } else if self.message.is_empty() || self.peer.ours == ZmqType::Sub {
            // What came before it is a delimiter, or the topic.
            self.message.clear();
            self.ends.clear();
        } else {
            self.at = At::Skipping;
            self.message = Vec::new();
            self.ends = Vec::new();
        }
    }

    /// A message in one frame.
    fn whole<'a>(&self, message: &'a [u8]) -> Result<Event<'a>, Violation> {
        match is_deaf(&self.peer) {
            true => told(&self.peer, message),
            false => Ok(Event::Message(message)),
        }
    }

    /// A command, which may stand between the frames of a message, since libzmq asks whether we
    /// are there at any time. It is short enough to be read as a whole.
    fn command<'a>(
        &self,
        header: &Header,
        rest: &'a [u8],
    ) -> Result<(usize, Event<'a>), Violation> {
        if header.flags & MORE != 0 {
            return Err(Violation::Protocol("a command in parts"));
        }
        if header.length > LONGEST_COMMAND {
            return Err(Violation::Protocol("a command of more than 8 KiB"));
        }
        let Some(command) = rest.get(..header.length) else {
            return Ok((0, Event::Incomplete));
        };
        let Some((name, data)) = split_name(command) else {
            return Err(Violation::Protocol("a command without a name"));
        };
        let event = match name {
            b"PING" => {
                // Before it is the time after which the peer gives us up without an answer.
                let context = data.get(2..).unwrap_or_default();
                let context = context.get(..CONTEXT.min(context.len()));
                let mut pong = Vec::new();
                frame::command(&mut pong, "PONG", &[context.unwrap_or_default()]);
                Event::Ping(pong)
            }
            b"SUBSCRIBE" => subscribed(&self.peer, data)?,
            b"CANCEL" => {
                self.peer.cancel(data);
                Event::Part
            }
            b"ERROR" => {
                let text = split_name(data).map_or(data, |(text, _)| text);
                Event::Error(text.escape_ascii().to_string())
            }
            // Others are of later versions.
            _ => Event::Part,
        };
        Ok((header.end + header.length, event))
    }
}

const SEVERAL: &str = "a message of several parts, and here a telegram is one";

/// Reads the header of a frame, if it is there.
fn header(bytes: &[u8]) -> Result<Option<Header>, Violation> {
    let Some(&flags) = bytes.first() else {
        return Ok(None);
    };
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(Violation::Protocol("a frame with flags that are reserved"));
    }
    let (length, end) = match flags & LONG {
        0 => (bytes.get(1).map(|length| u64::from(*length)), 2),
        _ => {
            let length = bytes.get(1..).and_then(<[u8]>::first_chunk);
            (length.map(|length| u64::from_be_bytes(*length)), LONGEST)
        }
    };
    Ok(length.map(|length| Header {
        flags,
        length: usize::try_from(length).unwrap_or(usize::MAX),
        end,
    }))
}

/// Whether nothing that it says is a message to us.
fn is_deaf(peer: &Peer) -> bool {
    matches!(peer.ours, ZmqType::Pub | ZmqType::Push)
}

/// What a message says to a socket that only says something: of ZMTP 3.0, a subscription.
fn told<'a>(peer: &Peer, message: &[u8]) -> Result<Event<'a>, Violation> {
    match message {
        [1, topic @ ..] => return subscribed(peer, topic),
        [0, topic @ ..] => peer.cancel(topic),
        _ => {}
    }
    Ok(Event::Part)
}

fn subscribed<'a>(peer: &Peer, topic: &[u8]) -> Result<Event<'a>, Violation> {
    match peer.subscribe(topic) {
        true => Ok(Event::Part),
        false => Err(Violation::Protocol("more subscriptions than are kept")),
    }
}

/// For logs: how far it is, and nothing of what was sent.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}
