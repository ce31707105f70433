//! What messages of any wire say, as values.

use std::marker::PhantomData;

use crate::base::utf8;
use crate::base::value::Value;
use crate::wire::Wire;
use crate::wire::codec::{AnyCodec, Envelope, Payload, Script, Span};

/// The arguments of a call that was encoded; null if it has none.
pub(super) fn args(wire: &Wire, call: &[u8]) -> Value {
    let value = decoded(wire, call, |envelope| match envelope {
        Envelope::Call { params, .. } => Some(params),
        Envelope::Timed(timed) => Some(timed.1.params),
        _ => None,
    });
    value.unwrap_or(Value::Null)
}

/// The result of an answer that was encoded.
pub(super) fn result(wire: &Wire, answer: &[u8]) -> Value {
    let value = decoded(wire, answer, |envelope| match envelope {
        Envelope::Reply { result, .. } => Some(result),
        _ => None,
    });
    value.unwrap_or(Value::Null)
}

fn decoded(
    wire: &Wire,
    telegram: &[u8],
    payload: impl Fn(Envelope) -> Option<Payload>,
) -> Option<Value> {
    if let AnyCodec::Foreign(_) = &wire.codec {
        // Its sessions put their envelopes around it.
        let script = Script::Text(utf8::text(telegram).ok()?);
        let all = Payload::Text(Span::new(0..telegram.len())?);
        return value(wire, &script, &all);
    }
    let (script, envelope) = wire.codec.decode_bytes(telegram, &wire.limits).ok()?;
    value(wire, &script, &payload(envelope)?)
}

/// What lies there in a telegram, if it can be read.
pub(super) fn value(wire: &Wire, script: &Script<'_>, payload: &Payload) -> Option<Value> {
    with(&wire.codec, script, payload, wire.limits.nesting_depth)
}

/// The same, with what belongs to the wire.
pub(super) fn with(
    codec: &AnyCodec,
    script: &Script<'_>,
    payload: &Payload,
    depth: usize,
) -> Option<Value> {
    let read = codec.read(*script, payload, PhantomData::<Value>, depth);
    read.ok()
}
