//! What keeps messages apart on a wire: what its codec has for a stream, or the frames of a
//! protocol that is below it. On the way in, a peer has a [`Cutter`](super::cutter::Cutter).

use std::sync::Arc;

use super::codec::AnyCodec;
use super::framing::Framing;
use super::session::Carriage;
use super::websocket::Side;
use super::zmtp::{self, Form, Socket};
use super::{mqtt, nats};
use crate::base::reason::DisconnectReason;
use crate::base::utf8;

/// How messages are told apart on a wire, the same for all its peers.
#[derive(Debug, Clone)]
pub(crate) enum Frames {
    /// By what the codec writes around them. `None`: it has nothing, and the transport has to keep
    /// them apart.
    Stream(Option<Framing>),
    /// By those of WebSocket, of which this is our side.
    WebSocket(Side, Text),
    /// By those of ZMTP, between sockets like this.
    Zmtp(Arc<Socket>, Form),
    /// Those of NATS, on the connection to a broker, which is no peer.
    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "no link makes one"))]
    Nats,
    /// Those of MQTT, likewise.
    #[cfg_attr(not(feature = "mqtt"), allow(dead_code, reason = "no link makes one"))]
    Mqtt,
    /// By requests and responses of HTTP.
    Http,
}

/// Which messages are text, where that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    All,
    /// Those that are UTF-8: what plug-ins write may be anything.
    Readable,
    None,
}

impl Text {
    /// Of a codec, whose messages may go through a security provider.
    pub(crate) fn of(codec: &AnyCodec, is_plain: bool) -> Self {
        match is_plain && codec.is_text() {
            true => Text::All,
            false if codec.binary() => Text::None,
            false => Text::Readable,
        }
    }

    fn is_text(self, message: &[u8]) -> bool {
        match self {
            Text::All => true,
            Text::Readable => utf8::text(message).is_ok(),
            Text::None => false,
        }
    }
}

impl Frames {
    /// Encloses the message that begins at `start` and is the last thing in `out`.
    ///
    /// # Errors
    ///
    /// When the receiver would see its end earlier; `out` then still has the message.
    pub(crate) fn enclose(&self, out: &mut Vec<u8>, start: usize) -> Result<(), String> {
        match self {
            Frames::Stream(Some(framing)) => return framing.close(out, start),
            Frames::Stream(None) => {}
            Frames::WebSocket(side, text) => {
                let text = text.is_text(out.get(start..).unwrap_or_default());
                side.enclose(out, start, text);
            }
            Frames::Zmtp(_, Form::Telegram) => zmtp::enclose(out, start),
            // The protocol has made frames of its parts.
            Frames::Zmtp(_, Form::Parts) => {}
            // Verbs and packets are written whole.
            Frames::Nats | Frames::Mqtt => {}
            // The peer knows which response it is.
            Frames::Http => {}
        }
        Ok(())
    }

    /// What they are to a protocol that needs something of this kind.
    pub(crate) fn carriage(&self) -> Option<Carriage> {
        match self {
            Frames::Stream(_) | Frames::Http | Frames::Nats | Frames::Mqtt => None,
            Frames::WebSocket(..) => Some(Carriage::WebSocket),
            Frames::Zmtp(..) => Some(Carriage::Zmtp),
        }
    }

    /// Whether a peer that has ended its side may still take answers.
    pub(crate) fn ends_by_halves(&self) -> bool {
        matches!(self, Frames::Stream(_) | Frames::Http)
    }

    /// Where a message ends, for messages to people.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Frames::Stream(framing) => framing.as_ref().map_or("", Framing::rule),
            Frames::WebSocket(..) => "every message ends with a final frame",
            Frames::Zmtp(..) => "every message ends with its last part",
            Frames::Nats => "every verb of NATS ends with a line",
            Frames::Mqtt => "every packet of MQTT begins with its length",
            Frames::Http => "every message is the body of a request",
        }
    }

    /// What can be sent without any meaning, whatever the codec is.
    pub(crate) fn idle(&self) -> Option<Vec<u8>> {
        match self {
            Frames::Stream(_) | Frames::Http => None,
            Frames::WebSocket(side, _) => Some(side.ping()),
            Frames::Zmtp(..) => Some(zmtp::ping()),
            Frames::Nats => Some(nats::PING.to_vec()),
            Frames::Mqtt => Some(mqtt::PING.to_vec()),
        }
    }

    /// Why a call cannot be sent over them, whoever is connected.
    pub(crate) fn lacks(&self, wants_answer: bool) -> Option<&'static str> {
        match self {
            Frames::Stream(_)
            | Frames::WebSocket(..)
            | Frames::Http
            | Frames::Nats
            | Frames::Mqtt => None,
            Frames::Zmtp(socket, _) => socket.lacks(wants_answer),
        }
    }

    /// What says to a peer that we end the connection, and why.
    pub(crate) fn farewell(&self, reason: &DisconnectReason) -> Option<Vec<u8>> {
        match self {
            Frames::Stream(_) | Frames::Zmtp(..) | Frames::Http | Frames::Nats | Frames::Mqtt => {
                None
            }
            Frames::WebSocket(side, _) => {
                let (code, text) = reason.close_code();
                Some(side.close_frame(code, &text))
            }
        }
    }
}
