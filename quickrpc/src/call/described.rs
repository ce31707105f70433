//! What an API has said of itself.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::sync::lock;
use crate::base::value::Value;
use crate::format::description::Description;
use crate::format::openrpc;

/// Whether an API says what it is, and what it has said.
#[derive(Default)]
pub(crate) struct Discovery {
    is_off: AtomicBool,
    /// What so many traits, and nothing beside them, look like; made when somebody asks. A leaf in
    /// the lock order.
    document: Mutex<Option<(usize, Arc<Value>)>>,
}

impl Discovery {
    /// It says nothing of itself.
    pub(crate) fn turn_off(&self) {
        self.is_off.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Relaxed)
    }

    /// The document of these traits, and of calls by name beside them.
    pub(crate) fn document(&self, apis: &[Description], others: &[String]) -> Arc<Value> {
        if !others.is_empty() {
            return Arc::new(openrpc::document(apis, others));
        }
        // Traits are added, and never taken away.
        if let Some((count, document)) = &*lock(&self.document)
            && *count == apis.len()
        {
            return Arc::clone(document);
        }
        // Types are the user's, so that no lock is held.
        let document = Arc::new(openrpc::document(apis, others));
        *lock(&self.document) = Some((apis.len(), Arc::clone(&document)));
        document
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Discovery({})", if self.is_off() { "off" } else { "on" })
    }
}
