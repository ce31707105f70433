//! Handlers of one thing of which the last one that was connected counts.

use std::sync::{Arc, Mutex};

use crate::base::sync::lock;
use crate::call::slot::next_handler;

pub(super) struct Handlers<F: ?Sized>(Mutex<Vec<Entry<F>>>);

struct Entry<F: ?Sized> {
    id: u64,
    handler: Arc<F>,
    /// It stays on its thread.
    local: bool,
}

impl<F: ?Sized> Handlers<F> {
    pub(super) fn new() -> Self {
        Handlers(Mutex::default())
    }

    /// Adds a handler, which may be one that stays on its thread; gives its number.
    pub(super) fn connect(&self, handler: Arc<F>, local: bool) -> u64 {
        let id = next_handler();
        lock(&self.0).push(Entry { id, handler, local });
        id
    }

    pub(super) fn has_local(&self) -> bool {
        lock(&self.0).iter().any(|entry| entry.local)
    }

    /// Removes a handler. What goes is dropped without the lock, since it is the user's.
    pub(super) fn disconnect(&self, id: u64) {
        let mut handlers = lock(&self.0);
        let place = handlers.iter().position(|entry| entry.id == id);
        let gone = place.map(|place| handlers.remove(place));
        drop(handlers);
        drop(gone);
    }

    /// The handler that counts.
    pub(super) fn last(&self) -> Option<Arc<F>> {
        lock(&self.0).last().map(|entry| Arc::clone(&entry.handler))
    }

    pub(super) fn clear(&self) {
        let gone = std::mem::take(&mut *lock(&self.0));
        drop(gone);
    }
}
