//! The limits that count for all wires of an API together.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::limits::Limits;

/// Those limits of an API that no single wire has, as its wires set them.
#[derive(Debug)]
pub(crate) struct SharedLimits {
    pending_calls: AtomicUsize,
    subscription: AtomicUsize,
}

impl SharedLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        SharedLimits {
            pending_calls: AtomicUsize::new(limits.pending_calls),
            subscription: AtomicUsize::new(limits.subscription),
        }
    }

    pub(crate) fn pending_calls(&self) -> usize {
        self.pending_calls.load(Ordering::Relaxed)
    }

    /// For subscriptions that are made from now on.
    pub(crate) fn subscription(&self) -> usize {
        self.subscription.load(Ordering::Relaxed)
    }

    /// The wires have changed.
    pub(crate) fn set(&self, pending_calls: usize, subscription: usize) {
        self.pending_calls.store(pending_calls, Ordering::Relaxed);
        self.subscription.store(subscription, Ordering::Relaxed);
    }
}
