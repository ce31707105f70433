//! The memory that all peers of an API share: partial input, and queued output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};

/// What all peers of an API hold together.
#[derive(Debug)]
pub(crate) struct Budget {
    /// The sum of all shares. A share may be taken back before it was added, so that the
    /// sum can be below zero for a moment.
    held: AtomicIsize,
    limit: AtomicUsize,
    /// A thread is about to make room; others need not.
    pub(crate) relieving: AtomicBool,
}

/// What one peer holds of it.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    input: AtomicUsize,
    output: AtomicUsize,
    /// The last values of its properties. Below zero where they were given up before the last of
    /// them was replaced.
    values: AtomicIsize,
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
        })
    }

    pub(crate) fn limit_to(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    pub(crate) fn limit(&self) -> usize {
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
}

impl Held {
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Held {
            budget: Arc::clone(budget),
            input: AtomicUsize::new(0),
            output: AtomicUsize::new(0),
            values: AtomicIsize::new(0),
        }
    }

    /// A value of the peer that took so many bytes is kept in place of another one. Gives true
    /// if that is more to count than before.
    pub(crate) fn value(&self, before: usize, now: usize) -> bool {
        // As with a queue. No value is larger than `isize::MAX`.
        let steps = |bytes: usize| (bytes / STEP * STEP) as isize;
        let change = steps(now) - steps(before);
        if change != 0 {
            self.values.fetch_add(change, Ordering::AcqRel);
            self.budget.held.fetch_add(change, Ordering::Relaxed);
        }
        change > 0
    }

    /// The values of the peer are given up with it.
    pub(crate) fn no_values(&self) {
        let before = self.values.swap(0, Ordering::AcqRel);
        self.budget.held.fetch_sub(before, Ordering::Relaxed);
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

    /// How much input waits for its rest, beyond a little.
    pub(crate) fn partial_input(&self) -> usize {
        self.input.load(Ordering::Relaxed)
    }

    /// What it is a share of.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// All that the peer holds.
    pub(crate) fn all(&self) -> usize {
        self.input.load(Ordering::Relaxed)
            + self.output.load(Ordering::Relaxed)
            + usize::try_from(self.values.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.change(&self.input, 0);
        self.budget.change(&self.output, 0);
        self.no_values();
    }
}
