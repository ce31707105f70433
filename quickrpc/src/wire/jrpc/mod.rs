//! JSON-RPC 2.0, as Python QuickRPC speaks it, and in full towards everybody else.

pub(crate) mod batch;
mod cancel;
pub(crate) mod canonical;
mod event;
mod failure;
mod ids;
mod payload;

pub(crate) use cancel::{CANCEL, is_cancel, put_timeout, put_trace};
pub(crate) use failure::error_code;
pub(crate) use payload::{read, read_args, read_missing};

use std::borrow::Cow;
use std::marker::PhantomData;
use std::mem;
use std::time::Duration;

use serde::Serialize;

use self::failure::failure;
use self::ids::answer_id;
use self::payload::expect_end;
use super::framing::Framing;
use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::security::SecInfo;
use crate::base::trace::Trace;

use crate::format::text;
use crate::format::text::{Json, Reader, TextError};
use crate::wire::codec::envelope::{CallParts, DecodeError, Envelope, Part, Payload, Span, Terms};
use crate::wire::codec::safe_bytes::is_safe;

/// The method name that marks a telegram as a security header.
const HEADER: &str = "rpc.secinfo";

/// The codec `jrpc`.
#[derive(Debug, Clone)]
pub struct Jrpc {
    framing: Framing,
    strict: bool,
    deadlines: bool,
    trace: bool,
    /// Arguments may stand for themselves, whatever is declared.
    positional: bool,
}

impl Default for Jrpc {
    fn default() -> Self {
        Jrpc {
            framing: Framing::Byte([0]),
            strict: false,
            deadlines: false,
            trace: false,
            positional: false,
        }
    }
}

impl Jrpc {
    /// The codec with this framing. `strict`: what has the id null, and errors that belong
    /// to no id, are answered with `"id":null`, which stops a Python peer.
    pub(crate) fn new(framing: Framing, strict: bool) -> Self {
        Jrpc {
            framing,
            strict,
            deadlines: false,
            trace: false,
            positional: false,
        }
    }

    /// The same for telegrams that are posted: NUL is between them, whatever is between others, and they
    /// say how long their callers wait.
    pub(crate) fn posted(self) -> Self {
        Jrpc {
            framing: Framing::Byte([0]),
            deadlines: true,
            ..self
        }
    }

    /// The same in full JSON-RPC, for those who are no Python peers.
    pub(crate) fn in_full(self) -> Self {
        Jrpc {
            strict: true,
            positional: true,
            ..self
        }
    }

    /// The same, of which calls say how long their callers wait, or do not.
    pub(crate) fn with_deadlines(self, deadlines: bool) -> Self {
        Jrpc { deadlines, ..self }
    }

    /// The same, of which calls say what trace they belong to, or do not.
    pub(crate) fn with_trace(self, trace: bool) -> Self {
        Jrpc { trace, ..self }
    }

    /// Whether calls say more than what is called.
    #[inline]
    pub(crate) fn adds(&self) -> bool {
        self.deadlines | self.trace
    }

    pub(crate) fn traces(&self) -> bool {
        self.trace
    }

    #[inline]
    pub(crate) fn positional(&self) -> bool {
        self.positional
    }

    pub(crate) fn deadlines(&self) -> bool {
        self.deadlines
    }

    /// What stands behind each telegram.
    ///
    /// # Errors
    ///
    /// When the delimiter is empty or not ASCII.
    pub(crate) fn delimited(delimiter: &[u8]) -> Result<Framing, String> {
        if !delimiter.is_ascii() {
            return Err(String::from(
                "the delimiter must consist of ASCII characters",
            ));
        }
        Framing::delimited(delimiter).ok_or_else(|| String::from("the delimiter must not be empty"))
    }

    pub(crate) fn framing(&self) -> &Framing {
        &self.framing
    }

    pub(crate) fn strict(&self) -> bool {
        self.strict
    }

    pub(crate) fn decode(&self, telegram: &str, limits: &Limits) -> Result<Envelope, DecodeError> {
        let mut reader = Reader::new(telegram, Json, limits.nesting_depth);
        reader.skip_ws();
        let envelope = match reader.peek() {
            None => return Ok(Envelope::Empty),
            Some(b'{') => Message::read(&mut reader)?.classify(telegram, limits, self.strict),
            Some(b'[') => return self.batch(&mut reader, telegram, limits),
            Some(_) => {
                const TEXT: &str = "expected a JSON object";
                let position = reader.position();
                if reader.skip_value().is_err() {
                    return Err(DecodeError::new(TEXT, position));
                }
                Envelope::invalid(None, TEXT)
            }
        };
        expect_end(&mut reader)?;
        Ok(envelope)
    }

    fn batch(
        &self,
        reader: &mut Reader<'_, Json>,
        telegram: &str,
        limits: &Limits,
    ) -> Result<Envelope, DecodeError> {
        reader.expect(b'[')?;
        let mut parts = Vec::new();
        reader.skip_ws();
        if reader.eat(b']') {
            expect_end(reader)?;
            return Ok(Envelope::invalid(None, "the batch is empty"));
        }
        loop {
            if parts.len() >= limits.batch_entries {
                let message = format!("a batch may have {} entries", limits.batch_entries);
                return Ok(Envelope::invalid(None, message));
            }
            reader.skip_ws();
            parts.push(match reader.peek() {
                Some(b'{') => {
                    match Message::read(reader)?.classify(telegram, limits, self.strict) {
                        Envelope::Header(_) => {
                            Envelope::invalid(None, "a security header cannot be part of a batch")
                        }
                        envelope => envelope,
                    }
                }
                _ => {
                    reader.skip_value()?;
                    Envelope::invalid(None, "an entry of a batch must be an object")
                }
            });
            reader.skip_ws();
            if reader.eat(b']') {
                break;
            }
            reader.expect(b',')?;
        }
        expect_end(reader)?;
        Ok(Envelope::Several {
            parts,
            together: true,
        })
    }

    pub(crate) fn encode_call<A: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        method: &str,
        args: &A,
        id: Option<u64>,
    ) -> Result<(), String> {
        // Python peers take it for a security header, and those without a security
        // provider stop receiving at one.
        if method == HEADER {
            return Err(format!("`{HEADER}` is reserved for security headers"));
        }
        out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
        text::write_str(out, Json, method);
        out.extend_from_slice(br#","params":"#);
        write_params(out, args)?;
        if let Some(id) = id {
            out.extend_from_slice(canonical::ID);
            out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        }
        out.push(b'}');
        Ok(())
    }

    pub(crate) fn encode_result<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        value: &T,
    ) -> Result<(), String> {
        out.extend_from_slice(canonical::RESULT);
        write(out, value)?;
        close_answer(out, id);
        Ok(())
    }

    pub(crate) fn encode_error(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        error: &CallError,
    ) -> Result<(), String> {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","error":{"code":"#);
        out.extend_from_slice(itoa::Buffer::new().format(error.code).as_bytes());
        out.extend_from_slice(br#","message":"#);
        text::write_str(out, Json, &error.message);
        if let Some(data) = &error.data {
            out.extend_from_slice(br#","data":"#);
            write(out, data)?;
        }
        out.push(b'}');
        close_answer(out, id);
        Ok(())
    }

    pub(crate) fn encode_header(&self, out: &mut Vec<u8>, secinfo: &SecInfo) -> Result<(), String> {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"rpc.secinfo","params":"#);
        write(out, secinfo)?;
        out.push(b'}');
        Ok(())
    }

    pub(crate) fn join_batch(&self, answers: &[Vec<u8>]) -> Vec<u8> {
        let mut out = vec![b'['];
        out.extend_from_slice(&answers.join(&b','));
        out.push(b']');
        out
    }
}

/// Appends a value, unless it would stop a Python peer.
pub(crate) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), String> {
    let start = out.len();
    let (written, tagged) = text::noting_tags(|| text::write(out, Json, value));
    written.map_err(TextError::into_message)?;
    if !tagged || is_safe(out.get(start..).unwrap_or_default()) {
        return Ok(());
    }
    Err(String::from(
        "a map cannot have the key `__bytes`, which marks byte strings",
    ))
}

/// Arguments are an object, or a list if they are positional; nothing else is a call.
pub(crate) fn write_params<A: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    args: &A,
) -> Result<(), String> {
    let start = out.len();
    write(out, args)?;
    match out.get(start..) {
        Some([b'{' | b'[', ..]) => Ok(()),
        Some(b"null") => {
            out.truncate(start);
            out.extend_from_slice(b"{}");
            Ok(())
        }
        _ => Err(String::from("the arguments must be a map or a list")),
    }
}

fn close_answer(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(canonical::ID);
    out.extend_from_slice(id.as_bytes());
    out.push(b'}');
}

/// The id of a message, before it is known what the message is.
#[derive(Debug, Clone, Copy)]
enum Id {
    /// Left out: the message is a notification.
    Missing,
    /// The same, unless one is strict: a Python peer answers it without an id, and stops at
    /// an answer with it.
    Null(Span),
    Text(Span),
    /// A container, or no JSON at all, such as `NaN`.
    Wrong,
}

/// The members of a message that mean something, in the last version of each.
#[derive(Debug)]
struct Message {
    version: bool,
    method: Method,
    /// The name of an event of rpc-websockets, which has neither version nor method.
    event: Method,
    params: Option<Span>,
    result: Option<Span>,
    error: Option<Span>,
    id: Id,
    /// How long the caller waits, in seconds.
    timeout: Option<Duration>,
    trace: Option<Trace>,
}

#[derive(Debug)]
enum Method {
    Missing,
    Name(Part),
    /// Not a string.
    Wrong,
}

impl Message {
    /// Reads an object; the reader stands at its opening brace.
    fn read(reader: &mut Reader<'_, Json>) -> Result<Self, TextError> {
        let mut message = Message {
            version: false,
            method: Method::Missing,
            event: Method::Missing,
            params: None,
            result: None,
            error: None,
            id: Id::Missing,
            timeout: None,
            trace: None,
        };
        reader.expect(b'{')?;
        reader.skip_ws();
        if reader.eat(b'}') {
            return Ok(message);
        }
        loop {
            reader.skip_ws();
            let key = reader.string()?;
            reader.skip_ws();
            reader.expect(b':')?;
            reader.skip_ws();
            message.member(&key, reader)?;
            reader.skip_ws();
            if reader.eat(b'}') {
                return Ok(message);
            }
            reader.expect(b',')?;
        }
    }

    fn member(&mut self, key: &str, reader: &mut Reader<'_, Json>) -> Result<(), TextError> {
        match key {
            "jsonrpc" => {
                self.version = match reader.peek() {
                    Some(b'"') => reader.string()? == "2.0",
                    _ => {
                        reader.skip_value()?;
                        false
                    }
                }
            }
            "method" => self.method = method(reader)?,
            "notification" => self.event = method(reader)?,
            "params" => self.params = Some(value(reader)?),
            "result" => self.result = Some(value(reader)?),
            "error" => self.error = Some(value(reader)?),
            "id" => {
                let first = reader.peek();
                let span = value(reader)?;
                self.id = match first {
                    Some(b'"' | b'-' | b'0'..=b'9') => Id::Text(span),
                    Some(b'n') => Id::Null(span),
                    _ => Id::Wrong,
                }
            }
            // What is no number of seconds means nothing.
            "timeout" => {
                let seconds = value(reader)?.of(reader.text()).parse();
                self.timeout = seconds
                    .ok()
                    .and_then(|s| Duration::try_from_secs_f64(s).ok());
            }
            // Likewise.
            "traceparent" => {
                let text = value(reader)?.of(reader.text()).trim_matches('"');
                self.trace = text.parse().ok();
            }
            _ => {
                reader.skip_value()?;
            }
        }
        Ok(())
    }

    fn classify(mut self, telegram: &str, limits: &Limits, strict: bool) -> Envelope {
        // Some write all members that there are, with null for those that mean nothing.
        let named = matches!(self.method, Method::Name(_));
        if !named && (self.result.is_some() || self.error.is_some()) {
            return self.answer(telegram, limits);
        }
        if let (Method::Missing, Method::Name(_), Id::Missing) =
            (&self.method, &self.event, &self.id)
        {
            self.method = mem::replace(&mut self.event, Method::Missing);
            self.version = true;
        }
        let id = match self.call_id(telegram, limits, strict) {
            Ok(id) => id,
            Err(message) => return Envelope::invalid(None, message),
        };
        let wrong = match &self.method {
            _ if !self.version => Some(r#"expected a member "jsonrpc" with the value "2.0""#),
            Method::Name(_) => None,
            Method::Wrong => Some("the name of a method must be a string"),
            Method::Missing => Some("expected a method, a result or an error"),
        };
        let method = match (self.method, wrong) {
            (Method::Name(method), None) => method,
            (method, wrong) => {
                let invalid = Envelope::invalid(id, wrong.unwrap_or_default());
                return match method {
                    Method::Name(_) => invalid,
                    _ => hollow(invalid, telegram),
                };
            }
        };
        if method.of(telegram) == HEADER {
            return header(self.params, telegram, limits);
        }
        let params = self.params.map_or(Payload::Missing, Payload::Text);
        if id.is_none()
            && let Some(given_up) = self.params.and_then(|params| {
                cancel::given_up(method.of(telegram), params.of(telegram), limits)
            })
        {
            let call = CallParts { method, params, id };
            return Envelope::Cancel {
                id: given_up,
                call: Box::new(call),
            };
        }
        let terms = Terms {
            start: self.timeout,
            run: None,
            trace: self.trace,
        };
        match id.is_some() && (terms.start.is_some() || terms.trace.is_some()) {
            true => Envelope::Timed(Box::new((terms, CallParts { method, params, id }))),
            false => Envelope::Call { method, params, id },
        }
    }

    /// The id to echo, or what is wrong about it.
    fn call_id(
        &self,
        telegram: &str,
        limits: &Limits,
        strict: bool,
    ) -> Result<Option<Part>, String> {
        match self.id {
            Id::Missing => Ok(None),
            Id::Null(span) => Ok(strict.then_some(Part::Span(span))),
            Id::Text(span) if span.of(telegram).trim_matches('"').len() > limits.id_size => {
                Err(format!("an id may have {} bytes", limits.id_size))
            }
            Id::Text(span) if span.of(telegram) != "-Infinity" => Ok(Some(Part::Span(span))),
            _ => Err(String::from("an id must be a string or a number")),
        }
    }

    /// A reply or an error. Whatever is wrong about one, nothing goes to its id. Those of
    /// JSON-RPC 1.0 have no version, and always both members, one of which is null.
    fn answer(self, telegram: &str, limits: &Limits) -> Envelope {
        let id = match self.id {
            Id::Text(span) => answer_id(span.of(telegram)),
            _ => None,
        };
        let error = self.error.map(|span| span.of(telegram));
        match (self.result, error.filter(|error| *error != "null")) {
            (_, Some(error)) => Envelope::Failure {
                id,
                error: failure(error, limits.nesting_depth),
            },
            (Some(result), None) => Envelope::Reply {
                id,
                result: Payload::Text(result),
            },
            (None, None) => Envelope::Failure {
                id,
                error: CallError::neither(),
            },
        }
    }
}

/// What has no method and none of the members of an answer: an answer, if it has the id of one
/// of our calls, as JavaScript sends it for `undefined`.
fn hollow(invalid: Envelope, telegram: &str) -> Envelope {
    match invalid {
        Envelope::Invalid {
            id: Some(id),
            error,
        } => match answer_id(id.of(telegram)) {
            Some(ours) => Envelope::Hollow { id, ours, error },
            None => Envelope::Invalid {
                id: Some(id),
                error,
            },
        },
        other => other,
    }
}

fn method(reader: &mut Reader<'_, Json>) -> Result<Method, TextError> {
    if reader.peek() != Some(b'"') {
        reader.skip_value()?;
        return Ok(Method::Wrong);
    }
    let start = reader.position() + 1;
    Ok(Method::Name(match reader.string()? {
        Cow::Borrowed(name) => {
            let range = start..start + name.len();
            Part::Span(Span::new(range).ok_or_else(|| too_long(reader))?)
        }
        Cow::Owned(name) => Part::Owned(name.into()),
    }))
}

fn value(reader: &mut Reader<'_, Json>) -> Result<Span, TextError> {
    let range = reader.skip_value()?;
    Span::new(range).ok_or_else(|| too_long(reader))
}

fn too_long(reader: &Reader<'_, Json>) -> TextError {
    reader.error("messages of 4 GiB cannot be read")
}

fn header(params: Option<Span>, telegram: &str, limits: &Limits) -> Envelope {
    let Some(params) = params else {
        return Envelope::Header(SecInfo::new());
    };
    let mut reader = Reader::new(params.of(telegram), Json, limits.nesting_depth);
    match reader.value(PhantomData) {
        Ok(secinfo) => Envelope::Header(secinfo),
        Err(error) => {
            let message = format!("wrong security header: {error}");
            Envelope::invalid(None, message)
        }
    }
}
