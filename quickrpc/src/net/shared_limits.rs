//! The limits that count for all wires of an API together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::base::limits::Limits;
use crate::base::sync::lock;

use super::core::Core;
use super::link::Link;

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
}

impl Core {
    /// The wires have changed: takes the shared limits from them.
    pub(crate) fn share_limits(&self) {
        let pending_calls = self.shared_limit(|limits| limits.pending_calls);
        let subscription = self.shared_limit(|limits| limits.subscription);
        let total = self.shared_limit(|limits| limits.buffered_total);
        self.budget.limit_to(total);
        let shared = &self.shared;
        shared.pending_calls.store(pending_calls, Ordering::Relaxed);
        shared.subscription.store(subscription, Ordering::Relaxed);
        self.slots.limit_subscriptions(subscription);
    }

    /// How long stopping may take.
    pub(crate) fn stop_limit(&self) -> Duration {
        self.shared_limit(|limits| limits.stop)
    }

    /// The limit of the first wire whose expression sets it, else that of the API.
    fn shared_limit<T: PartialEq>(&self, limit: impl Fn(&Limits) -> T) -> T {
        let own = limit(&self.limits);
        let links = lock(&self.links);
        let of = |link: &Link| limit(&link.wire.limits);
        let set = links.iter().map(|link| of(link)).find(|set| *set != own);
        set.unwrap_or(own)
    }
}
