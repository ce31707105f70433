//! The answers to a batch of JSON-RPC (its section 6), collected.

use std::sync::Mutex;

use crate::base::limits::Limits;
use crate::base::sync::lock;

/// The answers to one JSON-RPC batch, sent when the last one is there.
#[derive(Debug)]
pub(crate) struct BatchAnswer {
    /// Guards what is there of the answers; a leaf in the lock order.
    state: Mutex<Parts>,
}

#[derive(Debug)]
struct Parts {
    answers: Vec<Vec<u8>>,
    /// Entries that have not been answered yet.
    missing: usize,
    /// Bytes that the answers may still have; the array is one message.
    room: usize,
}

impl BatchAnswer {
    /// The batch is a telegram of so many bytes.
    pub(crate) fn new(parts: usize, size: usize, limits: &Limits) -> Self {
        // Each answer has a comma or a bracket, and may become a short error. All ids together
        // are in the telegram.
        let ids = parts.saturating_mul(limits.id_size).min(size);
        let errors = parts.saturating_mul(ERROR).saturating_add(ids);
        BatchAnswer {
            state: Mutex::new(Parts {
                answers: Vec::new(),
                missing: parts,
                room: limits.message_size.saturating_sub(errors),
            }),
        }
    }

    /// Whether an answer of so many bytes still fits; then they are set aside for it.
    pub(crate) fn fits(&self, size: usize) -> bool {
        let mut state = lock(&self.state);
        let left = state.room.checked_sub(size);
        state.room = left.unwrap_or(state.room);
        left.is_some()
    }

    /// One part is answered, or has no answer. Gives all answers with the last part.
    pub(crate) fn add(&self, answer: Option<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
        let mut state = lock(&self.state);
        state.answers.extend(answer);
        state.missing = state.missing.saturating_sub(1);
        (state.missing == 0).then(|| std::mem::take(&mut state.answers))
    }
}

/// Bytes that an error without data has beside its id, generously.
const ERROR: usize = 256;
