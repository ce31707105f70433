//! Bytes and what they mean, for one peer, without any I/O; and how messages look on one wire:
//! its codec, its framing, its security provider, its limits.

#[cfg_attr(
    not(all(feature = "mqtt", feature = "nats")),
    allow(dead_code, unused_imports, reason = "each of them needs its part")
)]
pub(crate) mod broker;
pub mod codec;
pub(crate) mod cut;
pub(crate) mod cutter;
pub(crate) mod frames;
pub(crate) mod framing;
pub(crate) mod guess;
pub(crate) mod hearing;
#[cfg(feature = "hololinked")]
pub(crate) mod hololinked;
#[cfg(feature = "websocket")]
pub(crate) mod http;
#[cfg(not(feature = "websocket"))]
#[path = "no_http.rs"]
pub(crate) mod http;
pub(crate) mod jrpc;
#[cfg(any(feature = "hololinked", feature = "juggler", feature = "zonis"))]
pub(crate) mod json;
#[cfg(feature = "juggler")]
pub(crate) mod juggler;
pub(crate) mod met;
#[cfg_attr(not(feature = "mqtt"), allow(dead_code, reason = "no link makes one"))]
pub(crate) mod mqtt;
#[cfg(feature = "msgpack")]
pub(crate) mod msgpack;
#[cfg(not(feature = "msgpack"))]
#[path = "no_msgpack.rs"]
pub(crate) mod msgpack;
#[cfg_attr(
    not(feature = "nats"),
    allow(dead_code, unused_imports, reason = "no link makes one")
)]
pub(crate) mod nats;
pub(crate) mod protocols;
pub mod security;
#[cfg_attr(
    not(all(feature = "hololinked", feature = "juggler", feature = "zonis")),
    allow(dead_code, reason = "not every protocol is there that has sessions")
)]
pub(crate) mod session;
pub(crate) mod terse;
#[cfg(feature = "websocket")]
pub(crate) mod websocket;
#[cfg(not(feature = "websocket"))]
#[path = "no_websocket.rs"]
pub(crate) mod websocket;
#[cfg(feature = "zmq")]
pub(crate) mod zmtp;
#[cfg(not(feature = "zmq"))]
#[path = "no_zmtp.rs"]
pub(crate) mod zmtp;
#[cfg(feature = "zonis")]
pub(crate) mod zonis;

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::base::error::{BoxError, Error};
use crate::base::limits::{CALL_TIMEOUT, Limits};
use crate::base::security::SecInfo;

use self::codec::AnyCodec;
use self::frames::Frames;
use self::framing::Framing;
use self::jrpc::canonical;
use self::met::Met;
use self::security::{AnySecurity, Guarded, Outgoing, PeerContext};
use self::session::{Here, Listening, Meeting, Role, Saying, Speaking};

/// How long a call may be held back, where nothing is said of it.
const HOLD: Duration = Duration::from_micros(100);

/// Why nothing that is posted has streams, neither as arguments nor as results.
const STREAMLESS: &str = "HTTP carries no streams; a WebSocket does";

/// How messages look on a wire, the same for all its peers.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) codec: AnyCodec,
    pub(crate) security: AnySecurity,
    pub(crate) limits: Limits,
    /// How long calls to its peers may take, if nothing else is said of them.
    pub(crate) call_timeout: Duration,
    /// The transport's expression, for errors and logs.
    pub(crate) name: Arc<str>,
    /// Which end of its connections we are.
    pub(crate) role: Role,
    /// Its connections belong to the peers of the link before it.
    pub(crate) beside: bool,
    /// What goes to everybody goes over the link behind it.
    pub(crate) tells_beside: bool,
    /// A message has to fit a datagram, with everything that belongs to it.
    pub(crate) datagrams: bool,
    /// What keeps messages apart.
    pub(crate) frames: Frames,
    /// What comes behind each message, where that is all there is to do.
    delimiter: Option<u8>,
    /// Its peers answer, and say nothing else.
    answers_only: bool,
    /// The same for those who post over HTTP, where somebody may.
    pub(crate) posts: Option<Arc<Wire>>,
    /// A stream that sent nothing for so long sends something harmless.
    pub(crate) keepalive: Option<Duration>,
    /// Who connects has to have a certificate.
    pub(crate) certified: bool,
    /// The program was warned that anybody can call.
    pub(crate) warned: AtomicBool,
    /// What is known of whoever connects, without anybody having proved it: where both ends are
    /// the program's own.
    pub(crate) vouched: OnceLock<Arc<SecInfo>>,
    /// Who waits for its input looks for it so long before it sleeps.
    pub(crate) spin: Option<Duration>,
    /// How long a call may be held back that is not alone; zero: not at all.
    pub(crate) hold: Duration,
    /// People get answers that have no id.
    pub(crate) answers: bool,
}

impl Wire {
    pub(crate) fn new(
        codec: &AnyCodec,
        security: &AnySecurity,
        limits: Limits,
        name: String,
    ) -> Self {
        Wire {
            frames: Frames::Stream(codec.framing().cloned()),
            delimiter: codec.unwritten().filter(|_| security.is_null()),
            codec: codec.clone(),
            security: security.clone(),
            limits,
            call_timeout: CALL_TIMEOUT,
            name: name.into(),
            role: Role::Client,
            beside: false,
            tells_beside: false,
            datagrams: false,
            answers_only: false,
            posts: None,
            keepalive: None,
            certified: false,
            warned: AtomicBool::new(false),
            spin: None,
            hold: HOLD,
            vouched: OnceLock::new(),
            answers: codec.answers(false),
        }
    }

    /// The same where something else than the codec keeps messages apart.
    pub(crate) fn framed(self, frames: Frames) -> Self {
        Wire {
            frames,
            delimiter: None,
            ..self
        }
    }

    /// A wire of which the other end is posted to over HTTP, one telegram at a time.
    pub(crate) fn posts_to(
        codec: &AnyCodec,
        security: &AnySecurity,
        limits: Limits,
        name: String,
    ) -> Result<Wire, Error> {
        let AnyCodec::Jrpc(jrpc) = codec else {
            let text = format!(
                "`{name}` carries JSON-RPC only, so it needs the codec `jrpc` in the place of `{codec}`"
            );
            return Err(Error::Config(text.into()));
        };
        if !security.is_null() {
            let text = format!(
                "`{name}` has no connection that security `{}` could vouch for; say who you are with \
                 `?user=` and `?password_file=`, or `?token_env=`",
                security.expression()
            );
            return Err(Error::Config(text.into()));
        }
        let codec = AnyCodec::Jrpc(jrpc.clone().posted());
        let wire = Wire::new(&codec, security, limits, name);
        Ok(Wire {
            answers_only: true,
            ..wire
        })
    }

    /// How those speak at the same address who post over HTTP, if they may: in full JSON-RPC, since
    /// they are no Python peers.
    pub(crate) fn posting(&self) -> Option<Wire> {
        let AnyCodec::Jrpc(codec) = &self.codec else {
            return None;
        };
        if !self.security.is_null() {
            return None;
        }
        let codec = AnyCodec::Jrpc(codec.clone().in_full());
        let name = self.name.to_string();
        let wire = Wire::new(&codec, &self.security, self.limits.clone(), name);
        Some(Wire {
            role: Role::Server,
            ..wire.framed(Frames::Http)
        })
    }

    /// The session of a new peer in its two halves, where the protocol has sessions.
    pub(crate) fn protocol_session(
        &self,
        met: Option<&Met>,
        here: Option<Here>,
    ) -> Option<(Box<dyn Listening>, Box<dyn Speaking>)> {
        let meeting = Meeting {
            role: self.role,
            largest: self.output_limit(),
            met: match met {
                Some(Met::Zmtp(peer)) => Some(peer),
                _ => None,
            },
            here,
        };
        Some(self.codec.protocol()?.session(meeting))
    }

    /// How much longer than a call may take its answer is waited for.
    pub(crate) fn grace(&self) -> Duration {
        match &self.codec {
            AnyCodec::Foreign(protocol) => protocol.0.grace(),
            _ => Duration::ZERO,
        }
    }

    /// Whether arguments have no names, whatever is declared.
    #[inline]
    pub(crate) fn is_nameless(&self, wants_answer: bool) -> bool {
        match &self.codec {
            AnyCodec::Jrpc(_) | AnyCodec::Terse(_) | AnyCodec::Custom(_) => false,
            AnyCodec::Msgpack(codec) => !codec.named(),
            AnyCodec::Foreign(protocol) => wants_answer && protocol.0.nameless(self.role),
        }
    }

    /// Whether properties are more than calls.
    pub(crate) fn has_properties(&self) -> bool {
        let protocol = self.codec.protocol();
        protocol.is_some_and(|protocol| protocol.has_properties())
    }

    /// Whether the properties of peers have to be asked for when they have come.
    pub(crate) fn tells_when_asked(&self) -> bool {
        let protocol = self.codec.protocol();
        self.role == Role::Client
            && !self.beside
            && protocol.is_some_and(|protocol| protocol.tells_when_asked())
    }

    /// The code with which messages of bytes are refused, where only texts are understood.
    pub(crate) fn binary_code(&self) -> Option<u16> {
        let protocol = self.codec.protocol();
        protocol.map(|protocol| protocol.binary_code())
    }

    /// Why something of this name cannot be sent from here, if that is known of all peers.
    pub(crate) fn lacks(&self, method: &str, saying: Saying) -> Option<Error> {
        let lacks = |protocol: Arc<str>, reason: &str| {
            Some(Error::Unsupported {
                protocol,
                method: method.into(),
                reason: reason.into(),
            })
        };
        if let Some(reason) = self.frames.lacks(saying == Saying::Call) {
            return lacks(Arc::clone(&self.name), reason);
        }
        let protocol = self.codec.protocol()?;
        let reason = protocol.lacks(self.role, saying)?;
        lacks(protocol.expression().into(), reason)
    }

    /// The session of a new peer, where the security provider has sessions.
    pub(crate) fn session(&self, peer: &PeerContext) -> Option<Guarded> {
        self.security.session(peer)
    }

    /// Where a session puts a header and a message, for [`Wrapping::close`] to end them.
    pub(crate) fn wrapping<'a>(&'a self, out: &'a mut Vec<u8>) -> Wrapping<'a> {
        Wrapping {
            wire: self,
            start: out.len(),
            out,
        }
    }

    /// Puts a header before a message, and the delimiters behind both.
    pub(crate) fn wrap(
        &self,
        out: &mut Vec<u8>,
        header: Option<&SecInfo>,
        payload: &[u8],
    ) -> Result<(), String> {
        if let Some(header) = header {
            self.codec.encode_header(out, header)?;
            self.frame_out(out, 0)?;
        }
        let start = out.len();
        out.extend_from_slice(payload);
        self.frame_out(out, start)
    }
}

/// A message on its way through the security session of a peer.
pub(crate) struct Wrapping<'a> {
    wire: &'a Wire,
    out: &'a mut Vec<u8>,
    /// Where the message begins.
    start: usize,
}

impl Wrapping<'_> {
    /// Puts the delimiter behind the message.
    pub(crate) fn close(self) -> Result<(), String> {
        self.wire.frame_out(self.out, self.start)
    }

    fn end_header(&mut self, encoded: Result<(), String>) -> Result<(), BoxError> {
        let framed = encoded.and_then(|()| self.wire.frame_out(self.out, self.start));
        self.start = self.out.len();
        framed.map_err(|reason| {
            Error::Encode {
                method: "".into(),
                reason: reason.into(),
            }
            .into()
        })
    }
}

impl Outgoing for Wrapping<'_> {
    fn header(&mut self, header: &SecInfo) -> Result<(), BoxError> {
        let encoded = self.wire.codec.encode_header(self.out, header);
        self.end_header(encoded)
    }

    fn signed(&mut self, fields: &[&str; 7]) -> Result<(), BoxError> {
        let encoded = match &self.wire.codec {
            AnyCodec::Jrpc(_) => {
                canonical::write_signed(self.out, fields);
                Ok(())
            }
            codec => codec.encode_header(self.out, &security::signed_map(fields)),
        };
        self.end_header(encoded)
    }

    fn message(&mut self) -> &mut Vec<u8> {
        self.out
    }
}

impl Wire {
    /// Whether this, at the front of the input, is a whole message but for the delimiter.
    pub(crate) fn waits_behind_line(&self, rest: &[u8]) -> bool {
        matches!(self.codec, AnyCodec::Jrpc(_))
            && self.codec.framing().and_then(Framing::delimiter).is_some()
            && self
                .codec
                .decode_bytes(rest.trim_ascii(), &self.limits)
                .is_ok()
    }

    /// A message that is kept apart from others by the transport, without the delimiter that
    /// somebody may send nevertheless.
    pub(crate) fn bare<'a>(&self, telegram: &'a [u8]) -> &'a [u8] {
        let delimiter = self.codec.framing().and_then(Framing::delimiter);
        let bare = delimiter.and_then(|delimiter| telegram.strip_suffix(delimiter));
        bare.unwrap_or(telegram)
    }

    /// What can be sent without any meaning.
    pub(crate) fn idle(&self) -> Option<Cow<'_, [u8]>> {
        let idle = self.frames.idle().map(Cow::Owned);
        idle.or_else(|| match self.frames {
            Frames::Stream(_) => self.codec.keepalive().map(Cow::Borrowed),
            _ => None,
        })
    }

    /// Frames the telegram that begins at `start`: within a stream, or as a message.
    pub(crate) fn frame_out(&self, out: &mut Vec<u8>, start: usize) -> Result<(), String> {
        if let Some(delimiter) = self.delimiter {
            out.push(delimiter);
            return Ok(());
        }
        self.frames.enclose(out, start)
    }
}

impl Wire {
    pub(crate) fn frame(&self, payload: &mut Vec<u8>, method: &str) -> Result<(), Error> {
        self.check_size(payload)?;
        self.enclose(payload, method)?;
        if self.datagrams {
            // With everything that belongs to it.
            self.check_size(payload)?;
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, bytes: &[u8]) -> Result<(), Error> {
        self.check(bytes.len())
    }

    pub(crate) fn check_sealed(&self, size: usize) -> Result<(), Error> {
        self.check(self.security.sealed_size(size))
    }

    /// The largest message that is sent.
    pub(crate) fn output_limit(&self) -> usize {
        let limit = self.limits.message_size;
        let protocol = self.codec.protocol();
        let takes = protocol.and_then(|protocol| protocol.largest(self.role));
        takes.map_or(limit, |takes| takes.min(limit))
    }

    /// Why it has no streams, if so.
    pub(crate) fn lacks_streams(&self) -> Option<&'static str> {
        match (self.codec.protocol(), &self.frames) {
            (Some(_), _) => Some("the protocol has no streams"),
            (None, Frames::Http) => Some(STREAMLESS),
            (None, _) if self.answers_only => Some(STREAMLESS),
            (None, _) => None,
        }
    }

    /// What its peers are asked to see whether they still answer, where they may not.
    pub(crate) fn probe(&self) -> Option<&'static str> {
        self.codec.protocol()?.probe(self.role)
    }

    fn check(&self, size: usize) -> Result<(), Error> {
        let limit = self.output_limit();
        match size > limit {
            true => Err(Error::MessageTooLarge { size, limit }),
            false => Ok(()),
        }
    }

    fn enclose(&self, payload: &mut Vec<u8>, method: &str) -> Result<(), Error> {
        let encode = |reason: String| Error::Encode {
            method: method.into(),
            reason: reason.into(),
        };
        if self.security.is_null() {
            return self.frame_out(payload, 0).map_err(encode);
        }
        let (header, sealed) = self.security.sec_out(std::mem::take(payload))?;
        self.wrap(payload, header.as_ref(), &sealed).map_err(encode)
    }
}
