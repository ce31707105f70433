//! The memory that responses take, from when they are read to when their peer is: each server may answer
//! many requests at once, each up to the limit of a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all responses of a client take together.
#[derive(Clone)]
pub(super) struct Rooms {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

/// What one of them takes.
pub(super) struct Room {
    rooms: Rooms,
    taken: usize,
}

impl Rooms {
    pub(super) fn new(limit: usize) -> Self {
        let taken = Arc::default();
        Rooms { taken, limit }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Room for one, which takes none yet.
    pub(super) fn one(&self) -> Room {
        let rooms = self.clone();
        Room { rooms, taken: 0 }
    }
}

impl Room {
    /// Takes so many bytes more. Gives false if there are not as many.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        self.taken += bytes;
        let before = self.rooms.taken.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) <= self.rooms.limit
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.rooms.taken.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let rooms = Rooms::new(10);
        let (mut one, mut other) = (rooms.one(), rooms.one());
        assert!(one.take(4) && other.take(6));
        assert!(!one.take(1), "all is taken");
        drop(one);
        assert!(other.take(4) && !other.take(1));
        drop(other);
        assert!(rooms.one().take(10));
    }
}
