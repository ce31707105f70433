//! What a telegram asks for, and what stands for an answer that did not come.

use std::time::Duration;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::utf8;
use crate::wire::codec::{AnyCodec, Envelope, Part};

/// What keeps telegrams apart.
pub(super) const NUL: u8 = 0;

/// The code of a call that was not answered by its server (XML-RPC's "transport error", which
/// JSON-RPC has taken over).
const TRANSPORT_ERROR: i32 = -32_300;

/// What a telegram of ours is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// A call with this id, and how long its caller waits.
    Call(u64, Option<Duration>),
    /// A notification of this name.
    Nothing(Box<str>),
    /// The call with this id is given up.
    GivesUp(u64),
}

/// What a telegram asks for.
pub(super) fn asks(codec: &AnyCodec, limits: &Limits, telegram: &[u8]) -> Asks {
    let Ok(text) = utf8::text(telegram) else {
        return Asks::Nothing(Box::default());
    };
    let number = |id: &Part| id.of(text).parse().ok();
    let (method, id, timeout) = match codec.decode(text, limits) {
        Ok(Envelope::Call { method, id, .. }) => (Some(method), id, None),
        Ok(Envelope::Timed(timed)) => (None, timed.1.id, Some(timed.0)),
        Ok(Envelope::Cancel { id, .. }) => {
            let id = id.parse();
            return id.map_or_else(|_| Asks::Nothing(Box::default()), Asks::GivesUp);
        }
        _ => (None, None, None),
    };
    match id.as_ref().and_then(number) {
        Some(id) => Asks::Call(id, timeout.and_then(|terms| terms.start)),
        None => Asks::Nothing(method.map_or_else(Box::default, |method| method.of(text).into())),
    }
}

/// Takes out how long the caller waits, and which trace the call belongs to, which is given: servers of
/// others do not know such members, and some refuse them.
pub(super) fn without_terms(mut telegram: Vec<u8>) -> (Vec<u8>, Option<String>) {
    take_first(&mut telegram, br#"{"timeout":"#);
    let trace = take_first(&mut telegram, br#"{"traceparent":"#);
    let trace = trace.map(|text| text.trim_matches('"').to_owned());
    (telegram, trace)
}

/// Takes out the first member of an object, if that is its beginning, and neither has a comma in it.
fn take_first(telegram: &mut Vec<u8>, begins: &[u8]) -> Option<String> {
    if !telegram.starts_with(begins) {
        return None;
    }
    let comma = memchr::memchr(b',', telegram)?;
    let value = telegram.get(begins.len()..comma)?;
    let value = String::from_utf8_lossy(value).into_owned();
    telegram.drain(1..=comma);
    Some(value)
}

/// The answer to a call, if that is what came.
pub(super) fn answer(
    codec: &AnyCodec,
    limits: &Limits,
    body: Vec<u8>,
    call: u64,
) -> Result<Vec<u8>, Vec<u8>> {
    let Ok(text) = utf8::text(&body) else {
        return Err(body);
    };
    let text = text.trim_start_matches('\u{feff}');
    match codec.decode(text, limits) {
        Ok(
            Envelope::Reply { id: Some(id), .. }
            | Envelope::Failure { id: Some(id), .. }
            | Envelope::Unreadable { ours: id, .. }
            | Envelope::Hollow { ours: id, .. },
        ) if id == call && memchr::memchr(NUL, text.as_bytes()).is_none() => {
            let mut answer = text.as_bytes().to_vec();
            answer.push(NUL);
            Ok(answer)
        }
        // It could not read the id; nothing else was asked.
        Ok(Envelope::Failure { id: None, error }) => Ok(failure(codec, call, &error)),
        _ => Err(body),
    }
}

/// The answer of a call that failed on its way. Of what is no call it belongs to none, which is JSON-RPC's answer
/// to what could not be read.
pub(super) fn not_answered(
    codec: &AnyCodec,
    call: Option<u64>,
    why: &str,
    status: Option<u16>,
) -> Vec<u8> {
    let mut error = CallError::new(TRANSPORT_ERROR.into(), why);
    if let Some(status) = status {
        let data = [(String::from("status"), u64::from(status))];
        error.data = crate::base::value::to_value(&std::collections::BTreeMap::from(data)).ok();
    }
    match call {
        Some(call) => failure(codec, call, &error),
        None => encoded(codec, "null", &error),
    }
}

fn failure(codec: &AnyCodec, call: u64, error: &CallError) -> Vec<u8> {
    encoded(codec, &call.to_string(), error)
}

fn encoded(codec: &AnyCodec, id: &str, error: &CallError) -> Vec<u8> {
    let mut out = Vec::new();
    if codec.encode_error(&mut out, id, error).is_err() {
        out.clear();
    }
    out.push(NUL);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_do_not_know_is_taken_out() {
        for (telegram, rest, trace) in [
            (r#"{"jsonrpc":"2.0"}"#, r#"{"jsonrpc":"2.0"}"#, None),
            (
                r#"{"timeout":1.5,"jsonrpc":"2.0"}"#,
                r#"{"jsonrpc":"2.0"}"#,
                None,
            ),
            (
                r#"{"timeout":1.5,"traceparent":"00-a-b-01","jsonrpc":"2.0"}"#,
                r#"{"jsonrpc":"2.0"}"#,
                Some("00-a-b-01"),
            ),
        ] {
            let (left, taken) = without_terms(telegram.into());
            assert_eq!(String::from_utf8(left).unwrap(), rest);
            assert_eq!(taken.as_deref(), trace);
        }
    }
}
