//! Connected peers as the table of pending calls sees them, and asking them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::error::Result;
use crate::base::sync::lock;
use crate::net::conn::Conn;

use super::calls::Calls;
use super::pending::Peer;
use super::promise::PendingCall;

impl Peer for Conn {
    #[inline]
    fn id(&self) -> u64 {
        Conn::id(self)
    }

    #[inline]
    fn answers_for(&self, other: &Self) -> bool {
        Conn::answers_for(self, other)
    }

    #[inline]
    fn answerers(&self) -> Option<usize> {
        Conn::answerers(self)
    }

    fn is_all(&self) -> bool {
        self.is_everyone() && Conn::answerers(self).is_some()
    }

    #[inline]
    fn is_addressed(&self) -> bool {
        Conn::is_addressed(self)
    }

    #[inline]
    fn limit(&self) -> usize {
        self.wire.limits.pending_calls_per_peer
    }

    #[inline]
    fn asked(&self) -> usize {
        self.flow.asked()
    }

    #[inline]
    fn ask(&self, id: u64) {
        self.last_asked.store(id, Ordering::Relaxed);
        self.flow.ask();
    }

    fn last_asked(&self) -> u64 {
        self.last_asked.load(Ordering::Relaxed)
    }

    #[inline]
    fn unask(&self, attended: bool, asleep: bool) {
        self.flow.answered();
        if attended {
            self.reading.neglect();
        }
        if asleep {
            self.reading.awake();
        }
    }

    fn missed(&self) {
        self.missed_answer();
    }

    #[inline]
    fn attend(&self, first: bool, sleeps: bool) -> bool {
        if sleeps {
            self.reading.sleep();
        }
        match first {
            true => self.reading.attend(),
            false => self.reading.is_parked(),
        }
    }
}

impl Calls {
    /// Puts a call into the table of pending ones, before it is sent.
    pub(super) fn admit(
        &self,
        id: u64,
        call: Arc<dyn PendingCall>,
        peers: &[Arc<Conn>],
    ) -> Result<()> {
        let deadline = call.deadline();
        let limit = self.net.shared.pending_calls();
        let look = lock(&self.pending).insert(id, call, peers, deadline, limit)?;
        for conn in peers {
            conn.resume_awaited();
        }
        if let Some(look) = look
            && self.net.alarm.set_earlier(look)
            && let Some(reactor) = self.net.reactor()
        {
            reactor.wake();
        }
        self.fail_lost(id, peers)
    }

    /// These are asked in a call that is pending already.
    pub(super) fn ask_now(&self, id: u64, peers: &[Arc<Conn>]) -> Result<()> {
        let parked = lock(&self.pending).ask(id, peers)?;
        for conn in peers {
            conn.resume_awaited();
        }
        if !parked.is_empty() {
            self.net.unpark(&parked);
        }
        self.fail_lost(id, peers)
    }

    /// A peer that was lost before it was asked was not seen by those who fail its calls.
    fn fail_lost(&self, id: u64, peers: &[Arc<Conn>]) -> Result<()> {
        for conn in peers {
            let Some(reason) = conn.lost_for_calls() else {
                continue;
            };
            let error = conn.gone(&reason);
            self.fail_call(conn, Some(id), error.clone());
            if let [_] = peers {
                return Err(error);
            }
        }
        Ok(())
    }
}
