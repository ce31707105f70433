//! How bytes leave for a peer.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use super::queue::{Collects, Queued, Wait};
use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::base::sender::Credentials;
use crate::carrier::pipe::{AtOnce, Outcome};
use crate::carrier::stream::Stream;
use crate::carrier::sys::unix;
use crate::carrier::udp::UdpPort;
use crate::net::addresses::room::Waiting;
use crate::wire::broker::ReplyTo;
use crate::wire::session::{About, Here};

/// How bytes leave.
pub(crate) enum Outlet {
    /// Written on the sending thread; the poll thread flushes the rest.
    Socket(Stream),
    /// Written by a thread of its own.
    Writer(WriterOutlet),
    /// Sent on the sending thread as a datagram; nothing is connected.
    Datagram(DatagramOutlet),
    /// Sent by the connection to a broker, which is no peer itself.
    Broker(BrokerOutlet),
}

impl Outlet {
    /// Whether others share the connection that leads to it.
    pub(crate) fn is_behind_broker(&self) -> bool {
        matches!(self, Outlet::Broker(_))
    }

    /// Whether what is sent to it goes to one of several.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Outlet::Broker(outlet) if matches!(outlet.at, At::Any))
    }

    /// Whether it is behind a broker that keeps the values of properties.
    pub(crate) fn keeps_values(&self) -> bool {
        matches!(self, Outlet::Broker(outlet) if outlet.keeps_values)
    }

    /// Whether it stands for all of those.
    pub(crate) fn keeps_for_all(&self) -> bool {
        matches!(self, Outlet::Broker(outlet) if outlet.keeps_values && outlet.at == At::All)
    }

    /// Who is at the other end, where the system tells.
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        match self {
            Outlet::Socket(Stream::Unix(stream)) => unix::credentials(stream),
            _ => None,
        }
    }

    /// Where our end is.
    pub(crate) fn here(&self) -> Option<Here> {
        match self {
            Outlet::Socket(stream) => stream.here(),
            _ => None,
        }
    }

    /// What was learnt of the other end when the connection was made.
    pub(crate) fn secinfo(&self) -> Option<Arc<SecInfo>> {
        match self {
            Outlet::Socket(stream) => stream.secinfo().map(Arc::new),
            _ => None,
        }
    }
}

/// How something leaves by a thread that writes.
pub(crate) struct WriterOutlet {
    /// Wakes the threads of the transport when the peer is closed; it is told whether what is queued
    /// is still to be written.
    pub(crate) end: Box<dyn Fn(bool) + Send + Sync>,
    /// What need not wait for that thread.
    pub(crate) at_once: Option<AtOnce>,
    /// What becomes of it, where that is found out.
    pub(crate) outcome: Option<Outcome>,
}

/// How a datagram leaves: from where, and where to.
#[derive(Debug)]
pub(crate) struct DatagramOutlet {
    pub(crate) port: Arc<UdpPort>,
    pub(crate) to: SocketAddr,
    /// What of its wire waits.
    pub(crate) waiting: Arc<Waiting>,
}

/// What carries messages to peers behind it.
pub(crate) trait Carries: fmt::Debug + Send + Sync {
    /// Sends one to the peer with this number, framed and sealed already.
    ///
    /// # Errors
    ///
    /// As sending to a peer.
    fn send(
        &self,
        to: (u64, &At),
        about: About<'_>,
        payload: &[u8],
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error>;

    /// Sends what is queued, as [`Conn::flush`](super::Conn::flush).
    fn flush(&self, writable: bool) -> usize;

    /// How many are there, as far as is known.
    fn members(&self) -> usize;
}

/// How something leaves by a broker.
#[derive(Debug)]
pub(crate) struct BrokerOutlet {
    pub(crate) by: Weak<dyn Carries>,
    pub(crate) at: At,
    /// What of its wire waits.
    pub(crate) waiting: Arc<Waiting>,
    /// Whether the broker keeps the values of properties, once for all of them.
    pub(crate) keeps_values: bool,
}

/// Whom something is for that leaves by a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    /// Everybody.
    All,
    /// One of those who serve it.
    Any,
    /// A peer that has said where its answers go.
    Peer(Arc<str>),
    /// Whoever has this name, of whom nothing has been heard.
    Named(Arc<str>),
    /// Somebody who has asked something, and is answered there.
    Reply(Arc<ReplyTo>),
    /// Somebody who has said something, and cannot be answered.
    Nowhere,
}
