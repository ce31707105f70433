//! Messages as short texts, in which they are easy to compare and to read in tables:
//! `f(a: 1)`, `f(a: 1)#3`, `reply 3: [1, 2]`, `error 3: -32601 "no" "why"`.

use std::marker::PhantomData;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::value::Value;
use crate::wire::codec::any::AnyCodec;
use crate::wire::codec::envelope::{CallParts, Envelope, Payload};

/// What is no message, or an invalid one that is not answered.
pub(super) const UNDECODABLE: &str = "undecodable";

/// All messages of an envelope.
pub(super) fn messages(codec: &AnyCodec, telegram: &str, envelope: &Envelope) -> Vec<String> {
    match envelope {
        // As whoever reads the arguments does it: only now somebody looks at the whole telegram.
        Envelope::Call { params, .. }
            if matches!(params, Payload::Raw(_)) && read(codec, telegram, params).is_none() =>
        {
            match codec.decode(telegram, &Limits::default()) {
                Ok(full) => messages(codec, telegram, &full),
                Err(_) => vec![UNDECODABLE.to_owned()],
            }
        }
        Envelope::Call { method, params, id } => {
            let params = read(codec, telegram, params);
            let id = id.as_ref().map(|id| id.of(telegram));
            vec![call(method.of(telegram), params.as_ref(), id)]
        }
        Envelope::Timed(timed) => {
            let (terms, CallParts { method, params, id }) = &**timed;
            let timeout = terms.start.unwrap_or_default();
            let params = read(codec, telegram, params);
            let id = id.as_ref().map(|id| id.of(telegram));
            let call = call(method.of(telegram), params.as_ref(), id);
            vec![format!("{call} within {timeout:?}")]
        }
        Envelope::Cancel { id, .. } => vec![format!("cancel {id}")],
        Envelope::Reply { id, result } => match read(codec, telegram, result) {
            Some(result) => vec![reply(*id, &result)],
            None => vec![format!("reply {}: unreadable", id.unwrap_or(0))],
        },
        Envelope::Failure { id, error } => vec![failure(*id, error)],
        Envelope::Header(secinfo) => vec![format!("header {secinfo:?}")],
        Envelope::Several { parts, .. } => parts
            .iter()
            .flat_map(|part| messages(codec, telegram, part))
            .collect(),
        Envelope::Invalid { id: None, .. } => vec![UNDECODABLE.to_owned()],
        Envelope::Invalid { id: Some(id), .. } | Envelope::Hollow { id, .. } => {
            vec![format!("invalid#{}", id.of(telegram))]
        }
        Envelope::Unreadable { ours, error } => vec![format!("reply {ours}: {error}")],
        Envelope::Empty => Vec::new(),
    }
}

pub(super) fn read(codec: &AnyCodec, telegram: &str, payload: &Payload) -> Option<Value> {
    codec
        .read(telegram, payload, PhantomData::<Value>, 128)
        .ok()
}

/// `params`: `None` where they cannot be read.
pub(super) fn call(method: &str, params: Option<&Value>, id: Option<&str>) -> String {
    let params = match params {
        Some(Value::Map(params)) => params
            .iter()
            .map(|(name, value)| format!("{name}: {}", show(value)))
            .collect::<Vec<_>>()
            .join(", "),
        Some(Value::Null) => String::new(),
        Some(params) => show(params),
        None => String::from("unreadable"),
    };
    match id {
        Some(id) => format!("{method}({params})#{id}"),
        None => format!("{method}({params})"),
    }
}

pub(super) fn reply(id: Option<u64>, result: &Value) -> String {
    // Id 0 is nobody's, as none.
    format!("reply {}: {}", id.unwrap_or(0), show(result))
}

pub(super) fn failure(id: Option<u64>, error: &CallError) -> String {
    let data = error
        .data
        .as_ref()
        .map_or(String::new(), |data| format!(" {}", show(data)));
    format!(
        "error {}: {} {:?}{data}",
        id.unwrap_or(0),
        error.code,
        error.message
    )
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => String::from("null"),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::String(value) => format!("{value:?}"),
        Value::Bytes(value) => format!("b\"{}\"", value.escape_ascii()),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(show).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Map(values) => {
            let values: Vec<String> = values
                .iter()
                .map(|(key, value)| format!("{key:?}: {}", show(value)))
                .collect();
            format!("{{{}}}", values.join(", "))
        }
    }
}
