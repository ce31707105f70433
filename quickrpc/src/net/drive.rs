//! A thread that waits for an answer reads by itself: a call then needs no wake-up of a
//! second thread.
//!
//! It reads and settles promises. Handlers, callbacks and events that come up meanwhile
//! take their turn elsewhere, since the waiting thread may hold locks of the program.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::sync::after;
use crate::carrier::stream::{Place, Stream};
use crate::carrier::sys;

use super::above::Above;
use super::conn::{Conn, Outlet, Rx};
use super::conn::{Parked, ReadBy, ReaderTurn, Watch};
use super::pump::{CHUNK, Flow, Pumped};
use super::reactor::{Command, Reactor};
use crate::net::net::Net;

/// Reads without sleeping for so long, and only then sleeps.
fn spinning(
    spin: Duration,
    until: Option<Instant>,
    stream: &Stream,
    mut place: Place<'_>,
    timeout: &mut Option<Duration>,
) -> io::Result<usize> {
    let end = after(spin);
    let end = until.map_or(end, |until| until.min(end));
    loop {
        match stream.read(place.again()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if Instant::now() >= end {
                    return stream.read_waiting(place, timeout, until);
                }
                std::hint::spin_loop();
            }
            read => return read,
        }
    }
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Reactor {
    /// The poll thread reads this peer again.
    pub(crate) fn unpark(&self, conn: &Conn) {
        conn.reading.unpark();
        self.watch(conn, Watch::unpark);
    }
}

impl Net {
    /// Reads a peer on this thread, which waits for an answer of it, until `done`, `until`, or
    /// its end. Gives false if somebody else has to do it.
    pub(crate) fn read_for(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        done: &dyn Fn() -> bool,
        until: Option<Instant>,
    ) -> bool {
        let Outlet::Socket(stream) = &conn.outlet else {
            return true;
        };
        // Where several threads wait, the poll thread reads for all, rather than each for a
        // while: handing over costs more than being woken.
        if !sys::WAITERS_READ || conn.reading.has_sleepers() {
            return false;
        }
        let Some(reactor) = self.reactor_of(conn) else {
            return true;
        };
        // One reads; who comes later is woken by whoever reads.
        let Some(mut rx) = conn.reading.take() else {
            return false;
        };
        let turn = reactor.watch(conn, Watch::enter);
        let flow = self.read_until(above, conn, stream, &mut rx, done, until);
        conn.reading.give_back(rx);
        self.leave(&reactor, conn, turn, flow);
        true
    }

    /// A waiting thread has what it waited for.
    fn leave(&self, reactor: &Reactor, conn: &Arc<Conn>, turn: ReaderTurn, flow: Flow) {
        if flow == Flow::Read && conn.reading.may_be_parked() {
            reactor.watch(conn, |watch| watch.leave(turn, ReadBy::Parked));
            match conn.reading.park() {
                Parked::Attended => reactor.unpark(conn),
                Parked::Untold => reactor.ask(Command::Parked(Arc::clone(conn))),
                Parked::Told => {}
            }
            return;
        }
        // What has arrived meanwhile, the end of the input included, is an event now.
        reactor.watch(conn, |watch| watch.leave(turn, ReadBy::PollThread));
        // Room may have come while nobody else could read.
        let resumed = flow == Flow::Stalled && !conn.flow.is_stalled_after_all();
        if flow == Flow::Again || resumed {
            reactor.ask(Command::Resume(Arc::clone(conn)));
        }
    }

    /// The poll thread reads these peers again.
    pub(crate) fn unpark(&self, parked: &[Arc<Conn>]) {
        for conn in parked {
            if let Some(reactor) = self.reactor_of(conn) {
                reactor.unpark(conn);
            }
        }
    }

    fn read_until(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        stream: &Stream,
        rx: &mut Rx,
        done: &dyn Fn() -> bool,
        until: Option<Instant>,
    ) -> Flow {
        // This thread has said that it reads, so that whoever closes it meanwhile wakes us.
        if conn.end.is_over_for_reader() {
            return Flow::Read;
        }
        if conn.flow.is_stalled() {
            return Flow::Stalled;
        }
        let mut buffer = BUFFER.take();
        buffer.resize(CHUNK, 0);
        let mut flow = match rx.buf.is_empty() {
            true => Flow::Read,
            false => self.receive(above, conn, rx, &[]),
        };
        while !done() {
            match flow {
                Flow::Again => {
                    flow = self.receive(above, conn, rx, &[]);
                    continue;
                }
                Flow::Stalled | Flow::Closed => break,
                Flow::Read => {}
            }
            let read = |place: Place<'_>, timeout: &mut _| match conn.wire.spin {
                Some(spin) => spinning(spin, until, stream, place, timeout),
                None => stream.read_waiting(place, timeout, until),
            };
            match self.pump(above, conn, rx, &mut buffer, read) {
                // The poll thread sees it too, and does what is to be done.
                Pumped::End => break,
                Pumped::Read(_, next) => flow = next,
                Pumped::Nothing => {
                    if until.is_some_and(|until| until <= Instant::now()) {
                        break;
                    }
                }
            }
        }
        BUFFER.set(buffer);
        // The poll thread hears only of what is in the socket.
        match flow {
            Flow::Read if stream.has_unread() => Flow::Again,
            flow => flow,
        }
    }
}
