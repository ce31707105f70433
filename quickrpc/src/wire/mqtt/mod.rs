//! The protocol of MQTT 5 clients, without any I/O: what cuts the input of a connection to a
//! broker, how a connection begins, and what is under way.
//!
//! The broker's bytes are not trusted: whatever comes costs no more than the connection. What is in
//! a packet is read and written by `mqtt-protocol-core`, and each packet by itself: its state
//! machine for whole connections knows sessions, which we have none of, and takes the payload's bytes
//! once more.

mod reader;

#[cfg(feature = "mqtt")]
mod handshake;
#[cfg(feature = "mqtt")]
mod packets;
#[cfg(feature = "mqtt")]
mod session;
#[cfg(feature = "mqtt")]
pub(crate) use handshake::{Handshake, Step};
#[cfg(feature = "__fuzz")]
pub(crate) use session::Granted;
#[cfg(feature = "mqtt")]
pub(crate) use session::Session;

#[cfg(not(feature = "mqtt"))]
#[path = "none.rs"]
mod session;
#[cfg(not(feature = "mqtt"))]
pub(crate) use session::{Handshake, Session, Step};

pub(crate) use reader::{Event, Reader};

#[cfg(all(test, feature = "mqtt"))]
mod tests;

/// Asks the broker whether it is there.
pub(crate) const PING: &[u8] = &[0xc0, 0];

/// Who we say we are.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// What came of a message, or of a subscription.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The broker has it.
    Fine,
    /// Nobody has subscribed to it.
    Nobody,
    /// The broker's rules forbid it.
    Forbidden(String),
    /// The broker does not take it for another reason.
    Refused(String),
}

/// What a packet of a broker means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing, but that the broker is there.
    Nothing,
    /// A message, and what acknowledges it.
    Message(Box<Incoming>),
    /// A message that somebody has made wrongly, and the broker has passed on.
    Unreadable(Unreadable),
    /// What came of a message of ours.
    Acknowledged {
        subject: Box<str>,
        reply: Box<str>,
        outcome: Outcome,
    },
    /// We hear what we wanted to, but what is sent to these topics.
    Subscribed(Vec<(Box<str>, Outcome)>),
    /// The broker ends the connection.
    End(String),
}

/// A message that has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) topic: Box<str>,
    pub(crate) reply: Box<str>,
    pub(crate) correlation: Box<[u8]>,
    pub(crate) payload: Vec<u8>,
    /// The broker has kept it from before we asked for such.
    pub(crate) kept: bool,
    /// What acknowledges it.
    pub(crate) acknowledgement: Vec<u8>,
}

/// A message that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) why: String,
    /// What acknowledges it.
    pub(crate) acknowledgement: Vec<u8>,
}

/// What acknowledges a message with this number.
pub(crate) fn acknowledgement(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![0x40, 2, high, low]
}
