//! The end of a peer, which is one way from wherever it begins.
//!
//! 1. Perhaps the peer ends its side (`Net::end_of_input`): our calls to it fail, and what it
//!    had sent is handled. When the last answer that it is owed has left (`Conn::settled`), it is
//!    closed.
//! 2. It is closed (`Conn::close`), on any thread: for that reason or another one, nothing more
//!    is accepted for it, and whoever waits in the system for it is woken.
//! 3. The network hears of it (`Keeper::closing`), on the same thread: it is out of the table of
//!    peers, and our calls to it fail. It is leaving until the poll thread has been asked; a stop
//!    sees to those who still are.
//! 4. The poll thread that has it hears of it (`Command::Finish`, [`Loop::finish`]): it tells the program,
//!    and lets what is queued leave, if the reason allows that.
//! 5. When that has left ([`Loop::linger`]), it says so to the peer, and throws away what still
//!    comes ([`Loop::discard`]) until the peer has ended its side too, or for a while
//!    ([`Loop::lingered`]).
//! 6. The connection is closed ([`Loop::forget`]), and the link hears of it.
//!
//! Where the system takes nothing more for a peer, that is not yet its end: what had arrived is read first
//! ([`Loop::read_broken`]), as somebody may have said much and left before he heard the answers.
//!
//! A peer with threads of its own has two ends, which come in any order: the farewell, and the
//! last byte that is written ([`Loop::pipe_ended`]).

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::base::sync::after;

use super::super::conn::{Conn, Outlet};
use super::super::link::Leaf;
use super::{LINGER, Loop, Timer};

impl Loop {
    /// The peer was closed for sending: tells the program, and lets the rest leave.
    pub(super) fn finish(&mut self, conn: Arc<Conn>) {
        conn.drop_input();
        if conn.is_line() {
            self.line_ended(&conn);
        } else {
            self.net.farewell(&*self.above, &conn);
        }
        if let Outlet::Broker(_) = conn.outlet {
            return self.forget_behind(&conn);
        }
        let keeps = conn.closed().is_some_and(|reason| reason.keeps_queue());
        let is_socket = matches!(conn.outlet, Outlet::Socket(_));
        if is_socket && !keeps {
            return self.forget(&conn);
        }
        let at = after(conn.wire.limits.stall.max(LINGER));
        self.after(at, Timer::Linger(Arc::downgrade(&conn)));
        if !is_socket {
            return self.pipe_ended(&conn);
        }
        if conn.flush(false) == 0 {
            self.linger(&conn);
        }
    }

    /// The system takes nothing more for a peer. What it has sent is read, up to its end or an error.
    pub(super) fn read_broken(&mut self, conn: &Arc<Conn>) {
        conn.reading.stop_parking();
        self.reactor.unpark(conn);
        self.after(Instant::now() + LINGER, Timer::Broken(Arc::downgrade(conn)));
        // Without waiting for an event, which may have come before.
        self.read_again(conn);
    }

    /// There was time for that, unless more is still to be handled.
    pub(super) fn end_broken(&mut self, conn: &Arc<Conn>) {
        let goes_on = || self.ready.iter().any(|one| one.id() == conn.id());
        if !conn.is_closed() && (conn.flow.is_stalled() || goes_on()) {
            self.after(Instant::now() + LINGER, Timer::Broken(Arc::downgrade(conn)));
        } else {
            conn.close_broken();
        }
    }

    /// One of the two ends of a peer with threads of its own: the farewell, and the last
    /// byte written. The link has ended with the second.
    pub(super) fn pipe_ended(&mut self, conn: &Arc<Conn>) {
        if conn.end.half_is_over() {
            let reason = conn.closed().map(|reason| conn.gone(&reason));
            self.ended(conn.link, reason);
        }
    }

    /// All is sent: says so to the peer, and waits a little for its end.
    pub(super) fn linger(&mut self, conn: &Arc<Conn>) {
        if let Outlet::Socket(stream) = &conn.outlet {
            stream.shutdown_write();
            self.after(Instant::now() + LINGER, Timer::Linger(Arc::downgrade(conn)));
        }
        self.discard(conn);
    }

    /// The time of an ended peer is over, if it takes no more of what is left for it.
    pub(super) fn lingered(&mut self, conn: &Arc<Conn>) {
        let now = Instant::now();
        let stall = conn.wire.limits.stall;
        let since = now.checked_sub(stall).unwrap_or(now);
        if conn.backlog() == 0 || conn.stalled_since(since, 1) {
            return self.forget(conn);
        }
        self.after(after(stall), Timer::Linger(Arc::downgrade(conn)));
    }

    /// Throws away what an ended peer still sends, until its end.
    pub(super) fn discard(&mut self, conn: &Arc<Conn>) {
        let Outlet::Socket(stream) = &conn.outlet else {
            return;
        };
        for _ in 0..16 {
            match stream.read(&mut *self.scratch) {
                Ok(0) if conn.backlog() == 0 => return self.forget(conn),
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.forget(conn),
            }
        }
        self.read_again(conn);
    }

    /// The end of a peer's socket.
    fn forget(&mut self, conn: &Arc<Conn>) {
        let Some(token) = conn.reading.abandon() else {
            // One with threads of its own, whose writer may be held up.
            return conn.drop_output();
        };
        self.sources.remove(token.0);
        if let Outlet::Socket(stream) = &conn.outlet {
            stream.deregister(self.poll.registry());
        }
        // Whoever still has the peer in hand keeps the descriptor, not the connection, and
        // none of its memory.
        conn.drop_output();
        self.ready.retain(|one| one.id() != conn.id());
        self.let_go(conn);
    }

    /// A peer of a link is gone: the end of a client, and room for a server.
    pub(super) fn peer_gone(&mut self, conn: &Arc<Conn>) {
        let link = conn.link;
        if let Some(state) = self.states.get_mut(link) {
            state.peers -= 1;
        }
        match self.links.get(link).map(|link| &link.transport) {
            Some(leaf) if leaf.is_server() => self.accept_again(link),
            Some(Leaf::Tcp { .. } | Leaf::Unix(_) | Leaf::Broker(_)) => {
                let reason = conn.closed().map(|reason| conn.gone(&reason));
                self.ended(link, reason);
            }
            _ => {}
        }
    }
}
