//! Locks that a panicking thread cannot spoil.

use std::sync::{Mutex, MutexGuard};

/// Locks, whatever happened to earlier holders: no lock of this crate is held while user
/// code runs, and what it guards is valid between any two statements.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
