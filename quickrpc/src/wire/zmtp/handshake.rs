//! The beginning of a connection: 64 bytes that say what is spoken, and a command that says who
//! is there.

use std::sync::Arc;

use crate::expr::ZmqType;

use super::frame::{self, COMMAND, LONG};
use super::peer::Peer;
use super::sockets::{Socket, mismatch, name, named};

/// The beginning of one connection, without any I/O.
#[derive(Debug)]
pub(crate) struct Handshake {
    socket: Arc<Socket>,
    /// What we are called.
    us: Arc<str>,
    stage: Stage,
    /// What is to be sent.
    out: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What the other side speaks is to come.
    Greeting,
    /// Who it is; and whether it has commands for subscriptions.
    Ready { commands: bool },
    /// Nothing more.
    Over,
}

/// How far it is. What is to be sent is sent first.
#[derive(Debug)]
pub(crate) enum Step {
    /// More input is needed.
    Wait,
    /// The peer is there. What is left of the input belongs to it.
    Done(Arc<Peer>),
    /// It cannot become a peer, for this reason.
    Refused(String),
}

const GREETING: usize = 64;
/// 0xff, eight bytes that older versions take for a length, 0x7f.
const SIGNATURE: usize = 10;
/// Where the minor version is.
const MINOR: usize = 11;
/// Where the mechanism is, and how long.
const MECHANISM: std::ops::Range<usize> = 12..32;
const NULL: &[u8] = b"NULL";
/// The longest first command that is read. Metadata of a program may be in it.
const READY: usize = 8 << 10;
/// So many bytes are read at the most before they are looked at.
pub(crate) const MOST: usize = GREETING + frame::LONGEST + READY;

/// Of a socket, by RFC 37.
const LONGEST_IDENTITY: usize = 255;

impl Handshake {
    pub(crate) fn new(socket: &Arc<Socket>) -> Self {
        let mut out = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
        out.extend_from_slice(NULL);
        // The rest of the mechanism, that we are no server of one, and a filler.
        out.resize(GREETING, 0);
        Handshake {
            socket: Arc::clone(socket),
            us: socket.identity(),
            stage: Stage::Greeting,
            out,
        }
    }

    /// What is to be sent now.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Goes on with what has come, and takes it from the input.
    pub(crate) fn advance(&mut self, input: &mut Vec<u8>) -> Step {
        match self.steps(input) {
            Ok(Some(peer)) => Step::Done(peer),
            Ok(None) => Step::Wait,
            Err(why) => {
                self.stage = Stage::Over;
                Step::Refused(why)
            }
        }
    }

    fn steps(&mut self, input: &mut Vec<u8>) -> Result<Option<Arc<Peer>>, String> {
        loop {
            match self.stage {
                Stage::Greeting => {
                    let Some(commands) = greeting(input)? else {
                        return Ok(None);
                    };
                    input.drain(..GREETING);
                    self.say_who_we_are();
                    self.stage = Stage::Ready { commands };
                }
                Stage::Ready { commands } => {
                    let Some((peer, length)) = self.ready(input)? else {
                        return Ok(None);
                    };
                    input.drain(..length);
                    self.subscribe(commands);
                    self.stage = Stage::Over;
                    return Ok(Some(Arc::new(peer)));
                }
                Stage::Over => return Ok(None),
            }
        }
    }

    fn say_who_we_are(&mut self) {
        let mut metadata = Vec::new();
        let mut property = |name: &str, value: &[u8]| {
            metadata.push(name.len() as u8);
            metadata.extend_from_slice(name.as_bytes());
            metadata.extend((value.len() as u32).to_be_bytes());
            metadata.extend_from_slice(value);
        };
        property("Socket-Type", name(self.socket.kind).as_bytes());
        if has_identity(self.socket.kind) {
            property("Identity", self.us.as_bytes());
        }
        frame::command(&mut self.out, "READY", &[&metadata]);
    }

    /// Subscribes by commands, or by messages where the peer knows no other way.
    fn subscribe(&mut self, commands: bool) {
        for topic in &self.socket.topics {
            match commands {
                true => frame::command(&mut self.out, "SUBSCRIBE", &[topic]),
                false => frame::part(&mut self.out, &[&[1], &**topic].concat(), false),
            }
        }
    }

    /// Who the other side is, and how long its command was.
    fn ready(&mut self, input: &[u8]) -> Result<Option<(Peer, usize)>, String> {
        let Some((command, length)) = first_command(input)? else {
            return Ok(None);
        };
        let (name, data) = split_name(command).ok_or("its first command has no name")?;
        match name {
            b"READY" => {}
            b"ERROR" => {
                let said = split_name(data).map_or(data, |(text, _)| text);
                return Err(format!("it refuses: `{}`", said.escape_ascii()));
            }
            other => {
                let other = other.escape_ascii();
                return Err(format!(
                    "it began with a command `{other}` in place of `READY`"
                ));
            }
        }
        let mut kind = None;
        let mut identity: &[u8] = &[];
        let mut rest = data;
        while !rest.is_empty() {
            let (name, value, after) = property(rest).ok_or("its metadata is cut off")?;
            rest = after;
            if name.eq_ignore_ascii_case(b"Socket-Type") {
                kind = Some(value);
            } else if name.eq_ignore_ascii_case(b"Identity") {
                identity = value;
            }
        }
        let kind = kind.ok_or("it does not say what type its socket has")?;
        if let Some(why) = mismatch(&self.socket, kind) {
            return Err(self.object(why));
        }
        if identity.len() > LONGEST_IDENTITY || identity.first() == Some(&0) {
            let why = "an identity has at most 255 bytes, of which the first is not 0";
            return Err(self.object(why.to_owned()));
        }
        // What is none has been refused.
        let kind = named(kind).unwrap_or(self.socket.kind);
        Ok(Some((
            Peer::new(&self.socket, kind, identity, &self.us),
            length,
        )))
    }

    /// The other side is told, too.
    fn object(&mut self, why: String) -> String {
        let text = why.as_bytes();
        let text = text.get(..text.len().min(255)).unwrap_or_default();
        frame::command(&mut self.out, "ERROR", &[&[text.len() as u8], text]);
        why
    }
}

fn has_identity(kind: ZmqType) -> bool {
    matches!(kind, ZmqType::Req | ZmqType::Dealer | ZmqType::Router)
}

/// Whether the other side speaks ZMTP 3.1, or 3.0 otherwise; `None` if it has not said so yet.
/// What is wrong is seen with the first byte that is.
fn greeting(input: &[u8]) -> Result<Option<bool>, String> {
    let at = |place: usize| input.get(place).copied();
    let no_zmtp = || {
        let text = "it does not speak ZMTP, the protocol of ZeroMQ";
        Err(String::from(text))
    };
    if at(0).is_some_and(|first| first != 0xff) {
        return no_zmtp();
    }
    if at(SIGNATURE - 1).is_some_and(|last| last & 1 == 0) {
        return no_zmtp();
    }
    if let Some(major) = at(SIGNATURE)
        && major < 3
    {
        let text = "it speaks ZMTP 2 or older, as libzmq before 4.0 does; 3.0 is the oldest here";
        return Err(String::from(text));
    }
    let Some(mechanism) = input.get(MECHANISM).filter(|_| input.len() >= GREETING) else {
        return Ok(None);
    };
    let end = mechanism.iter().rposition(|byte| *byte != 0);
    let mechanism = mechanism.get(..end.map_or(0, |end| end + 1));
    let mechanism = mechanism.unwrap_or_default();
    if mechanism != NULL {
        return Err(format!(
            "it wants the mechanism `{}`, and NULL is all there is here",
            mechanism.escape_ascii()
        ));
    }
    Ok(Some(at(SIGNATURE) > Some(3) || at(MINOR) >= Some(1)))
}

/// The first frame, which has to be a command, and its length.
fn first_command(input: &[u8]) -> Result<Option<(&[u8], usize)>, String> {
    let Some(flags) = input.first() else {
        return Ok(None);
    };
    if flags & !LONG != COMMAND {
        return Err(String::from("it began with something else than a command"));
    }
    let (start, length) = match (flags & LONG, input) {
        (0, [_, length, ..]) => (2, u64::from(*length)),
        (0, _) => return Ok(None),
        (_, input) => match input.get(1..).and_then(<[u8]>::first_chunk) {
            Some(length) => (frame::LONGEST, u64::from_be_bytes(*length)),
            None => return Ok(None),
        },
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > READY {
        return Err(format!("its first command has more than {READY} bytes"));
    }
    let command = input.get(start..start + length);
    Ok(command.map(|command| (command, start + length)))
}

/// A name with its length before it, and what follows.
pub(super) fn split_name(command: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = command.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// The name and the value of the first property, and what follows.
fn property(metadata: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = split_name(metadata)?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (value, rest) = rest.split_at_checked(length)?;
    Some((name, value, rest))
}
