//! What the poll thread is told about a peer's socket.

use std::sync::atomic::Ordering;

use mio::{Interest, Token};

use crate::sync::lock;

use super::conn::{Conn, Outlet};
use super::reactor::Reactor;

/// The reasons for which a socket is watched, or not.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) token: Option<Token>,
    /// A thread that waits for an answer reads it.
    pub(crate) driven: bool,
    /// It takes no more bytes for now.
    pub(crate) blocked: bool,
}

impl Watch {
    /// Readiness for writing is asked for only when it is missed: a socket that is always
    /// ready would report it with each change.
    pub(crate) fn interest(&self) -> Interest {
        match (self.driven, self.blocked) {
            (false, false) => Interest::READABLE,
            (false, true) => Interest::READABLE | Interest::WRITABLE,
            (true, true) => Interest::WRITABLE,
            // Something has to be asked for; nobody sends urgent data.
            (true, false) => Interest::PRIORITY,
        }
    }
}

impl Reactor {
    /// Changes what is watched. Edge-triggered: what is ready at that time is reported.
    pub(crate) fn watch(&self, conn: &Conn, change: impl FnOnce(&mut Watch)) {
        let mut watch = lock(&conn.watch);
        let before = watch.interest();
        change(&mut watch);
        conn.driven.store(watch.driven, Ordering::SeqCst);
        let after = watch.interest();
        if let (Some(token), Outlet::Socket(stream)) = (watch.token, &conn.outlet)
            && before != after
            && let Err(error) = stream.reregister(self.registry(), token, after)
        {
            tracing::error!(peer = %conn.peer, "cannot watch the socket: {error}");
        }
    }
}
