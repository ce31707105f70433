//! The session of a peer, where a protocol is more than a codec: it has a role and a memory, may
//! greet, say who it is, answer by itself, and end the connection.
//!
//! It has two halves. The hearing half belongs to whoever reads; the speaking half is under the
//! lock of the peer's queue, so that what it counts and what leaves keep the same order. Neither
//! does I/O. `jrpc` and `terse` have no session: they are matched without a virtual call.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::error::{CallError, Error};
use crate::base::limits::Limits;
use crate::base::reason::DisconnectReason;
use crate::expr::TransportExpr;
use crate::format::description::Description;

use super::codec::{DecodeError, Envelope, Payload};
use super::zmtp::{Parts, Peer};

/// Which end of a connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Who has connected.
    Client,
    /// Who was connected to.
    Server,
}

/// A protocol with sessions, as one wire speaks it. It makes the sessions of that wire's peers.
pub(crate) trait Protocol: fmt::Debug + Send + Sync {
    /// The expression that describes it, for messages to people.
    fn expression(&self) -> String;

    /// What carries its messages.
    fn carriage(&self) -> Carriage {
        Carriage::WebSocket
    }

    /// The session of a new peer, in its two halves.
    fn session(&self, meeting: Meeting<'_>) -> (Box<dyn Listening>, Box<dyn Speaking>);

    /// What our sockets of ZeroMQ are called at this end, where nobody says it.
    fn identity(&self, _role: Role) -> Option<Identity> {
        None
    }

    /// Whether a peer that has properties tells what they are only when it is asked: then that is done
    /// when it has come.
    fn tells_when_asked(&self) -> bool {
        false
    }

    /// A second transport that is opened beside one of these, for what goes to whoever wants it.
    /// Connections over it are no peers of their own. Those of a client belong to the peer of the
    /// first one, and are only heard; those of a server are only told.
    fn beside(&self, _transport: &TransportExpr) -> Option<TransportExpr> {
        None
    }

    /// An API with this description speaks it.
    fn made_for(&self, _api: &Description) {}

    /// So much longer than a call may take its answer is waited for: the other end knows how long it
    /// may take, and says which of its limits was reached.
    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    /// Appends what stands for an error in an answer.
    fn write_failure(&self, out: &mut Vec<u8>, error: &CallError);

    /// The largest message that peers are known to take, where that is less than our own limit.
    fn largest(&self, _role: Role) -> Option<usize> {
        None
    }

    /// Where peers may fall silent without an end: the name of a call that each of them answers at
    /// once, if only by saying that it has none. It is sent as a notification when a call was not
    /// answered in time. Who says nothing at all then is given up.
    fn probe(&self, _role: Role) -> Option<&'static str> {
        None
    }

    /// Whether a peer has to greet before it counts as connected.
    fn greets(&self, _role: Role) -> bool {
        true
    }

    /// Whether arguments may stand for themselves, without their names.
    fn positional(&self) -> bool {
        false
    }

    /// Whether arguments of calls that want an answer never have names.
    fn nameless(&self, _role: Role) -> bool {
        false
    }

    /// What it cannot say at this end, if that is known of all peers.
    fn lacks(&self, _role: Role, _saying: Saying) -> Option<&'static str> {
        None
    }

    /// Whether properties are things of their own: what changes is said by [`Speaking::change`],
    /// and heard as [`Heard::Changes`]. Elsewhere a change is a notification.
    fn has_properties(&self) -> bool {
        false
    }

    /// The code with which a WebSocket is closed by which bytes come: all of these are protocols
    /// of texts.
    fn binary_code(&self) -> u16 {
        // Unacceptable data (RFC 6455, section 7.4.1).
        1003
    }

    /// The path of its WebSockets where nobody gives one.
    fn path(&self) -> &'static str {
        "/"
    }
}

/// What a session is made for.
#[derive(Debug, Clone)]
pub(crate) struct Meeting<'a> {
    pub(crate) role: Role,
    /// No message of ours may be larger than that.
    pub(crate) largest: usize,
    /// What both sides have said of themselves before there was a peer, over ZeroMQ.
    #[allow(dead_code, reason = "not every protocol is carried by ZeroMQ")]
    pub(crate) met: Option<&'a Arc<Peer>>,
    /// Our end of the connection, where that has an address.
    #[allow(dead_code, reason = "not every protocol tells it to its peers")]
    pub(crate) here: Option<Here>,
}

/// Where one end of a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "not every protocol tells it to its peers")]
pub(crate) enum Here {
    Tcp(SocketAddr),
    /// A path.
    Unix(Box<Path>),
}

/// What a socket of ZeroMQ is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    Always(Arc<str>),
    /// So begins a name that each connection has for itself.
    Fresh(Arc<str>),
}

/// What carries the messages of a protocol, and keeps them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carriage {
    WebSocket,
    /// ZeroMQ. Its messages have parts.
    Zmtp,
}

impl Carriage {
    /// What is missing where something else does, for messages to people.
    pub(crate) fn needs(self) -> &'static str {
        match self {
            Carriage::WebSocket => "is spoken over a WebSocket, so it needs `ws:` or `wsserv:`",
            Carriage::Zmtp => "is spoken over ZeroMQ, so it needs `zmq:` or `zmqserv:`",
        }
    }
}

/// The hearing half of a session.
pub(crate) trait Listening: Send {
    /// The connection is there: greets, where that is our part.
    fn open(&mut self, say: &mut Say);

    /// What a message means. Places in what it says are places in this text.
    ///
    /// # Errors
    ///
    /// When it is no message at all; the stream goes on with the next one.
    fn hear(&mut self, message: &str, limits: &Limits, say: &mut Say)
    -> Result<Heard, DecodeError>;

    /// The same of a message in parts, where the protocol is carried by what has such. Gives the
    /// text as well that the places are in.
    ///
    /// # Errors
    ///
    /// As of [`hear`](Self::hear).
    fn hear_parts<'t>(
        &mut self,
        _parts: Parts<'t>,
        _limits: &Limits,
        _say: &mut Say,
    ) -> Result<(&'t str, Heard), DecodeError> {
        Err(DecodeError::new("a message in parts", 0))
    }

    /// What became of the claim that it has heard. Gives what follows from that.
    fn verdict(&mut self, verdict: Verdict, say: &mut Say) -> Heard;

    /// The bytes that it holds of a message that comes in pieces.
    fn held(&self) -> usize {
        0
    }
}

/// The speaking half of a session: puts its envelope around what was encoded for all.
pub(crate) trait Speaking: Send {
    /// Appends a call, or a notification if it has no id.
    fn call(&mut self, out: &mut Vec<u8>, method: &str, args: &[u8], id: Option<u64>, way: Way);

    /// Appends the answer to the call with this id, as it was heard: a result, or what
    /// [`Protocol::write_failure`] wrote.
    fn answer(&mut self, out: &mut Vec<u8>, id: &str, body: &[u8], failed: bool);

    /// The call with this id, as it was heard, is about to be handled. Asked of those that were heard
    /// with [`Run`](super::codec::Run). False if its caller was told meanwhile that it never will be.
    fn begins(&mut self, _id: &str) -> bool {
        true
    }

    /// A property of ours has this value, in JSON. Appends what tells it, if there is something to
    /// tell, or keeps it for a while, to be told together with others
    /// ([`later`](Self::later)). Only where [`Protocol::has_properties`].
    ///
    /// # Errors
    ///
    /// When the value cannot be told.
    fn change(&mut self, _out: &mut Vec<u8>, _property: &str, _value: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    /// Appends a message with what was kept and is due; the last time, whenever it is due.
    fn kept(&mut self, _out: &mut Vec<u8>, _last: bool) {}

    /// When [`kept`](Self::kept) has something to say. Each time is given once.
    fn later(&mut self) -> Option<Instant> {
        None
    }

    /// The value of a property of the peer, in JSON, where it is known without asking.
    fn seen(&self, _property: &str) -> Option<String> {
        None
    }

    /// Whether it can say this, before it has to.
    ///
    /// # Errors
    ///
    /// What it cannot say.
    fn can_say(&self, _about: About<'_>, _body: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    /// Gives the pieces of a message of ours that is too large to leave as one, each with what
    /// comes before it; nothing else leaves between them. False: it leaves as it is.
    fn cut(&self, _message: &[u8], _piece: &mut dyn FnMut(&[u8], &[u8])) -> bool {
        false
    }

    /// What is due at this time. It is asked when the connection is there, and whenever it wants
    /// to be asked again.
    fn due(&mut self, _now: Instant, _say: &mut Say) -> Due {
        Due::Never
    }
}

/// When a session wants to be asked again what is due.
#[derive(Debug)]
pub(crate) enum Due {
    Never,
    At(Instant),
    /// The peer has to go, for this reason.
    End(DisconnectReason),
}

/// A kind of what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saying {
    /// A call that wants an answer.
    Call,
    /// One that wants none.
    Notification,
    /// The value of a property.
    Property,
}

/// What has changed of the properties of a peer.
pub(crate) trait Changes: fmt::Debug {
    /// The value of this property, in JSON, if it is among what has changed. To be asked before
    /// anything else is heard.
    fn value(&self, property: &str) -> Option<String>;

    /// What was said to whoever wants it: a notification, the text that its places are in, and its
    /// arguments. It is no mistake if there is none of this name here.
    fn notification(&self) -> Option<(&str, &str, Payload)> {
        None
    }
}

/// What a peer has said.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Nothing that concerns anybody else.
    Nothing,
    /// A call, an answer, several of these, or a mistake. If the greeting was not over, it is.
    Message(Envelope),
    /// The same, with places in this text: the message came in pieces, or had to be put in other
    /// words.
    Put(Box<str>, Envelope),
    /// Properties of the peer have changed.
    Changes(Box<dyn Changes>),
    /// It says who it is. The table of peers decides.
    Claim(Claim),
    /// The greeting is over: the peer counts as connected.
    Open,
    /// The peer has to go, for this reason.
    End(DisconnectReason),
    /// Everything ends: the peer may ask for that, and does.
    Stop,
}

/// Who a peer says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) name: Arc<str>,
    /// It may take the place of another one with that name.
    pub(crate) replaces: bool,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has the name, alone.
    Accepted,
    /// Another peer has the name.
    Taken,
}

/// What a session says by itself: messages, to be framed and sent in this order.
#[derive(Debug, Default)]
pub(crate) struct Say(pub(crate) Vec<Vec<u8>>);

impl Say {
    pub(crate) fn message(&mut self, message: Vec<u8>) {
        self.0.push(message);
    }
}

/// How a call is to be carried out, for protocols that have words for that.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Way {
    pub(crate) deed: Deed,
    /// Its caller waits for so long.
    pub(crate) within: Option<Duration>,
    /// It has to begin within so long.
    pub(crate) start_within: Option<Duration>,
}

/// What a call is, where it may be more than a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Deed {
    #[default]
    Call,
    /// Reads a property: [`CallNames`](crate::format::property::CallNames) says which.
    Read,
    /// Writes a property.
    Write,
}

/// What an encoded message is, for a session that puts an envelope around it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About<'a> {
    /// The arguments of a call.
    Call {
        method: &'a str,
        id: Option<u64>,
        way: Way,
    },
    /// The result of a call, or its error.
    Answer { id: &'a str, failed: bool },
    /// The value of a property, for protocols that have properties; and what it is called as a
    /// notification.
    Change { property: &'a str, method: &'a str },
    /// Nothing new: what the session has kept, as far as it is due, or all of it since the
    /// connection is about to end.
    Kept { last: bool },
}

impl<'a> About<'a> {
    /// A call that wants no answer.
    pub(crate) fn notification(method: &'a str) -> Self {
        About::Call {
            method,
            id: None,
            way: Way::default(),
        }
    }

    /// Has the speaking half say it, if it does not keep it.
    ///
    /// # Errors
    ///
    /// When it cannot be said.
    pub(crate) fn tell(
        self,
        speaking: &mut dyn Speaking,
        out: &mut Vec<u8>,
        body: &[u8],
    ) -> Result<(), Error> {
        match self {
            About::Call { method, id, way } => speaking.call(out, method, body, id, way),
            About::Answer { id, failed } => speaking.answer(out, id, body, failed),
            About::Change { property, .. } => speaking.change(out, property, body)?,
            About::Kept { last } => speaking.kept(out, last),
        }
        Ok(())
    }

    /// Whether something may be kept of it.
    pub(crate) fn may_be_kept(&self) -> bool {
        matches!(self, About::Change { .. } | About::Kept { .. })
    }
}
