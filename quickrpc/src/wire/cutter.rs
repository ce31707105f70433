//! Cuts what a peer sends into messages, however they are framed.

use crate::base::reason::DisconnectReason;
use crate::wire::websocket::{Event, Reader};
use crate::wire::{Wire, guess};

use super::framing::{Progress, Unframed};

/// What is known of the message that arrives from one peer.
#[derive(Debug)]
pub(crate) struct Cutter {
    /// Where messages are those of WebSocket. In a box, so that others take no memory for it.
    websocket: Option<Box<Reader>>,
    /// What is known of the message at the front of the input, elsewhere.
    progress: Progress,
    /// Nothing has been cut yet: what the peer speaks is still to be guessed.
    fresh: bool,
}

/// What was cut from the input.
#[derive(Debug)]
pub(crate) enum Cut<'a> {
    /// More input is needed.
    Incomplete,
    /// Something that says nothing.
    Nothing,
    /// A whole message.
    Message(&'a [u8]),
    /// The framing answers by itself: to be sent as it is.
    Say(Vec<u8>),
    /// The peer has ended its side, for this reason.
    End(DisconnectReason),
}

/// Why the input cannot be cut any further.
#[derive(Debug)]
pub(crate) enum Broken {
    /// It is not of this wire, which is to be told to somebody.
    Garbled(String),
    /// It is against the rules.
    Rules(DisconnectReason),
}

impl Cutter {
    pub(crate) fn new(wire: &Wire) -> Self {
        Cutter {
            websocket: wire
                .websocket
                .map(|side| Box::new(Reader::new(side).of_texts(wire.binary_code()))),
            progress: Progress::default(),
            fresh: true,
        }
    }

    /// The bytes that it holds of a message that is not complete.
    pub(crate) fn held(&self) -> usize {
        self.websocket.as_ref().map_or(0, |reader| reader.held())
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        let reader = self.websocket.as_ref();
        reader.is_some_and(|reader| reader.is_within_message())
    }

    /// Nobody will read what was there of messages.
    pub(crate) fn clear(&mut self) {
        if let Some(reader) = &mut self.websocket {
            reader.clear();
        }
    }

    /// Nothing is read for a while: an idle connection keeps no buffer.
    pub(crate) fn rest(&mut self) {
        if let Some(reader) = &mut self.websocket {
            reader.rest();
        }
    }

    /// Cuts the next message from a stream. Gives how many bytes it took.
    ///
    /// # Errors
    ///
    /// When the stream cannot be read any further.
    #[inline]
    pub(crate) fn cut<'a>(
        &'a mut self,
        wire: &Wire,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<(usize, Cut<'a>), Broken> {
        match self.websocket.is_none() {
            true => self.cut_stream(wire, bytes, limit),
            false => self.cut_websocket(wire, bytes, limit),
        }
    }

    fn cut_websocket<'a>(
        &'a mut self,
        wire: &Wire,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<(usize, Cut<'a>), Broken> {
        let Some(reader) = &mut self.websocket else {
            return Ok((0, Cut::Incomplete));
        };
        let read = reader.next(bytes, limit);
        let (taken, event) = read.map_err(|violation| Broken::Rules(violation.reason(limit)))?;
        let cut = match event {
            Event::Incomplete => Cut::Incomplete,
            Event::Part => Cut::Nothing,
            Event::Message(telegram) => Cut::Message(wire.bare(telegram)),
            Event::Ping(pong) => Cut::Say(pong),
            Event::Close { code, text } => {
                let text = text.into();
                Cut::End(DisconnectReason::Closed { code, text })
            }
        };
        Ok((taken, cut))
    }

    #[inline]
    fn cut_stream<'a>(
        &mut self,
        wire: &Wire,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<(usize, Cut<'a>), Broken> {
        if self.fresh && guess::is_tls(bytes) && wire.codec.is_text() {
            return Err(Broken::Garbled(String::from(guess::TLS)));
        }
        let frame = match wire.codec.next_frame(bytes, &mut self.progress, limit) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok((0, Cut::Incomplete)),
            Err(Unframed::TooLarge) => {
                return Err(Broken::Rules(DisconnectReason::MessageTooLarge {
                    limit: wire.limits.message_size,
                }));
            }
            Err(Unframed::Garbled(text)) => return Err(Broken::Garbled(text)),
        };
        let telegram = bytes.get(frame.telegram).unwrap_or_default();
        if self.fresh {
            self.fresh = false;
            if guess::is_http_request(telegram) {
                let text = "it speaks HTTP; `wsserv` is for browsers";
                return Err(Broken::Garbled(String::from(text)));
            }
        }
        let cut = match telegram.is_empty() {
            true => Cut::Nothing,
            false => Cut::Message(telegram),
        };
        Ok((frame.consumed, cut))
    }
}
