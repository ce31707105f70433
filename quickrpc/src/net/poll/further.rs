//! Further poll threads: they have connections, and nothing else.
//!
//! The first has the links, the listeners, what connects or greets, the deadlines, the start and the
//! stop. Who becomes a peer belongs to the thread with the fewest connections, for good
//! (`Conn::thread`): the first tells the program of it, counts it, and hands its socket over
//! ([`Loop::watch`]). A further thread reads it, flushes it, and ends it; then the first hears that
//! it is gone (`Command::Forgotten`). So the first knows how many peers a link has, and when a client
//! has to come again.
//!
//! That a peer was closed is heard by the first, who hands that over too: it comes behind the socket
//! then, whoever has closed the peer meanwhile.
//!
//! At a stop, further threads stop reading, and say so. Their sockets stay with them until the first
//! has ended all peers: they only tell it when one has room again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use mio::Events;

use crate::base::foreign;

use super::super::above::Above;
use super::super::conn::Conn;
use super::super::lifecycle::POLL_THREAD;
use super::super::link::Link;
use super::super::reactor::{Command, Reactor};
use super::{Ended, Loop, Others};
use crate::net::net::Net;

impl Loop {
    /// What all poll threads own, the first one first.
    pub(crate) fn all(
        net: &Arc<Net>,
        above: &Arc<dyn Above>,
        links: Vec<Arc<Link>>,
    ) -> io::Result<Vec<Self>> {
        let (tell, hear) = crossbeam_channel::unbounded();
        let of = || (Arc::clone(net), Arc::clone(above));
        let mut all = vec![Loop::new(of(), 0, links, Others::Hears(hear))?];
        for number in 1..net.io_threads {
            let others = Others::Tells(tell.clone());
            all.push(Loop::new(of(), number, Vec::new(), others)?);
        }
        Ok(all)
    }

    /// The name of its thread.
    pub(crate) fn name(&self) -> String {
        match self.number {
            0 => POLL_THREAD.to_owned(),
            number => format!("{POLL_THREAD}-{}", number + 1),
        }
    }

    pub(super) fn is_first(&self) -> bool {
        self.number == 0
    }

    /// The poll thread that has this peer, if it is another one.
    pub(super) fn elsewhere(&self, conn: &Conn) -> Option<Arc<Reactor>> {
        match conn.thread() == self.number {
            true => None,
            false => self.net.reactor_of(conn),
        }
    }

    pub(super) fn run_further(mut self) {
        if let Err(text) = foreign::attempt(|| self.turns()) {
            self.net.died(&self.name(), &text);
        }
        self.stay();
    }

    /// Reads nothing any more, until the first has ended all peers.
    fn stay(self) {
        let ended = self.sources.peers().filter(|conn| conn.is_closed());
        let ended = ended.cloned().collect();
        if let Others::Tells(tell) = self.others {
            // If it could not wait for that, it has ended them.
            tell.send(ended).ok();
        }
        let (reactor, mut poll) = (self.reactor, self.poll);
        let mut events = Events::with_capacity(256);
        while !reactor.is_dismissed() {
            if let Err(error) = poll.poll(&mut events, None)
                && error.kind() != io::ErrorKind::Interrupted
            {
                break;
            }
            // Perhaps for room in a socket.
            if let Some(first) = self.net.reactor() {
                first.wake();
            }
        }
    }

    // ---- for the first

    fn further(&self) -> Vec<Arc<Reactor>> {
        self.net.reactors_behind_the_first()
    }

    /// The others stop reading.
    pub(super) fn stop_others(&self) {
        for one in self.further() {
            one.ask(Command::Stop);
        }
    }

    /// Waits until they have. Gives those of their peers that have ended, and what was asked of them
    /// in vain.
    pub(super) fn left_by_others(&self, deadline: Instant) -> (Ended, Vec<Command>) {
        let (mut ended, mut commands) = (Ended::new(), Vec::new());
        if let Others::Hears(hear) = &self.others {
            while let Ok(more) = hear.recv_deadline(deadline) {
                ended.extend(more);
            }
        }
        for command in self.further().iter().flat_map(|one| one.take_commands()) {
            match command {
                // Closed before it was there.
                Command::Adopt(conn) if conn.is_closed() => ended.push(conn),
                other => commands.push(other),
            }
        }
        (ended, commands)
    }

    /// The others end.
    pub(super) fn dismiss_others(&self) {
        for one in self.further() {
            one.dismiss();
        }
    }

    /// The socket of a peer is closed.
    pub(super) fn let_go(&mut self, conn: &Arc<Conn>) {
        self.reactor.connections.fetch_sub(1, Ordering::Relaxed);
        match self.is_first() {
            true => self.peer_gone(conn),
            false => self.net.ask(Command::Forgotten(Arc::clone(conn))),
        }
    }
}
