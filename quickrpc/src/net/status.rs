//! Which transports are up, and changing them while the API runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::sync::lock;
use crate::call::promise::{Promise, Resolver};

use super::core::Core;
use super::lifecycle::Phase;
use super::link::Link;
use super::reactor::Command;

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

/// A transport that is being added: whoever added it waits for all of its parts.
#[derive(Debug)]
pub(crate) struct Adding {
    left: AtomicUsize,
    resolver: Resolver<()>,
}

impl Adding {
    /// One part is open, or cannot be opened.
    pub(crate) fn part(&self, opened: Result<()>) {
        let last = self.left.fetch_sub(1, Ordering::AcqRel) == 1;
        // Setting twice is no harm: the first failure counts.
        match opened {
            Err(error) => drop(self.resolver.set_error(error)),
            Ok(()) if last => drop(self.resolver.set_result(())),
            Ok(()) => {}
        }
    }
}

impl Link {
    fn status(&self) -> TransportStatus {
        TransportStatus {
            id: self.id,
            transport: Arc::clone(&self.wire.name),
            state: lock(&self.state).clone(),
        }
    }
}

impl Core {
    /// The status of every transport, in the order in which they were bound.
    pub(crate) fn status(&self) -> Vec<TransportStatus> {
        let links = lock(&self.links);
        links.iter().map(|link| link.status()).collect()
    }

    /// A transport changed: remembers it, and tells the program in its turn.
    pub(crate) fn set_state(&self, link: &Link, state: TransportState) {
        *lock(&link.state) = state;
        let Some(core) = self.me.upgrade() else {
            return;
        };
        if self.observers.watches_status() {
            let status = link.status();
            // Transports share a lane that no peer has.
            self.post(0, Box::new(move || core.observers.status(&status)), 0);
        }
    }

    /// Forgets what a transport expression bound.
    pub(crate) fn forget_links(&self, id: TransportId) {
        lock(&self.links).retain(|link| link.id != id);
        self.share_limits();
    }

    /// Adds links; opens them if the API runs.
    pub(crate) fn add_links(&self, new: Vec<Arc<Link>>) -> Promise<()> {
        let (promise, resolver) = Promise::pair();
        let mut run = lock(&self.run);
        lock(&self.links).extend(new.iter().cloned());
        self.share_limits();
        match run.phase {
            Phase::Idle => drop(resolver.set_result(())),
            Phase::Stopping => drop(resolver.set_error(Error::Stopped)),
            Phase::Starting | Phase::Running => {
                run.alive += new.len();
                let adding = Arc::new(Adding {
                    left: AtomicUsize::new(new.len()),
                    resolver,
                });
                drop(run);
                self.ask(Command::Add(new, adding));
            }
        }
        promise
    }

    /// Closes what a transport expression bound, and forgets it.
    pub(crate) fn remove_transport(&self, id: TransportId) -> Result<()> {
        let run = lock(&self.run);
        if !lock(&self.links).iter().any(|link| link.id == id) {
            return Err(Error::Config("there is no such transport".into()));
        }
        if run.phase == Phase::Idle {
            self.forget_links(id);
            return Ok(());
        }
        drop(run);
        let (promise, resolver) = Promise::pair();
        self.ask(Command::Remove(id, resolver));
        if self.delivers_here() {
            return Ok(());
        }
        promise.result()
    }
}
