//! Adding a transport while the API runs: it may have several parts.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::error::Result;
use crate::base::sync::lock;

use super::above::Done;

/// A transport that is being added: whoever added it waits for all of its parts.
pub(crate) struct Adding {
    left: AtomicUsize,
    /// Guards what is done at the end, until then; a leaf in the lock order.
    done: Mutex<Option<Done>>,
}

impl Adding {
    pub(crate) fn new(parts: usize, done: Done) -> Self {
        Adding {
            left: AtomicUsize::new(parts),
            done: Mutex::new(Some(done)),
        }
    }

    /// One part is open, or cannot be opened.
    pub(crate) fn part(&self, opened: Result<()>) {
        let last = self.left.fetch_sub(1, Ordering::AcqRel) == 1;
        // The first failure counts, or the last success.
        if opened.is_err() || last {
            let done = lock(&self.done).take();
            if let Some(done) = done {
                done(opened);
            }
        }
    }
}

impl fmt::Debug for Adding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Adding({} left)", self.left.load(Ordering::Relaxed))
    }
}
