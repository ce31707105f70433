//! MessagePack-RPC, as Neovim and others speak it.
//!
//! A call is `[0, id, method, params]`, its answer `[1, id, error, result]`, and a notification
//! `[2, method, params]` (<https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md>). A
//! message says by itself where it ends.
//!
//! # Errors
//!
//! The specification leaves open what an error is. What everybody shows to people is a text, so
//! that is what is sent: the message, and before it the code (`-32601: unknown method`), where that
//! is not [`CallError::HANDLER_ERROR`], the code of an error that has none. Data stands in the
//! place of the result, which others pass over.

#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeSeed;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::security::SecInfo;
use crate::base::value::Value;
use crate::format::args::{ArgsSeed, WireArgs};
use crate::format::msgpack::{self, Reader, Token};
use crate::format::text::TextError;
use crate::wire::codec::envelope::{CallParts, DecodeError, Digits, Envelope, Part, Payload, Span};
use crate::wire::framing::Framing;
use crate::wire::guess;
use crate::wire::jrpc::CANCEL;

/// The method name that marks a message as a security header.
const HEADER: &str = "rpc.secinfo";

const CALL: u64 = 0;
const ANSWER: u64 = 1;
const NOTIFICATION: u64 = 2;

/// The codec `msgpack`.
#[derive(Debug, Clone)]
pub struct Msgpack {
    framing: Framing,
    named: bool,
}

impl Msgpack {
    /// `named`: arguments are sent as maps, by their names. Both are always understood.
    pub(crate) fn new(named: bool) -> Self {
        Msgpack {
            framing: Framing::MessagePack,
            named,
        }
    }

    pub(crate) fn framing(&self) -> &Framing {
        &self.framing
    }

    pub(crate) fn expression(&self) -> &'static str {
        match self.named {
            true => "msgpack?named=on",
            false => "msgpack",
        }
    }

    pub(crate) fn named(&self) -> bool {
        self.named
    }

    /// Arguments and results are left for those who read them, who see every byte of them.
    pub(crate) fn decode(&self, telegram: &[u8], limits: &Limits) -> Result<Envelope, DecodeError> {
        let mut reader = Reader::new(telegram, limits.nesting_depth);
        let rest = |reader: &Reader<'_>| {
            let span = Span::new(reader.position()..telegram.len());
            span.ok_or_else(|| DecodeError::new("messages of 4 GiB cannot be read", 0))
        };
        let length = match telegram.first() {
            None => return Ok(Envelope::Empty),
            Some(_) => match reader.token()? {
                Token::List(length) => length,
                _ => return Err(DecodeError::new(guess::no_list(telegram), 0)),
            },
        };
        let kind = match length {
            0 => Token::Nil,
            _ => reader.token()?,
        };
        match (kind, length) {
            (Token::Unsigned(CALL), 4) => {
                let Token::Unsigned(id) = token(&mut reader)? else {
                    return Ok(Envelope::invalid(None, "an id must be a positive integer"));
                };
                let id = Some(Part::Digits(Digits::of(id)));
                match method(&mut reader)? {
                    Some(method) => call(method, rest(&reader)?, id, telegram, limits),
                    None => Ok(Envelope::invalid(id, NO_NAME)),
                }
            }
            (Token::Unsigned(NOTIFICATION), 3) => match method(&mut reader)? {
                Some(method) => call(method, rest(&reader)?, None, telegram, limits),
                None => Ok(Envelope::invalid(None, NO_NAME)),
            },
            (Token::Unsigned(ANSWER), 4) => {
                let id = match token(&mut reader)? {
                    Token::Unsigned(id) => Some(id),
                    _ => return Ok(Envelope::invalid(None, "an id must be a positive integer")),
                };
                // Most have none.
                let error = match any(&mut reader) {
                    Ok(Value::Null) => {
                        let result = Payload::Text(rest(&reader)?);
                        return Ok(Envelope::Reply { id, result });
                    }
                    other => other,
                };
                let read = error.and_then(|error| Ok((error, any(&mut reader)?)));
                let read = read.and_then(|read| match reader.at_end() {
                    true => Ok(read),
                    false => Err(DecodeError::new(BEHIND, reader.position())),
                });
                let (error, data) = match (read, id) {
                    (Ok(read), _) => read,
                    // Whoever waits for it need not wait for the deadline.
                    (Err(error), Some(ours)) => return Ok(Envelope::Unreadable { ours, error }),
                    (Err(error), None) => return Err(error),
                };
                let error = failure(error, data);
                Ok(Envelope::Failure { id, error })
            }
            _ => Ok(Envelope::invalid(
                None,
                "expected `[0, id, method, params]`, `[1, id, error, result]` or \
                 `[2, method, params]`",
            )),
        }
    }

    pub(crate) fn encode_call<A: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        method: &str,
        args: &A,
        id: Option<u64>,
    ) -> Result<(), String> {
        if method == HEADER {
            return Err(format!("`{HEADER}` is reserved for security headers"));
        }
        match id {
            Some(id) => {
                out.extend_from_slice(&[0x94, CALL as u8]);
                msgpack::write_uint(out, id);
            }
            None => out.extend_from_slice(&[0x93, NOTIFICATION as u8]),
        }
        msgpack::write_str(out, method).map_err(TextError::into_message)?;
        let start = out.len();
        write(out, args)?;
        match out.get(start..) {
            Some([first, ..]) if msgpack::is_list(*first) => Ok(()),
            // None, in either form.
            Some([0xc0 | 0x80]) => {
                out.truncate(start);
                out.push(if self.named { 0x80 } else { 0x90 });
                Ok(())
            }
            Some([first, ..]) if msgpack::is_map(*first) && self.named => Ok(()),
            Some([first, ..]) if msgpack::is_map(*first) => Err(String::from(
                "`msgpack` has arguments by position, and these have names: give them as a list, \
                 or use `msgpack?named=on`, if the other side understands that",
            )),
            _ => Err(String::from("the arguments must be a map or a list")),
        }
    }

    /// Appends that the call of ours with this id is not wanted any more. Gives the method.
    pub(crate) fn encode_cancel(&self, out: &mut Vec<u8>, id: u64) -> Option<&'static str> {
        let told = self.encode_call(out, CANCEL, &(id,), None);
        told.is_ok().then_some(CANCEL)
    }

    pub(crate) fn encode_result<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        value: &T,
    ) -> Result<(), String> {
        open_answer(out, id)?;
        out.push(NIL);
        write(out, value)
    }

    pub(crate) fn encode_error(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        error: &CallError,
    ) -> Result<(), String> {
        open_answer(out, id)?;
        let plain = error.code == CallError::HANDLER_ERROR && code(&error.message).is_none();
        match plain {
            true => write(out, &error.message)?,
            false => write(out, &format!("{}: {}", error.code, error.message))?,
        }
        write(out, &error.data)
    }

    pub(crate) fn encode_header(&self, out: &mut Vec<u8>, secinfo: &SecInfo) -> Result<(), String> {
        out.extend_from_slice(&[0x93, NOTIFICATION as u8]);
        write(out, HEADER)?;
        write(out, &(secinfo,))
    }

    pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
        &self,
        telegram: &'de [u8],
        span: Span,
        seed: S,
        depth: usize,
    ) -> Result<S::Value, TextError> {
        read(telegram, span, seed, depth)
    }

    /// Reads the arguments of a declared call, by position or by name.
    pub(crate) fn read_args<'de, W: WireArgs<'de>>(
        &self,
        telegram: &'de [u8],
        span: Span,
        seed: ArgsSeed<'_, 'de, W>,
        depth: usize,
    ) -> Result<W, TextError> {
        read(telegram, span, seed.positional(), depth)
    }
}

const NIL: u8 = 0xc0;
const BEHIND: &str = "expected nothing behind the message";
const NO_NAME: &str = "the name of a method must be a string";

/// Reads arguments or a result.
fn read<'de, S: DeserializeSeed<'de>>(
    telegram: &'de [u8],
    span: Span,
    seed: S,
    depth: usize,
) -> Result<S::Value, TextError> {
    let mut reader = Reader::new(span.bytes(telegram), depth);
    let value = reader.value(seed)?;
    expect_end(&reader)?;
    Ok(value)
}

fn expect_end(reader: &Reader<'_>) -> Result<(), TextError> {
    match reader.at_end() {
        true => Ok(()),
        false => Err(reader.error(BEHIND)),
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), String> {
    msgpack::write(out, value).map_err(TextError::into_message)
}

fn open_answer(out: &mut Vec<u8>, id: &str) -> Result<(), String> {
    let id = id.parse().map_err(|_| format!("`{id}` is no id"))?;
    out.extend_from_slice(&[0x94, ANSWER as u8]);
    msgpack::write_uint(out, id);
    Ok(())
}

/// A value of any type, and where it is wrong: serde's errors do not know that.
fn any(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let read = reader.value(PhantomData);
    read.map_err(|error: TextError| DecodeError::new(error.into_message(), reader.position()))
}

fn token<'de>(reader: &mut Reader<'de>) -> Result<Token<'de>, DecodeError> {
    Ok(reader.token()?)
}

/// The name of a method; `None` if it is no text.
fn method(reader: &mut Reader<'_>) -> Result<Option<Part>, DecodeError> {
    let Token::Text(name) = reader.token()? else {
        return Ok(None);
    };
    if std::str::from_utf8(name).is_err() {
        return Ok(None);
    }
    let end = reader.position();
    Ok(Span::new(end - name.len()..end).map(Part::Span))
}

/// The arguments of a notification by which a caller gives up a call.
#[derive(serde::Deserialize)]
struct GivenUp {
    id: i64,
}

fn call(
    method: Part,
    params: Span,
    id: Option<Part>,
    telegram: &[u8],
    limits: &Limits,
) -> Result<Envelope, DecodeError> {
    let depth = limits.nesting_depth;
    let name = match &method {
        Part::Span(span) => span.bytes(telegram),
        _ => &[],
    };
    if id.is_none()
        && name == CANCEL.as_bytes()
        && let Ok(given_up) = read(telegram, params, PhantomData::<GivenUp>, depth)
    {
        let params = Payload::Text(params);
        return Ok(Envelope::Cancel {
            id: given_up.id.to_string().into(),
            call: Box::new(CallParts { method, params, id }),
        });
    }
    if name != HEADER.as_bytes() {
        let params = Payload::Text(params);
        return Ok(Envelope::Call { method, params, id });
    }
    let read = read(telegram, params, PhantomData::<(SecInfo,)>, depth);
    Ok(match read {
        Ok((secinfo,)) => Envelope::Header(secinfo),
        Err(error) => Envelope::invalid(None, format!("wrong security header: {error}")),
    })
}

/// What others answer: a text; Neovim's `[type, message]`; `[code, message, data]`, or a map of
/// these; or anything else.
fn failure(error: Value, data: Value) -> CallError {
    let data = Some(data).filter(|data| !data.is_null());
    let of = |code: Option<i64>, message: String, data: Option<Value>| CallError {
        code: code.unwrap_or(CallError::HANDLER_ERROR),
        message,
        data,
    };
    match error {
        Value::String(text) => match code(&text) {
            Some((code, message)) => of(Some(code), message.to_owned(), data),
            None => of(None, text, data),
        },
        Value::Bytes(text) => of(None, String::from_utf8_lossy(&text).into_owned(), data),
        Value::List(mut parts) => match parts.as_mut_slice() {
            [code @ Value::Integer(_), Value::String(message), more @ ..] if more.len() < 2 => {
                let more = more.first_mut().map(std::mem::take);
                let data = more.filter(|more| !more.is_null()).or(data);
                of(code.as_i64(), std::mem::take(message), data)
            }
            _ => strange(Value::List(parts)),
        },
        Value::Map(mut parts) => match parts.get_mut("message") {
            Some(Value::String(message)) => {
                let message = std::mem::take(message);
                let code = parts.get("code").and_then(Value::as_i64);
                let more = parts.remove("data").filter(|more| !more.is_null());
                of(code, message, more.or(data))
            }
            _ => strange(Value::Map(parts)),
        },
        other => strange(other),
    }
}

fn strange(error: Value) -> CallError {
    CallError {
        code: CallError::INTERNAL_ERROR,
        message: String::from("the call failed with an error that is no text"),
        data: Some(error),
    }
}

/// The code before a message, and the message: `-32601: unknown method`.
fn code(text: &str) -> Option<(i64, &str)> {
    let (code, message) = text.split_once(": ")?;
    // As it is written, and not in any way that means the same.
    let number: i64 = code.parse().ok()?;
    (itoa::Buffer::new().format(number) == code).then_some((number, message))
}
