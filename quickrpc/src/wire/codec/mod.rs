//! Codecs: what turns calls and answers into bytes and back.
//!
//! `jrpc` and `terse` are always there, and `msgpack` with the cargo feature of that name;
//! `quickrpc::register_codec` adds others, which implement [`Codec`]. A codec does no I/O: it takes bytes and gives messages, and the
//! other way round.
//!
//! # `jrpc` and JSON-RPC 2.0
//!
//! `jrpc` is [JSON-RPC 2.0](https://www.jsonrpc.org/specification) in full: batches, ids of
//! every kind (echoed as they are written), arguments by name and by position, the codes of
//! errors. With `?strict=true` it answers as the specification says. Without, it differs in
//! one thing: **no answer has the id null**, since Python's QuickRPC stops at one. So what
//! cannot be read, or has no id that can be read, is reported to `on_error` and not answered,
//! and a call with `"id": null` counts as a notification.
//!
//! Where the specification leaves room, or this library goes beyond it:
//!
//! * Arguments by position are accepted where a call is declared `positional`; elsewhere they
//!   are -32602. Arguments that are neither an object nor an array are not -32600 but one
//!   positional argument, as in Python, and -32602 where none is allowed; null is none.
//! * Arguments that nobody has declared are -32602, unless the API is declared with
//!   `ignore_unknown`. Other members of a message are ignored, and of members that come twice
//!   the last one counts.
//! * A call of a method without result is answered with null if it has an id.
//! * What exceeds a limit is -32700 (nesting) or -32600 (a long id, a batch of many entries);
//!   a message that is too large ends the connection.
//! * `NaN`, the infinities and lone surrogates are understood, as Python sends them. Byte
//!   strings are `{"__bytes": "<base64>"}`.
//! * `rpc.cancel` is an extension: a notification with the `id` of a call whose answer is not wanted any
//!   more, as is `$/cancelRequest`, which is sent over `jrpc:content-length`. What a handler answers
//!   that gives up has the code -32800. A member `timeout` of a call is how many seconds its caller
//!   waits; it is sent with `?deadlines=on`. Another one, `traceparent`, is which trace it belongs to, as
//!   [W3C](https://www.w3.org/TR/trace-context/) says it; it is sent with `?trace=on`.
//! * `rpc.secinfo` is an extension: the security header of the message that follows.
//! * We never send batches, and answer one when all of its calls are answered.
//!
//! # `msgpack` and MessagePack-RPC
//!
//! `msgpack` is [MessagePack-RPC](https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md):
//! a call is `[0, id, method, params]`, its answer `[1, id, error, result]`, a notification
//! `[2, method, params]`. A message says by itself where it ends, so that there is no delimiter. It
//! works over everything that `jrpc` works over; WebSockets carry it in binary messages, and the
//! security providers `hmac` and `seal` go with it. There is nothing harmless to send, and so no
//! `keepalive` but over WebSocket.
//!
//! * **Arguments** go by position, in the order of the declaration, whether it says `positional`
//!   or not. `msgpack?named=on` sends a map, which other implementations do not understand. Both are
//!   always accepted. An API without a trait gives a list, or has `named=on`.
//! * **Errors** are a text, which all implementations show to people: the message, and before it
//!   the code where it is not -32000 (`-32601: unknown method`). Data stands in the place of the
//!   result. What others answer is read likewise; Neovim's `[type, message]` has the type as its code,
//!   `[code, message, data]` and a map of these are understood, and anything else is -32603 with it
//!   as the data. A text without a code before it is -32000.
//! * **Types** are what they are in JSON: the same names, enums with the same tags, texts for what
//!   serde calls human-readable (IP addresses, dates). But byte strings are `bin`, the keys of maps are
//!   of the type that they have, and integers have as few bytes as they need. Integers beyond 64 bits
//!   are the extensions 73 (signed) and 85.
//! * **Texts** that are not UTF-8 are refused by `String`, and taken by [`Bytes`](crate::Bytes), which
//!   takes any text; a [`Value`] has bytes then. Byte strings are no texts.
//! * **Extensions** are `quickrpc::msgpack::Ext`; a [`Value`], and any other type that takes maps, has
//!   `{"__ext": [type, bytes]}`, which is sent as an extension again, and to wires of text as it is.
//! * Ids are integers, ours from 1. Those of others may have 64 bits.
//! * Properties are the calls that they are in `jrpc`. There are no batches.

use std::fmt;
use std::sync::Arc;

use crate::base::error::{BoxError, CallError, Result};
use crate::base::expr_error::ExprKind;
use crate::base::value::Value;
use crate::expr::{CodecExpr, Params, Registry};

pub(crate) mod any;
pub(crate) mod custom;
pub(crate) mod envelope;
pub(crate) mod safe_bytes;

#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use any::AnyCodec;
pub(crate) use envelope::Part;
pub(crate) use envelope::Span;
pub(crate) use envelope::{
    CallParts, DecodeError, Envelope, Payload, Run, Script, SharedScript, Terms,
};

/// A codec of one's own.
///
/// It works on [`Value`]s, and needs to know nothing of the declared types. Register it
/// with `quickrpc::register_codec`, so that its shorthand works in every expression, or
/// give the object itself to a builder.
///
/// ```
/// use quickrpc::codec::{Codec, Message};
/// use quickrpc::{BoxError, Value};
///
/// /// Calls without arguments, one name a line.
/// #[derive(Debug)]
/// struct Names;
///
/// impl Codec for Names {
///     fn expression(&self) -> String {
///         String::from("names")
///     }
///
///     fn delimiter(&self) -> &[u8] {
///         b"\n"
///     }
///
///     fn encode(&self, message: &Message) -> Result<Vec<u8>, BoxError> {
///         match message {
///             Message::Call { method, .. } => Ok(method.clone().into_bytes()),
///             _ => Err("only calls without answer can be sent".into()),
///         }
///     }
///
///     fn decode(&self, telegram: &[u8]) -> Result<Vec<Message>, BoxError> {
///         let method = String::from_utf8(telegram.to_vec())?;
///         Ok(vec![Message::Call { method, params: Value::Null, id: None }])
///     }
/// }
///
/// let messages = Names.decode(b"ping").unwrap();
/// assert_eq!(Names.encode(&messages[0]).unwrap(), b"ping");
/// ```
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// The expression that describes this codec, for messages to people.
    fn expression(&self) -> String;

    /// What stands behind each telegram in a stream. Empty if the codec only works on
    /// transports that keep the boundaries of messages.
    fn delimiter(&self) -> &[u8];

    /// Whether telegrams are bytes rather than text, so that a WebSocket sends them as binary
    /// messages. (It does so anyway with what is not UTF-8.) By default, they are text, and a
    /// byte order mark before one is passed over.
    fn binary(&self) -> bool {
        false
    }

    /// Encodes a message as one telegram, without the delimiter.
    ///
    /// # Errors
    ///
    /// When the message cannot be written in this format; nothing is sent then.
    fn encode(&self, message: &Message) -> Result<Vec<u8>, BoxError>;

    /// Decodes a telegram, which comes without the delimiter and is never empty.
    ///
    /// # Errors
    ///
    /// When it is no message. This is reported, and the next telegram is tried.
    fn decode(&self, telegram: &[u8]) -> Result<Vec<Message>, BoxError>;
}

/// What a [`Codec`] sends and receives.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A call of a method.
    Call {
        /// The method's name on the wire.
        method: String,
        /// The arguments: a map by their names on the wire, or a list if positional.
        params: Value,
        /// What the answer has to carry, a string or an integer; `None` if there will be
        /// none. The ids of our own calls are integers, from 1.
        id: Option<Value>,
    },
    /// The result of a call.
    Reply {
        /// The id of the call, as it was received.
        id: Value,
        /// What the call returned.
        result: Value,
    },
    /// The failure of a call.
    Failure {
        /// The id of the call, as it was received.
        id: Value,
        /// What went wrong.
        error: CallError,
    },
}

/// Makes a shorthand work in every codec expression that is parsed from now on.
///
/// ```
/// use quickrpc::codec::{Codec, Message};
/// use quickrpc::{BoxError, CodecExpr, register_codec};
///
/// #[derive(Debug)]
/// struct Whisper(String);
///
/// impl Codec for Whisper {
///     fn expression(&self) -> String {
///         format!("whisper:{}", self.0)
///     }
///     # fn delimiter(&self) -> &[u8] { b"" }
///     # fn encode(&self, _: &Message) -> Result<Vec<u8>, BoxError> { Err("no".into()) }
///     # fn decode(&self, _: &[u8]) -> Result<Vec<Message>, BoxError> { Err("no".into()) }
///     // ... and the rest
/// }
///
/// register_codec("whisper", |params| Ok(Whisper(params.text().to_owned())))?;
/// let expr: CodecExpr = "whisper:softly".parse()?;
/// # Ok::<(), quickrpc::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) if the shorthand is malformed, built in, or
/// registered before.
pub fn register_codec<C: Codec>(
    shorthand: &str,
    constructor: impl Fn(&Params) -> Result<C, BoxError> + Send + Sync + 'static,
) -> Result<()> {
    let make = move |params: &Params| -> Result<Arc<dyn Codec>, BoxError> {
        Ok(Arc::new(constructor(params)?))
    };
    CODECS.register(shorthand, Arc::new(make))
}

static CODECS: Registry<Arc<dyn Codec>> = Registry::new(ExprKind::Codec);

/// What names a codec: a string, a [`CodecExpr`], or a [`Codec`] itself.
///
/// ```
/// use quickrpc::codec::IntoCodec;
///
/// fn takes(_codec: impl IntoCodec) {}
/// takes("jrpc:\\n");
/// takes(String::from("terse"));
/// ```
pub trait IntoCodec {
    #[doc(hidden)]
    fn into_codec(self) -> Result<AnyCodec>;
}

impl IntoCodec for &CodecExpr {
    fn into_codec(self) -> Result<AnyCodec> {
        AnyCodec::from_expr(self)
    }
}

impl IntoCodec for CodecExpr {
    fn into_codec(self) -> Result<AnyCodec> {
        AnyCodec::from_expr(&self)
    }
}

impl IntoCodec for &str {
    fn into_codec(self) -> Result<AnyCodec> {
        AnyCodec::from_expr(&self.parse()?)
    }
}

impl IntoCodec for String {
    fn into_codec(self) -> Result<AnyCodec> {
        self.as_str().into_codec()
    }
}

impl IntoCodec for &String {
    fn into_codec(self) -> Result<AnyCodec> {
        self.as_str().into_codec()
    }
}

impl<T: Codec> IntoCodec for T {
    fn into_codec(self) -> Result<AnyCodec> {
        Ok(AnyCodec::custom(Arc::new(self)))
    }
}
