//! The streams that are fed to peers: who has credit for more.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::telegrams::CallId;
use crate::base::sync::lock;
use crate::call::task::Task;

/// The streams that peers get.
#[derive(Default)]
pub(crate) struct Feeds {
    /// How many there are, so that nothing is locked where there are none.
    count: AtomicUsize,
    /// By peer and call; a leaf in the lock order.
    table: Mutex<HashMap<u64, HashMap<CallId, Arc<Fed>>>>,
}

/// A stream that a peer gets.
#[derive(Default)]
pub(crate) struct Fed {
    credit: Mutex<Credit>,
    task: Mutex<Option<Arc<Task>>>,
}

/// Whether an item may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    Send,
    /// Not before the peer says so.
    Wait,
    /// When whoever reads the peer has had its turn: the peer may have said how much it takes.
    Look,
}

/// So many items go to a peer before it is looked whether it has said how many it takes.
const UNASKED: u64 = 16;

/// What a peer takes of a stream.
#[derive(Debug)]
enum Credit {
    /// It has said nothing of it, and gets all; so many so far.
    Unlimited(u64),
    /// So many more.
    Left(u64),
}

impl Default for Credit {
    fn default() -> Self {
        Credit::Unlimited(0)
    }
}

impl Fed {
    /// Takes the credit for one item, if there is.
    pub(crate) fn may_send(&self, looked: bool) -> May {
        match &mut *lock(&self.credit) {
            Credit::Unlimited(sent) if !looked && *sent > 0 && *sent % UNASKED == 0 => {
                return May::Look;
            }
            Credit::Unlimited(sent) => *sent += 1,
            Credit::Left(0) => return May::Wait,
            Credit::Left(left) => *left -= 1,
        }
        May::Send
    }

    /// An item for which credit was taken was not sent.
    pub(crate) fn unsent(&self) {
        match &mut *lock(&self.credit) {
            Credit::Unlimited(sent) => *sent -= 1,
            // It may have been given as much as there can be.
            Credit::Left(left) => *left = left.saturating_add(1),
        }
    }

    /// It takes so many more. The first time, they count from the beginning: the call may have
    /// been begun before this was read, though both came at once.
    fn grant(&self, items: u64) {
        let mut credit = lock(&self.credit);
        *credit = Credit::Left(match &*credit {
            Credit::Unlimited(sent) => items.saturating_sub(*sent),
            Credit::Left(left) => left.saturating_add(items),
        });
        drop(credit);
        self.wake();
    }

    /// It goes on.
    pub(crate) fn wake(&self) {
        let task = lock(&self.task).clone();
        if let Some(task) = task {
            std::task::Wake::wake(task);
        }
    }

    /// It is given up.
    pub(crate) fn end(&self) {
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.end();
        }
    }
}

impl Feeds {
    /// A stream begins. `None`: another one of this peer has this id.
    pub(crate) fn begin(&self, peer: u64, id: &CallId) -> Option<Arc<Fed>> {
        let mut table = lock(&self.table);
        let streams = table.entry(peer).or_default();
        if streams.contains_key(id) {
            return None;
        }
        let fed = Arc::new(Fed::default());
        streams.insert(id.clone(), Arc::clone(&fed));
        self.count.fetch_add(1, Ordering::SeqCst);
        Some(fed)
    }

    /// What feeds it, which begins now.
    pub(crate) fn run(&self, fed: &Fed, task: Arc<Task>) {
        *lock(&fed.task) = Some(task);
        fed.wake();
    }

    /// A stream has ended, if it is there still.
    pub(crate) fn ended(&self, peer: u64, id: &CallId, ended: &Arc<Fed>) {
        let mut table = lock(&self.table);
        let Some(streams) = table.get_mut(&peer) else {
            return;
        };
        let is_there = streams.get(id).is_some_and(|fed| Arc::ptr_eq(fed, ended));
        let fed = is_there.then(|| streams.remove(id)).flatten();
        if streams.is_empty() {
            table.remove(&peer);
        }
        if fed.is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
        drop(table);
        drop(fed);
    }

    /// A peer takes so many more. False: there is no such stream.
    pub(crate) fn more(&self, peer: u64, id: &CallId, items: u64) -> bool {
        let table = lock(&self.table);
        let fed = table.get(&peer).and_then(|streams| streams.get(id));
        let fed = fed.cloned();
        drop(table);
        if let Some(fed) = &fed {
            fed.grant(items);
        }
        fed.is_some()
    }

    /// The queue of a peer has room.
    pub(crate) fn room(&self, peer: u64) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let streams: Vec<_> = match lock(&self.table).get(&peer) {
            Some(streams) => streams.values().cloned().collect(),
            None => return,
        };
        for fed in streams {
            fed.wake();
        }
    }

    /// A peer is gone: its streams are dropped.
    pub(crate) fn lost(&self, peer: u64) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let streams = lock(&self.table).remove(&peer);
        self.end(streams.into_iter());
    }

    /// All are dropped.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *lock(&self.table));
        self.end(all.into_values());
    }

    fn end(&self, all: impl Iterator<Item = HashMap<CallId, Arc<Fed>>>) {
        for fed in all.flat_map(HashMap::into_values) {
            self.count.fetch_sub(1, Ordering::SeqCst);
            fed.end();
        }
    }
}

impl fmt::Debug for Feeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feeds({})", self.count.load(Ordering::Relaxed))
    }
}
