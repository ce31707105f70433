//! Waking workers once for what a round has brought.

use std::mem;

use super::mailbox::Mailbox;

/// So much may wait for the end of its round, lest the first of it wait for long.
const RUN: usize = 16;

/// What a round has put into the lane of its peer since nobody was awake to see it.
pub(super) struct Waking<'a> {
    mailbox: &'a Mailbox,
    count: usize,
}

impl<'a> Waking<'a> {
    pub(super) fn new(mailbox: &'a Mailbox) -> Self {
        Waking { mailbox, count: 0 }
    }

    /// Something more is in the lane. `asleep`: the mailbox wants workers woken for it.
    pub(super) fn more(&mut self, asleep: bool) {
        if self.count > 0 || asleep {
            self.count += 1;
        }
        if self.count >= RUN {
            self.wake();
        }
    }

    /// What is in the lane of another peer that was heard in the same round.
    pub(super) fn join(&mut self, other: &mut Waking<'_>) {
        self.count += mem::take(&mut other.count);
        if self.count >= RUN {
            self.wake();
        }
    }

    /// Nothing is to come for a while.
    pub(super) fn wake(&mut self) {
        if mem::take(&mut self.count) > 0 {
            self.mailbox.wake();
        }
    }
}

/// However the round ends.
impl Drop for Waking<'_> {
    fn drop(&mut self) {
        self.wake();
    }
}
