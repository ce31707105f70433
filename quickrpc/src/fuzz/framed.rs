//! Streams of messages, cut apart as those of one peer are.

use std::sync::Arc;
use std::time::Duration;

use crate::base::limits::Limits;
use crate::base::subject::Style;
use crate::expr::{TransportExpr, TransportKind};
use crate::wire::Wire;
use crate::wire::broker::subjects::Subjects;
use crate::wire::broker::{Message, Said};
use crate::wire::codec::AnyCodec;
use crate::wire::cut::Cut;
use crate::wire::cutter::Cutter;
use crate::wire::frames::{Frames, Text};
use crate::wire::http::{Caller, Host, Request, Visit};
use crate::wire::met::Met;
use crate::wire::mqtt;
use crate::wire::security::AnySecurity;
use crate::wire::websocket::Side;
use crate::wire::zmtp;

/// Which end of a WebSocket we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Who has connected.
    Client,
    /// Who was connected to.
    Server,
}

/// How messages are told apart on one stream.
#[derive(Debug)]
pub struct Framed(Wire, Option<Met>);

/// What was cut from a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A message.
    Message(Vec<u8>),
    /// A message in parts.
    Parts(Vec<Vec<u8>>),
    /// A message that is of no use.
    Strange(String),
    /// What is answered at once.
    Answer(Vec<u8>),
    /// The peer has ended its side.
    End(String),
    /// The stream cannot be read any further.
    Broken(String),
}

/// Takes what is posted to `/`.
#[derive(Debug)]
struct Posts;

impl Host for Posts {
    fn visit(&self, request: &Request) -> Visit {
        match request.method == "POST" && request.path == "/" {
            true => Visit::Message(None),
            false => Visit::Other(b"elsewhere".to_vec()),
        }
    }
}

impl Framed {
    /// The framing of this codec, or that of WebSocket.
    pub fn new(codec: &AnyCodec, websocket: Option<End>, limit: usize) -> Self {
        let limits = Limits {
            message_size: limit,
            ..Limits::default()
        };
        let name = String::from("fuzz");
        let wire = Wire::new(codec, &AnySecurity::Null, limits, name);
        let side = match websocket {
            None => return Framed(wire, None),
            Some(End::Client) => Side::Client,
            Some(End::Server) => Side::Server,
        };
        let frames = Frames::WebSocket(side, Text::of(codec, true));
        Framed(wire.framed(frames), None)
    }

    /// What a broker of NATS says.
    pub fn nats(limit: usize) -> Self {
        let Framed(wire, met) = Framed::new(&AnyCodec::default(), None, limit);
        Framed(wire.framed(Frames::Nats), met)
    }

    /// What a broker of MQTT says.
    pub fn mqtt(limit: usize) -> Self {
        let Framed(wire, met) = Framed::new(&AnyCodec::default(), None, limit);
        Framed(wire.framed(Frames::Mqtt), met)
    }

    /// That of ZeroMQ, for a peer that says this, in pieces, when it greets. `in_parts`: messages
    /// have parts. Gives what is left of the greeting too.
    ///
    /// # Errors
    ///
    /// What is wrong with the greeting; `None` if there is more to come of it.
    pub fn met(
        expr: &TransportExpr,
        in_parts: bool,
        greeting: &[&[u8]],
        limit: usize,
    ) -> Result<(Self, Vec<u8>), Option<String>> {
        let (TransportKind::Zmq { socket, .. } | TransportKind::ZmqServer { socket, .. }) =
            expr.kind()
        else {
            return Err(None);
        };
        let socket = Arc::new(zmtp::Socket::new(socket, false, None));
        let mut handshake = zmtp::Handshake::new(&socket);
        let (mut input, mut met) = (Vec::new(), None);
        for piece in greeting {
            input.extend_from_slice(piece);
            if met.is_some() {
                continue;
            }
            match handshake.advance(&mut input) {
                zmtp::Step::Wait => {}
                zmtp::Step::Done(peer) => met = Some(Met::Zmtp(peer)),
                zmtp::Step::Refused(why) => return Err(Some(why)),
            }
        }
        let form = match in_parts {
            true => zmtp::Form::Parts,
            false => zmtp::Form::Telegram,
        };
        let Framed(wire, _) = Framed::new(&AnyCodec::default(), None, limit);
        let wire = wire.framed(Frames::Zmtp(socket, form));
        Ok((Framed(wire, Some(met.ok_or(None)?)), input))
    }

    /// That of HTTP, at a server that takes what is posted to `/`.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn posts(limit: usize) -> Self {
        let Framed(wire, _) = Framed::new(&AnyCodec::default(), None, limit);
        let caller = Caller::new(Arc::new(Posts));
        let wire = wire.framed(Frames::Http);
        Framed(wire, Some(Met::Posts(Arc::new(caller))))
    }

    /// Cuts what arrives in these pieces. Also gives how many bytes were held at the most
    /// after a piece was read.
    pub fn cut(&self, pieces: &[&[u8]]) -> (Vec<Piece>, usize) {
        let (mut cutter, mut found, mut most) =
            (Cutter::new(&self.0, self.1.as_ref()), Vec::new(), 0);
        let mut packets = under_way();
        let mut input: Vec<u8> = Vec::new();
        for piece in pieces {
            input.extend_from_slice(piece);
            let mut position = 0;
            loop {
                let rest = input.get(position..).unwrap_or_default();
                let (taken, cut) = match cutter.cut(&self.0, rest, self.0.limits.message_size) {
                    Ok(cut) => cut,
                    Err(broken) => {
                        found.push(Piece::Broken(format!("{broken:?}")));
                        return (found, most);
                    }
                };
                match cut {
                    Cut::Incomplete => {
                        position += taken;
                        break;
                    }
                    Cut::Nothing => {}
                    Cut::Broker(Said::Mqtt(mqtt::Event::Packet { first, body })) => {
                        let what = format!("{:?}", packets.hear(first, body));
                        found.push(Piece::Strange(what));
                    }
                    Cut::Broker(said) => found.push(Piece::Strange(format!("{said:?}"))),
                    Cut::Strange(why) => found.push(Piece::Strange(why.to_owned())),
                    Cut::Parts(parts) => {
                        found.push(Piece::Parts(parts.iter().map(<[u8]>::to_vec).collect()));
                    }
                    Cut::Message(message) => {
                        found.push(Piece::Message(message.to_vec()));
                        if let Some(Met::Posts(caller)) = &self.1 {
                            caller.accept(&mut Vec::new());
                        }
                    }
                    // All messages are answered at once.
                    Cut::Busy => unreachable!(),
                    Cut::Say(answer) => found.push(Piece::Answer(answer)),
                    Cut::End(why) => {
                        found.push(Piece::End(format!("{why:?}")));
                        return (found, most);
                    }
                }
                position += taken;
            }
            input.drain(..position.min(input.len()));
            most = most.max(input.len() + cutter.held());
            cutter.rest();
        }
        (found, most)
    }

    /// Frames a message as it is sent.
    ///
    /// # Errors
    ///
    /// When it contains the delimiter.
    pub fn frame(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let mut out = message.to_vec();
        self.0.frame_out(&mut out, 0)?;
        Ok(out)
    }
}

/// A connection by which there is something under way that a broker of MQTT can acknowledge.
fn under_way() -> mqtt::Session {
    let mut session = mqtt::Session::new(mqtt::Granted {
        window: 2,
        largest: 1000,
        keepalive: Duration::from_secs(10),
    });
    let subjects = Subjects::new(Style::Slashes, "lab", "a", "t");
    session.enter(&subjects).expect("a subscription");
    for _ in 0..3 {
        let message = Message {
            subject: &["lab/any/add"],
            correlation: b"",
            reply: &["lab/in/a/t/1-2"],
            payload: b"x",
            kept: false,
        };
        let published = session.publish(&message, 1000, &mut Vec::new());
        published.expect("a message");
    }
    session
}
