//! Peers that may have fallen silent, of protocols in which that is seen by nothing else.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Conn, Speech};

/// How much a peer has said: whole messages, and a large one as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    messages: u64,
    partial: usize,
}

/// Whether a peer still speaks.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    /// How many messages its session has heard.
    heard: AtomicU64,
    /// It is being asked whether it still answers.
    asked: AtomicBool,
}

impl Conn {
    fn doubts(&self) -> Option<&Doubt> {
        match &self.speech {
            Speech::Spoken(doubt) => Some(doubt),
            _ => None,
        }
    }

    /// A call of ours was not answered in time. Where the peer may have fallen silent, it is asked.
    pub(crate) fn missed_answer(&self) {
        if let Some(doubt) = self.doubts()
            && self.wire.probe().is_some()
            && !doubt.asked.swap(true, Ordering::Relaxed)
            && let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade())
        {
            keeper.doubt(me);
        }
    }

    /// The peer is not asked any more.
    pub(crate) fn trust(&self) {
        if let Some(doubt) = self.doubts() {
            doubt.asked.store(false, Ordering::Relaxed);
        }
    }

    /// Its session hears a message.
    pub(crate) fn speaks(&self) {
        if let Some(doubt) = self.doubts() {
            doubt.heard.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the peer has said so far. If that changes, it is alive.
    pub(crate) fn said(&self) -> Said {
        Said {
            messages: self
                .doubts()
                .map_or(0, |doubt| doubt.heard.load(Ordering::Relaxed)),
            partial: self.held.partial_input(),
        }
    }
}
