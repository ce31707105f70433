//! What is to be done at a time, the earliest first. No I/O in it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Instant;

/// A heap of timers. Those of the same time are due in the order in which they were set.
///
/// Nothing is taken out before its time: what a timer was set for may be gone by then.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Entry<T>>,
    set: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    number: u64,
    timer: T,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers {
            heap: BinaryHeap::new(),
            set: 0,
        }
    }
}

impl<T> Timers<T> {
    pub(crate) fn set(&mut self, at: Instant, timer: T) {
        self.set += 1;
        let number = self.set;
        self.heap.push(Entry { at, number, timer });
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// How many have been set so far: a mark for [`due`](Timers::due).
    pub(crate) fn mark(&self) -> u64 {
        self.set
    }

    /// The next one that is due, of those that were set before the mark: what is set while
    /// others are due waits for another look, even if its time has come.
    pub(crate) fn due(&mut self, now: Instant, mark: u64) -> Option<T> {
        let next = self.heap.peek()?;
        if next.at > now || next.number > mark {
            return None;
        }
        self.heap.pop().map(|entry| entry.timer)
    }
}

// The greatest of a heap comes first: that is the earliest here.
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
        self.number == other.number
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn all_due(timers: &mut Timers<u32>, now: Instant) -> Vec<u32> {
        let mark = timers.mark();
        std::iter::from_fn(|| timers.due(now, mark)).collect()
    }

    #[test]
    fn the_earliest_is_due_first_and_nothing_before_its_time() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut timers = Timers::default();
        assert_eq!(timers.next(), None);
        for millis in [30, 10, 20, 40] {
            timers.set(at(millis), millis as u32);
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(all_due(&mut timers, at(9)), [0_u32; 0]);
        assert_eq!(all_due(&mut timers, at(30)), [10, 20, 30]);
        assert_eq!(timers.next(), Some(at(40)));
        assert_eq!(all_due(&mut timers, at(1000)), [40]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn those_of_the_same_time_are_due_in_their_order() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for number in 0..100 {
            timers.set(start, number);
        }
        assert_eq!(all_due(&mut timers, start), (0..100).collect::<Vec<u32>>());
    }

    #[test]
    fn what_is_set_meanwhile_waits_for_the_next_look() {
        let start = Instant::now();
        let mut timers = Timers::default();
        timers.set(start, 1);
        let mark = timers.mark();
        assert_eq!(timers.due(start, mark), Some(1));
        timers.set(start, 2);
        assert_eq!(timers.due(start, mark), None);
        assert_eq!(timers.next(), Some(start));
        assert_eq!(all_due(&mut timers, start), [2]);
    }
}
