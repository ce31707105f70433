//! Waits that end: with the event, or with a failed test that says what was missing.

use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

/// Longer than anything that works takes on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Runs `work` on a thread of its own and gives its result.
///
/// # Panics
///
/// If it has not ended within [`SOON`], or panics itself.
#[track_caller]
pub fn bounded<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = crossbeam_channel::bounded(1);
    let worker = thread::spawn(move || {
        let _ = done.send(work());
    });
    match result.recv_timeout(SOON) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("{what}: not done within {SOON:?}"),
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            Err(reason) => resume_unwind(reason),
            Ok(()) => panic!("{what}: ended without a result"),
        },
    }
}

/// Waits until something that sends no event is true.
///
/// Only for what the operating system reports, such as the threads of this process; for
/// everything else there is [`inbox`].
///
/// # Panics
///
/// If it is still false after [`SOON`].
#[track_caller]
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < end, "{what}: still not so after {SOON:?}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// A channel from handlers to the test: what they saw, in order.
pub fn inbox<T>() -> (Sender<T>, Inbox<T>) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    (sender, Inbox(receiver))
}

/// The test's end of an [`inbox`].
#[derive(Debug, Clone)]
pub struct Inbox<T>(Receiver<T>);

impl<T> Inbox<T> {
    /// The next item.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`].
    #[track_caller]
    pub fn next(&self) -> T {
        match self.0.recv_timeout(SOON) {
            Ok(item) => item,
            Err(RecvTimeoutError::Timeout) => panic!("nothing arrived within {SOON:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("nothing can arrive any more"),
        }
    }

    /// The next `count` items.
    ///
    /// # Panics
    ///
    /// If one of them does not come within [`SOON`].
    #[track_caller]
    pub fn take(&self, count: usize) -> Vec<T> {
        (0..count).map(|_| self.next()).collect()
    }

    /// What has arrived already.
    pub fn so_far(&self) -> Vec<T> {
        self.0.try_iter().collect()
    }
}
