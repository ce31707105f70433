//! Collecting: what one thread sends for a while goes out with as few writes as possible.
//!
//! The same mechanism serves `batch(..)` of the program and the rounds of the threads that
//! deliver: answers to what was read at once are written at once.

use std::cell::RefCell;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::conn::Conn;

/// What is ready is flushed before a handler is entered later than this, so that a slow
/// handler holds back nobody's answer.
const HOLD_BACK: Duration = Duration::from_micros(50);
/// What goes on between two handlers takes about so long.
const OVERHEAD: Duration = Duration::from_nanos(500);

#[derive(Default)]
struct Collected {
    /// Tells the threads that collect from each other; 0 before the first time.
    thread: u64,
    depth: usize,
    peers: Vec<Arc<Conn>>,
    /// What handlers took since the first of it was collected, as far as known.
    spent: Duration,
}

thread_local! {
    static COLLECTED: RefCell<Collected> = RefCell::default();
}

static NEXT_THREAD: AtomicU64 = AtomicU64::new(1);

/// While it lives, what this thread sends is collected. Flushes when it ends, even by a
/// panic.
pub(crate) struct Batch(());

impl Batch {
    pub(crate) fn begin() -> Self {
        COLLECTED.with_borrow_mut(|collected| {
            collected.depth += 1;
            if collected.thread == 0 {
                collected.thread = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
            }
        });
        Batch(())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let outermost = COLLECTED.with_borrow_mut(|collected| {
            collected.depth -= 1;
            collected.depth == 0
        });
        if outermost {
            flush();
        }
    }
}

/// While it lives, what this thread sends leaves at once, whatever collects around it.
pub(crate) struct Direct(usize);

impl Direct {
    pub(crate) fn begin() -> Self {
        flush();
        Direct(COLLECTED.with_borrow_mut(|collected| std::mem::take(&mut collected.depth)))
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        COLLECTED.with_borrow_mut(|collected| collected.depth += self.0);
    }
}

/// The number of this thread, if it collects.
pub(crate) fn collector() -> Option<NonZeroU64> {
    let thread = COLLECTED.with_borrow(|collected| match collected.depth {
        0 => 0,
        _ => collected.thread,
    });
    NonZeroU64::new(thread)
}

/// Remembers that something is queued for a peer.
pub(crate) fn add(conn: Arc<Conn>) {
    COLLECTED.with_borrow_mut(|collected| {
        collected.peers.push(conn);
    });
}

/// Before a handler runs that is known to take so long: flushes what may not wait for it.
/// The times are added up, since asking for the time would cost as much as a handler.
pub(crate) fn before_handler(cost: Duration) {
    let due = COLLECTED.with_borrow_mut(|collected| {
        if collected.peers.is_empty() {
            return false;
        }
        let due = is_slow(cost) || is_slow(collected.spent);
        collected.spent += cost + OVERHEAD;
        due
    });
    if due {
        flush();
    }
}

/// Whether that is longer than an answer may be held back.
pub(crate) fn is_slow(elapsed: Duration) -> bool {
    elapsed > HOLD_BACK
}

/// Flushes what this thread has collected.
pub(crate) fn flush() {
    let peers = COLLECTED.with_borrow_mut(|collected| {
        // A thread that waits for answers collects nothing in its rounds.
        (!collected.peers.is_empty()).then(|| {
            collected.spent = Duration::ZERO;
            std::mem::take(&mut collected.peers)
        })
    });
    let Some(mut peers) = peers else {
        return;
    };
    for conn in &peers {
        conn.flush(false);
    }
    peers.clear();
    // Keeps the capacity for the next round.
    COLLECTED.with_borrow_mut(|collected| {
        if collected.peers.is_empty() {
            collected.peers = peers;
        }
    });
}
