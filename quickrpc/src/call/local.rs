//! Handlers that stay on the thread that made them.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::often::Origin;

/// What a handler needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// It stays on its thread.
    Local,
    /// Somebody who runs futures.
    Async,
}

static NEXT_HANDLER: AtomicU64 = AtomicU64::new(1);

/// A number for a handler, in whatever place.
pub(crate) fn next_handler() -> u64 {
    NEXT_HANDLER.fetch_add(1, Ordering::Relaxed)
}

thread_local! {
    /// Handlers that stay on this thread, by number.
    static LOCAL: RefCell<HashMap<u64, Rc<dyn Any>>> = RefCell::default();
}

/// A handler that stays on the thread that made it, while the name of it may travel.
pub(crate) struct Local<F> {
    id: u64,
    kind: PhantomData<fn() -> F>,
}

impl<F: 'static> Local<F> {
    pub(crate) fn new(handler: F) -> Self {
        let id = next_handler();
        LOCAL.with_borrow_mut(|local| local.insert(id, Rc::new(handler)));
        let kind = PhantomData;
        Local { id, kind }
    }

    /// The handler, on its thread; elsewhere it is said to be missing.
    pub(crate) fn get(&self) -> Option<Rc<F>> {
        let found = LOCAL.with_borrow(|local| local.get(&self.id).cloned());
        let handler = found.and_then(|value| value.downcast().ok());
        if handler.is_none() {
            crate::base::log::error_often!(
                "a handler on another thread", &Origin::Anybody;
                "a handler connected with connect_local (or another `.._local`) was called on \
                 another thread; use Processing::Manual, and process_pending() on the thread that \
                 connected"
            );
        }
        handler
    }
}

impl<F> Drop for Local<F> {
    fn drop(&mut self) {
        // Elsewhere, or when the thread ends, there is nothing to remove.
        let removed = LOCAL.try_with(|local| local.borrow_mut().remove(&self.id));
        drop(removed);
    }
}
