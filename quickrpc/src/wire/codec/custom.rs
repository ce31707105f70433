//! Codecs of plug-ins, which deal in [`Message`]s: simple beats fast here.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeSeed;

use super::envelope::{CallParts, DecodeError, Envelope, Part, Payload};
use super::{Codec, Message};
use crate::base::error::{BoxError, CallError};
use crate::base::foreign;
use crate::base::limits::Limits;
use crate::base::mark::unmarked;
use crate::base::value::{Value, ValueDeserializer, to_value};
use crate::format::text;
use crate::format::text::{Json, Reader};
use crate::wire::framing::Framing;
use crate::wire::jrpc::CANCEL;

/// A codec that somebody else wrote.
#[derive(Debug, Clone)]
pub struct Custom {
    codec: Arc<dyn Codec>,
    framing: Option<Framing>,
}

impl Custom {
    pub(crate) fn new(codec: Arc<dyn Codec>) -> Self {
        let framing = Framing::delimited(codec.delimiter());
        Custom { codec, framing }
    }

    pub(crate) fn expression(&self) -> String {
        self.codec.expression()
    }

    pub(crate) fn binary(&self) -> bool {
        self.codec.binary()
    }

    pub(crate) fn framing(&self) -> Option<&Framing> {
        self.framing.as_ref()
    }

    pub(crate) fn decode(&self, telegram: &[u8], limits: &Limits) -> Result<Envelope, DecodeError> {
        let telegram = match self.binary() {
            true => telegram,
            false => unmarked(telegram),
        };
        if telegram.is_empty() {
            return Ok(Envelope::Empty);
        }
        let messages = guarded(|| self.codec.decode(telegram));
        let messages = messages.map_err(|error| DecodeError::new(error, 0))?;
        if messages.len() > limits.batch_entries {
            let message = format!("a telegram may have {} messages", limits.batch_entries);
            return Ok(Envelope::invalid(None, message));
        }
        let mut parts: Vec<Envelope> = messages
            .into_iter()
            .map(|message| envelope(message, limits))
            .collect();
        Ok(match parts.len() {
            0 => Envelope::Empty,
            1 => parts.remove(0),
            _ => Envelope::Several {
                parts,
                together: false,
            },
        })
    }

    pub(crate) fn encode_call<A: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        method: &str,
        args: &A,
        id: Option<u64>,
    ) -> Result<(), String> {
        let params = match value(args)? {
            Value::Null => Value::Map(Default::default()),
            params => params,
        };
        let message = Message::Call {
            method: method.to_owned(),
            params,
            id: id.map(|id| Value::Integer(id.into())),
        };
        self.encode(out, &message)
    }

    pub(crate) fn encode_result<T: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        result: &T,
    ) -> Result<(), String> {
        let message = Message::Reply {
            id: id_value(id),
            result: value(result)?,
        };
        self.encode(out, &message)
    }

    pub(crate) fn encode_error(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        error: &CallError,
    ) -> Result<(), String> {
        let message = Message::Failure {
            id: id_value(id),
            error: error.clone(),
        };
        self.encode(out, &message)
    }

    /// Appends that a call of ours is not wanted any more, if the codec can say that.
    pub(crate) fn encode_cancel(&self, out: &mut Vec<u8>, id: u64) -> Option<&'static str> {
        let id = (String::from("id"), Value::Integer(id.into()));
        let params = Value::Map([id].into_iter().collect());
        let message = Message::Call {
            method: CANCEL.to_owned(),
            params,
            id: None,
        };
        self.encode(out, &message).ok().map(|()| CANCEL)
    }

    fn encode(&self, out: &mut Vec<u8>, message: &Message) -> Result<(), String> {
        out.extend_from_slice(&guarded(|| self.codec.encode(message))?);
        Ok(())
    }
}

/// Runs something of the codec, which may panic.
fn guarded<R>(run: impl FnOnce() -> Result<R, BoxError>) -> Result<R, String> {
    match foreign::attempt(run) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(text) => Err(format!("the codec panicked: {text}")),
    }
}

/// Reads a value that is one already.
pub(crate) fn read<'de, S: DeserializeSeed<'de>>(
    value: &'de Value,
    seed: S,
) -> Result<S::Value, String> {
    seed.deserialize(ValueDeserializer(value))
        .map_err(|error| error.to_string())
}

fn value<T: Serialize + ?Sized>(value: &T) -> Result<Value, String> {
    to_value(value).map_err(|error| error.to_string())
}

fn envelope(message: Message, limits: &Limits) -> Envelope {
    match message {
        Message::Call { method, params, id } => {
            let id = match id.map(|id| id_text(&id, limits)).transpose() {
                Ok(id) => id.flatten(),
                Err(message) => return Envelope::invalid(None, message),
            };
            let given_up = match &params {
                Value::Map(members) if id.is_none() && method == CANCEL => members.get("id"),
                _ => None,
            };
            let given_up = given_up.and_then(|id| id_text(id, limits).ok().flatten());
            let method = Part::Owned(method.into());
            let params = Payload::Value(params);
            match given_up {
                Some(Part::Owned(given_up)) => Envelope::Cancel {
                    id: given_up,
                    call: Box::new(CallParts { method, params, id }),
                },
                _ => Envelope::Call { method, params, id },
            }
        }
        Message::Reply { id, result } => Envelope::Reply {
            id: answer_id(&id),
            result: Payload::Value(result),
        },
        Message::Failure { id, error } => Envelope::Failure {
            id: answer_id(&id),
            error,
        },
    }
}

/// An id as text. Integers are their digits, strings are quoted, so that
/// [`id_value`] gives back the same.
fn id_text(id: &Value, limits: &Limits) -> Result<Option<Part>, String> {
    let text = match id {
        Value::Null => return Ok(None),
        Value::Integer(id) => id.to_string(),
        Value::String(id) => {
            let mut text = Vec::with_capacity(id.len() + 2);
            text::write_str(&mut text, Json, id);
            String::from_utf8(text).map_err(|error| error.to_string())?
        }
        _ => return Err(String::from("an id must be a string or an integer")),
    };
    if text.len() > limits.id_size {
        return Err(format!("an id may have {} bytes", limits.id_size));
    }
    Ok(Some(Part::Owned(text.into())))
}

fn id_value(text: &str) -> Value {
    match text.parse() {
        Ok(id) => Value::Integer(id),
        Err(_) => Reader::new(text, Json, 1)
            .string()
            .map_or(Value::Null, |id| Value::String(id.into_owned())),
    }
}

fn answer_id(id: &Value) -> Option<u64> {
    match id {
        Value::Integer(id) => u64::try_from(*id).ok(),
        Value::String(id) if id.bytes().all(|byte| byte.is_ascii_digit()) => id.parse().ok(),
        _ => None,
    }
}
