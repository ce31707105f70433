//! The receiving half of a peer.

use std::time::Duration;

use crate::base::security::SecInfo;
use crate::wire::framing::Progress;
use crate::wire::websocket::Reader;

/// What is left of the input.
#[derive(Debug, Default)]
pub(crate) struct Rx {
    /// Bytes that are not a whole message yet.
    pub(crate) buf: Vec<u8>,
    /// What is known of the message at their front.
    pub(crate) progress: Progress,
    /// The security header that belongs to the next message.
    pub(crate) header: Option<SecInfo>,
    /// The message that arrives, where messages are those of WebSocket. In a box, so that
    /// others take no memory for it.
    pub(crate) websocket: Option<Box<Reader>>,
    /// How long a thread that waits for an answer sleeps in the system.
    pub(crate) timeout: Option<Duration>,
}

impl Rx {
    /// The bytes that it holds of messages that are not complete.
    pub(crate) fn held(&self) -> usize {
        let message = self.websocket.as_ref().map_or(0, |reader| reader.held());
        self.buf.len() + message
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        let reader = self.websocket.as_ref();
        !self.buf.is_empty() || reader.is_some_and(|reader| reader.is_within_message())
    }

    /// Nobody will read what was there of messages.
    pub(crate) fn clear(&mut self) {
        self.buf = Vec::new();
        if let Some(reader) = &mut self.websocket {
            reader.clear();
        }
    }
}
