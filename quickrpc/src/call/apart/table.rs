//! The calls that run beside each other, and their workers.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Instant;

use crate::base::current::{CallKey, Mark};
use crate::base::sync::lock;
use crate::call::mailbox::Mailbox;
use crate::call::processing::Processing;

/// So many run at once in an API. Further ones take their turn as if they were no such calls, so
/// that a peer cannot have more threads, nor more memory.
const MOST: usize = 64;

/// The calls that run beside each other.
pub(crate) struct Apart {
    pub(super) workers: Mailbox,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    calls: HashMap<u64, Option<CallKey>>,
    next: u64,
}

impl Apart {
    /// The number names its turns, and no other.
    pub(crate) fn new(number: u64) -> Self {
        Apart {
            workers: Mailbox::new(number, Processing::Pool(MOST), 1),
            running: Mutex::default(),
        }
    }

    pub(super) fn enter(&self, key: Option<CallKey>) -> Option<u64> {
        let mut running = lock(&self.running);
        if running.calls.len() >= MOST {
            return None;
        }
        running.next += 1;
        let number = running.next;
        running.calls.insert(number, key);
        Some(number)
    }

    pub(super) fn leave(&self, number: u64) {
        lock(&self.running).calls.remove(&number);
    }

    pub(crate) fn open(&self) {
        self.workers.open();
    }

    /// Nobody wants what runs, until this is dropped.
    pub(crate) fn cancel_running(&self) -> Vec<Mark> {
        let running = lock(&self.running);
        running
            .calls
            .values()
            .flatten()
            .copied()
            .map(Mark::new)
            .collect()
    }

    pub(crate) fn wait_idle(&self, deadline: Instant) {
        self.workers.wait_idle(deadline);
    }

    pub(crate) fn close(&self) {
        self.workers.close();
    }
}

impl fmt::Debug for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Apart({})", lock(&self.running).calls.len())
    }
}
