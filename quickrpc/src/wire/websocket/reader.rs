//! Frames on their way in, put together to messages.

use std::borrow::Cow;
use std::fmt;
use std::io::Cursor;

use tungstenite::Error;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::base::reason::DisconnectReason;
use crate::base::utf8;

use super::frame::{CONTROL, Side, apply_mask, is_code};

/// What has arrived of the message at hand.
pub(crate) struct Reader {
    side: Side,
    /// Messages of bytes are refused with this code.
    refuses_bytes: Option<u16>,
    /// What sort of message it is; `None` between two messages.
    kind: Option<Kind>,
    /// The bytes of it, without their masks. One that is complete stays until the next look.
    message: Vec<u8>,
    /// The frame at hand is its last.
    last: bool,
    /// Bytes that are missing of the frame at hand.
    left: usize,
    mask: [u8; 4],
    /// The peer has closed; what follows means nothing.
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// More input is needed.
    Incomplete,
    /// Something that is no message.
    Part,
    /// A whole message.
    Message(&'a [u8]),
    /// A ping, and the frame that answers it.
    Ping(Vec<u8>),
    /// The end, for this reason; code 1005 if none was given.
    Close { code: u16, text: String },
}

/// What is wrong with what was read. Nothing behind it is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The message is larger than the limit.
    TooLarge,
    /// It is against the protocol.
    Protocol(Cow<'static, str>),
    /// It should be text, and is not UTF-8.
    NotText,
    /// It is no text where only texts are understood, for which a peer is closed with this code.
    Bytes(u16),
}

impl Violation {
    /// Why the connection ends by this.
    pub(crate) fn reason(self, limit: usize) -> DisconnectReason {
        match self {
            Violation::TooLarge => DisconnectReason::MessageTooLarge { limit },
            Violation::Protocol(text) => DisconnectReason::Violation {
                code: 1002,
                text: text.into(),
            },
            Violation::NotText => DisconnectReason::Violation {
                code: 1007,
                text: "a text is not UTF-8".into(),
            },
            Violation::Bytes(code) => DisconnectReason::Rejected {
                code,
                text: "it sent a binary message where only texts are understood".into(),
            },
        }
    }
}

/// Memory for messages that is kept between them.
const KEEP: usize = 512;

impl Reader {
    pub(crate) fn new(side: Side) -> Self {
        Reader {
            side,
            refuses_bytes: None,
            kind: None,
            message: Vec::new(),
            last: false,
            left: 0,
            mask: [0; 4],
            closed: false,
        }
    }

    /// The same for a protocol of texts: who sends bytes is closed with this code.
    pub(crate) fn of_texts(self, code: Option<u16>) -> Self {
        Reader {
            refuses_bytes: code,
            ..self
        }
    }

    /// One of a peer, which keeps it for long; of a protocol of texts, if there is such a code.
    pub(crate) fn boxed(side: Side, code: Option<u16>) -> Box<Self> {
        Box::new(Reader::new(side).of_texts(code))
    }

    /// The bytes that it holds of a message that is not complete.
    pub(crate) fn held(&self) -> usize {
        self.kind.map_or(0, |_| self.message.len())
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        self.kind.is_some()
    }

    /// Nobody wants the rest of the message.
    pub(crate) fn clear(&mut self) {
        self.kind = None;
        self.message = Vec::new();
    }

    /// Nothing is read for a while: an idle connection keeps no buffer.
    pub(crate) fn rest(&mut self) {
        if self.kind.is_none() && self.message.capacity() > KEEP {
            self.message = Vec::new();
        }
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
        if self.closed {
            return Ok((bytes.len(), Event::Incomplete));
        }
        if self.kind.is_none() {
            self.message.clear();
        }
        let mut taken = 0;
        if self.left == 0 {
            let mut cursor = Cursor::new(bytes);
            let parsed = FrameHeader::parse(&mut cursor).map_err(unreadable)?;
            let Some((header, length)) = parsed else {
                return Ok((0, Event::Incomplete));
            };
            let mask = self.check(&header)?;
            taken = usize::try_from(cursor.position()).unwrap_or(bytes.len());
            let rest = bytes.get(taken..).unwrap_or_default();
            let kind = match header.opcode {
                OpCode::Control(control) => {
                    return self.control(control, header.is_final, length, mask, taken, rest);
                }
                OpCode::Data(data) => self.begins(data)?,
            };
            let room = limit.saturating_sub(self.message.len());
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > room {
                return Err(Violation::TooLarge);
            }
            // The whole message in one frame, and nothing to be done with it.
            if header.mask.is_none()
                && header.is_final
                && self.kind.is_none()
                && let Some(message) = rest.get(..length)
            {
                check_text(kind, message)?;
                return Ok((taken + length, Event::Message(message)));
            }
            self.kind = Some(kind);
            self.last = header.is_final;
            self.left = length;
            self.mask = mask;
        }
        let rest = bytes.get(taken..).unwrap_or_default();
        let part = rest.get(..self.left.min(rest.len())).unwrap_or_default();
        let start = self.message.len();
        self.message.extend_from_slice(part);
        let new = self.message.get_mut(start..).unwrap_or_default();
        self.mask = apply_mask(new, self.mask);
        self.left -= part.len();
        taken += part.len();
        if self.left > 0 {
            return Ok((taken, Event::Incomplete));
        }
        let Some(kind) = self.kind.filter(|_| self.last) else {
            return Ok((taken, Event::Part));
        };
        self.kind = None;
        check_text(kind, &self.message)?;
        Ok((taken, Event::Message(&self.message)))
    }

    /// What every header has to fulfil. Gives the mask.
    fn check(&self, header: &FrameHeader) -> Result<[u8; 4], Violation> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(wrong(
                "a reserved bit is set, but no extension was agreed on",
            ));
        }
        match (self.side, header.mask) {
            (Side::Server, Some(mask)) => Ok(mask),
            (Side::Client, None) => Ok([0; 4]),
            (Side::Server, None) => Err(wrong("a client's frame has no mask")),
            (Side::Client, Some(_)) => Err(wrong("a server's frame has a mask")),
        }
    }

    /// The sort of the message to which a frame belongs.
    fn begins(&self, data: Data) -> Result<Kind, Violation> {
        match (data, self.kind) {
            (Data::Text, None) => Ok(Kind::Text),
            (Data::Binary, None) => match self.refuses_bytes {
                Some(code) => Err(Violation::Bytes(code)),
                None => Ok(Kind::Binary),
            },
            (Data::Continue, Some(kind)) => Ok(kind),
            (Data::Continue, None) => Err(wrong("a continuation of no message")),
            (Data::Text | Data::Binary, Some(_)) => {
                Err(wrong("a message begins within another one"))
            }
            (Data::Reserved(_), _) => Err(wrong("a reserved opcode")),
        }
    }

    /// A control frame, which may stand between the frames of a message, and is short enough
    /// to be read as a whole.
    fn control<'a>(
        &mut self,
        control: Control,
        last: bool,
        length: u64,
        mask: [u8; 4],
        header: usize,
        rest: &'a [u8],
    ) -> Result<(usize, Event<'a>), Violation> {
        if !last {
            return Err(wrong("a control frame in parts"));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > CONTROL {
            return Err(wrong("a control frame of more than 125 bytes"));
        }
        let Some(payload) = rest.get(..length) else {
            return Ok((0, Event::Incomplete));
        };
        let mut payload = payload.to_vec();
        apply_mask(&mut payload, mask);
        let event = match control {
            Control::Ping => Event::Ping(self.side.pong(&payload)),
            Control::Pong => Event::Part,
            Control::Close => self.close(&payload)?,
            Control::Reserved(_) => return Err(wrong("a reserved opcode")),
        };
        Ok((header + length, event))
    }

    fn close(&mut self, payload: &[u8]) -> Result<Event<'static>, Violation> {
        let (code, text) = match payload {
            [] => (1005, ""),
            [_] => return Err(wrong("half a close code")),
            [high, low, text @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !is_code(code) {
                    return Err(Violation::Protocol(
                        format!("{code} is no close code").into(),
                    ));
                }
                (code, str::from_utf8(text).map_err(|_| Violation::NotText)?)
            }
        };
        self.closed = true;
        self.clear();
        let text = text.to_owned();
        Ok(Event::Close { code, text })
    }
}

/// For logs: how far it is, and nothing of what was sent.
impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("side", &self.side)
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

fn check_text(kind: Kind, message: &[u8]) -> Result<(), Violation> {
    match kind == Kind::Text && utf8::text(message).is_err() {
        true => Err(Violation::NotText),
        false => Ok(()),
    }
}

fn wrong(text: &'static str) -> Violation {
    Violation::Protocol(text.into())
}

fn unreadable(error: Error) -> Violation {
    Violation::Protocol(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1000;

    /// What a reader says, with whole messages copied.
    #[derive(Debug, PartialEq, Eq)]
    enum Said {
        Message(Vec<u8>),
        Ping(Vec<u8>),
        Close(u16, String),
        Wrong(Violation),
    }

    /// Reads pieces as they would arrive, what was not taken before the next.
    fn read(side: Side, pieces: &[&[u8]]) -> Vec<Said> {
        let (mut reader, mut said) = (Reader::new(side), Vec::new());
        let mut input: Vec<u8> = Vec::new();
        for piece in pieces {
            input.extend_from_slice(piece);
            let mut position = 0;
            loop {
                let (taken, event) = match reader.next(&input[position..], LIMIT) {
                    Ok(read) => read,
                    Err(violation) => {
                        said.push(Said::Wrong(violation));
                        return said;
                    }
                };
                position += taken;
                match event {
                    Event::Incomplete => break,
                    Event::Part => {}
                    Event::Message(message) => said.push(Said::Message(message.to_vec())),
                    Event::Ping(pong) => said.push(Said::Ping(pong)),
                    Event::Close { code, text } => said.push(Said::Close(code, text)),
                }
                assert!(reader.held() <= LIMIT);
            }
            input.drain(..position);
            // A header, or a control frame.
            assert!(input.len() < 14 + CONTROL, "{}", input.len());
            reader.rest();
        }
        said
    }

    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let first = prop::sample::select(vec![0x81_u8, 0x01, 0x80, 0x00, 0x82, 0x89, 0x8a]);
        let rare = prop::sample::select(vec![0x88_u8, 0x09, 0xc1, 0x83, 0x8f]);
        let payload = prop_oneof![vec(b'a'..=b'z', 0..10), vec(any::<u8>(), 0..140)];
        (
            prop_oneof![20 => first, 1 => rare],
            payload,
            any::<[u8; 4]>(),
        )
            .prop_map(|(first, mut payload, mask)| {
                let mut frame = vec![first];
                match payload.len() {
                    short @ 0..=125 => frame.push(0x80 | short as u8),
                    long => frame.extend([0xfe, 0, long as u8]),
                }
                frame.extend(mask);
                apply_mask(&mut payload, mask);
                frame.extend(payload);
                frame
            })
    }

    proptest! {
        #[test]
        fn pieces_are_read_like_the_whole(frames in vec(frame(), 0..12), cuts in vec(0..2000_usize, 0..6)) {
            let bytes = frames.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(Side::Server, &pieces), read(Side::Server, &[&bytes]));
        }

        #[test]
        fn any_bytes_are_frames_or_a_violation(bytes in vec(any::<u8>(), 0..300)) {
            read(Side::Server, &[&bytes]);
            read(Side::Client, &[&bytes]);
        }

        #[test]
        fn what_one_side_writes_the_other_reads(text in ".{0,300}", client: bool) {
            let (from, to) = match client {
                true => (Side::Client, Side::Server),
                false => (Side::Server, Side::Client),
            };
            let mut bytes = text.clone().into_bytes();
            from.enclose(&mut bytes, 0, true);
            bytes.extend(from.close_frame(4000, "end"));
            let expected = [
                Said::Message(text.into_bytes()),
                Said::Close(4000, String::from("end")),
            ];
            prop_assert_eq!(read(to, &[&bytes]), expected);
        }
    }

    #[test]
    fn an_idle_connection_takes_little_memory() {
        assert!(size_of::<Reader>() <= 64, "{}", size_of::<Reader>());
        let mut reader = Reader::new(Side::Client);
        let mut bytes = vec![b'x'; 900];
        Side::Server.enclose(&mut bytes, 0, true);
        for piece in bytes.chunks(100) {
            reader.next(piece, LIMIT).unwrap();
        }
        reader.rest();
        assert_eq!(reader.message.capacity(), 0);
    }
}
