//! What the poll thread does at a time: trying again, giving up, looking after peers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::sync::after;

use super::super::conn::Conn;
use super::{Loop, Timer};
use crate::base::reason::DisconnectReason;

/// A peer is parked for so long, and up to twice that, after the last thread has waited for
/// it: longer than the pause between two calls in a row, and shorter than people notice. With
/// 1 ms, the thread that wakes so often took a fifth of the calls that were possible.
const PARKED: Duration = Duration::from_millis(10);

/// A peer that has ended its side and is owed something is probed again after so long, and then
/// after twice as long each time.
pub(super) const PROBE: Duration = Duration::from_millis(5);
/// One who posts only after that: what it is sent can be seen by those who read responses by hand.
const PROBE_POSTER: Duration = Duration::from_millis(100);

/// When a peer that accepts nothing from now on has been stalled for too long.
pub(crate) fn stall_end(conn: &Conn) -> Instant {
    let stall = conn.wire.limits.stall;
    let end = conn.progress().checked_add(stall);
    end.unwrap_or_else(|| after(stall))
}

impl Loop {
    pub(crate) fn after(&mut self, at: Instant, timer: Timer) {
        self.timers.add(at, timer);
        if self.is_first() {
            self.net.alarm.set_earlier(at);
        }
    }

    /// When something is to be done. Of a further thread nobody else knows that.
    pub(super) fn alarm(&self) -> Option<Instant> {
        match self.is_first() {
            true => self.net.alarm.at(),
            false => self.timers.next(),
        }
    }

    pub(crate) fn time(&mut self) {
        let Some(at) = self.alarm() else {
            return;
        };
        let now = Instant::now();
        if at > now {
            return;
        }
        if self.is_first() {
            // First disarm, then look: who adds a call meanwhile arms again.
            self.net.alarm.reset(None);
            self.net.send_held();
            if let Some(next) = self.above.due(now) {
                self.net.alarm.set_earlier(next);
            }
        }
        let due = self.timers.due(now);
        if self.is_first()
            && let Some(next) = self.timers.next()
        {
            self.net.alarm.set_earlier(next);
        }
        for timer in due {
            self.due(timer);
        }
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            Timer::Reopen(link) => self.open(link),
            Timer::ConnectTimeout(link, attempt) => self.connect_timeout(link, attempt),
            Timer::NextAddress(link, attempt, left) => self.next_address(link, attempt, left),
            Timer::Accept(link) => self.accept_due(link),
            Timer::Greetings => self.expire_greetings(),
            Timer::Broker(broker) => {
                if let Some(broker) = broker.upgrade() {
                    self.tick(&broker, Instant::now());
                }
            }
            Timer::Keepalive(conn) => {
                if let Some(conn) = conn.upgrade() {
                    self.keep_alive(&conn);
                }
            }
            Timer::Greeting(conn) => {
                if let Some(conn) = conn.upgrade() {
                    self.greeting_timeout(&conn);
                }
            }
            Timer::Silence(conn, before) => {
                if let Some(conn) = conn.upgrade() {
                    self.silence(&conn, before);
                }
            }
            Timer::Session(conn) => {
                if let Some(conn) = conn.upgrade() {
                    self.look_at_session(&conn);
                }
            }
            Timer::Kept(conn) => {
                if let Some(conn) = conn.upgrade() {
                    self.net.say_kept(&conn);
                }
            }
            Timer::Parked(conn, turns) => {
                if let Some(conn) = conn.upgrade() {
                    self.look_at_parked(&conn, turns);
                }
            }
            Timer::Probe(conn, pause) => {
                if let Some(conn) = conn.upgrade() {
                    self.probe(&conn, pause);
                }
            }
            Timer::Broken(conn) => {
                if let Some(conn) = conn.upgrade() {
                    self.end_broken(&conn);
                }
            }
            Timer::Linger(conn) => {
                if let Some(conn) = conn.upgrade() {
                    self.lingered(&conn);
                }
            }
            Timer::Stall(conn) => {
                if let Some(conn) = conn.upgrade() {
                    self.look_after(&conn);
                }
            }
        }
    }

    /// A peer that nobody reads is read again when no thread has waited for it for a while,
    /// here given by how many had before.
    pub(crate) fn look_at_parked(&mut self, conn: &Arc<Conn>, before: u64) {
        let turns = conn.reading.turns();
        if turns == before {
            conn.reading.stop_parking();
            return self.reactor.unpark(conn);
        }
        let timer = Timer::Parked(Arc::downgrade(conn), turns);
        self.after(Instant::now() + PARKED, timer);
    }

    /// A peer that is owed something has ended its side.
    pub(crate) fn begin_probing(&mut self, conn: &Arc<Conn>) {
        match conn.takes_calls() {
            true => self.probe(conn, PROBE),
            false => {
                let timer = Timer::Probe(Arc::downgrade(conn), PROBE_POSTER);
                self.after(after(PROBE_POSTER), timer);
            }
        }
    }

    /// Whether a peer that has ended its side is there to take what it is owed is only found out
    /// by sending it something. One probe is not enough: a program that has closed its connection
    /// in an orderly way has read what came until then, and the system says so only of what comes
    /// later.
    pub(crate) fn probe(&mut self, conn: &Arc<Conn>, pause: Duration) {
        if !conn.is_closed() && conn.probe() {
            let timer = Timer::Probe(Arc::downgrade(conn), pause.saturating_mul(2));
            self.after(after(pause), timer);
        }
    }

    /// A peer whose queue was over its limit is given up if it has accepted nothing since.
    fn look_after(&mut self, conn: &Arc<Conn>) {
        let limits = &conn.wire.limits;
        let now = Instant::now();
        let since = now.checked_sub(limits.stall).unwrap_or(now);
        let queued = conn.backlog();
        if conn.stalled_since(since, limits.peer_queue) {
            conn.close(DisconnectReason::SlowConsumer { queued });
        } else if !conn.is_closed() && !conn.flow.leave_alone(limits.peer_queue) {
            self.after(stall_end(conn), Timer::Stall(Arc::downgrade(conn)));
        }
    }
}
