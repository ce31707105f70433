//! Cuts what a peer sends into messages, however they are framed.

use crate::base::reason::DisconnectReason;
use crate::wire::websocket::{Event, Reader};
use crate::wire::zmtp;
use crate::wire::{Wire, guess, http};

use super::cut::{Broken, Cut};
use super::frames::Frames;
use super::framing::{Progress, Unframed};
use super::met::Met;
use super::{broker::Said, mqtt, nats};

/// What is known of the message that arrives from one peer.
#[derive(Debug)]
pub(crate) enum Cutter {
    /// In a stream.
    Stream {
        /// What is known of the message at the front of the input.
        progress: Progress,
        /// Nothing has been cut yet: what the peer speaks is still to be guessed.
        fresh: bool,
    },
    /// Of WebSocket. In a box, so that others take no memory for it.
    WebSocket(Box<Reader>),
    /// Of ZMTP.
    Zmtp(Box<zmtp::Reader>),
    /// Of a broker of NATS.
    Nats(nats::Reader),
    /// Of a broker of MQTT.
    Mqtt(mqtt::Reader),
    /// Of HTTP.
    Http(Box<http::Reader>),
}

impl Cutter {
    /// One for a new peer, of whom a greeting may have found out more.
    pub(crate) fn new(wire: &Wire, met: Option<&Met>) -> Self {
        match (&wire.frames, met) {
            (Frames::WebSocket(side, _), _) => {
                Cutter::WebSocket(Reader::boxed(*side, wire.binary_code()))
            }
            (Frames::Nats, _) => Cutter::Nats(nats::Reader::default()),
            (Frames::Mqtt, _) => Cutter::Mqtt(mqtt::Reader::default()),
            (Frames::Zmtp(_, form), Some(Met::Zmtp(peer))) => {
                Cutter::Zmtp(zmtp::Reader::boxed(peer, *form))
            }
            (Frames::Http, Some(Met::Posts(caller))) => Cutter::Http(http::Reader::boxed(caller)),
            _ => Cutter::Stream {
                progress: Progress::default(),
                fresh: true,
            },
        }
    }

    /// The bytes that it holds of a message that is not complete.
    pub(crate) fn held(&self) -> usize {
        match self {
            Cutter::Stream { .. } | Cutter::Nats(_) | Cutter::Mqtt(_) => 0,
            Cutter::WebSocket(reader) => reader.held(),
            Cutter::Zmtp(reader) => reader.held(),
            Cutter::Http(reader) => reader.held(),
        }
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        match self {
            Cutter::Stream { .. } => false,
            Cutter::Nats(reader) => reader.is_within_message(),
            Cutter::Mqtt(reader) => reader.is_within_message(),
            Cutter::WebSocket(reader) => reader.is_within_message(),
            Cutter::Zmtp(reader) => reader.is_within_message(),
            Cutter::Http(reader) => reader.is_within_message(),
        }
    }

    /// Nobody will read what was there of messages.
    pub(crate) fn clear(&mut self) {
        match self {
            Cutter::Stream { .. } | Cutter::Nats(_) | Cutter::Mqtt(_) => {}
            Cutter::WebSocket(reader) => reader.clear(),
            Cutter::Zmtp(reader) => reader.clear(),
            Cutter::Http(reader) => reader.clear(),
        }
    }

    /// Nothing is read for a while: an idle connection keeps no buffer.
    pub(crate) fn rest(&mut self) {
        match self {
            Cutter::Stream { .. } | Cutter::Nats(_) | Cutter::Mqtt(_) => {}
            Cutter::WebSocket(reader) => reader.rest(),
            Cutter::Zmtp(reader) => reader.rest(),
            Cutter::Http(reader) => reader.rest(),
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
        match self {
            Cutter::Stream { progress, fresh } => cut_stream(wire, progress, fresh, bytes, limit),
            Cutter::WebSocket(reader) => cut_websocket(wire, reader, bytes, limit),
            Cutter::Zmtp(reader) => cut_zmtp(wire, reader, bytes, limit),
            Cutter::Nats(reader) => cut_nats(reader, bytes, limit),
            Cutter::Mqtt(reader) => cut_mqtt(reader, bytes, limit),
            Cutter::Http(reader) => Ok(cut_http(reader, bytes, limit)),
        }
    }
}

fn cut_websocket<'a>(
    wire: &Wire,
    reader: &'a mut Reader,
    bytes: &'a [u8],
    limit: usize,
) -> Result<(usize, Cut<'a>), Broken> {
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

fn cut_nats<'a>(
    reader: &mut nats::Reader,
    bytes: &'a [u8],
    limit: usize,
) -> Result<(usize, Cut<'a>), Broken> {
    let (taken, event) = reader.next(bytes, limit).map_err(Broken::Garbled)?;
    let cut = match event {
        nats::Event::Incomplete => Cut::Incomplete,
        nats::Event::Part | nats::Event::Nothing => Cut::Nothing,
        nats::Event::Ping => Cut::Say(nats::PONG.to_vec()),
        event => Cut::Broker(Said::Nats(event)),
    };
    Ok((taken, cut))
}

fn cut_mqtt<'a>(
    reader: &mut mqtt::Reader,
    bytes: &'a [u8],
    limit: usize,
) -> Result<(usize, Cut<'a>), Broken> {
    let (taken, event) = reader.next(bytes, limit).map_err(Broken::Garbled)?;
    let cut = match event {
        mqtt::Event::Incomplete => Cut::Incomplete,
        mqtt::Event::Part => Cut::Nothing,
        event => Cut::Broker(Said::Mqtt(event)),
    };
    Ok((taken, cut))
}

fn cut_http<'a>(reader: &'a mut http::Reader, bytes: &'a [u8], limit: usize) -> (usize, Cut<'a>) {
    let (taken, event) = reader.next(bytes, limit);
    let cut = match event {
        http::Event::Incomplete => Cut::Incomplete,
        http::Event::Busy => Cut::Busy,
        http::Event::Part => Cut::Nothing,
        http::Event::Message(message) => Cut::Message(message),
        http::Event::Say(response) => Cut::Say(response),
        http::Event::End => Cut::End(DisconnectReason::EndOfInput),
    };
    (taken, cut)
}

fn cut_zmtp<'a>(
    wire: &Wire,
    reader: &'a mut zmtp::Reader,
    bytes: &'a [u8],
    limit: usize,
) -> Result<(usize, Cut<'a>), Broken> {
    let read = reader.next(bytes, limit);
    let (taken, event) = read.map_err(|violation| violation.broken(limit))?;
    let cut = match event {
        zmtp::Event::Incomplete => Cut::Incomplete,
        zmtp::Event::Part => Cut::Nothing,
        zmtp::Event::Message(telegram) => match wire.bare(telegram) {
            [] => Cut::Nothing,
            telegram => Cut::Message(telegram),
        },
        zmtp::Event::Parts(parts) => Cut::Parts(parts),
        zmtp::Event::Strange(why) => Cut::Strange(why),
        zmtp::Event::Ping(pong) => Cut::Say(pong),
        zmtp::Event::Error(text) => {
            let text = format!("it reported an error: `{text}`");
            Cut::End(DisconnectReason::Transport(text.into()))
        }
    };
    Ok((taken, cut))
}

#[inline]
fn cut_stream<'a>(
    wire: &Wire,
    progress: &mut Progress,
    fresh: &mut bool,
    bytes: &'a [u8],
    limit: usize,
) -> Result<(usize, Cut<'a>), Broken> {
    if *fresh
        && let Some(text) = guess::stranger(bytes)
        && wire.codec.is_text()
    {
        return Err(Broken::Garbled(String::from(text)));
    }
    let next = match &wire.frames {
        Frames::Stream(Some(framing)) => framing.next_frame(bytes, progress, limit),
        // Nothing ever ends.
        _ if bytes.len() > limit => Err(Unframed::TooLarge),
        _ => Ok(None),
    };
    let frame = match next {
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
    if *fresh {
        *fresh = false;
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
