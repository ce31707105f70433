//! Who keeps a peer: what it asks of the network around it.

use std::sync::Arc;
use std::time::Instant;

use super::Conn;
use crate::base::reason::DisconnectReason;

/// The network that a peer belongs to. It does what the peer cannot do by itself.
pub(crate) trait Keeper: Send + Sync {
    /// The peer was closed for sending, on any thread.
    fn closing(&self, peer: &Arc<Conn>, reason: DisconnectReason);

    /// The system takes nothing more for the peer: what it has sent is read, and then it is closed.
    fn broken(&self, peer: Arc<Conn>);

    /// The peer can be read again.
    fn resume(&self, peer: &Arc<Conn>);

    /// What is watched of the peer's socket has changed. Called with the peer's sending half
    /// locked.
    fn blocked(&self, peer: &Conn, blocked: bool);

    /// The peer has not answered in time, and may have fallen silent. Called with the table of
    /// pending calls locked.
    fn doubt(&self, peer: Arc<Conn>);

    /// A thread of its own has written all that waited for the peer.
    fn drained(&self);

    /// The peer's queue is full: one that takes nothing is given up after a while. Called with
    /// the peer's sending half locked.
    fn look_after(&self, peer: Arc<Conn>);

    /// The peer takes something again that it was offered in vain. Called with the peer's
    /// sending half locked.
    fn room(&self, peer: Arc<Conn>);

    /// The peer's session has kept something that is to be said at that time. Called with the
    /// peer's sending half locked.
    fn say_later(&self, peer: Arc<Conn>, at: Instant);
}
