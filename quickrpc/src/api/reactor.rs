//! What other threads ask of the poll thread.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use mio::{Registry, Waker};

use crate::error::Error;
use crate::promise::Resolver;
use crate::sync::lock;

use super::conn::Conn;
use super::link::Link;
use super::status::{Adding, TransportId};

/// A wish of another thread.
pub(crate) enum Command {
    /// A name was resolved for an attempt of a link.
    Resolved(usize, u64, io::Result<Vec<SocketAddr>>),
    /// A link without sockets is open, or could not be opened.
    Opened(usize, Result<(), Error>),
    /// The writer thread of this peer has written everything, and ended.
    Written(Arc<Conn>),
    /// Read and flush this peer's socket from now on.
    Adopt(Arc<Conn>),
    /// This peer was closed for sending; end it in all ways.
    Finish(Arc<Conn>),
    /// There is room for more messages of this peer.
    Resume(Arc<Conn>),
    /// This peer's queue is over its limit.
    Watch(Arc<Conn>),
    /// Open further links; whoever added them waits.
    Add(Vec<Arc<Link>>, Arc<Adding>),
    /// Close the links of a transport and forget them; whoever removes it waits.
    Remove(TransportId, Resolver<()>),
    /// A companion has started, or could not.
    Accompanied(Result<(), Error>),
    /// Something waits for its turn and nobody has it.
    Drain,
    /// End everything.
    Stop,
}

/// The handle of a poll thread.
pub(crate) struct Reactor {
    waker: Waker,
    registry: Registry,
    /// Guards the list of wishes; a leaf in the lock order.
    commands: Mutex<Vec<Command>>,
    /// When the poll thread wakes by itself, in nanoseconds since `epoch`. Only moved
    /// earlier by other threads: a stale expiry costs one wake-up, while re-arming would
    /// cost one for each call.
    armed: AtomicU64,
    epoch: Instant,
}

impl Reactor {
    pub(crate) fn new(waker: Waker, registry: Registry) -> Self {
        Reactor {
            waker,
            registry,
            commands: Mutex::default(),
            armed: AtomicU64::new(u64::MAX),
            epoch: Instant::now(),
        }
    }

    /// For changing what is watched, on any thread.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn ask(&self, command: Command) {
        lock(&self.commands).push(command);
        self.wake();
    }

    pub(crate) fn take_commands(&self) -> Vec<Command> {
        std::mem::take(&mut *lock(&self.commands))
    }

    /// Makes sure that the poll thread looks at deadlines at this time.
    pub(crate) fn arm(&self, deadline: Instant) {
        let at = self.nanos(deadline);
        if self.armed.fetch_min(at, Ordering::AcqRel) > at {
            self.wake();
        }
    }

    /// For the poll thread: sets the time of the next look at deadlines. Calls that come
    /// in between are seen, since they are in the table before they arm.
    pub(crate) fn rearm(&self, deadline: Option<Instant>) {
        let at = deadline.map_or(u64::MAX, |deadline| self.nanos(deadline));
        self.armed.store(at, Ordering::Release);
    }

    /// For the poll thread: like `arm`, but without waking itself.
    pub(crate) fn arm_here(&self, deadline: Instant) {
        self.armed.fetch_min(self.nanos(deadline), Ordering::AcqRel);
    }

    pub(crate) fn armed(&self) -> Option<Instant> {
        match self.armed.load(Ordering::Acquire) {
            u64::MAX => None,
            nanos => Some(self.epoch + std::time::Duration::from_nanos(nanos)),
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch).as_nanos();
        // One less than "never"; 584 years are far enough.
        u64::try_from(since).unwrap_or(u64::MAX - 1)
    }

    fn wake(&self) {
        // Fails only when the system is out of memory; the next wake-up sees the wish.
        if let Err(error) = self.waker.wake() {
            tracing::error!("cannot wake the poll thread: {error}");
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("armed", &self.armed())
            .finish()
    }
}
