//! Which transports are up.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::error::Error;

/// Names what one transport expression bound, to remove it again: given by
/// [`Api::add_transport`](crate::Api::add_transport), and part of a [`TransportStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransportId(u64);

static NEXT: AtomicU64 = AtomicU64::new(1);

impl TransportId {
    pub(crate) fn next() -> Self {
        TransportId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// How one transport is; a `mux:` has a status for each of its parts.
///
/// From [`Api::status`](crate::Api::status) and [`Api::on_status`](crate::Api::on_status).
///
/// ```
/// # use quickrpc::remote_api;
/// # #[remote_api]
/// # trait Lab { #[incoming] fn measure(&self) -> f64; }
/// use quickrpc::TransportState;
///
/// # fn main() -> quickrpc::Result<()> {
/// let api = Lab::bind("jrpc", "mux:(tcpserv:127.0.0.1:0)(internal:status:lab)")?;
/// let [server, bus] = &*api.status() else { panic!() };
/// assert_eq!(server.to_string(), "tcpserv:127.0.0.1:0: stopped");
/// assert_eq!(server.id, bus.id); // bound by one expression
/// api.start()?;
/// assert!(api.status().iter().all(|one| matches!(one.state, TransportState::Up)));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TransportStatus {
    /// What it was bound with; the parts of a mux share it.
    pub id: TransportId,
    /// The transport's expression, without `restart:` around it.
    pub transport: Arc<str>,
    /// Whether it is up.
    pub state: TransportState,
}

/// Whether a transport is up.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum TransportState {
    /// Not started, or stopped.
    #[default]
    Stopped,
    /// Being opened.
    Opening,
    /// Open: a server listens, a client is connected.
    Up,
    /// Failed or ended; since it is behind `restart:`, it is opened again after the time given.
    Down {
        /// What happened.
        reason: Error,
        /// The time between that and the next attempt. It does not count down.
        retry_in: Duration,
    },
    /// Ended, and not to come again: it is not behind `restart:`.
    Ended {
        /// What happened, unless it was an orderly end.
        reason: Option<Error>,
    },
}

impl TransportStatus {
    /// What names the transport: its expression, as [`Sender::wire`](crate::Sender::wire) says of its
    /// peers.
    pub fn name(&self) -> &str {
        &self.transport
    }
}

impl fmt::Display for TransportStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.transport)?;
        match &self.state {
            TransportState::Stopped => f.write_str("stopped"),
            TransportState::Opening => f.write_str("opening"),
            TransportState::Up => f.write_str("up"),
            TransportState::Down { reason, retry_in } => {
                write!(f, "down ({reason}); trying again in {retry_in:?}")
            }
            TransportState::Ended { reason: None } => f.write_str("ended"),
            TransportState::Ended {
                reason: Some(reason),
            } => write!(f, "ended ({reason})"),
        }
    }
}
