//! The stop of an API: everything ends, and is reported.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use mio::Events;

use crate::base::limits::FLUSH;
use crate::base::reason::DisconnectReason;
use crate::base::sync::{after, lock};

use super::super::conn::{Conn, Outlet};
use super::super::reactor::Command;
use super::Loop;

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
                self.drain_input(conn);
            }
        }
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

    fn drain_input(&mut self, conn: &Conn) {
        if let Outlet::Socket(stream) = &conn.outlet {
            for _ in 0..64 {
                match stream.read(&mut *self.scratch) {
                    Ok(count) if count > 0 => {}
                    _ => return,
                }
            }
        }
    }
}
