//! The terse line format: as the original documents it, completed so that it round-trips.

pub(crate) mod canonical;
mod line;

use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{DeserializeSeed, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::framing::Framing;
use super::jrpc;
use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::value::Value;
use crate::format::args::{ArgsSeed, WireArgs};
use crate::format::text;
use crate::format::text::{Pairs, Reader, Terse as Syntax, TextError};
use crate::wire::codec::envelope::{CallParts, DecodeError, Envelope, Part, Payload, Span};

/// The codec `terse`.
#[derive(Debug, Clone)]
pub struct Terse {
    framing: Framing,
    answers: Option<bool>,
}

impl Terse {
    pub(crate) fn new() -> Self {
        Terse {
            framing: Framing::Byte([b'\n']),
            answers: None,
        }
    }

    /// The same where it is said whether people get answers without ids.
    pub(crate) fn with_answers(self, answers: Option<bool>) -> Self {
        Terse { answers, ..self }
    }

    /// Whether people get answers without ids, if that is said.
    pub(crate) fn answers(&self) -> Option<bool> {
        self.answers
    }

    pub(crate) fn framing(&self) -> &Framing {
        &self.framing
    }

    pub(crate) fn decode(&self, telegram: &str, limits: &Limits) -> Result<Envelope, DecodeError> {
        let text = telegram.trim_ascii_end();
        let mut at = line::skip_blanks(text, 0);
        if at == text.len() {
            return Ok(Envelope::Empty);
        }
        let (first, next) = message(text, at, limits)?;
        at = line::skip_blanks(text, next);
        if at == text.len() {
            return Ok(first);
        }
        // Python peers write answers without a newline, so that the next line sticks to
        // them. What is wrong with it does not take the answer away.
        let mut parts = vec![first];
        while at < text.len() {
            if parts.len() >= limits.batch_entries {
                return Err(DecodeError::new("too many messages in one line", at));
            }
            match message(text, at, limits) {
                Ok((part, next)) => {
                    parts.push(part);
                    at = line::skip_blanks(text, next);
                }
                Err(error) => {
                    parts.push(Envelope::invalid(None, describe(text, &error)));
                    break;
                }
            }
        }
        Ok(Envelope::Several {
            parts,
            together: false,
        })
    }

    pub(crate) fn encode_call<A: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        method: &str,
        args: &A,
        id: Option<u64>,
    ) -> Result<(), String> {
        if !line::is_method(method) {
            return Err(format!("`{method}` cannot be the name of a terse call"));
        }
        out.extend_from_slice(method.as_bytes());
        if let Some(id) = id {
            out.push(b'[');
            out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
            out.push(b']');
        }
        text::write_pairs(out, args).map_err(TextError::into_message)
    }

    /// Appends that the call of ours with this id is not wanted any more. Gives the method.
    pub(crate) fn encode_cancel(&self, out: &mut Vec<u8>, id: u64) -> &'static str {
        out.extend_from_slice(jrpc::CANCEL.as_bytes());
        out.extend_from_slice(b" id:");
        out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        jrpc::CANCEL
    }

    pub(crate) fn encode_result<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        value: &T,
    ) -> Result<(), String> {
        open_answer(out, id, b"]:");
        text::write(out, Syntax, value).map_err(TextError::into_message)
    }

    pub(crate) fn encode_error(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        error: &CallError,
    ) -> Result<(), String> {
        open_answer(out, id, b"]! message:");
        text::write_str(out, Syntax, &error.message);
        if let Some(data) = &error.data {
            out.extend_from_slice(b" details:");
            text::write(out, Syntax, data).map_err(TextError::into_message)?;
        }
        out.extend_from_slice(b" code:");
        out.extend_from_slice(itoa::Buffer::new().format(error.code).as_bytes());
        Ok(())
    }

    pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
        &self,
        telegram: &'de str,
        span: Span,
        seed: S,
        depth: usize,
    ) -> Result<S::Value, TextError> {
        Reader::new(span.of(telegram), Syntax, depth).value(seed)
    }

    pub(crate) fn read_pairs<'de, S: DeserializeSeed<'de>>(
        &self,
        telegram: &'de str,
        span: Span,
        seed: S,
        depth: usize,
    ) -> Result<S::Value, TextError> {
        seed.deserialize(Pairs(&mut Reader::new(span.of(telegram), Syntax, depth)))
    }
}

/// Reads the arguments of a declared call.
pub(crate) fn read_args<'de, W: WireArgs<'de>>(
    text: &'de str,
    seed: ArgsSeed<'_, 'de, W>,
    depth: usize,
) -> Result<W, TextError> {
    let mut reader = Reader::new(text, Syntax, depth);
    match seed.pairs_in_order(&mut reader)? {
        Some(slots) => seed.finish(slots),
        None => {
            reader.set_position(0);
            seed.deserialize(Pairs(&mut reader))
        }
    }
}

fn open_answer(out: &mut Vec<u8>, id: &str, behind: &[u8]) {
    out.push(b'[');
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(behind);
}

/// What is wrong with a line, for the person who typed it.
fn describe(text: &str, error: &DecodeError) -> String {
    let column = match text.get(..error.position) {
        Some(before) => before.chars().count() + 1,
        None => text.chars().count() + 1,
    };
    format!("{} (column {column})", error.message)
}

/// Reads the message at `at`, and says where it ends.
fn message(text: &str, at: usize, limits: &Limits) -> Result<(Envelope, usize), DecodeError> {
    if text.as_bytes().get(at) == Some(&b'[') {
        answer(text, at, limits)
    } else {
        Ok((call(text, at, limits)?, text.len()))
    }
}

fn call(text: &str, at: usize, limits: &Limits) -> Result<Envelope, DecodeError> {
    let name = line::method(text, at);
    let method = Part::Span(span(name.clone())?);
    if name.is_empty() {
        return Err(DecodeError::new("expected the name of a method", at));
    }
    let (id, rest) = line::id_of_call(text, name.end)?;
    let id = match id {
        Some(id) => {
            if let Some(wrong) = line::wrong_id(line::part(text, id.clone()), limits.id_size) {
                return Ok(Envelope::invalid(None, wrong));
            }
            Some(Part::Span(span(id)?))
        }
        None => None,
    };
    let start = line::skip_blanks(text, rest);
    let is_cancel = id.is_none() && line::part(text, name) == jrpc::CANCEL;
    match check_pairs(text, rest, start, limits.nesting_depth) {
        Ok(()) if start == text.len() => Ok(Envelope::Call {
            method,
            params: Payload::Missing,
            id,
        }),
        Ok(()) => {
            let params = Payload::Pairs(span(start..text.len())?);
            if is_cancel && let Some(given_up) = cancelled(line::part(text, start..)) {
                let call = CallParts { method, params, id };
                return Ok(Envelope::Cancel {
                    id: given_up,
                    call: Box::new(call),
                });
            }
            Ok(Envelope::Call { method, params, id })
        }
        // What is said to people, to whom this is not.
        Err(_) if line::part(text, at..).starts_with("! ") => Ok(Envelope::Failure {
            id: None,
            error: CallError::new(0, line::part(text, start..)),
        }),
        // With an id the person gets an answer, without one it is an error of the peer.
        Err(error) if id.is_some() => Ok(Envelope::Invalid {
            id,
            error: CallError::new(CallError::INVALID_PARAMS, describe(text, &error)),
        }),
        Err(error) => Err(error),
    }
}

/// The id of the call that is given up, from pairs that were read before: `id:7`, or `id:"a"`.
fn cancelled(pairs: &str) -> Option<Box<str>> {
    let mut reader = Reader::new(pairs, Syntax, 8);
    loop {
        reader.skip_ws();
        while reader.eat(b',') {
            reader.skip_ws();
        }
        let name = line::name_of_pair(pairs, reader.position())?;
        reader.set_position(line::skip_blanks(pairs, name.end) + 1);
        reader.skip_ws();
        let start = reader.position();
        let value: Value = reader.value(PhantomData).ok()?;
        if line::part(pairs, name) == "id" {
            return Some(match value {
                Value::String(id) => id.into(),
                // As it is written.
                _ => line::part(pairs, start..reader.position()).trim().into(),
            });
        }
    }
}

fn check_pairs(text: &str, rest: usize, start: usize, depth: usize) -> Result<(), DecodeError> {
    if start == text.len() {
        return Ok(());
    }
    if start == rest {
        return Err(DecodeError::new(
            "expected a blank before the arguments",
            rest,
        ));
    }
    let mut reader = Reader::new(text, Syntax, depth);
    reader.set_position(start);
    IgnoredAny::deserialize(Pairs(&mut reader))?;
    reader.skip_ws();
    if !reader.at_end() {
        return Err(reader
            .error("expected an argument, such as `name:value`")
            .into());
    }
    Ok(())
}

/// A reply or an error; `at` is its opening bracket.
fn answer(text: &str, at: usize, limits: &Limits) -> Result<(Envelope, usize), DecodeError> {
    let id = line::bracket(text, at)?;
    let after = line::skip_blanks(text, id.end + 1);
    let start = line::skip_blanks(text, after + 1);
    let id = line::part(text, id).parse().ok();
    let read = match text.as_bytes().get(after) {
        Some(b':') => reply(text, start, id, limits),
        Some(b'!') => failure(text, start, id, limits),
        _ => Err(DecodeError::new(
            "expected `:` and a result, or `!` and an error",
            after,
        )),
    };
    // Whoever waits for it need not wait for the deadline. Where another message would begin is
    // not known.
    read.or_else(|error| match id {
        Some(ours) => Ok((Envelope::Unreadable { ours, error }, text.len())),
        None => Err(error),
    })
}

fn reply(
    text: &str,
    start: usize,
    id: Option<u64>,
    limits: &Limits,
) -> Result<(Envelope, usize), DecodeError> {
    if start == text.len() {
        let error = CallError::neither();
        return Ok((Envelope::Failure { id, error }, start));
    }
    // A number ends where it cannot go on, whatever stands behind it: `[3]:1echo a:1`.
    let end = line::number(text, start).unwrap_or(text.len());
    let mut reader = Reader::new(line::part(text, ..end), Syntax, limits.nesting_depth);
    reader.set_position(start);
    let range = reader.skip_value()?;
    let result = Payload::Text(span(range)?);
    Ok((Envelope::Reply { id, result }, reader.position()))
}

fn failure(
    text: &str,
    start: usize,
    id: Option<u64>,
    limits: &Limits,
) -> Result<(Envelope, usize), DecodeError> {
    let mut error = CallError::new(0, "");
    let mut reader = Reader::new(text, Syntax, limits.nesting_depth);
    reader.set_position(start);
    let next = loop {
        reader.skip_ws();
        while reader.eat(b',') {
            reader.skip_ws();
        }
        let start = reader.position();
        // Whatever is no pair is the next line.
        let Some(name) = line::name_of_pair(text, start) else {
            break start;
        };
        reader.set_position(line::skip_blanks(text, name.end) + 1);
        let value: Value = reader.value(PhantomData)?;
        match line::part(text, name) {
            "message" => {
                error.message = match value {
                    Value::String(message) => message,
                    other => other.to_string(),
                }
            }
            "details" => error.data = Some(value).filter(|data| !data.is_null()),
            "code" => error.code = jrpc::error_code(&value),
            _ => {}
        }
    };
    Ok((Envelope::Failure { id, error }, next))
}

fn span(range: Range<usize>) -> Result<Span, DecodeError> {
    Span::new(range).ok_or_else(|| DecodeError::new("lines of 4 GiB cannot be read", 0))
}
