//! How much of a wire with addresses waits for its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::base::limits::Limits;

/// What waits of a whole wire. Addresses can be forged, so that a share for each of them is no
/// limit.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// It has so many times the share of one address.
    shares: usize,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    /// Something was dropped since nothing waited the last time.
    overflows: AtomicBool,
}

/// Room for one message, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    waiting: Arc<Waiting>,
    bytes: usize,
}

impl Waiting {
    pub(crate) fn new(shares: usize) -> Self {
        Waiting {
            shares,
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            overflows: AtomicBool::new(false),
        }
    }

    /// Whether half of what may wait of the wire does, or more.
    pub(crate) fn is_half_full(&self, limits: &Limits) -> bool {
        self.holds(limits, self.shares.div_ceil(2))
    }

    /// Whether so many shares wait.
    fn holds(&self, limits: &Limits, shares: usize) -> bool {
        self.messages.load(Ordering::Relaxed) >= limits.waiting_messages.saturating_mul(shares)
            || self.bytes.load(Ordering::Relaxed) >= limits.waiting_bytes.saturating_mul(shares)
    }

    /// Something is dropped. Gives whether it is the first since nothing waited.
    pub(crate) fn overflows(&self) -> bool {
        !self.overflows.swap(true, Ordering::Relaxed)
    }
}

impl Room {
    /// `None`: too much of the wire waits.
    pub(crate) fn take(waiting: &Arc<Waiting>, bytes: usize, limits: &Limits) -> Option<Self> {
        if waiting.holds(limits, waiting.shares) {
            return None;
        }
        waiting.messages.fetch_add(1, Ordering::Relaxed);
        waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(Room {
            waiting: Arc::clone(waiting),
            bytes,
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let waiting = &self.waiting;
        if waiting.messages.fetch_sub(1, Ordering::Relaxed) == 1 {
            waiting.overflows.store(false, Ordering::Relaxed);
        }
        waiting.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_has_room_for_so_much() {
        let waiting = Arc::new(Waiting::new(4));
        let limits = Limits {
            waiting_messages: 1,
            ..Limits::default()
        };
        let take = || Room::take(&waiting, 10, &limits);
        let mut taken: Vec<_> = (0..4).map(|_| take().unwrap()).collect();
        assert!(take().is_none());
        taken.pop();
        assert!(take().is_some());
    }
}
