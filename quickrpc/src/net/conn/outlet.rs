//! How bytes leave for a peer.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::security::SecInfo;
use crate::base::sender::Credentials;
use crate::carrier::stream::Stream;
use crate::carrier::sys::unix;
use crate::carrier::udp::UdpPort;
use crate::net::addresses::room::Waiting;

/// How bytes leave.
pub(crate) enum Outlet {
    /// Written on the sending thread; the poll thread flushes the rest.
    Socket(Stream),
    /// Written by a thread of its own. The function wakes the threads of the transport
    /// when the peer is closed, and says whether what is queued is still to be written.
    Writer(Box<dyn Fn(bool) + Send + Sync>),
    /// Sent on the sending thread as a datagram; nothing is connected.
    Datagram(DatagramOutlet),
}

impl Outlet {
    /// Who is at the other end, where the system tells.
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        match self {
            Outlet::Socket(Stream::Unix(stream)) => unix::credentials(stream),
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

/// How a datagram leaves: from where, and where to.
#[derive(Debug)]
pub(crate) struct DatagramOutlet {
    pub(crate) port: Arc<UdpPort>,
    pub(crate) to: SocketAddr,
    /// What of its wire waits.
    pub(crate) waiting: Arc<Waiting>,
}
