//! Which call a thread handles, and for which of the calls that are handled nobody waits any
//! more.
//!
//! A call costs nothing here as long as nobody gives it up: it is in no table. A cancelled call
//! is *marked*, for as long as it can run (whoever marks it knows how long that is), and who asks
//! for a call that is not marked finds that there are no marks at all.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::sync::lock;
use super::trace::Trace;

/// A call that was received: whose it is, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallKey {
    pub(crate) peer: u64,
    /// The id itself, where it has few bytes, else a hash of it: two calls of one peer may be taken
    /// for each other, of which only that peer has the harm.
    id: u64,
}

/// Stands for all calls of a peer.
const ALL: u64 = 0;

/// Longer ids are hashed.
const PACKED: usize = 7;

impl CallKey {
    #[inline]
    pub(crate) fn new(peer: u64, id: &str) -> Self {
        let bytes = id.as_bytes();
        let id = if bytes.len() <= PACKED {
            // No id is empty, and none has a NUL, so that none is 0.
            bytes.iter().fold(0, |id, byte| id << 8 | u64::from(*byte))
        } else {
            hash(bytes) | 1 << 63
        };
        CallKey { peer, id }
    }

    /// All calls of this peer.
    pub(crate) fn all_of(peer: u64) -> Self {
        CallKey { peer, id: ALL }
    }

    /// Whether it is marked, by itself or with all of its peer.
    pub(crate) fn is_marked(self) -> bool {
        if COUNT.load(Ordering::Acquire) == 0 {
            return false;
        }
        let marks = lock(&MARKS);
        marks.contains_key(&self) || marks.contains_key(&CallKey::all_of(self.peer))
    }
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// How many marks there are, for those who look without the lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// How often each of these is marked. Peers are numbered over all APIs of the process. A leaf in
/// the lock order.
static MARKS: Mutex<BTreeMap<CallKey, usize>> = Mutex::new(BTreeMap::new());

/// As long as it lives, nobody waits for a call.
#[derive(Debug)]
pub(crate) struct Mark(CallKey);

impl Mark {
    pub(crate) fn new(key: CallKey) -> Self {
        let mut marks = lock(&MARKS);
        *marks.entry(key).or_default() += 1;
        COUNT.store(marks.len(), Ordering::Release);
        Mark(key)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let mut marks = lock(&MARKS);
        if let Some(count) = marks.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                marks.remove(&self.0);
            }
        }
        COUNT.store(marks.len(), Ordering::Release);
    }
}

/// A call that a thread handles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Current {
    key: CallKey,
    /// When its caller gives up.
    deadline: Option<Instant>,
    /// Which trace it belongs to.
    trace: Option<Trace>,
}

/// Why a call need not be begun, or may be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Nobody waits for it any more.
    Cancelled,
    /// Its caller has given up by now.
    Late,
}

thread_local! {
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
}

/// As long as it lives, its thread handles a call.
#[must_use = "the call is handled as long as this lives"]
pub(crate) struct Handling {
    outer: Option<Current>,
}

impl Current {
    pub(crate) fn new(key: CallKey, deadline: Option<Instant>) -> Self {
        Current {
            key,
            deadline,
            trace: None,
        }
    }

    /// The same as part of a trace.
    pub(crate) fn traced(self, trace: Option<Trace>) -> Self {
        Current { trace, ..self }
    }

    /// This thread handles it from now on.
    pub(crate) fn begin(self) -> Handling {
        Handling {
            outer: CURRENT.replace(Some(self)),
        }
    }

    /// Why nobody waits for it any more, if so.
    pub(crate) fn over(&self) -> Option<Over> {
        if self.key.is_marked() {
            return Some(Over::Cancelled);
        }
        let late = self.deadline.is_some_and(|at| at <= Instant::now());
        late.then_some(Over::Late)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn trace(&self) -> Option<Trace> {
        self.trace
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

/// The call of this peer that the calling thread handles.
pub(crate) fn of(peer: u64) -> Option<Current> {
    CURRENT.get().filter(|current| current.key.peer == peer)
}

/// The trace of the call that the calling thread handles, whoever has made it.
pub(crate) fn trace() -> Option<Trace> {
    CURRENT.get().and_then(|current| current.trace)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::sender::next_id;

    #[test]
    fn marks_are_counted_and_leave_nothing() {
        let peer = next_id();
        let (one, other) = (CallKey::new(peer, "7"), CallKey::new(peer, "\"7\""));
        let first = Mark::new(one);
        let second = Mark::new(one);
        assert!(one.is_marked() && !other.is_marked());
        drop(first);
        assert!(one.is_marked());
        drop(second);
        assert!(!one.is_marked());
        let gone = Mark::new(CallKey::all_of(peer));
        assert!(one.is_marked() && other.is_marked());
        assert!(!CallKey::new(next_id(), "7").is_marked());
        drop(gone);
        assert!(lock(&MARKS).keys().all(|key| key.peer != peer));
    }

    #[test]
    fn ids_are_told_apart() {
        let ids = ["1", "12", "21", "\"1\"", "1234567", "12345678", "12345679"];
        for one in ids {
            for other in ids {
                let same = CallKey::new(1, one) == CallKey::new(1, other);
                assert_eq!(same, one == other, "{one} {other}");
            }
            assert_ne!(CallKey::new(1, one), CallKey::all_of(1));
        }
    }

    #[test]
    fn a_thread_knows_what_it_handles() {
        let (peer, other) = (next_id(), next_id());
        let now = Instant::now();
        let outer = Current::new(CallKey::new(peer, "1"), None).begin();
        assert!(of(peer).is_some() && of(other).is_none());
        let inner = Current::new(CallKey::new(other, "1"), Some(now)).begin();
        assert!(of(peer).is_none());
        assert_eq!(of(other).and_then(|call| call.over()), Some(Over::Late));
        drop(inner);
        assert!(of(peer).is_some_and(|call| call.over().is_none()));
        drop(outer);
        assert!(of(peer).is_none());
        let soon = Some(now + Duration::from_secs(600));
        let call = Current::new(CallKey::new(peer, "1"), soon);
        assert_eq!((call.over(), call.deadline()), (None, soon));
        let _mark = Mark::new(CallKey::new(peer, "1"));
        assert_eq!(call.over(), Some(Over::Cancelled));
    }
}
