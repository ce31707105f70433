//! When the poll thread wakes by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time at which the poll thread looks at deadlines.
///
/// Other threads only move it earlier: a stale alarm costs one wake-up, while setting it
/// anew would cost one for each call.
#[derive(Debug)]
pub(crate) struct Alarm {
    /// In nanoseconds since `epoch`.
    at: AtomicU64,
    epoch: Instant,
}

const NEVER: u64 = u64::MAX;

impl Default for Alarm {
    fn default() -> Self {
        Alarm {
            at: AtomicU64::new(NEVER),
            epoch: Instant::now(),
        }
    }
}

impl Alarm {
    /// Makes sure that deadlines are looked at by then. True: the poll thread, if it sleeps,
    /// has to be woken for that.
    pub(crate) fn set_earlier(&self, deadline: Instant) -> bool {
        let at = self.nanos(deadline);
        // Nearly always it is set already, for a call before this one.
        self.at.load(Ordering::Acquire) > at && self.at.fetch_min(at, Ordering::AcqRel) > at
    }

    /// For the poll thread: the time of the next look. Calls that come in between are seen,
    /// since they are in the table before they set the alarm.
    pub(crate) fn reset(&self, deadline: Option<Instant>) {
        let at = deadline.map_or(NEVER, |deadline| self.nanos(deadline));
        self.at.store(at, Ordering::Release);
    }

    pub(crate) fn at(&self) -> Option<Instant> {
        match self.at.load(Ordering::Acquire) {
            NEVER => None,
            nanos => Some(self.epoch + Duration::from_nanos(nanos)),
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch).as_nanos();
        // One less than "never"; 584 years are far enough.
        u64::try_from(since).unwrap_or(NEVER - 1)
    }
}
