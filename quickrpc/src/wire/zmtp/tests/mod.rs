//! Both ends on bytes alone, cut at any byte.

mod greetings;
mod messages;
mod recorded;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::frame::{COMMAND, LONG, MORE, command, part};
use super::reader::{Event, Form, LONGEST_COMMAND, Reader, Violation};
use super::sockets::{Socket, name};
use super::{Handshake, Peer, Step, enclose, ping, topics};
use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind, ZmqType};
use crate::wire::session::{About, Deed, Way};

const LIMIT: usize = 5000;

const TYPES: [&str; 8] = [
    "dealer", "router", "req", "rep", "pub", "sub", "push", "pull",
];

fn socket(options: &str) -> Arc<Socket> {
    let expr: TransportExpr = format!("zmq:h:1?{options}").parse().unwrap();
    let TransportKind::Zmq { socket, .. } = expr.kind() else {
        panic!("{expr}");
    };
    Arc::new(Socket::new(socket, false, None))
}

/// The other side, and what it has said behind its greeting; or why there is none.
type Met = Result<(Arc<Peer>, Vec<u8>), String>;

/// Two ends that greet each other, and what each makes of the other.
fn meet(one: &str, other: &str, step: usize) -> [Met; 2] {
    let mut ends = [one, other].map(|options| Handshake::new(&socket(options)));
    let mut inputs = [Vec::new(), Vec::new()];
    let mut sent = [Vec::new(), Vec::new()];
    let mut met = [None, None];
    for _ in 0..4000 {
        for at in 0..2 {
            sent[at].extend(ends[at].output());
            let count = step.min(sent[at].len());
            inputs[1 - at].extend(sent[at].drain(..count));
        }
        for at in 0..2 {
            if met[at].is_none() {
                met[at] = match ends[at].advance(&mut inputs[at]) {
                    Step::Wait => None,
                    Step::Done(peer) => Some(Ok(peer)),
                    Step::Refused(why) => Some(Err(why)),
                };
            }
        }
    }
    let mut rest = inputs.into_iter();
    met.map(|met| {
        let rest = rest.next().unwrap();
        met.expect("it ends").map(|peer| (peer, rest))
    })
}

/// What one end knows of the other.
fn peer(ours: &str, theirs: &str) -> Arc<Peer> {
    let [met, _] = meet(ours, theirs, 1000);
    met.unwrap().0
}

/// What a reader says, with messages copied.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Message(Vec<u8>),
    Parts(Vec<Vec<u8>>),
    Strange,
    Ping(Vec<u8>),
    Error(String),
    Wrong(Violation),
}

/// Reads pieces as they would arrive, what was not taken before the next.
fn read<'a>(
    reader: &mut Reader,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> Vec<Said> {
    let mut said = Vec::new();
    let mut input: Vec<u8> = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut position = 0;
        loop {
            let (taken, event) = match reader.next(&input[position..], limit) {
                Ok(read) => read,
                Err(violation) => {
                    said.push(Said::Wrong(violation));
                    return said;
                }
            };
            position += taken;
            match event {
                Event::Incomplete => break,
                Event::Part => {}
                Event::Message(message) => said.push(Said::Message(message.to_vec())),
                Event::Parts(parts) => {
                    said.push(Said::Parts(parts.iter().map(<[u8]>::to_vec).collect()));
                }
                Event::Strange(_) => said.push(Said::Strange),
                Event::Ping(pong) => said.push(Said::Ping(pong)),
                Event::Error(text) => said.push(Said::Error(text)),
            }
            assert!(reader.held() <= limit + topics::MOST);
        }
        input.drain(..position);
        // A header, or a command.
        assert!(input.len() <= 9 + LONGEST_COMMAND, "{}", input.len());
        reader.rest();
    }
    said
}

fn read_all(ours: &str, theirs: &str, form: Form, bytes: &[u8]) -> Vec<Said> {
    let whole = read(
        &mut Reader::boxed(&peer(ours, theirs), form),
        [bytes],
        LIMIT,
    );
    let mut by_bytes = Reader::boxed(&peer(ours, theirs), form);
    assert_eq!(read(&mut by_bytes, bytes.chunks(1), LIMIT), whole);
    whole
}

/// A message of these parts.
fn message(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, one) in parts.iter().enumerate() {
        part(&mut out, one, at + 1 < parts.len());
    }
    out
}

fn said(name: &str, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    command(&mut out, name, &[data]);
    out
}
