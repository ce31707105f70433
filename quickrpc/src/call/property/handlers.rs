//! Handlers of one thing of which the last one that was connected counts.

use std::sync::{Arc, Mutex};

use crate::base::sync::lock;
use crate::call::local::{Kind, next_handler};

pub(super) struct Handlers<F: ?Sized>(Mutex<Vec<Entry<F>>>);

struct Entry<F: ?Sized> {
    id: u64,
    handler: Arc<F>,
    kind: Kind,
}

impl<F: ?Sized> Handlers<F> {
    pub(super) fn new() -> Self {
        Handlers(Mutex::default())
    }

    /// Adds a handler; gives its number.
    pub(super) fn connect(&self, handler: Arc<F>, kind: Kind) -> u64 {
        let id = next_handler();
        lock(&self.0).push(Entry { id, handler, kind });
        id
    }

    /// Whether there is one of this kind.
    pub(super) fn has(&self, kind: Kind) -> bool {
        lock(&self.0).iter().any(|entry| entry.kind == kind)
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
