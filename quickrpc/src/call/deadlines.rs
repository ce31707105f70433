//! When calls are due, in order. No I/O in it.
//!
//! Deadlines nearly always come in rising order, and calls are nearly always answered before
//! theirs, the oldest first. So most of them go through a ring, where the first one leaves as it
//! came; what comes out of order is in a heap. What is answered out of order stays until it is
//! first, or until most of what is there is stale.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

/// Fewer stale entries than this are not worth looking for.
const STALE: usize = 64;

/// The deadlines of calls that may be pending.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// In rising order.
    ring: VecDeque<(Instant, u64)>,
    /// Those that came with an earlier deadline than the last of the ring.
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Entries of either whose calls are pending no longer.
    stale: usize,
}

impl Deadlines {
    /// A call begins.
    #[inline]
    pub(crate) fn begin(&mut self, at: Instant, id: u64) {
        match self.ring.back() {
            Some((last, _)) if *last > at => self.heap.push(Reverse((at, id))),
            _ => self.ring.push_back((at, id)),
        }
    }

    /// A call is pending no longer; those that are say so.
    #[inline]
    pub(crate) fn end(&mut self, id: u64, is_pending: impl Fn(u64) -> bool) {
        if self.ring.front().is_some_and(|(_, first)| *first == id) {
            self.ring.pop_front();
            if self.stale == 0 {
                return;
            }
        } else {
            self.stale += 1;
        }
        self.tidy(is_pending);
    }

    #[cold]
    fn tidy(&mut self, is_pending: impl Fn(u64) -> bool) {
        self.skip_stale(&is_pending);
        if self.stale > STALE.max((self.ring.len() + self.heap.len()) / 2) {
            self.ring.retain(|(_, id)| is_pending(*id));
            self.heap.retain(|Reverse((_, id))| is_pending(*id));
            self.stale = 0;
        }
    }

    /// The first call that is due, which is taken out.
    pub(crate) fn due(&mut self, now: Instant, is_pending: impl Fn(u64) -> bool) -> Option<u64> {
        self.skip_stale(&is_pending);
        let ring = self.ring.front().copied();
        let heap = self.heap.peek().map(|Reverse(first)| *first);
        if let Some((at, id)) = heap
            && at <= now
        {
            self.heap.pop();
            return Some(id);
        }
        let (_, id) = ring.filter(|(at, _)| *at <= now)?;
        self.ring.pop_front();
        Some(id)
    }

    /// When the next call is due.
    pub(crate) fn next(&mut self, is_pending: impl Fn(u64) -> bool) -> Option<Instant> {
        self.skip_stale(&is_pending);
        let ring = self.ring.front().map(|(at, _)| *at);
        let heap = self.heap.peek().map(|Reverse((at, _))| *at);
        match (ring, heap) {
            (Some(ring), Some(heap)) => Some(ring.min(heap)),
            (one, other) => one.or(other),
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        *self = Deadlines::default();
    }

    fn skip_stale(&mut self, is_pending: &impl Fn(u64) -> bool) {
        while self.stale > 0 {
            match self.ring.front() {
                Some((_, id)) if !is_pending(*id) => drop(self.ring.pop_front()),
                _ => match self.heap.peek() {
                    Some(Reverse((_, id))) if !is_pending(*id) => drop(self.heap.pop()),
                    _ => return,
                },
            }
            self.stale -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answered_calls_leave_nothing() {
        let (start, mut deadlines) = (Instant::now(), Deadlines::default());
        // One that stays, and a million that are answered at once, with later deadlines.
        deadlines.begin(start + Duration::from_secs(1), 0);
        for id in 1..1_000_000 {
            deadlines.begin(start + Duration::from_secs(id + 1), id);
            deadlines.end(id, |id| id == 0);
            assert!(deadlines.ring.len() <= 2 * STALE);
        }
        // And with earlier ones.
        for id in 1_000_000..2_000_000 {
            deadlines.begin(start, id);
            deadlines.end(id, |id| id == 0);
            assert!(deadlines.heap.len() <= 2 * STALE);
        }
        assert_eq!(
            deadlines.next(|id| id == 0),
            Some(start + Duration::from_secs(1))
        );
    }

    proptest! {
        #[test]
        fn calls_are_due_in_order(steps in prop::collection::vec((0..4_u8, 0..50_u64, any::<prop::sample::Index>()), 0..400)) {
            let start = Instant::now();
            let at = |millis: u64| start + Duration::from_millis(millis);
            let (mut deadlines, mut pending) = (Deadlines::default(), HashMap::new());
            let (mut next_id, mut now) = (1, 0);
            for (step, millis, which) in steps {
                match step {
                    0 | 1 => {
                        deadlines.begin(at(now + millis), next_id);
                        pending.insert(next_id, now + millis);
                        next_id += 1;
                    }
                    2 if !pending.is_empty() => {
                        let mut ids: Vec<u64> = pending.keys().copied().collect();
                        ids.sort_unstable();
                        let id = *which.get(&ids);
                        pending.remove(&id);
                        deadlines.end(id, |id| pending.contains_key(&id));
                    }
                    _ => {
                        now += millis;
                        while let Some(id) = deadlines.due(at(now), |id| pending.contains_key(&id)) {
                            prop_assert!(pending.remove(&id).is_some_and(|due| due <= now));
                        }
                        prop_assert!(pending.values().all(|due| *due > now));
                    }
                }
                let next = deadlines.next(|id| pending.contains_key(&id));
                prop_assert_eq!(next, pending.values().min().map(|millis| at(*millis)));
                let entries = deadlines.ring.len() + deadlines.heap.len();
                prop_assert_eq!(entries, pending.len() + deadlines.stale);
                prop_assert!(deadlines.stale <= STALE.max(entries));
            }
        }
    }
}
