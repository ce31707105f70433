//! Peers that are addresses on a wire of datagrams.

use super::{
    At, BrokerOutlet, Collects, Conn, Content, DatagramOutlet, Outlet, Queued, Speech, Wait,
};
use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::net::addresses::room::Room;
use crate::wire::session::About;

/// What happens to a message that cannot be handled at once.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// It waits, and takes up this room of its wire. A stream has none; it is not read while too much of it
    /// waits.
    Waits(Option<Room>),
    /// Too much waits.
    Dropped,
}

impl Conn {
    /// Whether an answer of this one is an answer to what `other` was asked: they are the
    /// same, or `other` stands for everybody on the wire that this is an address of.
    pub(crate) fn answers_for(&self, other: &Conn) -> bool {
        self.id() == other.id()
            || (self.peer.wire != 0
                && (self.peer.wire == other.id()
                    || (self.peer.wire == other.peer.wire && other.outlet.is_shared())))
    }

    /// Whether it is an address, or stands for several: nothing is connected there.
    pub(crate) fn is_addressed(&self) -> bool {
        self.peer.wire != 0
    }

    /// Whether it is the connection to a broker.
    pub(crate) fn is_line(&self) -> bool {
        matches!(self.speech, Speech::Line)
    }

    /// How many may answer what it is asked, where that is known.
    pub(crate) fn answerers(&self) -> Option<usize> {
        match &self.outlet {
            Outlet::Broker(outlet) => match outlet.at {
                At::All => outlet.by.upgrade().map(|by| by.members().max(1)),
                _ => Some(1),
            },
            _ => None,
        }
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
        match outlet.port.send(bytes, outlet.to, wait.deadline()) {
            None => Err(self.gone(&DisconnectReason::Stopped)),
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Error::io(format!("sending to {}", outlet.to), error)),
        }
    }

    /// Sends one message by a broker.
    pub(crate) fn send_by_broker(
        &self,
        outlet: &BrokerOutlet,
        out: &mut Vec<u8>,
        content: Content<'_>,
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        if let Some(reason) = self.closed() {
            return Err(self.gone(&reason));
        }
        let Some(by) = outlet.by.upgrade() else {
            let text = "the transport has ended";
            return Err(self.gone(&DisconnectReason::Transport(text.into())));
        };
        let about = match content {
            Content::Said(about, _) | Content::Payload(about, _) => about,
            // Nobody greets here.
            Content::Framed(_) | Content::Nothing | Content::Plain(..) => {
                About::Kept { last: true }
            }
        };
        let finished = self.finish(content, None, out);
        let payload = finished.inspect_err(|error| self.refuse_broken(error))?;
        let to = (self.id(), &outlet.at);
        by.send(to, about, payload, wait, collects)
    }

    /// A message behind a broker was dropped. Gives whether it is the first since it had caught up.
    pub(crate) fn overflows(&self) -> bool {
        match &self.outlet {
            Outlet::Broker(outlet) => outlet.waiting.overflows(),
            _ => false,
        }
    }

    /// Whether a message that cannot be handled at once may wait. Too many of this peer do
    /// already if it is `crowded`.
    pub(crate) fn may_wait(&self, bytes: usize, crowded: impl FnOnce() -> bool) -> Admitted {
        let limits = &self.wire.limits;
        let (waiting, is_full) = match &self.outlet {
            Outlet::Datagram(outlet) => (&outlet.waiting, crowded()),
            // Nothing is lost on the way there, so one peer may have what others do not need.
            Outlet::Broker(outlet) => {
                let waiting = &outlet.waiting;
                (waiting, waiting.is_half_full(limits) && crowded())
            }
            Outlet::Socket(_) | Outlet::Writer(_) => return Admitted::Waits(None),
        };
        let room = match is_full {
            true => None,
            false => Room::take(waiting, bytes, limits),
        };
        if room.is_none() {
            let wire = &self.wire.name;
            crate::base::log::warn_often!(
                "calls are dropped", &self.peer.origin;
                %wire, peer = %self.peer, "calls are dropped: too many wait for handlers"
            );
        }
        room.map_or(Admitted::Dropped, |room| Admitted::Waits(Some(room)))
    }
}
