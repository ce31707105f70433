//! The stop of an API: everything ends, and is reported.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::Events;

use crate::base::limits::FLUSH;
use crate::base::reason::DisconnectReason;
use crate::base::sync::{after, lock};

use super::super::conn::{Conn, Outlet};
use super::super::reactor::Command;
use super::{LINGER, Loop};

/// Who has said nothing for so long at the end of a stop says no more.
const SILENCE: Duration = Duration::from_millis(100);

impl Loop {
    /// Ends everything, and reports it.
    pub(super) fn shut_down(mut self) {
        self.net.send_held();
        // Handlers leave time for what comes after them: when one does not return, only
        // its thread is named as still running.
        let limit = self.net.stop_limit();
        let deadline = after(limit - FLUSH.min(limit / 4));
        #[cfg(test)]
        assert!(!self.net.ends_badly.load(Ordering::Relaxed), "again");
        self.net.running.store(false, Ordering::Release);
        self.stop_others();
        self.sources.close_listeners();
        // Peers that have just come are told of like others, before their end is.
        let (came, mut commands): (Vec<_>, Vec<_>) = self
            .reactor
            .take_commands()
            .into_iter()
            .partition(|command| matches!(command, Command::Adopt(_)));
        for command in came {
            if let Command::Adopt(conn) = command {
                self.adopt(conn);
            }
        }
        self.net.dismiss_companions();
        self.above.stopping(deadline);
        let (ended, asked) = self.left_by_others(deadline);
        commands.extend(asked);
        // Also those that have ended and still take their answers.
        let mut peers = lock(&self.net.peers).close();
        peers.extend(self.leave_brokers());
        peers.extend(ended);
        let ended = self.sources.peers().filter(|conn| conn.is_closed());
        peers.extend(ended.cloned());
        for conn in &peers {
            self.net.say_last(conn);
        }
        self.flush_all(&peers);
        // As for handlers that run: what fails is told while there is somebody to hear it.
        for conn in &peers {
            conn.await_outcome(deadline);
        }
        for conn in &peers {
            conn.close(DisconnectReason::Stopped);
        }
        for link in 0..self.links.len() {
            self.close_link(link);
        }
        // The last events; `closing` has asked for them, or is about to.
        let leaving = {
            let mut table = lock(&self.net.peers);
            for conn in &peers {
                table.remove(conn);
            }
            table.take_leaving()
        };
        commands.extend(self.reactor.take_commands());
        for conn in leaving {
            self.net.farewell(&*self.above, &conn);
        }
        for command in commands {
            match command {
                Command::Finish(conn) => self.net.farewell(&*self.above, &conn),
                Command::Call(call) => call(),
                _ => {}
            }
        }
        self.above.stopped(deadline);
        for conn in &peers {
            if let Outlet::Socket(stream) = &conn.outlet {
                // Closing may have had something to say.
                conn.flush(false);
                stream.shutdown_write();
            }
        }
        self.hear_out(&peers);
        self.dismiss_others();
        let failure = self.failure.take();
        let net = Arc::clone(&self.net);
        // Descriptors are closed before anybody hears that it has stopped.
        drop(peers);
        drop(self);
        net.await_companions();
        // And the other threads of this run have ended, as far as they do.
        net.threads.join(deadline);
        crate::base::log::tell_counts();
        net.stopped(failure);
    }

    /// Answers leave, as far as the peers take them.
    fn flush_all(&mut self, peers: &[Arc<Conn>]) {
        let deadline = Instant::now() + FLUSH.min(self.net.stop_limit() / 4);
        let mut events = Events::with_capacity(256);
        loop {
            let left: usize = peers.iter().map(|conn| conn.flush(true)).sum();
            let now = Instant::now();
            if left == 0 || now >= deadline {
                return;
            }
            // Wakes when a socket has room again, or when a writer thread has written all.
            if let Err(error) = self.poll.poll(&mut events, Some(deadline - now))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return;
            }
        }
    }

    /// Throws away what comes until the peers have ended their side, too, or have been silent for a moment. A
    /// system that has unread input when a connection is closed, or gets some after that, tells the other side of
    /// an error, and what was still on the way there is lost.
    fn hear_out(&mut self, peers: &[Arc<Conn>]) {
        let end = Instant::now() + LINGER.min(self.net.stop_limit() / 4);
        let mut silent = Instant::now() + SILENCE;
        let mut left: Vec<_> = peers.iter().collect();
        left.retain(|conn| matches!(conn.outlet, Outlet::Socket(_)));
        for conn in &left {
            // So that there are events of it.
            conn.reading.stop_parking();
            if let Some(reactor) = self.net.reactor_of(conn) {
                reactor.unpark(conn);
            }
        }
        let mut events = Events::with_capacity(256);
        loop {
            let mut some = false;
            left.retain(|conn| self.throw_away(conn, &mut some));
            let now = Instant::now();
            let mut left_for_it = end.min(silent).saturating_duration_since(now);
            if some {
                silent = now + SILENCE;
                // There may be more.
                left_for_it = Duration::ZERO;
            }
            if left.is_empty() || now >= end.min(silent) {
                return;
            }
            if let Err(error) = self.poll.poll(&mut events, Some(left_for_it))
                && error.kind() != io::ErrorKind::Interrupted
            {
                return;
            }
        }
    }

    /// Throws away what has come of a peer. Gives whether there may be more.
    fn throw_away(&mut self, conn: &Conn, some: &mut bool) -> bool {
        let Outlet::Socket(stream) = &conn.outlet else {
            return false;
        };
        for _ in 0..64 {
            match stream.discard(&mut self.scratch) {
                Ok(0) => return false,
                Ok(_) => *some = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }
}
