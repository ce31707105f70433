//! Sessions whose messages have parts, as those of hololinked.

use std::sync::Arc;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::expr::{TransportExpr, TransportKind};
use crate::format::description::Description;
use crate::wire::codec::{AnyCodec, Envelope, Part, Payload};
use crate::wire::session::{Heard, Meeting, Role, Say, Speaking};
use crate::wire::zmtp::{Handshake, Parts, Peer, Socket, Step};

use super::value;

/// What we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// A Thing.
    Server,
    /// A client of one.
    Client,
    /// What a client hears events by.
    Subscriber,
}

/// What a session says when it hears these messages, each of it with its framing, and what it keeps in
/// mind at the end, when all that it was asked is answered.
pub fn hear_parts(
    codec: &AnyCodec,
    seat: Seat,
    described: Option<&Description>,
    messages: &[Vec<&[u8]>],
) -> (Vec<Vec<u8>>, usize) {
    let Some(protocol) = codec.protocol() else {
        return (Vec::new(), 0);
    };
    if let Some(described) = described {
        protocol.made_for(described);
    }
    let limits = Limits::default();
    let met = subscriber();
    let (mut listening, mut speaking) = protocol.session(Meeting {
        role: match seat {
            Seat::Server => Role::Server,
            Seat::Client | Seat::Subscriber => Role::Client,
        },
        largest: limits.message_size,
        met: met.as_ref().filter(|_| seat == Seat::Subscriber),
        here: None,
    });
    let mut say = Say::default();
    listening.open(&mut say);
    let mut failed = CallError::new(1, "as it may fail");
    failed.data = Some("data".into());
    let mut failure = Vec::new();
    protocol.write_failure(&mut failure, &failed);
    for message in messages {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for part in message {
            bytes.extend_from_slice(part);
            ends.push(bytes.len());
        }
        let Ok((text, heard)) = listening.hear_parts(Parts::of(&bytes, &ends), &limits, &mut say)
        else {
            continue;
        };
        match heard {
            Heard::Message(envelope) => {
                carry_out(codec, &mut *speaking, text, &envelope, &failure, &mut say);
            }
            Heard::Put(text, envelope) => {
                carry_out(codec, &mut *speaking, &text, &envelope, &failure, &mut say);
            }
            Heard::Changes(changes) => {
                changes.value("a");
                if let Some((_, text, payload)) = changes.notification() {
                    value(codec, text.into(), &payload).ok();
                }
            }
            _ => {}
        }
    }
    (say.0, listening.held())
}

/// Our end of a connection for events.
fn subscriber() -> Option<Arc<Peer>> {
    let expr: TransportExpr = "zmq:h:1?type=sub".parse().ok()?;
    let TransportKind::Zmq { socket, .. } = expr.kind() else {
        return None;
    };
    let mut input = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    input.extend(b"NULL");
    input.resize(64, 0);
    input.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB");
    match Handshake::new(&Arc::new(Socket::new(socket, false, None))).advance(&mut input) {
        Step::Done(peer) => Some(peer),
        _ => None,
    }
}

/// Answers what was called: with its own arguments, or if they are missing, with a failure.
fn carry_out(
    codec: &AnyCodec,
    speaking: &mut dyn Speaking,
    text: &str,
    envelope: &Envelope,
    failure: &[u8],
    say: &mut Say,
) {
    let (params, id): (&Payload, Option<&Part>) = match envelope {
        Envelope::Timed(timed) => (&timed.1.params, timed.1.id.as_ref()),
        Envelope::Several { parts, .. } => {
            for part in parts {
                carry_out(codec, speaking, text, part, failure, say);
            }
            return;
        }
        Envelope::Reply { result, .. } => {
            value(codec, text.into(), result).ok();
            return;
        }
        _ => return,
    };
    let Some(id) = id.map(|id| id.of(text).to_owned()) else {
        return;
    };
    let read = value(codec, text.into(), params);
    let body = read.and_then(|value| super::write_text(&value, false));
    let mut out = Vec::new();
    speaking.begins(&id);
    match (params, body) {
        (Payload::Missing, _) | (_, Err(_)) => speaking.answer(&mut out, &id, failure, true),
        (_, Ok(body)) => speaking.answer(&mut out, &id, &body, false),
    }
    if !out.is_empty() {
        say.message(out);
    }
}
