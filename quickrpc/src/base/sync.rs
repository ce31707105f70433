//! Locks that a panicking thread cannot spoil.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Locks, whatever happened to earlier holders: no lock of this crate is held while user
/// code runs, and what it guards is valid between any two statements.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The time after so long, which a user may have set to "never": what is beyond the clock
/// becomes a time that nobody lives to see.
pub(crate) fn after(wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + FAR)
}
