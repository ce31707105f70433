//! Properties: values that one side has and the other side sees.
//!
//! What they are on a wire is said by their descriptions ([`PropertyCalls`]); here alone it is
//! decided that a read and a write are calls, and a change a notification. A protocol that has
//! properties of its own takes them from here.
//!
//! ```text
//! Property<T> ──► Core<T> ──► Owned: the newest value, and who is told (telling.rs)
//!                  handlers of reads and writes, connected to the slots of these calls
//! RemoteProperty<T> ──► the slot of the change; the last value of each peer
//! ```
//!
//! [`PropertyCalls`]: crate::format::property::PropertyCalls

mod handlers;
mod owned;
mod owner;
mod remote;
mod telling;
mod value;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::net::conn::Conn;

pub(crate) use owned::Names;
use owned::Owned;
pub use owner::Property;
pub use remote::RemoteProperty;
pub(crate) use value::Form;
use value::Stored;

use super::calls::Calls;

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

    /// What a reader gets who is that peer, if that is asked of the program.
    fn read(&self, peer: &Sender) -> Option<Arc<dyn Stored>>;

    /// Drops the handlers, which may own handles of this API.
    fn clear(&self);
}

/// A property of the other side, without its type.
pub(crate) trait Remote: Send + Sync {
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

    fn remote(&self) -> Vec<Arc<dyn Remote>> {
        lock(&self.remote).clone()
    }

    fn add_own(&self, property: Arc<dyn Own>) {
        lock(&self.own).push(property);
        self.has_own.store(true, Ordering::Release);
    }

    fn add_remote(&self, property: Arc<dyn Remote>) {
        lock(&self.remote).push(property);
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

impl Calls {
    /// A peer has come: in its turn, behind `on_connect`, it is told what there is.
    pub(crate) fn introduce(&self, peer: &Arc<Conn>) {
        for property in self.properties.own() {
            self.introduce_to(peer, property);
        }
    }

    fn introduce_to(&self, peer: &Arc<Conn>, property: Arc<dyn Own>) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        let (peer, lane) = (Arc::clone(peer), peer.id());
        let item = move || {
            if calls.may_read(&peer, property.owned()) {
                property.owned().begin(&calls, &peer, &*property);
            }
        };
        self.post(lane, Box::new(item), 0);
    }

    /// The same at once for all who are connected, where nobody has a handler yet.
    pub(crate) fn introduce_everybody(&self) {
        let peers: Vec<_> = lock(&self.net.peers).all().cloned().collect();
        for property in self.properties.own() {
            for peer in &peers {
                if self.may_read(peer, property.owned()) {
                    property.owned().begin(self, peer, &*property);
                }
            }
        }
    }

    /// Whether a peer is told of a property: if it might read it.
    fn may_read(&self, peer: &Conn, property: &Owned) -> bool {
        match self.slots.find(&property.names.read) {
            Some(slot) if self.is_guarded(&slot) => self.forbids(&peer.sender(), &slot).is_none(),
            _ => true,
        }
    }

    /// Those who are there already are told of another property.
    fn introduce_to_all(&self, property: &Arc<dyn Own>) {
        let peers: Vec<_> = lock(&self.net.peers).all().cloned().collect();
        for peer in peers {
            self.introduce_to(&peer, Arc::clone(property));
        }
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Properties({} of its own)", self.own().len())
    }
}
