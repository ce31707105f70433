//! The codec that was chosen at run time.
//!
//! A closed enum, matched once for each operation: behind the match everything is
//! monomorphic, so that arguments are read straight from the telegram into the types of
//! the handler. Only plug-ins pay for dynamic dispatch.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeSeed;

use super::custom::{self, Custom};
use super::envelope::{DecodeError, Envelope, Payload, Script};
use super::{CODECS, Codec};
use crate::base::error::{CallError, Error, Result};
use crate::base::limits::Limits;
use crate::base::mark::unmarked;
use crate::base::security::SecInfo;
use crate::base::utf8;
use crate::expr::{self, CodecExpr, CodecKind};
use crate::format::args::{ArgsSeed, WireArgs};
use crate::format::text::TextError;
use crate::wire::framing::Framing;
use crate::wire::jrpc;
use crate::wire::jrpc::Jrpc;
use crate::wire::jrpc::canonical;
use crate::wire::msgpack::Msgpack;
use crate::wire::protocols;
use crate::wire::session::Protocol;
use crate::wire::terse;
use crate::wire::terse::Terse;

/// A codec: turns messages into bytes and back, and does no I/O.
///
/// An encoding function that fails leaves `out` as it was.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub enum AnyCodec {
    /// JSON-RPC 2.0.
    Jrpc(Jrpc),
    /// The line format for people.
    Terse(Terse),
    /// MessagePack-RPC.
    Msgpack(Msgpack),
    /// The codec of a plug-in.
    Custom(Custom),
    /// A protocol with sessions. What is encoded here is only what its sessions put their
    /// envelopes around; see [`Speaking`](crate::wire::session::Speaking).
    Foreign(Foreign),
}

/// A protocol with sessions.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Foreign(pub(crate) Arc<dyn Protocol>);

impl Default for AnyCodec {
    /// `jrpc`, as in the original.
    fn default() -> Self {
        AnyCodec::Jrpc(Jrpc::default())
    }
}

impl fmt::Display for AnyCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyCodec::Jrpc(codec) if codec.framing().delimiter().is_none() => {
                f.write_str("jrpc:content-length")
            }
            AnyCodec::Jrpc(_) => f.write_str("jrpc"),
            AnyCodec::Terse(_) => f.write_str("terse"),
            AnyCodec::Msgpack(codec) => f.write_str(codec.expression()),
            AnyCodec::Custom(codec) => f.write_str(&codec.expression()),
            AnyCodec::Foreign(protocol) => f.write_str(&protocol.0.expression()),
        }
    }
}

impl AnyCodec {
    /// The codec that an expression describes.
    ///
    /// # Errors
    ///
    /// When a plug-in refuses its parameters.
    pub(crate) fn from_expr(expr: &CodecExpr) -> Result<Self> {
        match expr.kind() {
            CodecKind::Jrpc { framing, strict } => {
                let framing = match framing {
                    expr::Framing::Delimiter(delimiter) => Jrpc::delimited(delimiter.as_bytes())
                        .map_err(|why| Error::Config(format!("`{expr}`: {why}").into()))?,
                    expr::Framing::ContentLength => Framing::ContentLength,
                };
                let codec = Jrpc::new(framing, *strict);
                let codec = codec.with_deadlines(expr.deadlines());
                Ok(AnyCodec::Jrpc(codec.with_trace(expr.trace())))
            }
            CodecKind::Terse => {
                let codec = Terse::new().with_answers(expr.answers());
                Ok(AnyCodec::Terse(codec))
            }
            #[cfg(feature = "msgpack")]
            CodecKind::Msgpack { named } => Ok(AnyCodec::Msgpack(Msgpack::new(*named))),
            CodecKind::Custom(custom) => Ok(AnyCodec::custom(CODECS.build(custom)?)),
            kind => Ok(AnyCodec::Foreign(Foreign(protocols::build(expr, kind)?))),
        }
    }

    /// The codec of a plug-in.
    pub(crate) fn custom(codec: Arc<dyn Codec>) -> Self {
        AnyCodec::Custom(Custom::new(codec))
    }

    /// How telegrams are told apart in a stream. `None`: this codec needs a transport that
    /// keeps the boundaries of messages.
    pub(crate) fn framing(&self) -> Option<&Framing> {
        match self {
            AnyCodec::Jrpc(codec) => Some(codec.framing()),
            AnyCodec::Terse(codec) => Some(codec.framing()),
            AnyCodec::Msgpack(codec) => Some(codec.framing()),
            AnyCodec::Custom(codec) => codec.framing(),
            AnyCodec::Foreign(_) => None,
        }
    }

    /// The delimiter, if it is never written within a telegram, so that nobody has to look for it
    /// there: JSON has no NUL, and terse escapes line ends.
    #[inline]
    pub(crate) fn unwritten(&self) -> Option<u8> {
        let framing = match self {
            AnyCodec::Jrpc(codec) => codec.framing(),
            AnyCodec::Terse(codec) => codec.framing(),
            AnyCodec::Msgpack(_) | AnyCodec::Custom(_) | AnyCodec::Foreign(_) => return None,
        };
        match (framing, self) {
            (Framing::Byte([0]), AnyCodec::Jrpc(_)) => Some(0),
            (Framing::Byte([b'\n']), AnyCodec::Terse(_)) => Some(b'\n'),
            _ => None,
        }
    }

    /// Decodes one telegram without its framing.
    ///
    /// # Errors
    ///
    /// When it is no message at all; the stream can go on with the next one.
    pub(crate) fn decode<'t>(
        &self,
        telegram: impl Into<Script<'t>>,
        limits: &Limits,
    ) -> Result<Envelope, DecodeError> {
        let telegram = telegram.into();
        match self {
            AnyCodec::Jrpc(codec) => codec.decode(telegram.text(), limits),
            AnyCodec::Terse(codec) => codec.decode(telegram.text(), limits),
            AnyCodec::Msgpack(codec) => codec.decode(telegram.bytes(), limits),
            AnyCodec::Custom(codec) => codec.decode(telegram.text().as_bytes(), limits),
            // Its sessions look at the whole of what they hear.
            AnyCodec::Foreign(_) => Err(DecodeError::new("no session has heard this", 0)),
        }
    }

    /// Decodes one telegram as it was received, and gives it as what the envelope's places are in
    /// (nothing where a plug-in has decoded it). A byte order mark before a text is passed over.
    ///
    /// Unlike [`decode`](Self::decode), it may leave it to the reader of a payload to find
    /// out whether that is valid ([`Payload::Raw`]).
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and when a text is not UTF-8.
    pub(crate) fn decode_bytes<'t>(
        &self,
        telegram: &'t [u8],
        limits: &Limits,
    ) -> Result<(Script<'t>, Envelope), DecodeError> {
        match self {
            AnyCodec::Custom(codec) => {
                return Ok((Script::Bytes(telegram), codec.decode(telegram, limits)?));
            }
            AnyCodec::Msgpack(codec) => {
                return Ok((Script::Bytes(telegram), codec.decode(telegram, limits)?));
            }
            AnyCodec::Jrpc(_) | AnyCodec::Terse(_) | AnyCodec::Foreign(_) => {}
        }
        let telegram = utf8::text(unmarked(telegram))
            .map_err(|error| DecodeError::new("not UTF-8", error.valid_up_to()))?;
        if let AnyCodec::Jrpc(_) = self
            && limits.id_size >= canonical::DIGITS
            && let Some(envelope) = canonical::decode(telegram)
        {
            return Ok((Script::Text(telegram), envelope));
        }
        if let AnyCodec::Terse(_) = self
            && limits.id_size >= canonical::DIGITS
            && let Some(envelope) = terse::canonical::decode(telegram)
        {
            return Ok((Script::Text(telegram), envelope));
        }
        let telegram = Script::Text(telegram);
        Ok((telegram, self.decode(telegram, limits)?))
    }

    /// Appends a call. The arguments are a map, a list (positional) or unit (none); ids
    /// begin at 1.
    ///
    /// # Errors
    ///
    /// When the arguments or the name cannot be written.
    pub(crate) fn encode_call<A: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        method: &str,
        args: &A,
        id: Option<u64>,
    ) -> Result<(), String> {
        let start = out.len();
        restoring(out, |out| match self {
            // Id 0 means "no id" to Python peers, so that nobody would ever answer.
            _ if id == Some(0) => Err(String::from("0 cannot be the id of a call")),
            AnyCodec::Jrpc(codec) => codec.encode_call(out, method, args, id),
            AnyCodec::Terse(codec) => codec.encode_call(out, method, args, id),
            AnyCodec::Msgpack(codec) => codec.encode_call(out, method, args, id),
            AnyCodec::Custom(codec) => codec.encode_call(out, method, args, id),
            // Whatever they are.
            AnyCodec::Foreign(protocol) if protocol.0.positional() => jrpc::write(out, args),
            AnyCodec::Foreign(_) => {
                jrpc::write_params(out, args)?;
                match out.get(start..) {
                    Some([b'[', ..]) => Err(format!(
                        "`{self}` takes arguments by their names, and these have none"
                    )),
                    _ => Ok(()),
                }
            }
        })
    }

    /// Appends the answer to the call with this id, which is echoed as it was received.
    ///
    /// # Errors
    ///
    /// When the value cannot be written.
    pub(crate) fn encode_result<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        value: &T,
    ) -> Result<(), String> {
        restoring(out, |out| match self {
            AnyCodec::Jrpc(codec) => codec.encode_result(out, id, value),
            AnyCodec::Terse(codec) => codec.encode_result(out, id, value),
            AnyCodec::Msgpack(codec) => codec.encode_result(out, id, value),
            AnyCodec::Custom(codec) => codec.encode_result(out, id, value),
            AnyCodec::Foreign(_) => jrpc::write(out, value),
        })
    }

    /// Appends the error that answers the call with this id.
    ///
    /// # Errors
    ///
    /// When the error's data cannot be written.
    pub(crate) fn encode_error(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        error: &CallError,
    ) -> Result<(), String> {
        restoring(out, |out| match self {
            AnyCodec::Jrpc(codec) => codec.encode_error(out, id, error),
            AnyCodec::Terse(codec) => codec.encode_error(out, id, error),
            AnyCodec::Msgpack(codec) => codec.encode_error(out, id, error),
            AnyCodec::Custom(codec) => codec.encode_error(out, id, error),
            AnyCodec::Foreign(protocol) => {
                protocol.0.write_failure(out, error);
                Ok(())
            }
        })
    }

    /// Appends that the call of ours with this id is not wanted any more. Gives the method by
    /// which that is said; `None` where there is none.
    pub(crate) fn encode_cancel(&self, out: &mut Vec<u8>, id: u64) -> Option<&'static str> {
        match self {
            AnyCodec::Jrpc(codec) => Some(codec.encode_cancel(out, id)),
            AnyCodec::Terse(codec) => Some(codec.encode_cancel(out, id)),
            AnyCodec::Msgpack(codec) => codec.encode_cancel(out, id),
            AnyCodec::Custom(codec) => codec.encode_cancel(out, id),
            AnyCodec::Foreign(_) => None,
        }
    }

    /// Appends a security header, a telegram of its own.
    ///
    /// # Errors
    ///
    /// When the codec has none.
    pub(crate) fn encode_header(&self, out: &mut Vec<u8>, secinfo: &SecInfo) -> Result<(), String> {
        restoring(out, |out| match self {
            AnyCodec::Jrpc(codec) => codec.encode_header(out, secinfo),
            AnyCodec::Msgpack(codec) => codec.encode_header(out, secinfo),
            _ => Err(String::from("this codec has no security header")),
        })
    }

    /// Whether a message that begins like this may be a security header.
    #[inline]
    pub(crate) fn may_be_header(&self, message: &[u8]) -> bool {
        match self {
            // An object, perhaps behind blanks or a mark. What is sealed begins with a letter.
            AnyCodec::Jrpc(_) => message
                .first()
                .is_some_and(|byte| !byte.is_ascii_alphanumeric() && !b"+/".contains(byte)),
            _ => true,
        }
    }

    /// Joins the answers to a batch into the telegram that answers it.
    pub(crate) fn join_batch(&self, answers: &[Vec<u8>]) -> Vec<u8> {
        match self {
            AnyCodec::Jrpc(codec) => codec.join_batch(answers),
            // No other codec has batches; what comes here by mistake stays readable.
            _ => answers.join(&b'\n'),
        }
    }

    /// Whether calls can have positional arguments.
    pub(crate) fn positional(&self) -> bool {
        match self {
            AnyCodec::Terse(_) => false,
            AnyCodec::Foreign(protocol) => protocol.0.positional(),
            AnyCodec::Jrpc(_) | AnyCodec::Msgpack(_) | AnyCodec::Custom(_) => true,
        }
    }

    /// The protocol, where it has sessions.
    pub(crate) fn protocol(&self) -> Option<&Arc<dyn Protocol>> {
        match self {
            AnyCodec::Foreign(protocol) => Some(&protocol.0),
            _ => None,
        }
    }

    /// Whether a security header can be sent.
    pub(crate) fn header(&self) -> bool {
        matches!(self, AnyCodec::Jrpc(_) | AnyCodec::Msgpack(_))
    }

    /// What can be sent without any meaning, so that a connection is seen to be alive.
    /// Nothing in terse, since an empty line hangs a Python peer; and nothing with headers,
    /// since other programs take an empty message for a wrong one. MessagePack has nothing.
    pub(crate) fn keepalive(&self) -> Option<&[u8]> {
        match self {
            AnyCodec::Jrpc(codec) => codec.framing().delimiter(),
            AnyCodec::Terse(_)
            | AnyCodec::Msgpack(_)
            | AnyCodec::Custom(_)
            | AnyCodec::Foreign(_) => None,
        }
    }

    /// Whether telegrams are always text.
    pub(crate) fn is_text(&self) -> bool {
        !matches!(self, AnyCodec::Msgpack(_) | AnyCodec::Custom(_))
    }

    /// Whether telegrams are bytes rather than text.
    pub(crate) fn binary(&self) -> bool {
        match self {
            AnyCodec::Msgpack(_) => true,
            AnyCodec::Custom(codec) => codec.binary(),
            AnyCodec::Jrpc(_) | AnyCodec::Terse(_) | AnyCodec::Foreign(_) => false,
        }
    }

    /// Whether calls say how long their callers wait.
    #[inline]
    pub(crate) fn deadlines(&self) -> bool {
        matches!(self, AnyCodec::Jrpc(codec) if codec.deadlines())
    }

    /// Whether calls say more than what is called.
    #[inline]
    pub(crate) fn adds(&self) -> bool {
        matches!(self, AnyCodec::Jrpc(codec) if codec.adds())
    }

    /// Whether calls say which trace they belong to.
    pub(crate) fn traces(&self) -> bool {
        matches!(self, AnyCodec::Jrpc(codec) if codec.traces())
    }

    /// Whether people get answers that have no id, where nothing is said of it by default.
    pub(crate) fn answers(&self, default: bool) -> bool {
        match self {
            AnyCodec::Terse(codec) => codec.answers().unwrap_or(default),
            _ => false,
        }
    }

    /// Whether errors that belong to no id are answered, with the id null.
    pub(crate) fn strict(&self) -> bool {
        matches!(self, AnyCodec::Jrpc(codec) if codec.strict())
    }

    /// Reads the arguments of a declared call; otherwise like [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn read_args<'de, W: WireArgs<'de>>(
        &self,
        telegram: Script<'de>,
        payload: &'de Payload,
        mut seed: ArgsSeed<'_, 'de, W>,
        depth: usize,
    ) -> Result<W, String> {
        let positional = match self {
            AnyCodec::Jrpc(codec) => codec.positional(),
            AnyCodec::Foreign(protocol) => protocol.0.positional(),
            AnyCodec::Terse(_) | AnyCodec::Msgpack(_) | AnyCodec::Custom(_) => false,
        };
        if positional {
            seed = seed.positional();
        }
        match (payload, self) {
            (
                Payload::Text(span) | Payload::Raw(span),
                AnyCodec::Jrpc(_) | AnyCodec::Foreign(_),
            ) => {
                let text = span.of(telegram.text());
                jrpc::read_args(text, seed, depth).map_err(TextError::into_message)
            }
            (Payload::Pairs(span) | Payload::Raw(span), AnyCodec::Terse(_)) => {
                let text = span.of(telegram.text());
                terse::read_args(text, seed, depth).map_err(TextError::into_message)
            }
            (Payload::Text(span), AnyCodec::Msgpack(codec)) => {
                let args = codec.read_args(telegram.bytes(), *span, seed, depth);
                args.map_err(TextError::into_message)
            }
            _ => self.read(telegram, payload, seed, depth),
        }
    }

    /// Reads arguments or a result; `telegram` is the one that was decoded.
    ///
    /// # Errors
    ///
    /// When they are not what `seed` takes, in words for people.
    pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
        &self,
        telegram: impl Into<Script<'de>>,
        payload: &'de Payload,
        seed: S,
        depth: usize,
    ) -> Result<S::Value, String> {
        let telegram = telegram.into();
        let message = TextError::into_message;
        match (payload, self) {
            (
                Payload::Text(span) | Payload::Raw(span),
                AnyCodec::Jrpc(_) | AnyCodec::Foreign(_),
            ) => jrpc::read(telegram.text(), *span, seed, depth).map_err(message),
            (Payload::Text(span), AnyCodec::Terse(codec)) => {
                let text = telegram.text();
                codec.read(text, *span, seed, depth).map_err(message)
            }
            (Payload::Text(span), AnyCodec::Msgpack(codec)) => codec
                .read(telegram.bytes(), *span, seed, depth)
                .map_err(message),
            (Payload::Pairs(span) | Payload::Raw(span), AnyCodec::Terse(codec)) => codec
                .read_pairs(telegram.text(), *span, seed, depth)
                .map_err(message),
            (Payload::Value(value), _) => custom::read(value, seed),
            _ => jrpc::read_missing(seed).map_err(message),
        }
    }
}

fn restoring(
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    let start = out.len();
    let result = encode(out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}
