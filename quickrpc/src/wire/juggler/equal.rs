//! What is heard of a peer of 0.5, where both sides are equal.

use crate::wire::codec::{Envelope, Part, Payload, Span};
use crate::wire::json;
use crate::wire::session::Heard;

use super::listen::Ear;
use super::message::Members;
use super::peer::wrong;

/// What hears messages that say of no call that it is one, as the only argument.
pub(super) const MESSAGE: &str = "message";

/// One message.
pub(super) fn hear(ear: &mut Ear<'_>, whole: Span) -> Heard {
    let text = ear.text;
    let members = match Members::read(text, whole, ear.limits.nesting_depth) {
        Ok(members) => members,
        Err(error) => return wrong(format!("it sent no object of JSON: {error}")),
    };
    let is = |kind| Members::is(text, members.kind, kind);
    let heard = match members.payload {
        _ if is("PING") => {
            ear.say.message(br#"{"type":"PONG","payload":{}}"#.to_vec());
            Some(Heard::Nothing)
        }
        // Nobody asks by `PING` here, and nobody there: the package, too, ends who sends it.
        _ if is("PONG") => Some(wrong("it sent an answer to a `PING` that nobody has sent")),
        Some(payload) if is("MESSAGE") => message(ear, payload),
        Some(payload) if is("DATA") => Some(ear.state(payload, false)),
        _ => None,
    };
    heard.unwrap_or_else(|| {
        let kind = members.shown_kind(text);
        wrong(format!(
            "it sent a message of no kind of 0.5, or not all of one: {kind}"
        ))
    })
}

/// A message to the program: a call, an answer, or anything else.
fn message(ear: &Ear<'_>, payload: Span) -> Option<Heard> {
    let text = ear.text;
    if !payload.of(text).starts_with('{') {
        return Some(other(payload.of(text)));
    }
    let members = Members::read(text, payload, ear.limits.nesting_depth).ok()?;
    if Members::is(text, members.kind, "notify")
        && let (Some(name), Some(data)) = (members.name, members.data)
        && json::part(text, name).is_some()
    {
        return ear.notification(name, data);
    }
    if !Members::is(text, members.kind, "rpc") {
        return Some(other(payload.of(text)));
    }
    let id = members.id?;
    if Members::is(text, members.direction, "response") {
        return ear.answer(id, members.success?, members.result?);
    }
    if !Members::is(text, members.direction, "request") {
        return None;
    }
    let (action, args) = (members.action?, members.args?);
    if let Some(too_long) = ear.too_long(id) {
        return Some(too_long);
    }
    match args.of(text).starts_with('[') {
        true => Some(ear.call(action, Payload::Text(args), id)),
        false => None,
    }
}

/// What says of no call that it is one.
fn other(payload: &str) -> Heard {
    let text = format!("[{payload}]");
    let params = Span::new(0..text.len()).map_or(Payload::Missing, Payload::Text);
    let call = Envelope::Call {
        method: Part::Owned(MESSAGE.into()),
        params,
        id: None,
    };
    Heard::Put(text.into(), call)
}
