//! The calls of peers that are answered later, by promises. No I/O in it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, Weak};

use crate::base::current::{CallKey, Mark};
use crate::base::sync::lock;

use super::promise::wish::Unwanted;

/// The place of a call that is answered later. The number tells calls of one id apart.
pub(crate) type Place = (CallKey, u64);

/// The calls of peers that are answered later, by promises.
#[derive(Default)]
pub(crate) struct LateCalls {
    /// Comes before the marks in the lock order.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that are wanted.
    wanted: BTreeMap<Place, Weak<dyn Unwanted>>,
    next: u64,
}

impl LateCalls {
    /// A call will be answered later; `unwanted` hears when nobody wants that. Gives true if
    /// nobody does already.
    pub(crate) fn enter(&self, key: CallKey, unwanted: Weak<dyn Unwanted>) -> (u64, bool) {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        // Under this lock, or a cancel could fall between running and answering later.
        let is_cancelled = key.is_marked();
        if !is_cancelled {
            state.wanted.insert((key, number), unwanted);
        }
        (number, is_cancelled)
    }

    /// Whether somebody wants it.
    pub(crate) fn is_wanted(&self, place: Place) -> bool {
        lock(&self.state).wanted.contains_key(&place)
    }

    /// It is answered.
    pub(crate) fn leave(&self, place: Place) {
        let left = lock(&self.state).wanted.remove(&place);
        drop(left);
    }

    /// Takes out what is told of a cancel, or marks what waits or runs.
    pub(crate) fn cancel(&self, key: CallKey) -> Result<Vec<Weak<dyn Unwanted>>, Mark> {
        let mut state = lock(&self.state);
        let range = (key, 0)..=(key, u64::MAX);
        let places: Vec<_> = state.wanted.range(range).map(|(place, _)| *place).collect();
        if places.is_empty() {
            return Err(Mark::new(key));
        }
        let take = |place| state.wanted.remove(place);
        Ok(places.iter().filter_map(take).collect())
    }

    /// Takes out all of a peer, and marks what waits or runs.
    pub(crate) fn lose(&self, peer: u64) -> (Vec<Weak<dyn Unwanted>>, Mark) {
        let mut state = lock(&self.state);
        let all = CallKey::all_of(peer);
        let range = (all, 0)..(CallKey::all_of(peer.saturating_add(1)), 0);
        // Not split off, which looks at those of all peers.
        let places: Vec<_> = state.wanted.range(range).map(|(place, _)| *place).collect();
        let take = |place| state.wanted.remove(place);
        (places.iter().filter_map(take).collect(), Mark::new(all))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.state).wanted.len()
    }
}

impl fmt::Debug for LateCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LateCalls({})", lock(&self.state).wanted.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sender::next_id;
    use crate::call::promise::wish::Callback;

    struct Nobody;

    impl Unwanted for Nobody {
        fn unwanted(&self) -> Vec<Callback> {
            Vec::new()
        }
    }

    fn nobody() -> Weak<dyn Unwanted> {
        Weak::<Nobody>::new()
    }

    #[test]
    fn what_is_answered_later_is_found_until_it_is_answered() {
        let (late, peer) = (LateCalls::default(), next_id());
        let key = CallKey::new(peer, "7");
        let enter = || (key, late.enter(key, nobody()).0);
        let (one, other) = (enter(), enter());
        assert!(late.is_wanted(one) && late.is_wanted(other));
        late.leave(one);
        assert_eq!(late.cancel(key).unwrap().len(), 1, "the second of that id");
        assert!(!late.is_wanted(other));
        assert!(late.cancel(key).is_err(), "and no more");
        late.leave(other);
        assert_eq!(late.len(), 0);
    }

    #[test]
    fn what_was_cancelled_while_it_ran_is_so_when_it_is_answered_later() {
        let (late, peer) = (LateCalls::default(), next_id());
        let key = CallKey::new(peer, "7");
        let mark = late.cancel(key).unwrap_err();
        let (number, is_cancelled) = late.enter(key, nobody());
        assert!(is_cancelled && !late.is_wanted((key, number)));
        drop(mark);
        assert!(
            !late.enter(key, nobody()).1,
            "the next of that id is not meant"
        );
    }

    #[test]
    fn a_peer_that_goes_takes_its_own_calls_only() {
        let late = LateCalls::default();
        let mut peers = [next_id(), next_id(), next_id()];
        peers.sort_unstable();
        for peer in peers {
            for id in ["1", "2", "a long id of a peer"] {
                late.enter(CallKey::new(peer, id), nobody());
            }
        }
        let (lost, mark) = late.lose(peers[1]);
        assert_eq!((lost.len(), late.len()), (3, 6));
        assert!(CallKey::new(peers[1], "x").is_marked());
        assert!(!CallKey::new(peers[0], "x").is_marked());
        drop(mark);
        assert_eq!(late.lose(peers[2]).0.len(), 3);
        assert_eq!(late.lose(peers[0]).0.len(), 3);
        assert_eq!(late.len(), 0);
    }
}
