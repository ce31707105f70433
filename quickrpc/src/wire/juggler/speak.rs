//! What is said, in the way of the peer's generation; in pieces where it is large.

use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::limits::DEEPEST;
use crate::base::reason::DisconnectReason;
use crate::base::sync::{self, lock};
use crate::base::utf8;
use crate::expr::JugglerGeneration as Generation;
use crate::format::text::{self, Json};
use crate::wire::codec::Span;
use crate::wire::json;
use crate::wire::session::{About, Due, Say, Saying, Speaking, Way};

use super::equal::MESSAGE;
use super::message::{Members, is_plain_json};
use super::peer::{Peer, lacks};
use super::tell::Teller;

/// The speaking half of a session.
pub(super) struct Speaker {
    peer: Arc<Peer>,
    /// When the peer was asked whether it is there.
    asked: Option<Instant>,
    /// It was too late once already.
    late: bool,
    teller: Teller,
}

impl Speaker {
    pub(super) fn new(peer: Arc<Peer>, teller: Teller) -> Self {
        Speaker {
            peer,
            asked: None,
            late: false,
            teller,
        }
    }

    /// Nothing is said before it is known.
    fn generation(&self) -> Generation {
        let known = self.peer.generation.get();
        *known.unwrap_or(&Generation::V07)
    }

    fn header(&self, out: &mut Vec<u8>) {
        if self.generation() == Generation::V07 {
            out.push(b'0');
        }
    }
}

impl Speaking for Speaker {
    fn can_say(&self, about: About<'_>, body: &[u8]) -> Result<(), Error> {
        let (method, saying) = match about {
            About::Call {
                method, id: None, ..
            } => (method, Saying::Notification),
            About::Call { method, .. } => (method, Saying::Call),
            About::Change { method, .. } => (method, Saying::Property),
            About::Answer { .. } | About::Kept { .. } => return Ok(()),
        };
        let generation = self.generation();
        if let Some(reason) = lacks(generation, self.peer.role, saying) {
            return Err(Error::Unsupported {
                protocol: self.peer.expr.to_string().into(),
                method: method.into(),
                reason: reason.into(),
            });
        }
        let refused = |reason: &str| {
            Err(Error::Encode {
                method: method.into(),
                reason: reason.into(),
            })
        };
        if !is_plain_json(body) {
            return refused("Juggler has neither NaN nor infinity");
        }
        if generation == Generation::V05 {
            if saying == Saying::Call && !matches!(body, [b'[', ..] | b"{}" | b"null") {
                return refused("Juggler 0.5 takes arguments by their places, not by names");
            }
            if saying == Saying::Notification
                && method == MESSAGE
                && single(body).is_some_and(looks_like_a_call)
            {
                return refused("a message of the type `rpc` is for calls only");
            }
        }
        Ok(())
    }

    fn call(&mut self, out: &mut Vec<u8>, method: &str, args: &[u8], id: Option<u64>, _way: Way) {
        if self.generation() == Generation::V05 {
            return call_equal(out, method, args, id);
        }
        self.header(out);
        match id {
            Some(id) => {
                out.extend_from_slice(br#"{"type":"request","id":"#);
                out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
            }
            None => out.extend_from_slice(br#"{"type":"notify""#),
        }
        write_named(out, br#","name":"#, method);
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(args);
        out.push(b'}');
    }

    fn answer(&mut self, out: &mut Vec<u8>, id: &str, body: &[u8], failed: bool) {
        let (body, success) = match is_plain_json(body) {
            true => (body, !failed),
            false => (NOT_A_NUMBER, false),
        };
        if self.generation() == Generation::V05 {
            out.extend_from_slice(EQUAL);
            out.extend_from_slice(id.as_bytes());
            out.extend_from_slice(br#","direction":"response","success":"#);
            out.extend_from_slice(word(success));
            out.extend_from_slice(br#","result":"#);
            out.extend_from_slice(body);
            return out.extend_from_slice(b"}}");
        }
        self.header(out);
        write_response(out, id, body, success);
    }

    fn change(&mut self, out: &mut Vec<u8>, property: &str, value: &[u8]) -> Result<(), Error> {
        let delay = self.peer.expr.autoflush_delay;
        self.teller
            .note(property, value, delay)
            .map_err(|error| Error::Encode {
                method: property.into(),
                reason: format!("Juggler cannot show it: {error}").into(),
            })?;
        if delay.is_zero() {
            self.kept(out, false);
        }
        Ok(())
    }

    fn kept(&mut self, out: &mut Vec<u8>, last: bool) {
        let (before, after): (&[u8], &[u8]) = match self.generation() {
            Generation::V05 => (br#"{"type":"DATA","payload":"#, b"}"),
            Generation::V06 => (br#"{"type":"state","diff":"#, b"}"),
            Generation::V07 => (br#"0{"type":"state","diff":"#, b"}"),
        };
        let by = if last {
            sync::after(self.peer.expr.autoflush_delay)
        } else {
            Instant::now()
        };
        self.teller.show(out, by, |out, patch| {
            out.extend_from_slice(before);
            out.extend_from_slice(patch);
            out.extend_from_slice(after);
        });
    }

    fn later(&mut self) -> Option<Instant> {
        self.teller.later()
    }

    fn seen(&self, property: &str) -> Option<String> {
        lock(&self.peer.seen).value(property)
    }

    fn cut(&self, message: &[u8], piece: &mut dyn FnMut(&[u8], &[u8])) -> bool {
        let most = self.peer.expr.max_segment_size;
        let (Some((b'0', message)), Generation::V07) = (message.split_first(), self.generation())
        else {
            return false;
        };
        if message.len() <= most {
            return false;
        }
        let mut rest = message;
        while let Some((first, more)) = split(rest, most) {
            piece(if more.is_empty() { b"0" } else { b"1" }, first);
            rest = more;
        }
        true
    }

    fn due(&mut self, now: Instant, say: &mut Say) -> Due {
        let Some(delay) = self.peer.expr.ping_delay else {
            return Due::Never;
        };
        match self.peer.generation.get() {
            Some(Generation::V07) => {}
            Some(_) => return Due::Never,
            None => return Due::At(now + delay),
        }
        let heard = self.peer.heard();
        if let Some(asked) = self.asked
            && heard <= asked
        {
            let timeout = self.peer.expr.ping_timeout;
            if now < asked + timeout {
                // It may answer sooner, and fall silent again.
                return Due::At((asked + timeout).min(now + delay));
            }
            // Something may have come that was not read yet.
            if !std::mem::replace(&mut self.late, true) {
                return Due::At(now);
            }
            let text = format!("it said nothing for {:?}", delay + timeout);
            return Due::End(DisconnectReason::Rejected {
                code: 1000,
                text: text.into(),
            });
        }
        (self.asked, self.late) = (None, false);
        if now < heard + delay {
            return Due::At(heard + delay);
        }
        say.message(b"2".to_vec());
        self.asked = Some(now);
        Due::At(now + delay.min(self.peer.expr.ping_timeout))
    }
}

/// What stands in the place of a result that others could not read.
const NOT_A_NUMBER: &[u8] = br#""the result has NaN or infinity, which Juggler has not""#;
/// How calls and answers of 0.5 begin.
const EQUAL: &[u8] = br#"{"type":"MESSAGE","payload":{"type":"rpc","id":"#;

/// A call or a notification of 0.5.
fn call_equal(out: &mut Vec<u8>, method: &str, args: &[u8], id: Option<u64>) {
    let Some(id) = id else {
        out.extend_from_slice(br#"{"type":"MESSAGE","payload":"#);
        match single(args) {
            Some(value) if method == MESSAGE => out.extend_from_slice(value.as_bytes()),
            _ => {
                write_named(out, br#"{"type":"notify","name":"#, method);
                out.extend_from_slice(br#","data":"#);
                out.extend_from_slice(args);
                out.push(b'}');
            }
        }
        return out.push(b'}');
    };
    out.extend_from_slice(EQUAL);
    out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
    write_named(out, br#","direction":"request","action":"#, method);
    out.extend_from_slice(br#","args":"#);
    out.extend_from_slice(match args {
        b"{}" | b"null" => b"[]",
        args => args,
    });
    out.extend_from_slice(b"}}");
}

/// The only argument among these, which are a list or an object that we have written.
fn single(args: &[u8]) -> Option<&str> {
    let args = utf8::text(args).ok()?;
    let inner = args
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(inner) = inner {
        // One that is followed by another does not end there.
        return json::is_value(inner).then_some(inner);
    }
    let (mut found, mut several) = (None::<Span>, false);
    let whole = json::whole(args)?;
    json::members(args, whole, DEEPEST, |_, place| {
        several |= found.replace(place).is_some();
    })
    .ok()?;
    found.filter(|_| !several).map(|place| place.of(args))
}

/// Whether others would take it for a call.
fn looks_like_a_call(message: &str) -> bool {
    let members = json::whole(message).map(|whole| Members::read(message, whole, DEEPEST));
    matches!(members, Some(Ok(members)) if Members::is(message, members.kind, "rpc"))
}

/// Appends an answer of 0.6 or 0.7.
pub(super) fn write_response(out: &mut Vec<u8>, id: &str, data: &[u8], success: bool) {
    out.extend_from_slice(br#"{"type":"response","id":"#);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(br#","data":"#);
    out.extend_from_slice(data);
    out.extend_from_slice(br#","success":"#);
    out.extend_from_slice(word(success));
    out.push(b'}');
}

fn write_named(out: &mut Vec<u8>, before: &[u8], name: &str) {
    out.extend_from_slice(before);
    text::write_str(out, Json, name);
}

fn word(truth: bool) -> &'static [u8] {
    if truth { b"true" } else { b"false" }
}

/// The first bytes of a text, so many at the most, and the rest; between them no character is
/// cut. `None`: nothing is left.
fn split(text: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let within = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xC0 == 0x80);
    let mut at = most.min(text.len());
    while at > 0 && within(text.get(at)) {
        at -= 1;
    }
    if at == 0 {
        // A character is larger than a piece may be; it stays whole all the same.
        at = 1;
        while within(text.get(at)) {
            at += 1;
        }
    }
    text.split_at_checked(at)
}
