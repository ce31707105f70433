//! The poll thread of an API, for all its sockets, timers and peer events; or several of them
//! ([`further`]).

mod broker;
mod datagrams;
mod ending;
mod further;
mod greeting;
mod stopping;
mod time;

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::{Events, Poll, Token, Waker};

use crate::base::error::Error;
use crate::base::foreign;
use crate::base::sync::after;
use crate::carrier::stream::Place;

use super::above::Above;
use super::adding::Adding;
use super::addresses::broker::Broker;
use super::conn::{Conn, Outlet, Said};
use super::greeting::Greetings;
use super::lifecycle::POLL_THREAD;
use super::link::Link;
use super::pump::{CHUNK, Flow, Pumped};
use super::race::Race;
use super::reactor::{Command, Reactor};
use super::sources::{Source, Sources};
use super::status::TransportState;
use super::timers::Timers;
use crate::base::here;
use crate::base::reason::DisconnectReason;
use crate::carrier::names::Asked;
use crate::carrier::pipe::Wakers;
use crate::carrier::sys;
use crate::net::net::Net;

const WAKER: Token = Token(usize::MAX);
/// Bytes that a connection may bring in one round.
const ROUND: usize = CHUNK;
/// After the end of a connection, its unread input is thrown away for so long, since
/// closing with unread input would destroy what was sent last.
const LINGER: Duration = Duration::from_secs(1);

/// Peers that have ended, and may still take what is left for them.
type Ended = Vec<Arc<Conn>>;

/// What the poll threads of an API are to each other.
enum Others {
    /// The first hears of those that do not read any more.
    Hears(Receiver<Ended>),
    Tells(Sender<Ended>),
}

/// What a poll thread owns.
pub(crate) struct Loop {
    /// 0 for the first, which alone has links.
    number: usize,
    others: Others,
    pub(crate) net: Arc<Net>,
    /// Who hears of everything.
    pub(crate) above: Arc<dyn Above>,
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) poll: Poll,
    /// Grows while the API runs, and never moves.
    pub(crate) links: Vec<Arc<Link>>,
    pub(crate) states: Vec<LinkState>,
    pub(crate) sources: Sources,
    /// Peers with more to read than fitted their round.
    ready: Vec<Arc<Conn>>,
    pub(crate) greetings: Greetings,
    pub(crate) timers: Timers<Timer>,
    /// Sockets of datagrams that had more than fitted their round, by token.
    pub(crate) more_datagrams: BTreeSet<usize>,
    pub(crate) scratch: Box<[u8]>,
    /// Companions that have not started yet; `None` before they are started.
    pub(crate) companions_left: Option<usize>,
    /// Why starting failed.
    pub(crate) failure: Option<Error>,
    stop: bool,
    /// Until when input is looked for without sleeping.
    spin: Option<Instant>,
}

/// How far a link is.
#[derive(Debug, Default)]
pub(crate) struct LinkState {
    /// Its first attempt is over.
    pub(crate) tried: bool,
    /// It cannot come again.
    pub(crate) over: bool,
    /// Failed attempts in a row.
    pub(crate) failures: u32,
    /// When it was opened, while it is.
    pub(crate) opened: Option<Instant>,
    /// Attempts in a row that have failed, or led to a connection that did not last.
    pub(crate) in_vain: u32,
    /// The last pause between two attempts.
    pub(crate) paused: Duration,
    /// It is connected, and waits for its greeting.
    pub(crate) greeting: bool,
    /// Counts the openings, so that old news are told from new.
    pub(crate) attempt: u64,
    /// Its host's name is being looked up.
    pub(crate) asked: Option<Asked>,
    /// The addresses of its host are being tried.
    pub(crate) race: Option<Race>,
    /// Its connected peers.
    pub(crate) peers: usize,
    /// Whoever added it waits for its first attempt.
    pub(crate) adding: Option<Arc<Adding>>,
    /// When it accepts by a timer.
    pub(crate) accepts_at: Option<Instant>,
    /// Since when the system has had no descriptor left, and how often that was seen.
    pub(crate) outage: Option<(Instant, u64)>,
    /// The broker that it is connected to.
    pub(crate) broker: Option<Arc<Broker>>,
    /// Its threads, where it has some.
    pub(crate) pipe: Option<Arc<Wakers>>,
}

#[derive(Debug)]
pub(crate) enum Timer {
    /// Open the link again.
    Reopen(usize),
    /// Give up connecting, if this attempt still goes on.
    ConnectTimeout(usize, u64),
    /// Try the next address, if this attempt still goes on and so many are left.
    NextAddress(usize, u64, usize),
    /// Look whether a peer with a full queue has accepted anything. Timers outlive most
    /// peers, and must not keep their descriptors open.
    Stall(Weak<Conn>),
    /// Forget an ended peer, unless it still takes what is left for it.
    Linger(Weak<Conn>),
    /// Probe a peer that has ended its side, and again after so long.
    Probe(Weak<Conn>, Duration),
    /// Close a peer for which the system takes nothing more, when all that it has sent was read.
    Broken(Weak<Conn>),
    /// Give up a peer that is not greeted yet.
    Greeting(Weak<Conn>),
    /// Give up a peer that has said nothing since, told by what it had said.
    Silence(Weak<Conn>, Said),
    /// Ask the session of a peer what is due.
    Session(Weak<Conn>),
    /// Have the session of a peer say what it has kept.
    Kept(Weak<Conn>),
    /// Read a peer again that nobody reads, if nobody has waited for it since.
    Parked(Weak<Conn>, u64),
    /// Send something if nothing was sent lately.
    Keepalive(Weak<Conn>),
    /// Accept again after the system had no descriptor left.
    Accept(usize),
    /// Look after a broker, and those behind it.
    Broker(Weak<Broker>),
    /// Give up connections that have greeted for too long.
    Greetings,
}

impl Loop {
    fn new(
        (net, above): (Arc<Net>, Arc<dyn Above>),
        number: usize,
        links: Vec<Arc<Link>>,
        others: Others,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let reactor = Arc::new(Reactor::new(waker, poll.registry().try_clone()?));
        Ok(Loop {
            number,
            others,
            net,
            above,
            reactor,
            poll,
            states: links.iter().map(|_| LinkState::default()).collect(),
            links,
            sources: Sources::default(),
            ready: Vec::new(),
            greetings: Greetings::default(),
            timers: Timers::default(),
            more_datagrams: BTreeSet::new(),
            scratch: vec![0; ROUND].into(),
            companions_left: None,
            failure: None,
            stop: false,
            spin: None,
        })
    }

    pub(crate) fn run(mut self) {
        here::reads_from_now_on(self.net.id);
        if !self.is_first() {
            return self.run_further();
        }
        if let Err(text) = foreign::attempt(|| self.turns()) {
            // With what it has, it can still end in an orderly way.
            self.fail(Error::Panicked {
                thread: POLL_THREAD.into(),
                reason: text.into(),
            });
        }
        self.shut_down();
    }

    /// The API stops, though nobody has asked for it.
    fn fail(&mut self, error: Error) {
        crate::base::log::error!("the API stops: {error}");
        if !self.is_first() {
            return self.net.end_for(error);
        }
        for link in &self.links {
            let reason = Some(error.clone());
            self.net.set_state(link, TransportState::Ended { reason });
        }
        self.failure.get_or_insert(error);
    }

    fn turns(&mut self) {
        for link in 0..self.links.len() {
            self.open(link);
        }
        let mut events = Events::with_capacity(256);
        while !self.stop {
            let timeout = self.wait_briefly();
            if let Err(error) = self.poll.poll(&mut events, timeout) {
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return self.fail(Error::io("polling", error));
            }
            let commands = self.reactor.take_commands();
            if !commands.is_empty() {
                commands.into_iter().for_each(|one| self.command(one));
            }
            for event in &events {
                let ended = event.is_read_closed() || event.is_error();
                let readable = event.is_readable() || ended;
                self.event(event.token(), readable, event.is_writable(), ended);
                if event.is_write_closed() || event.is_error() {
                    self.dead(event.token());
                }
            }
            self.sources.recycle();
            self.net.send_held_if_asked();
            if !self.ready.is_empty() {
                for conn in std::mem::take(&mut self.ready) {
                    conn.reading.unlist();
                    self.read(&conn, true);
                }
            }
            self.go_on_greetings();
            if !self.more_datagrams.is_empty() {
                for token in std::mem::take(&mut self.more_datagrams) {
                    self.read_datagrams(token);
                }
            }
            self.time();
        }
    }

    /// Sleeps where that is for less than what `Poll` counts in. Gives what is left for it.
    fn wait_briefly(&mut self) -> Option<Duration> {
        let timeout = self.timeout();
        match timeout {
            Some(brief) if !brief.is_zero() && brief < Duration::from_millis(1) => {
                // If it fails, what is due comes a moment later.
                match sys::wait_for_events(self.poll.registry(), brief) {
                    Ok(()) => Some(Duration::ZERO),
                    Err(_) => timeout,
                }
            }
            _ => timeout,
        }
    }

    fn timeout(&mut self) -> Option<Duration> {
        let more = !self.ready.is_empty() || !self.more_datagrams.is_empty();
        if more || self.greetings.go_on() || self.spins() {
            return Some(Duration::ZERO);
        }
        let alarm = self.alarm();
        alarm.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether input is looked for without sleeping.
    fn spins(&mut self) -> bool {
        self.spin = self.spin.filter(|until| Instant::now() < *until);
        self.spin.is_some()
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Resolved(link, attempt, addresses) => {
                self.resolved(link, attempt, addresses);
            }
            Command::Listening(link, attempt, listener) => {
                self.listening(link, attempt, listener);
            }
            Command::Opened(link, Ok(())) => self.opened(link),
            Command::Opened(link, Err(error)) => self.failed(link, error),
            Command::Written(conn) => self.pipe_ended(&conn),
            Command::Adopt(conn) => match self.is_first() {
                true => self.adopt(conn),
                false => self.register(&conn),
            },
            Command::Greeting(conn) => self.greeting(&conn),
            Command::Greeted(conn) => self.greeted(&conn),
            Command::Finish(conn) => match self.elsewhere(&conn) {
                Some(other) => other.ask(Command::Finish(conn)),
                None => self.finish(conn),
            },
            Command::Forgotten(conn) => self.peer_gone(&conn),
            Command::Resume(conn) => self.read_again(&conn),
            Command::Broken(conn) => self.read_broken(&conn),
            Command::Parked(conn) => self.look_at_parked(&conn, 0),
            Command::Doubt(conn) => self.doubt(&conn),
            Command::Probe(conn) => self.begin_probing(&conn),
            Command::LookAfter(conn) => {
                let at = time::stall_end(&conn);
                self.after(at, Timer::Stall(Arc::downgrade(&conn)));
            }
            Command::Room(conn) => {
                self.net.say_kept(&conn);
                self.above.room(&conn);
                if conn.is_line() {
                    self.room_behind(&conn);
                }
            }
            Command::Serve => self.serve(),
            Command::SayLater(conn, at) => self.after(at, Timer::Kept(Arc::downgrade(&conn))),
            Command::Add(links, adding) => self.add(links, &adding),
            Command::Remove(id, removed) => self.remove(id, removed),
            Command::Accompanied(started) => self.accompanied(started),
            Command::Run => self.above.run(),
            Command::Call(call) => call(),
            #[cfg(test)]
            Command::Panic => panic!("as a test wants it"),
            Command::Stop => self.stop = true,
        }
    }

    fn event(&mut self, token: Token, readable: bool, writable: bool, ended: bool) {
        match self.sources.get(token.0) {
            Some(Source::Peer(conn)) => {
                let conn = Arc::clone(conn);
                if let Some(spin) = conn.wire.spin {
                    self.spin = self.spin.max(Some(after(spin)));
                }
                if writable {
                    self.flush(&conn);
                }
                if readable {
                    self.read(&conn, ended);
                }
            }
            Some(Source::Listener { link, .. }) => {
                let link = *link;
                self.accept(token.0, link);
            }
            Some(Source::Connecting { .. }) => self.connecting(token.0),
            Some(Source::Greeting(greeted)) if readable || greeted.stream.waits_for_room() => {
                self.go_on_greeting(token.0);
            }
            Some(Source::Datagrams { .. }) => self.read_datagrams(token.0),
            Some(Source::Greeting(_)) | None => {}
        }
    }

    // ---- peers

    /// Registers a new peer's socket, and tells the program of it.
    pub(crate) fn adopt(&mut self, conn: Arc<Conn>) {
        // Before the first read, so that it precedes the peer's first call.
        self.net.announce(&*self.above, &conn);
        if let Some(interval) = conn.wire.keepalive {
            let at = after(interval / 2);
            self.after(at, Timer::Keepalive(Arc::downgrade(&conn)));
        }
        self.look_at_session(&conn);
        self.watch(&conn);
    }

    /// A socket is read and flushed from now on, by the thread that it belongs to.
    pub(crate) fn watch(&mut self, conn: &Arc<Conn>) {
        if !matches!(conn.outlet, Outlet::Socket(_)) {
            return;
        }
        if let Some(state) = self.states.get_mut(conn.link) {
            state.peers += 1;
        }
        match self.elsewhere(conn) {
            Some(other) => {
                other.connections.fetch_add(1, Ordering::Relaxed);
                other.ask(Command::Adopt(Arc::clone(conn)));
            }
            None => {
                self.reactor.connections.fetch_add(1, Ordering::Relaxed);
                self.register(conn);
            }
        }
    }

    fn register(&mut self, conn: &Arc<Conn>) {
        let Outlet::Socket(stream) = &conn.outlet else {
            return;
        };
        let token = self.sources.insert(Source::Peer(Arc::clone(conn)));
        let (token, registry) = (Token(token), self.poll.registry());
        let registered = conn.reading.adopt(token, |interest| {
            stream.adopt()?;
            match interest {
                Some(interest) => stream.register(registry, token, interest),
                // Somebody waits for an answer already.
                None => Ok(()),
            }
        });
        if let Err(error) = registered {
            conn.close(DisconnectReason::Lost(Arc::new(error)));
        }
    }

    /// Twice an interval: sends something if nothing was sent since the last time, so
    /// that silence never lasts longer than the interval.
    fn keep_alive(&mut self, conn: &Arc<Conn>) {
        let Some(interval) = conn.wire.keepalive else {
            return;
        };
        if conn.is_closed() {
            return;
        }
        if let Some(bytes) = conn.wire.idle() {
            conn.keep_alive(&bytes);
        }
        let at = after(interval / 2);
        self.after(at, Timer::Keepalive(Arc::downgrade(conn)));
    }

    /// The system says that this socket takes nothing any more. A peer that had ended its side
    /// before, and was owed something, is gone for good.
    fn dead(&mut self, token: Token) {
        if let Some(Source::Peer(conn)) = self.sources.get(token.0)
            && conn.end.has_ended()
        {
            let error = io::Error::from(io::ErrorKind::ConnectionReset);
            conn.close(DisconnectReason::Lost(Arc::new(error)));
        }
    }

    fn flush(&mut self, conn: &Arc<Conn>) {
        let left = conn.flush(true);
        if left == 0 && conn.is_closed() {
            self.linger(conn);
        }
    }

    /// Reads what is there, up to a round, and handles it. Without `to_the_end`, a read
    /// that does not fill the buffer was the last: what comes later is a new event
    /// (epoll(7), questions and answers, 9).
    fn read(&mut self, conn: &Arc<Conn>, to_the_end: bool) {
        let Outlet::Socket(stream) = &conn.outlet else {
            return;
        };
        // What arrives meanwhile is read when there is room, which asks for it.
        if conn.flow.is_stalled() && !conn.is_closed() {
            return;
        }
        let Some(mut rx) = conn.reading.take() else {
            return;
        };
        let mut flow = if conn.is_closed() {
            Flow::Closed
        } else if rx.buf.is_empty() {
            Flow::Read
        } else {
            // Messages may be left from the last round.
            self.net.receive(&*self.above, conn, &mut rx, &[])
        };
        let to_the_end = to_the_end || stream.reads_in_parts();
        let mut left = ROUND;
        let mut ended = conn.end.has_ended();
        while flow == Flow::Read && left > 0 && !ended {
            let room = self.scratch.len();
            let buffer = &mut *self.scratch;
            let read = |place: Place<'_>, _: &mut _| stream.read(place);
            match self.net.pump(&*self.above, conn, &mut rx, buffer, read) {
                Pumped::End => ended = true,
                Pumped::Nothing => break,
                Pumped::Read(count, next) => {
                    left = match count {
                        // What came was for nobody, and is a round.
                        0 => 0,
                        _ => left.saturating_sub(count),
                    };
                    flow = next;
                    if !to_the_end && count > 0 && count < room {
                        break;
                    }
                }
            }
        }
        let more = flow == Flow::Again || (flow == Flow::Read && left == 0);
        let truncated = ended && flow == Flow::Read && rx.is_within_message();
        if flow == Flow::Closed || truncated {
            rx.clear();
            conn.drop_input();
        }
        conn.reading.give_back(rx);
        if ended && flow == Flow::Read {
            if truncated {
                self.net.truncated(&*self.above, conn);
            }
            self.net
                .end_of_input(&*self.above, conn, DisconnectReason::EndOfInput);
        } else if flow == Flow::Closed {
            self.discard(conn);
        } else if more {
            self.read_again(conn);
        }
    }

    /// Reads more of a peer in the next round.
    pub(crate) fn read_again(&mut self, conn: &Arc<Conn>) {
        if conn.reading.list() {
            self.ready.push(Arc::clone(conn));
        }
    }
}
