//! What other threads ask of a poll thread.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use mio::{Registry, Waker};

use crate::base::error::Error;
use crate::base::often::Origin;
use crate::base::sync::lock;
use crate::carrier::listener::Listener;

use super::above::Done;
use super::adding::Adding;
use super::conn::{Conn, Outlet, Watch};
use super::link::Link;
use super::status::TransportId;

/// A wish of another thread.
pub(crate) enum Command {
    /// A name was resolved for an attempt of a link.
    Resolved(usize, u64, io::Result<Vec<SocketAddr>>),
    /// A listener was made for an attempt of a link, or could not be.
    Listening(usize, u64, io::Result<Listener>),
    /// A link without sockets is open, or could not be opened.
    Opened(usize, Result<(), Error>),
    /// The writer thread of this peer has written everything, and ended.
    Written(Arc<Conn>),
    /// Read and flush this peer's socket from now on.
    Adopt(Arc<Conn>),
    /// The greeting with this peer has begun.
    Greeting(Arc<Conn>),
    /// The greeting with this peer is over.
    Greeted(Arc<Conn>),
    /// This peer was closed for sending; end it in all ways.
    Finish(Arc<Conn>),
    /// The socket of this peer, which another poll thread had, is closed.
    Forgotten(Arc<Conn>),
    /// There is room for more messages of this peer.
    Resume(Arc<Conn>),
    /// The system takes nothing more for this peer; what it has sent is read.
    Broken(Arc<Conn>),
    /// Nobody reads this peer, since a thread is expected that waits for it.
    Parked(Arc<Conn>),
    /// This peer may have fallen silent.
    Doubt(Arc<Conn>),
    /// This peer has ended its side: does it take what it is owed?
    Probe(Arc<Conn>),
    /// This peer's queue is full.
    LookAfter(Arc<Conn>),
    /// This peer has room for what it was offered in vain.
    Room(Arc<Conn>),
    /// This peer's session has kept something until then.
    SayLater(Arc<Conn>, Instant),
    /// Open further links; whoever added them waits.
    Add(Vec<Arc<Link>>, Arc<Adding>),
    /// Close the links of a transport and forget them; whoever removes it waits.
    Remove(TransportId, Done),
    /// A companion has started, or could not.
    Accompanied(Result<(), Error>),
    /// Other methods than before have a handler.
    Serve,
    /// Something waits for its turn and nobody has it.
    Run,
    /// Call this.
    Call(Box<dyn FnOnce() + Send>),
    /// End everything; a further poll thread only stops reading.
    Stop,
    /// A mistake of this library.
    #[cfg(test)]
    Panic,
}

/// The handle of a poll thread.
pub(crate) struct Reactor {
    waker: Waker,
    registry: Registry,
    /// Guards the list of wishes; a leaf in the lock order.
    commands: Mutex<Vec<Command>>,
    /// How many connections its thread has.
    pub(crate) connections: AtomicUsize,
    /// Its thread is to end: nobody needs it any more.
    over: AtomicBool,
}

impl Reactor {
    pub(crate) fn new(waker: Waker, registry: Registry) -> Self {
        Reactor {
            waker,
            registry,
            commands: Mutex::default(),
            connections: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// Its thread ends; one that still reads, first stops that.
    pub(crate) fn dismiss(&self) {
        self.over.store(true, Ordering::Release);
        self.ask(Command::Stop);
    }

    pub(crate) fn is_dismissed(&self) -> bool {
        self.over.load(Ordering::Acquire)
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

    pub(crate) fn wake(&self) {
        // Fails only when the system is out of memory; the next wake-up sees the wish.
        if let Err(error) = self.waker.wake() {
            crate::base::log::error_often!(
                "cannot wake the poll thread", &Origin::Anybody;
                "cannot wake the poll thread: {error}"
            );
        }
    }
}

impl Reactor {
    /// Changes what is watched. Edge-triggered: what is ready at that time is reported.
    pub(crate) fn watch<R>(&self, conn: &Conn, change: impl FnOnce(&mut Watch) -> R) -> R {
        conn.reading.change(change, |token, before, after| {
            let Outlet::Socket(stream) = &conn.outlet else {
                return;
            };
            let registry = self.registry();
            let changed = match (before, after) {
                (_, None) => {
                    stream.deregister(registry);
                    Ok(())
                }
                (None, Some(interest)) => stream.register(registry, token, interest),
                (Some(_), Some(interest)) => stream.reregister(registry, token, interest),
            };
            if let Err(error) = changed {
                crate::base::log::error_often!(
                    "cannot watch a socket", &conn.peer.origin;
                    peer = %conn.peer(), "cannot watch the socket: {error}"
                );
            }
        })
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor").finish_non_exhaustive()
    }
}
