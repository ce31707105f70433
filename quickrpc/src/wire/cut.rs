//! What is cut from the input of a peer, however messages are framed.

use crate::base::reason::DisconnectReason;

use super::broker::Said;
use super::zmtp::Parts;

/// What was cut from the input.
#[derive(Debug)]
pub(crate) enum Cut<'a> {
    /// More input is needed.
    Incomplete,
    /// What comes next has to wait until the message before it is answered.
    Busy,
    /// Something that says nothing.
    Nothing,
    /// A whole message.
    Message(&'a [u8]),
    /// A whole message in parts, for a protocol that has such.
    Parts(Parts<'a>),
    /// What a broker says.
    #[cfg_attr(
        not(any(feature = "mqtt", feature = "nats")),
        allow(dead_code, reason = "there is none")
    )]
    Broker(Said<'a>),
    /// A message that is of no use, for this reason; the next one may be.
    Strange(&'static str),
    /// The framing answers by itself: to be sent as it is.
    Say(Vec<u8>),
    /// The peer has ended its side, for this reason.
    End(DisconnectReason),
}

/// Why the input cannot be cut any further.
#[derive(Debug)]
pub(crate) enum Broken {
    /// It is not of this wire, which is to be told to somebody.
    Garbled(String),
    /// It is against the rules.
    Rules(DisconnectReason),
}
