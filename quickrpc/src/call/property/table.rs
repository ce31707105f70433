//! The properties of an API, without their types.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::call::local::Kind;
use crate::call::promise::Promise;

use super::owned::Owned;
use super::stored::Stored;

/// The properties of an API: its own, and those of the other side that it hears of.
#[derive(Default)]
pub(crate) struct Properties {
    /// Whether there are any of its own, so that nothing is locked where there are none.
    has_own: AtomicBool,
    /// Guards the list; a leaf in the lock order.
    own: Mutex<Vec<Arc<dyn Own>>>,
    /// Likewise.
    remote: Mutex<Vec<Arc<dyn Remote>>>,
}

/// A property of this side, without its type.
pub(crate) trait Own: Send + Sync {
    fn owned(&self) -> &Owned;

    /// What a reader gets who is that peer.
    fn read(&self, peer: &Sender) -> Read;

    /// Whether it has a handler of this kind.
    fn has(&self, kind: Kind) -> bool;

    /// Drops the handlers, which may own handles of this API.
    fn clear(&self);
}

/// What a peer is told that reads a property.
pub(crate) enum Read {
    /// This, which the program says.
    Value(Arc<dyn Stored>),
    /// What was set, if anything.
    Set,
    /// What the program says later.
    Later(Promise<Arc<dyn Stored>>),
}

/// A property of the other side, without its type.
pub(crate) trait Remote: Send + Sync {
    /// Its name on wires that have properties.
    fn property(&self) -> &str;

    /// The notification of its changes, elsewhere.
    fn change(&self) -> &str;

    /// Whether a peer has told it.
    fn is_known(&self, peer: u64) -> bool;

    /// A peer is gone, or all are.
    fn forget(&self, peer: Option<u64>);
}

impl Properties {
    pub(crate) fn own(&self) -> Vec<Arc<dyn Own>> {
        match self.has_own.load(Ordering::Acquire) {
            true => lock(&self.own).clone(),
            false => Vec::new(),
        }
    }

    pub(crate) fn remote(&self) -> Vec<Arc<dyn Remote>> {
        lock(&self.remote).clone()
    }

    pub(super) fn add_own(&self, property: Arc<dyn Own>) {
        lock(&self.own).push(property);
        self.has_own.store(true, Ordering::Release);
    }

    pub(super) fn add_remote(&self, property: Arc<dyn Remote>) {
        lock(&self.remote).push(property);
    }

    /// A property with a handler of this kind, if there is one.
    pub(crate) fn with(&self, kind: Kind) -> Option<String> {
        let own = self.own();
        let property = own.iter().find(|own| own.has(kind))?;
        Some(property.owned().names.property.to_string())
    }

    /// A peer is told nothing any more.
    pub(crate) fn lost(&self, peer: u64) {
        for property in self.own() {
            property.owned().forget(peer);
        }
    }

    /// What a peer has told is forgotten.
    pub(crate) fn gone(&self, peer: u64) {
        for property in self.remote() {
            property.forget(Some(peer));
        }
    }

    /// There are no peers.
    pub(crate) fn reset(&self) {
        for property in self.own() {
            property.owned().forget_all();
        }
        for property in self.remote() {
            property.forget(None);
        }
    }

    /// Drops all that is of the program.
    pub(crate) fn clear(&self) {
        self.reset();
        for property in self.own() {
            property.clear();
        }
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Properties({} of its own)", self.own().len())
    }
}
