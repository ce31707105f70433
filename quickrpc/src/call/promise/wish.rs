//! Whether the value of a promise is still wanted, as whoever is to give it can ask.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::foreign;
use crate::base::sync::lock;

/// What is to be run when nobody wants the value any more.
pub(crate) type Callback = Box<dyn FnOnce() + Send>;

/// Of a promise that a resolver settles: whether somebody still wants the value.
#[derive(Default)]
pub(crate) struct Wish {
    is_cancelled: AtomicBool,
    /// A leaf in the lock order.
    callbacks: Mutex<Vec<Callback>>,
}

impl Wish {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }

    /// Nobody wants the value any more. Gives what has to be run then.
    pub(crate) fn cancel(&self) -> Vec<Callback> {
        let mut callbacks = lock(&self.callbacks);
        self.is_cancelled.store(true, Ordering::Release);
        std::mem::take(&mut *callbacks)
    }

    /// Runs this when nobody wants the value any more; at once if that is so.
    pub(crate) fn on_cancel(&self, callback: Callback) {
        let mut callbacks = lock(&self.callbacks);
        if !self.is_cancelled() {
            return callbacks.push(callback);
        }
        drop(callbacks);
        run(vec![callback]);
    }

    /// The value was given, or never will be: nobody has to be told any more.
    pub(crate) fn forget(&self) {
        let callbacks = std::mem::take(&mut *lock(&self.callbacks));
        foreign::catch("dropping a callback", || drop(callbacks));
    }
}

/// Runs what is to be run when nobody wants a value any more.
pub(crate) fn run(callbacks: Vec<Callback>) {
    for callback in callbacks {
        foreign::guarded("a callback of a cancelled call", callback);
    }
}

/// The other end of a promise that was handed on: its value is not wanted any more.
pub(crate) trait Unwanted: Send + Sync {
    /// Says so to whoever is to give it: the peer that was called, or the resolver. Gives what
    /// has to be run then.
    fn unwanted(&self) -> Vec<Callback>;
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wish(cancelled: {})", self.is_cancelled())
    }
}
