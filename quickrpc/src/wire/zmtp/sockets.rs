//! The sorts of sockets, and what they are to each other.

use crate::expr::{ZmqSocket, ZmqType};
use crate::wire::session::About;

/// What we are on a wire.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    pub(crate) kind: ZmqType,
    /// Empty: we have none.
    pub(super) identity: Vec<u8>,
    /// What a SUB wants.
    pub(super) topics: Vec<Vec<u8>>,
    /// Messages go through a security provider, which greets, and has telegrams of its own.
    pub(super) is_sealed: bool,
}

impl Socket {
    pub(crate) fn new(socket: &ZmqSocket, is_sealed: bool) -> Self {
        let topics = match (socket.kind, socket.subscribe.as_slice()) {
            (ZmqType::Sub, []) => vec![Vec::new()],
            (_, topics) => topics.iter().map(|one| one.clone().into_bytes()).collect(),
        };
        Socket {
            kind: socket.kind,
            identity: socket.id.clone().unwrap_or_default().into_bytes(),
            topics,
            is_sealed,
        }
    }
}

/// Their names in greetings, and what stands for others here.
const NAMES: [(&str, ZmqType); 10] = [
    ("REQ", ZmqType::Req),
    ("REP", ZmqType::Rep),
    ("DEALER", ZmqType::Dealer),
    ("ROUTER", ZmqType::Router),
    ("PUB", ZmqType::Pub),
    ("SUB", ZmqType::Sub),
    ("PUSH", ZmqType::Push),
    ("PULL", ZmqType::Pull),
    ("XPUB", ZmqType::Pub),
    ("XSUB", ZmqType::Sub),
];

pub(super) fn name(kind: ZmqType) -> &'static str {
    let named = NAMES.iter().find(|(_, other)| *other == kind);
    named.map_or("", |(name, _)| name)
}

pub(super) fn named(name: &[u8]) -> Option<ZmqType> {
    let named = NAMES.iter().find(|(one, _)| one.as_bytes() == name);
    named.map(|(_, kind)| *kind)
}

/// Whom a socket talks with (RFC 37, "Socket Type Compatibility").
pub(super) fn partners(kind: ZmqType) -> &'static [ZmqType] {
    use ZmqType::{Dealer, Pub, Pull, Push, Rep, Req, Router, Sub};
    match kind {
        Req => &[Rep, Router],
        Rep => &[Req, Dealer],
        Dealer => &[Rep, Dealer, Router],
        Router => &[Req, Dealer, Router],
        Pub => &[Sub],
        Sub => &[Pub],
        Push => &[Pull],
        Pull => &[Push],
    }
}

/// Why two of them do not talk with each other here.
pub(super) fn mismatch(socket: &Socket, theirs: &[u8]) -> Option<String> {
    let ours = name(socket.kind);
    let partners = partners(socket.kind);
    let shown = String::from_utf8_lossy(theirs);
    let shown: String = shown.chars().filter(|c| !c.is_control()).take(20).collect();
    let kind = named(theirs).filter(|kind| partners.contains(kind));
    let Some(kind) = kind else {
        let partners: Vec<_> = partners.iter().map(|kind| name(*kind)).collect();
        let partners = partners.join(", ");
        return Some(format!(
            "{ours} talks with {partners}, and not with {shown}"
        ));
    };
    let free = |kind| matches!(kind, ZmqType::Dealer | ZmqType::Router);
    match socket.is_sealed && !(free(socket.kind) && free(kind)) {
        true => Some(format!(
            "{ours} talks with {shown} only where no security provider has messages of its own"
        )),
        false => None,
    }
}

/// Why a socket cannot say this, whoever it talks with.
pub(super) fn unsayable(ours: ZmqType, about: Saying) -> Option<&'static str> {
    match (ours, about) {
        (ZmqType::Pub, Saying::Call) => Some("a PUB hears no answers"),
        (ZmqType::Push, Saying::Call) => Some("a PUSH hears no answers"),
        (ZmqType::Sub, _) => Some("a SUB says nothing"),
        (ZmqType::Pull, _) => Some("a PULL says nothing"),
        (ZmqType::Rep, Saying::Call | Saying::Notification) => Some("a REP only answers"),
        (ZmqType::Req, Saying::Notification) => {
            Some("a REQ expects an answer to all that it sends")
        }
        _ => None,
    }
}

/// Why this cannot be said to a socket.
pub(super) fn unheard(theirs: ZmqType, about: Saying) -> Option<&'static str> {
    match (theirs, about) {
        (ZmqType::Req, Saying::Call | Saying::Notification) => {
            Some("the peer is a REQ, which takes answers only")
        }
        (ZmqType::Rep, Saying::Notification) => {
            Some("the peer is a REP, which takes nothing that wants no answer")
        }
        _ => None,
    }
}

/// What sort of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saying {
    Call,
    Notification,
    Answer,
}

impl Saying {
    pub(super) fn of(about: About<'_>) -> Self {
        match about {
            About::Call { id: Some(_), .. } => Saying::Call,
            About::Call { id: None, .. } | About::Change { .. } | About::Kept { .. } => {
                Saying::Notification
            }
            About::Answer { .. } => Saying::Answer,
        }
    }
}

impl Socket {
    /// Why a call cannot be sent, whoever is connected.
    pub(crate) fn lacks(&self, wants_answer: bool) -> Option<&'static str> {
        unsayable(
            self.kind,
            match wants_answer {
                true => Saying::Call,
                false => Saying::Notification,
            },
        )
    }
}
