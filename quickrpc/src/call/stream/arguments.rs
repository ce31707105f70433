//! The streams that peers have given: who their items are for.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::telegrams::CallId;
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::call::promise::PendingCall;

/// The streams that peers have given to us as arguments, and that have not ended.
#[derive(Default)]
pub(crate) struct Arguments {
    /// How many there are, so that nothing is locked where there are none.
    count: AtomicUsize,
    /// By peer and id; a leaf in the lock order.
    table: Mutex<HashMap<u64, Streams>>,
}

/// Those of one peer.
type Streams = HashMap<CallId, Arc<dyn PendingCall>>;

impl Arguments {
    /// Gives false if the peer has given one with this id already.
    pub(super) fn enter(&self, peer: u64, id: &CallId, stream: Arc<dyn PendingCall>) -> bool {
        let mut table = lock(&self.table);
        let streams = table.entry(peer).or_default();
        if streams.contains_key(id) {
            return false;
        }
        streams.insert(id.clone(), stream);
        self.count.fetch_add(1, Ordering::SeqCst);
        true
    }

    pub(super) fn find(&self, peer: u64, id: &CallId) -> Option<Arc<dyn PendingCall>> {
        if self.count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        lock(&self.table).get(&peer)?.get(id).cloned()
    }

    pub(super) fn leave(&self, peer: u64, id: &CallId) -> Option<Arc<dyn PendingCall>> {
        let mut table = lock(&self.table);
        let streams = table.get_mut(&peer)?;
        let left = streams.remove(id);
        if streams.is_empty() {
            table.remove(&peer);
        }
        if left.is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
        left
    }

    /// A peer sends no more of them.
    pub(crate) fn lost(&self, peer: u64, error: &Error) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let streams = lock(&self.table).remove(&peer);
        self.fail(streams.into_iter(), error);
    }

    /// No peer does.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *lock(&self.table));
        self.fail(all.into_values(), &Error::Stopped);
    }

    fn fail(&self, all: impl Iterator<Item = Streams>, error: &Error) {
        for stream in all.flat_map(HashMap::into_values) {
            self.count.fetch_sub(1, Ordering::SeqCst);
            stream.fail(error.clone(), 0);
        }
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({})", self.count.load(Ordering::Relaxed))
    }
}
