//! Deadlines of calls, the earliest first. No I/O in it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

/// The deadline and the id of a call.
type Deadline = (Instant, u64);

/// So many may be left over of calls that have gone, beside as many as there are calls.
const SLACK: usize = 64;

/// Deadlines, with those of some calls that have gone already: a call is nearly always
/// answered long before its deadline, and must not pay for finding that again.
///
/// Calls mostly have the same timeout, so that their deadlines come in their order: those
/// are in a ring, where the oldest and the newest go at once. Any other is in a heap.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    ring: VecDeque<Deadline>,
    heap: BinaryHeap<Reverse<Deadline>>,
}

impl Deadlines {
    pub(super) fn push(&mut self, at: Instant, id: u64) {
        match self.ring.back() {
            Some((last, _)) if *last > at => self.heap.push(Reverse((at, id))),
            _ => self.ring.push_back((at, id)),
        }
    }

    /// A call has gone. Its deadline goes now if that is cheap, and later if not.
    pub(super) fn forget(&mut self, id: u64) {
        match (self.ring.back(), self.ring.front()) {
            (Some((_, last)), _) if *last == id => {
                self.ring.pop_back();
            }
            (_, Some((_, first))) if *first == id => {
                self.ring.pop_front();
            }
            _ => {}
        }
    }

    /// Throws away what is left of calls that have gone if that is more than half, of so
    /// many calls: each push pays for a part of it.
    pub(super) fn tidy(&mut self, calls: usize, is_pending: impl Fn(u64) -> bool) {
        if self.ring.len() + self.heap.len() <= 2 * calls + SLACK {
            return;
        }
        self.ring.retain(|(_, id)| is_pending(*id));
        self.heap.retain(|Reverse((_, id))| is_pending(*id));
    }

    /// The earliest deadline of a call that is pending.
    pub(super) fn next(&mut self, is_pending: impl Fn(u64) -> bool) -> Option<Deadline> {
        while self.ring.front().is_some_and(|(_, id)| !is_pending(*id)) {
            self.ring.pop_front();
        }
        while self.heap.peek().is_some_and(|one| !is_pending(one.0.1)) {
            self.heap.pop();
        }
        self.earliest()
    }

    /// Takes out what [`next`](Deadlines::next) gave.
    pub(super) fn pop(&mut self) {
        let earliest = self.earliest();
        if self.ring.front().copied() == earliest {
            self.ring.pop_front();
        } else {
            self.heap.pop();
        }
    }

    fn earliest(&self) -> Option<Deadline> {
        let first = self.ring.front().copied();
        let least = self.heap.peek().map(|one| one.0);
        match (first, least) {
            (Some(first), Some(least)) => Some(first.min(least)),
            (first, least) => first.or(least),
        }
    }

    /// How many there are, with those that are left over.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ring.len() + self.heap.len()
    }
}
