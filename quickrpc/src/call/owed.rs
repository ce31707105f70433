//! Which calls a lost peer has not answered. No I/O in it.
//!
//! Peers have no lists of what they owe, since to keep them would cost each call. So when one is
//! lost, all calls are looked at. Where another one follows soon, they are sorted by their peers at
//! that time, and what is asked later is added as the next ones are lost: of a server that loses
//! thousands, each costs what it owes. What is sorted may be out of date; the table decides.

use std::collections::HashMap;

/// The calls of one table by the peers that were asked, if it was worth it.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// None: they are not sorted.
    sorted: Option<HashMap<u64, Vec<u64>>>,
    /// Up to this call, all have been looked at.
    seen: u64,
    /// How many entries there are.
    entries: usize,
}

/// What has to be looked at before [`Owed::of`] can tell.
pub(super) enum Look {
    /// All calls of the table, which are only asked about one peer.
    Once,
    /// All calls, which are entered.
    All,
    /// These, as far as they are in the table, which are entered.
    New(std::ops::RangeInclusive<u64>),
}

impl Owed {
    /// A peer is lost whose newest call is this, in a table of so many.
    pub(super) fn look(&mut self, newest: u64, calls: usize) -> Look {
        let new = usize::try_from(newest.saturating_sub(self.seen)).unwrap_or(usize::MAX);
        let first = self.seen.saturating_add(1);
        self.seen = self.seen.max(newest);
        if new > calls {
            // The last one was lost long ago.
            self.sorted = None;
            return Look::Once;
        }
        if self.sorted.is_none() || self.entries > calls.saturating_mul(2) {
            (self.sorted, self.entries) = (Some(HashMap::new()), 0);
            return Look::All;
        }
        Look::New(first..=newest)
    }

    /// A call was asked of this peer.
    pub(super) fn enter(&mut self, peer: u64, call: u64) {
        if let Some(sorted) = &mut self.sorted {
            sorted.entry(peer).or_default().push(call);
            self.entries += 1;
            self.seen = self.seen.max(call);
        }
    }

    /// Takes out the calls that were asked of a peer.
    pub(super) fn of(&mut self, peer: u64) -> Vec<u64> {
        let sorted = self.sorted.as_mut();
        let calls = sorted.and_then(|sorted| sorted.remove(&peer));
        let calls = calls.unwrap_or_default();
        self.entries -= calls.len();
        calls
    }

    /// Something is missing here.
    pub(super) fn forget(&mut self) {
        (self.sorted, self.entries) = (None, 0);
    }
}
