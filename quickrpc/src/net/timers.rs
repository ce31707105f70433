//! What is to be done at a time, the earliest first. No I/O in it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Things with a time.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Entry<T>>,
    /// Counts them, so that those of one time keep their order.
    count: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    number: u64,
    what: T,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers {
            heap: BinaryHeap::new(),
            count: 0,
        }
    }
}

impl<T> Timers<T> {
    pub(crate) fn add(&mut self, at: Instant, what: T) {
        let number = self.count;
        self.count += 1;
        self.heap.push(Entry { at, number, what });
    }

    /// When something is to be done next.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|first| first.at)
    }

    /// Takes out what is due. What is added afterwards is not among it.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<T> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            due.extend(self.heap.pop().map(|first| first.what));
        }
        due
    }
}

/// The greatest is the earliest.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_is_first_and_those_of_one_time_keep_their_order() {
        let (start, mut timers) = (Instant::now(), Timers::default());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(timers.next(), None);
        for (millis, what) in [(3, 'c'), (1, 'a'), (2, 'x'), (2, 'y'), (9, 'z'), (1, 'b')] {
            timers.add(at(millis), what);
        }
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.due(at(0)), [] as [char; 0]);
        assert_eq!(timers.due(at(2)), ['a', 'b', 'x', 'y']);
        timers.add(at(2), 'w');
        assert_eq!(timers.next(), Some(at(2)));
        assert_eq!(timers.due(at(8)), ['w', 'c']);
        assert_eq!(timers.due(at(9)), ['z']);
        assert_eq!(timers.next(), None);
    }
}
