//! Locks that a panicking thread cannot spoil, and what loom can replace.
//!
//! Where threads agree by atomics, the agreement is a type without I/O, and [`replaceable`] is
//! where such a type takes its atomics and locks from. With `--cfg loom` they are those of loom,
//! which runs the models beside the types through all orders that the memory model allows:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p quickrpc --lib loom
//! ```

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Locks, whatever happened to earlier holders: no lock of this crate is held while user
/// code runs, and what it guards is valid between any two statements.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Waits for a change of what is locked, likewise. Whoever changes it had better let it go before he
/// says so: who is woken earlier finds it locked, and sleeps again.
pub(crate) fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    changed
        .wait(guard)
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Waits for a change of what is locked until a time; `None` when that has come.
pub(crate) fn wait_until<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> Option<MutexGuard<'a, T>> {
    let left = deadline.checked_duration_since(Instant::now())?;
    let waited = changed.wait_timeout(guard, left);
    Some(waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0)
}

/// The time after so long, which a user may have set to "never": what is beyond the clock
/// becomes a time that nobody lives to see.
pub(crate) fn after(wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + FAR)
}

/// Atomics and locks of types that have a model.
pub(crate) mod replaceable {
    #[cfg(loom)]
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence,
    };
    #[cfg(loom)]
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    #[cfg(not(loom))]
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence,
    };
    #[cfg(not(loom))]
    pub(crate) use std::sync::{Mutex, MutexGuard};

    /// Like [`lock`](super::lock).
    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Stands between two accesses with `SeqCst`, which have one order anyway: no code. Loom
    /// takes such accesses for acquiring and releasing ones, and keeps the order of fences only.
    pub(crate) fn in_one_order() {
        #[cfg(loom)]
        fence(Ordering::SeqCst);
    }
}
