//! Who reads a peer's socket, and what the poll thread is told about it.

use std::sync::atomic::Ordering;

use mio::{Interest, Token};

use crate::base::sync::lock;

use super::conn::{Conn, Outlet};
use super::reactor::Reactor;

/// The reasons for which a socket is watched, or not.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) token: Option<Token>,
    pub(crate) reader: Reader,
    /// Counts the waiting threads that have read.
    turn: u64,
    /// It takes no more bytes for now.
    pub(crate) blocked: bool,
}

/// Who reads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    #[default]
    PollThread,
    /// A thread that waits for an answer.
    Waiter,
    /// Nobody: a waiter has just left, and the next one is expected.
    Parked,
}

/// The right to read a peer, of one waiting thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReaderTurn(u64);

impl Watch {
    /// What the poll thread is told about. Readiness for writing only when it is missed: a
    /// socket that is always ready would report it with each change.
    ///
    /// `None` is really nothing. To ask for urgent data, which nobody sends, would be cheaper
    /// to change, but the system wakes the thread for any data then, and lets it find out
    /// that it was none of its business.
    pub(crate) fn interest(&self) -> Option<Interest> {
        match (self.reader, self.blocked) {
            (Reader::PollThread, false) => Some(Interest::READABLE),
            (Reader::PollThread, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (_, true) => Some(Interest::WRITABLE),
            (_, false) => None,
        }
    }

    /// A waiting thread reads from now on.
    pub(crate) fn enter(&mut self) -> ReaderTurn {
        self.reader = Reader::Waiter;
        self.turn += 1;
        ReaderTurn(self.turn)
    }

    /// A waiting thread leaves it to another, unless one has come already.
    pub(crate) fn leave(&mut self, turn: ReaderTurn, to: Reader) {
        if self.turn == turn.0 {
            self.reader = to;
        }
    }

    /// How many waiting threads have read.
    pub(crate) fn turns(&self) -> u64 {
        self.turn
    }
}

impl Reactor {
    /// Changes what is watched. Edge-triggered: what is ready at that time is reported.
    pub(crate) fn watch<R>(&self, conn: &Conn, change: impl FnOnce(&mut Watch) -> R) -> R {
        let mut watch = lock(&conn.watch);
        let before = watch.interest();
        let result = change(&mut watch);
        let waiter = watch.reader == Reader::Waiter;
        if conn.driven.load(Ordering::Relaxed) != waiter {
            conn.driven.store(waiter, Ordering::SeqCst);
        }
        let after = watch.interest();
        if let (Some(token), Outlet::Socket(stream)) = (watch.token, &conn.outlet)
            && before != after
        {
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
                tracing::error!(peer = %conn.peer, "cannot watch the socket: {error}");
            }
        }
        result
    }
}
