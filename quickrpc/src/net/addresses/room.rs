//! How much of a wire with addresses waits for its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::limits::Limits;

/// What waits of a whole wire. Addresses can be forged, so that a share for each of them is no
/// limit.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// It has so many times the share of one address.
    shares: usize,
    messages: AtomicUsize,
    bytes: AtomicUsize,
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
        }
    }
}

impl Room {
    /// `None`: too much of the wire waits.
    pub(crate) fn take(waiting: &Arc<Waiting>, bytes: usize, limits: &Limits) -> Option<Self> {
        let shares = waiting.shares;
        let full = waiting.messages.load(Ordering::Relaxed)
            >= limits.waiting_messages.saturating_mul(shares)
            || waiting.bytes.load(Ordering::Relaxed) >= limits.waiting_bytes.saturating_mul(shares);
        if full {
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
        waiting.messages.fetch_sub(1, Ordering::Relaxed);
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
