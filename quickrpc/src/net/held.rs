//! The peers for which calls are held back; who does that is [`hold`](super::hold).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::conn::Conn;

/// The peers of one API for which calls are held back.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// There may be some. Set behind the entry in the list, and taken away before it is taken.
    pub(super) any: AtomicBool,
    /// A leaf in the lock order.
    pub(super) peers: Mutex<Vec<Arc<Conn>>>,
    /// The poll thread has been asked to send them.
    pub(super) asked: AtomicBool,
    /// The poll thread runs something slow, and would not send them in time.
    pub(super) paused: AtomicUsize,
}

/// While it lives, nothing is held back.
pub(crate) struct Pause<'a>(pub(super) &'a Held);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.paused.fetch_sub(1, Ordering::AcqRel);
    }
}
