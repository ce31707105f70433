//! Doors to the inside for the fuzz targets (`quickrpc/fuzz`), behind the feature `__fuzz`.
//!
//! Thin on purpose: each function drives one part as its caller in this crate does, and gives
//! what came of it as plain data. What has to hold is written in the targets.

mod framed;
mod parts;
mod sealed;

pub use framed::{End, Framed, Piece};
pub use parts::{Seat, hear_parts};
pub use sealed::{open, seal};

use std::io::ErrorKind;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::security::SecInfo;
use crate::base::sync::lock;
use crate::base::value::Value;
use crate::carrier::greeter::Step;
use crate::carrier::stream::Stream;
use crate::carrier::sys;
use crate::carrier::websocket;
use crate::expr::TransportExpr;
use crate::format::msgpack;
use crate::format::text::{self, Json, Reader, Terse};
use crate::wire::codec::envelope::Part;
use crate::wire::codec::{AnyCodec, CallParts, DecodeError, Envelope, Payload, Script};
use crate::wire::jrpc::canonical;
use crate::wire::security::Header;
#[cfg(any(feature = "juggler", feature = "zonis"))]
use crate::wire::session::{Heard, Role, Say, Verdict};

/// What one message says, in words of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A call; `Err` where the arguments cannot be read as values.
    Call(String, Result<Value, String>, Option<String>),
    /// A result.
    Reply(Option<u64>, Result<Value, String>),
    /// An error.
    Failure(Option<u64>, CallError),
    /// A security header.
    Header(SecInfo),
    /// Not a valid message.
    Invalid(Option<String>),
    /// Nothing but blanks.
    Empty,
}

/// What a telegram says, as it is decoded for a peer: the short way first.
///
/// # Errors
///
/// What is wrong, and where.
pub fn decode(codec: &AnyCodec, telegram: &[u8]) -> Result<Vec<Said>, (String, usize)> {
    let limits = Limits::default();
    if let Some(header) = short_header(codec, telegram) {
        return Ok(vec![Said::Header(header)]);
    }
    let (text, envelope) = codec.decode_bytes(telegram, &limits).map_err(parts)?;
    let raw = match &envelope {
        Envelope::Call { params, .. } => params,
        Envelope::Reply { result, .. } => result,
        _ => &Payload::Missing,
    };
    if matches!(raw, Payload::Raw(_)) && value(codec, text, raw).is_err() {
        return decode_in_full(codec, text.text());
    }
    Ok(said(codec, text, &envelope))
}

/// A security header that is read the short way.
fn short_header(codec: &AnyCodec, telegram: &[u8]) -> Option<SecInfo> {
    let mut header = Header::default();
    let text = std::str::from_utf8(telegram).ok()?;
    let read = matches!(codec, AnyCodec::Jrpc(_)) && header.read(text, canonical::header);
    read.then(|| header.to_map())
}

/// The same, without the short way.
///
/// # Errors
///
/// What is wrong, and where.
pub fn decode_in_full(codec: &AnyCodec, telegram: &str) -> Result<Vec<Said>, (String, usize)> {
    let telegram = telegram.strip_prefix('\u{feff}').unwrap_or(telegram);
    let envelope = codec.decode(telegram, &Limits::default()).map_err(parts)?;
    Ok(said(codec, telegram.into(), &envelope))
}

fn parts(error: DecodeError) -> (String, usize) {
    (error.message, error.position)
}

fn value(codec: &AnyCodec, text: Script<'_>, payload: &Payload) -> Result<Value, String> {
    let depth = Limits::default().nesting_depth;
    codec.read(text, payload, PhantomData::<Value>, depth)
}

fn said(codec: &AnyCodec, text: Script<'_>, envelope: &Envelope) -> Vec<Said> {
    let call = |method: &Part, params: &Payload, id: Option<&Part>| {
        Said::Call(
            method.of(text).to_owned(),
            value(codec, text, params),
            id.map(|id| id.of(text).to_owned()),
        )
    };
    vec![match envelope {
        Envelope::Call { method, params, id } => call(method, params, id.as_ref()),
        Envelope::Timed(timed) => {
            let CallParts { method, params, id } = &timed.1;
            call(method, params, id.as_ref())
        }
        Envelope::Cancel { call: parts, .. } => call(&parts.method, &parts.params, None),
        Envelope::Reply { id, result } => Said::Reply(*id, value(codec, text, result)),
        Envelope::Failure { id, error } => Said::Failure(*id, error.clone()),
        Envelope::Header(info) => Said::Header(info.clone()),
        Envelope::Invalid { id, .. } => Said::Invalid(id.as_ref().map(|id| id.of(text).to_owned())),
        Envelope::Hollow { id, .. } => Said::Invalid(Some(id.of(text).to_owned())),
        Envelope::Unreadable { .. } => Said::Invalid(None),
        Envelope::Empty => Said::Empty,
        Envelope::Several { parts, .. } => {
            return parts
                .iter()
                .flat_map(|part| said(codec, text, part))
                .collect();
        }
    }]
}

/// A call as one telegram.
///
/// # Errors
///
/// Why it cannot be written.
pub fn encode_call(
    codec: &AnyCodec,
    method: &str,
    args: &Value,
    id: Option<u64>,
) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    codec.encode_call(&mut out, method, args, id)?;
    Ok(out)
}

/// A result as one telegram.
///
/// # Errors
///
/// Why it cannot be written.
pub fn encode_result(codec: &AnyCodec, id: &str, value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    codec.encode_result(&mut out, id, value)?;
    Ok(out)
}

/// An error as one telegram.
///
/// # Errors
///
/// Why it cannot be written.
pub fn encode_error(codec: &AnyCodec, id: &str, error: &CallError) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    codec.encode_error(&mut out, id, error)?;
    Ok(out)
}

/// How many calls and streams are in the tables of an API, in words: the same before peers have come and
/// after all that they began is over.
pub fn tables(api: &Api) -> String {
    let calls = api.calls();
    let pending = lock(&calls.pending);
    let (late, fed, taken) = (&calls.late, &calls.feeds, &calls.arguments);
    format!("{pending:?}, {late:?}, {fed:?}, {taken:?}")
}

/// Reads one value from the front of a text; gives where it ends.
///
/// # Errors
///
/// What is wrong, and where.
pub fn read_text<T: DeserializeOwned>(
    text: &str,
    terse: bool,
    depth: usize,
) -> Result<(T, usize), (String, usize)> {
    let seed = PhantomData::<T>;
    let (read, end) = if terse {
        let mut reader = Reader::new(text, Terse, depth);
        (reader.value(seed), reader.position())
    } else {
        let mut reader = Reader::new(text, Json, depth);
        (reader.value(seed), reader.position())
    };
    match read {
        Ok(value) => Ok((value, end)),
        Err(error) => Err((error.message().to_owned(), error.position())),
    }
}

/// Goes past one value at the front of a text; gives where it ends.
///
/// # Errors
///
/// What is wrong, and where.
pub fn skip_text(text: &str, terse: bool, depth: usize) -> Result<usize, (String, usize)> {
    let skipped = match terse {
        true => Reader::new(text, Terse, depth).skip_value(),
        false => Reader::new(text, Json, depth).skip_value(),
    };
    match skipped {
        Ok(range) => Ok(range.end),
        Err(error) => Err((error.message().to_owned(), error.position())),
    }
}

/// Writes a value.
///
/// # Errors
///
/// Why it cannot be written.
pub fn write_text<T: Serialize>(value: &T, terse: bool) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let written = match terse {
        true => text::write(&mut out, Terse, value),
        false => text::write(&mut out, Json, value),
    };
    written.map_err(|error| error.message().to_owned())?;
    Ok(out)
}

/// Reads one value of MessagePack from the front; gives where it ends, and where it is found to
/// end by who does not read it.
///
/// # Errors
///
/// What is wrong.
pub fn read_message_pack<T: DeserializeOwned>(
    bytes: &[u8],
    depth: usize,
) -> Result<(T, usize, Option<usize>), String> {
    let mut reader = msgpack::Reader::new(bytes, depth);
    let value = reader.value(PhantomData::<T>);
    let value = value.map_err(|error| error.message().to_owned())?;
    let end = msgpack::Scan::default().advance(bytes, bytes.len());
    Ok((value, reader.position(), end.ok().flatten()))
}

/// Writes a value of MessagePack.
///
/// # Errors
///
/// Why it cannot be written.
pub fn write_message_pack<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    msgpack::write(&mut out, value).map_err(|error| error.message().to_owned())?;
    Ok(out)
}

/// The handshake of a WebSocket, ours on one end of a pair of sockets.
#[derive(Debug)]
pub struct Handshake {
    ours: Stream,
    theirs: Stream,
    input: Vec<u8>,
    greeter: Greeter,
    /// What we have said.
    pub said: Vec<u8>,
}

struct Greeter(Box<dyn crate::carrier::greeter::Greeter>);

impl std::fmt::Debug for Greeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Greeter")
    }
}

impl Handshake {
    /// That of this transport; `None` if it has none.
    pub fn new(expr: &TransportExpr) -> Option<Self> {
        let (greeting, _) = websocket::bind(expr, "/", false, None).ok()??;
        let (ours, theirs) = sys::pair().ok()?;
        let mut handshake = Handshake {
            ours: Stream::Unix(ours),
            theirs: Stream::Unix(theirs),
            input: Vec::new(),
            greeter: Greeter(greeting.greeter()),
            said: Vec::new(),
        };
        // A client speaks first.
        handshake.advance(&[]);
        Some(handshake)
    }

    /// One more piece is there. Gives `None` as long as it waits, and then whether it went
    /// well, in words for people.
    pub fn advance(&mut self, piece: &[u8]) -> Option<Result<(), String>> {
        let mut rest = piece;
        loop {
            // What does not fit is given when some was read.
            if let Ok(count) = self.theirs.write(rest) {
                rest = rest.get(count..).unwrap_or_default();
            }
            let step = self.greeter.0.advance(&self.ours, &mut self.input);
            self.listen();
            match step {
                Step::Moved { .. } | Step::More => {}
                Step::Wait if rest.is_empty() => return None,
                Step::Wait => {}
                Step::Done | Step::Unless(_) => return Some(Ok(())),
                Step::Refused(why) => return Some(Err(why)),
                Step::Failed(error) => return Some(Err(format!("failed: {error}"))),
            }
        }
    }

    /// The other side has ended the connection.
    pub fn hang_up(&mut self) -> Option<Result<(), String>> {
        self.theirs.shutdown_write();
        self.advance(&[])
    }

    fn listen(&mut self) {
        let mut chunk = [0; 4096];
        loop {
            match self.theirs.read(&mut chunk[..]) {
                Ok(count) if count > 0 => {
                    let chunk = chunk.get(..count).unwrap_or_default();
                    self.said.extend_from_slice(chunk);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }
}

/// What a server answers to this key of a handshake.
pub fn accept_key(key: &str) -> String {
    tungstenite::handshake::derive_accept_key(key.as_bytes())
}

/// Has the session of a protocol hear these messages. Gives what it says by itself, and the
/// reason of the first message that it did not understand. What it hears of properties it tells in
/// turn, to another session that has to see the same.
#[cfg(any(feature = "juggler", feature = "zonis"))]
pub fn hear(codec: &AnyCodec, end: End, messages: &[&str]) -> (Vec<Vec<u8>>, Option<String>) {
    let (mut say, mut wrong) = (Say::default(), None);
    let role = match end {
        End::Client => Role::Client,
        End::Server => Role::Server,
    };
    let Some(protocol) = codec.protocol() else {
        return (say.0, wrong);
    };
    let limits = Limits::default();
    let (mut listening, mut speaking) = protocol.session(meeting(role, limits.message_size));
    let mut mirror = Mirror::new(codec, role);
    listening.open(&mut say);
    for message in messages {
        let mut heard = match listening.hear(message, &limits, &mut say) {
            Ok(heard) => heard,
            Err(error) => {
                wrong.get_or_insert(error.to_string());
                continue;
            }
        };
        if let Heard::Claim(_) = heard {
            heard = listening.verdict(Verdict::Accepted, &mut say);
        }
        match heard {
            Heard::Message(envelope) => answer(&mut *speaking, codec, message, &envelope, &mut say),
            Heard::Put(text, envelope) => answer(&mut *speaking, codec, &text, &envelope, &mut say),
            Heard::Changes(changes) => {
                for name in ["", "a", "b", "/"] {
                    if let Some(value) = changes.value(name) {
                        assert!(speaking.seen(name).is_none_or(|seen| seen == value));
                        mirror.show(&mut *speaking, name, &value);
                    }
                }
            }
            Heard::End(_) => break,
            _ => {}
        }
    }
    (say.0, wrong)
}

#[cfg(any(feature = "juggler", feature = "zonis"))]
fn meeting(role: Role, largest: usize) -> crate::wire::session::Meeting<'static> {
    crate::wire::session::Meeting {
        role,
        largest,
        met: None,
        here: None,
    }
}

/// The other side, which sees what a session tells of properties.
#[cfg(any(feature = "juggler", feature = "zonis"))]
struct Mirror(
    Option<(
        Box<dyn crate::wire::session::Listening>,
        Box<dyn crate::wire::session::Speaking>,
    )>,
);

#[cfg(any(feature = "juggler", feature = "zonis"))]
impl Mirror {
    fn new(codec: &AnyCodec, role: Role) -> Self {
        let other = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        // Where it is left open how the peer speaks, nobody knows that.
        let known = codec.to_string().contains(':');
        let protocol = codec.protocol().filter(|_| known);
        Mirror(protocol.map(|protocol| protocol.session(meeting(other, usize::MAX))))
    }

    fn show(
        &mut self,
        speaking: &mut dyn crate::wire::session::Speaking,
        property: &str,
        value: &str,
    ) {
        use crate::wire::session::About;

        let about = About::Change {
            property,
            method: "",
        };
        let Some((listening, sees)) = &mut self.0 else {
            return;
        };
        let (body, mut out) = (value.as_bytes(), Vec::new());
        // Clients of some generations have none. What is as deep as it may be is too deep for some.
        if speaking.can_say(about, body).is_err() || about.tell(speaking, &mut out, body).is_err() {
            return;
        }
        let text = String::from_utf8(out).expect("it is text");
        if !text.is_empty() {
            let limits = Limits {
                message_size: usize::MAX,
                ..Limits::default()
            };
            let heard = listening.hear(&text, &limits, &mut Say::default());
            assert!(matches!(heard, Ok(Heard::Changes(_))), "{text}: {heard:?}");
        }
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        let seen = sees.seen(property).unwrap_or_else(|| "null".to_owned());
        assert_eq!(read(&seen), read(value), "{text}");
    }
}

/// Answers what was called.
#[cfg(any(feature = "juggler", feature = "zonis"))]
fn answer(
    speaking: &mut dyn crate::wire::session::Speaking,
    codec: &AnyCodec,
    text: &str,
    envelope: &Envelope,
    say: &mut Say,
) {
    if let Envelope::Call { params, id, .. } = envelope {
        let read = value(codec, text.into(), params);
        if let (Some(id), Ok(body)) = (id, write_text(&read.unwrap_or_default(), false)) {
            let mut out = Vec::new();
            speaking.answer(&mut out, id.of(text), &body, false);
            say.message(out);
        }
    }
}
