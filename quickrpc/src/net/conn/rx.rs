//! The receiving half of a peer.

use std::time::Duration;

use crate::wire::hearing::{Hearing, Sense};

/// What is left of the input.
#[derive(Debug)]
pub(crate) struct Rx {
    /// Bytes that are not a whole message yet.
    pub(crate) buf: Vec<u8>,
    /// What hears the peer.
    pub(crate) hearing: Hearing,
    /// How long a thread that waits for an answer sleeps in the system.
    pub(crate) timeout: Option<Duration>,
}

impl Rx {
    pub(crate) fn new(hearing: Hearing) -> Self {
        Rx {
            buf: Vec::new(),
            hearing,
            timeout: None,
        }
    }

    /// The bytes that it holds of messages that are not complete.
    pub(crate) fn held(&self) -> usize {
        self.buf.len() + self.hearing.cutter.held() + self.hearing.sense.held()
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        !self.buf.is_empty() || self.hearing.cutter.is_within_message()
    }

    /// Nobody will read what was there of messages.
    pub(crate) fn clear(&mut self) {
        self.buf = Vec::new();
        self.hearing.cutter.clear();
        self.hearing.sense = Sense::default();
    }
}
