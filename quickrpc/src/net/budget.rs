//! The memory that all peers of an API share: partial input, and queued output.

use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::base::sync::lock;

use super::conn::Conn;
use super::core::Core;
use crate::base::reason::DisconnectReason;

/// What all peers of an API hold together.
#[derive(Debug)]
pub(crate) struct Budget {
    /// The sum of all shares. A share may be taken back before it was added, so that the
    /// sum can be below zero for a moment.
    held: AtomicIsize,
    limit: AtomicUsize,
    /// A thread is about to make room; others need not.
    relieving: AtomicBool,
    /// Closed peers with something left for them, which nobody else can find. A leaf in
    /// the lock order.
    ending: Mutex<Vec<Weak<Conn>>>,
}

/// What one peer holds of it.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    input: AtomicUsize,
    output: AtomicUsize,
}

/// Partial input up to this is not counted: every connection may have so much.
const FREE_INPUT: usize = 64 << 10;
/// Smaller changes of a queue are not worth touching what all threads share.
const STEP: usize = 4 << 10;

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Budget {
            held: AtomicIsize::new(0),
            limit: AtomicUsize::new(limit),
            relieving: AtomicBool::new(false),
            ending: Mutex::default(),
        })
    }

    pub(crate) fn limit_to(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn is_exceeded(&self) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        usize::try_from(held).is_ok_and(|held| held > self.limit())
    }

    fn change(&self, share: &AtomicUsize, now: usize) {
        let before = share.swap(now, Ordering::AcqRel);
        // No buffer is larger than `isize::MAX`.
        let change = (now as isize).wrapping_sub(before as isize);
        self.held.fetch_add(change, Ordering::Relaxed);
    }

    /// A peer was closed, and still gets what is queued for it.
    pub(crate) fn is_ending(&self, conn: &Arc<Conn>) {
        let mut ending = lock(&self.ending);
        if ending.len() == ending.capacity() {
            ending.retain(|one| one.strong_count() > 0);
        }
        ending.push(Arc::downgrade(conn));
    }

    fn ending(&self) -> Vec<Arc<Conn>> {
        lock(&self.ending)
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}

impl Held {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Held {
            budget: Arc::clone(budget),
            input: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
        }
    }

    /// So much is queued for the peer. Called with its sending half locked.
    pub(crate) fn output(&self, now: usize) {
        let before = self.output.load(Ordering::Relaxed);
        if now != before && (now == 0 || now.abs_diff(before) >= STEP) {
            self.budget.change(&self.output, now);
        }
    }

    /// So much input of the peer waits for its rest. Gives true if that is more to count
    /// than before.
    pub(crate) fn input(&self, now: usize) -> bool {
        let now = now.saturating_sub(FREE_INPUT);
        let before = self.input.load(Ordering::Relaxed);
        if now != before {
            self.budget.change(&self.input, now);
        }
        now > before
    }

    fn all(&self) -> usize {
        self.input.load(Ordering::Relaxed) + self.output.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.change(&self.input, 0);
        self.budget.change(&self.output, 0);
    }
}

impl Core {
    /// Input of a peer waits for its rest. Makes room if all hold too much; false if that
    /// has cost this peer its connection.
    pub(crate) fn holds_input(&self, conn: &Conn, now: usize) -> bool {
        if !conn.held.input(now) {
            return true;
        }
        self.relieve();
        // Whoever closed it meanwhile may have looked before this was counted.
        let open = !conn.is_closed();
        if !open {
            conn.held.input(0);
        }
        open
    }

    /// Disconnects the largest holders while all peers together hold more than they may.
    pub(crate) fn relieve(&self) {
        let budget = &self.budget;
        while budget.is_exceeded() && !budget.relieving.swap(true, Ordering::AcqRel) {
            let mut ended = true;
            while ended && budget.is_exceeded() {
                ended = self.end_largest();
            }
            budget.relieving.store(false, Ordering::Release);
            if !ended {
                return;
            }
        }
    }

    fn end_largest(&self) -> bool {
        let mut peers: Vec<Arc<Conn>> = lock(&self.peers).with_strangers().cloned().collect();
        peers.extend(self.budget.ending());
        let Some(largest) = peers.into_iter().max_by_key(|conn| conn.held.all()) else {
            return false;
        };
        let held = largest.held.all();
        if held == 0 {
            return false;
        }
        let limit = self.budget.limit();
        tracing::warn!(peer = %largest.peer, held, "all peers hold more than {limit} bytes");
        if !largest.close(DisconnectReason::OutOfMemory { held, limit }) {
            // Closed before; now it does not get the rest either.
            largest.drop_output();
        }
        largest.held.input(0);
        true
    }
}
