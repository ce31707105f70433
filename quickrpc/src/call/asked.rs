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
    fn limit(&self) -> usize {
        self.wire.limits.pending_calls_per_peer
    }

    #[inline]
    fn asked(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
    }

    #[inline]
    fn ask(&self, id: u64) {
        self.last_asked.store(id, Ordering::Relaxed);
        // Pairs with `resume_awaited`.
        self.pending.fetch_add(1, Ordering::SeqCst);
    }

    #[inline]
    fn unask(&self, attended: bool, asleep: bool) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
        if attended {
            self.attended.fetch_sub(1, Ordering::Relaxed);
        }
        if asleep {
            self.sleepers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[inline]
    fn attend(&self, first: bool, sleeps: bool) -> bool {
        if sleeps {
            self.sleepers.fetch_add(1, Ordering::Relaxed);
        }
        if first {
            self.attended.fetch_add(1, Ordering::SeqCst);
        }
        self.parked.load(Ordering::SeqCst)
    }
}
