//! Wires that have addresses in place of peers: datagrams, and what is behind a broker.
//!
//! Nothing is connected there for a peer. Whatever sends something, and whatever is sent to, is a
//! [`Conn`] without a connection of its own, so that senders, lanes and answers are those of any
//! other wire. Anybody can make up addresses, so that a wire knows only so many of them, and what
//! waits of all of them has a limit beside that of each.

#[cfg_attr(
    not(any(feature = "mqtt", feature = "nats")),
    allow(dead_code, reason = "no link makes one")
)]
pub(crate) mod broker;
pub(crate) mod datagrams;
pub(crate) mod room;
mod table;

use std::fmt;
use std::sync::Arc;

use super::above::{Above, Feed, Hears};
use super::conn::Conn;
use crate::base::reason::DisconnectReason;
use crate::base::sender::Sender;
use crate::wire::broker::Said;

/// What a wire asks of the network around it.
pub(crate) trait Around: Send + Sync {
    /// A peer has come, which can be sent to from now on. Gives false if nobody is let in any more.
    fn enter(&self, peer: &Arc<Conn>) -> bool;

    /// A peer that had come has gone. The program is told at once, before it hears of whoever comes next. On the
    /// poll thread.
    fn leave(&self, above: &dyn Above, peer: &Arc<Conn>, reason: DisconnectReason);

    /// Sends something, or queues it.
    fn send(&self, by: &Arc<Conn>, bytes: &[u8]);

    /// Handles one message, within a round of the connection that it came by. It stands alone, and `check` hands
    /// it on, or not.
    fn deliver(
        &self,
        above: &dyn Above,
        round: &mut dyn Hears,
        from: &Arc<Conn>,
        bytes: &[u8],
        check: &mut dyn FnMut(&mut dyn Hears, Feed<'_>),
    );
}

/// One open wire that has addresses.
pub(crate) trait Addresses: fmt::Debug + Send + Sync {
    /// What is sent to it goes to all; anybody may answer it.
    fn everyone(&self) -> &Arc<Conn>;

    /// What is sent to it goes to one of several, where the wire has that.
    fn anyone(&self) -> Option<&Arc<Conn>> {
        None
    }

    /// Hears what the broker says, where there is one, in a round of its connection. On the poll thread.
    fn hear(&self, _above: &dyn Above, _round: &mut dyn Hears, _said: Said<'_>) {}

    /// What stands for an address that is named. `None`: it is none, or cannot be reached from
    /// here.
    fn named(&self, name: &str) -> Option<Arc<Conn>>;

    /// What stands for a sender on this wire that was never connected, if he can be sent to.
    fn sender(&self, sender: &Sender) -> Option<Arc<Conn>>;

    /// All that it knows, and what stands for everybody.
    fn all(&self) -> Vec<Arc<Conn>>;

    /// Nothing is sent any more.
    fn close(&self);

    /// Whether a sender on this wire has an address of ours.
    fn is_ours(&self, sender: &Sender) -> bool;
}
