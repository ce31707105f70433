//! Connected peers as the table of pending calls sees them.

use std::sync::atomic::Ordering;

use crate::net::conn::Conn;

use super::pending::Peer;

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
