//! Peers that are addresses on a wire of datagrams.

use super::{Conn, DatagramOutlet, Outlet, Wait};
use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sync::after;
use crate::net::addresses::room::Room;

/// What happens to a message that cannot be handled at once.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// It waits; a stream is not read while too much of it does.
    Stream,
    /// It waits, and takes up room of its wire.
    Datagram(Room),
    /// Too much waits.
    Dropped,
}

impl Conn {
    /// Whether an answer of this one is an answer to what `other` was asked: they are the
    /// same, or `other` stands for everybody on the wire that this is an address of.
    pub(crate) fn answers_for(&self, other: &Conn) -> bool {
        self.id() == other.id() || (self.peer.wire != 0 && self.peer.wire == other.id())
    }

    /// Whether this stands for everybody on a wire of datagrams.
    pub(crate) fn is_everyone(&self) -> bool {
        self.peer.wire == self.id()
    }

    /// Sends one datagram, on this thread.
    pub(crate) fn send_datagram(
        &self,
        outlet: &DatagramOutlet,
        bytes: &[u8],
        wait: Wait,
    ) -> Result<(), Error> {
        let deadline = match wait {
            Wait::Never | Wait::Answer | Wait::Offered => None,
            Wait::UpTo(limit) => Some(after(limit)),
        };
        match outlet.port.send(bytes, outlet.to, deadline) {
            None => Err(self.gone(&DisconnectReason::Stopped)),
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Error::io(format!("sending to {}", outlet.to), error)),
        }
    }

    /// Whether a message that cannot be handled at once may wait. Too many of this peer do
    /// already if it is `crowded`.
    pub(crate) fn may_wait(&self, bytes: usize, crowded: impl FnOnce() -> bool) -> Admitted {
        let Outlet::Datagram(outlet) = &self.outlet else {
            return Admitted::Stream;
        };
        let room = match crowded() {
            true => None,
            false => Room::take(&outlet.waiting, bytes, &self.wire.limits),
        };
        if room.is_none() {
            let wire = &self.wire.name;
            crate::base::log::warn_often!(
                "calls are dropped", &self.peer.origin;
                %wire, peer = %self.peer, "calls are dropped: too many wait for handlers"
            );
        }
        room.map_or(Admitted::Dropped, Admitted::Datagram)
    }
}
