//! A thread that waits for an answer reads by itself: a call then needs no wake-up of a
//! second thread.
//!
//! It reads and settles promises. Handlers, callbacks and events that come up meanwhile
//! take their turn elsewhere, since the waiting thread may hold locks of the program.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::base::sync::{after, lock};
use crate::carrier::stream::{Spare, Stream};

use super::conn::{Conn, Outlet, Rx};
use super::core::Core;
use super::reactor::{Command, Reactor};
use super::receive::Flow;
use super::watch::{Reader, ReaderTurn, Watch};
use crate::base::reason::DisconnectReason;
use crate::base::spare;

/// Reads without sleeping for so long, and only then sleeps.
fn spinning(
    spin: Duration,
    until: Option<Instant>,
    input: &mut dyn FnMut(bool) -> io::Result<usize>,
) -> io::Result<usize> {
    let end = after(spin);
    let end = until.map_or(end, |until| until.min(end));
    loop {
        match input(false) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if Instant::now() >= end {
                    return input(true);
                }
                std::hint::spin_loop();
            }
            read => return read,
        }
    }
}

/// Where more of a large message goes.
fn room(buf: &mut Vec<u8>) -> Spare<'_> {
    buf.reserve(CHUNK);
    Spare(buf)
}

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Conn {
    /// Whether nobody has to read this peer until the next thread waits for it: there is
    /// nobody else who waits, and the peer has never sent anything but answers.
    fn may_be_parked(&self) -> bool {
        !self.has_called.load(Ordering::Relaxed) && self.attended.load(Ordering::SeqCst) == 0
    }
}

impl Reactor {
    /// The poll thread reads this peer again.
    pub(crate) fn unpark(&self, conn: &Conn) {
        conn.parked.store(false, Ordering::SeqCst);
        self.watch(conn, |watch| {
            if watch.reader == Reader::Parked {
                watch.reader = Reader::PollThread;
            }
        });
    }
}

impl Core {
    /// Reads the peer that was asked in this call until `done`, `until`, or its end.
    /// Returns at once if that cannot be done here.
    pub(crate) fn read_for(&self, call: u64, done: &dyn Fn() -> bool, until: Option<Instant>) {
        let Some(conn) = lock(&self.pending).only_asked(call) else {
            return self.attend(call, true);
        };
        let Outlet::Socket(stream) = &conn.outlet else {
            return;
        };
        // Where several threads wait, the poll thread reads for all, rather than each for a
        // while: handing over costs more than being woken.
        if conn.sleepers.load(Ordering::Relaxed) > 0 {
            return self.attend(call, true);
        }
        let Some(reactor) = self.reactor() else {
            return;
        };
        // One reads; who comes later is woken by whoever reads.
        let Some(mut rx) = lock(&conn.rx).take() else {
            return self.attend(call, true);
        };
        let turn = reactor.watch(&conn, Watch::enter);
        let flow = self.read_until(&conn, stream, &mut rx, done, until);
        *lock(&conn.rx) = Some(rx);
        self.leave(&reactor, conn, turn, flow);
    }

    /// A waiting thread has what it waited for.
    fn leave(&self, reactor: &Reactor, conn: Arc<Conn>, turn: ReaderTurn, flow: Flow) {
        if flow == Flow::Read && conn.may_be_parked() {
            reactor.watch(&conn, |watch| watch.leave(turn, Reader::Parked));
            conn.parked.store(true, Ordering::SeqCst);
            // Whoever began to wait meanwhile has seen the flag, or is seen here.
            if !conn.may_be_parked() {
                reactor.unpark(&conn);
            } else if !conn.parking.load(Ordering::Acquire)
                && !conn.parking.swap(true, Ordering::AcqRel)
            {
                reactor.ask(Command::Parked(conn));
            }
            return;
        }
        // What has arrived meanwhile, the end of the input included, is an event now.
        reactor.watch(&conn, |watch| watch.leave(turn, Reader::PollThread));
        if flow == Flow::Again {
            reactor.ask(Command::Resume(conn));
        }
    }

    /// Somebody waits for a call without reading by itself, so the poll thread has to read.
    pub(crate) fn attend(&self, call: u64, thread: bool) {
        let parked = lock(&self.pending).attend(call, thread);
        if parked.is_empty() {
            return;
        }
        if let Some(reactor) = self.reactor() {
            for conn in parked {
                reactor.unpark(&conn);
            }
        }
    }

    fn read_until(
        &self,
        conn: &Arc<Conn>,
        stream: &Stream,
        rx: &mut Rx,
        done: &dyn Fn() -> bool,
        until: Option<Instant>,
    ) -> Flow {
        // Looked at with `driven` set, so that whoever closes it meanwhile wakes us.
        if conn.is_closed()
            || conn.ended.load(Ordering::Acquire)
            || conn.stalled.load(Ordering::Acquire)
        {
            return Flow::Read;
        }
        let mut buffer = BUFFER.take();
        buffer.resize(CHUNK, 0);
        let mut flow = match rx.buf.is_empty() {
            true => Flow::Read,
            false => self.receive(conn, rx, &[]),
        };
        while !done() {
            match flow {
                Flow::Again => {
                    flow = self.receive(conn, rx, &[]);
                    continue;
                }
                Flow::Stalled | Flow::Closed => break,
                Flow::Read => {}
            }
            // The rest of a large message goes where its beginning is.
            let large = rx.buf.len() >= spare::LARGE / 2;
            let mut input = |sleep: bool| {
                let Rx { buf, timeout, .. } = &mut *rx;
                match (large, sleep) {
                    (false, false) => stream.read(&mut *buffer),
                    (false, true) => stream.read_waiting(&mut *buffer, timeout, until),
                    (true, false) => stream.read(room(buf)),
                    (true, true) => stream.read_waiting(room(buf), timeout, until),
                }
            };
            let read = match conn.wire.spin {
                Some(spin) => spinning(spin, until, &mut input),
                None => input(true),
            };
            match read {
                // The poll thread sees it too, and does what is to be done.
                Ok(0) => break,
                Ok(count) => {
                    let chunk = match large {
                        true => &[],
                        false => buffer.get(..count).unwrap_or_default(),
                    };
                    flow = self.receive(conn, rx, chunk);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if until.is_some_and(|until| until <= Instant::now()) {
                        break;
                    }
                }
                Err(error) => {
                    conn.close(DisconnectReason::Lost(Arc::new(error)));
                    break;
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

    pub(crate) fn reactor(&self) -> Option<Arc<Reactor>> {
        lock(&self.reactor).clone()
    }
}
