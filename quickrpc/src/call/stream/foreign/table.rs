//! The subscriptions that an API declares, and those that it has at its peers. No I/O in it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use super::{OFF, ON};
use crate::base::sync::lock;
use crate::call::promise::PendingCall;
use crate::call::stream::kept::Kept;
use crate::call::stream::telegrams::CallId;
use crate::format::description::{Description, SubscriptionDescription};
use crate::net::conn::Conn;
use crate::wire::codec::{Payload, SharedScript};

/// The subscriptions of an API.
#[derive(Default)]
pub(crate) struct Foreign {
    /// It declares some whose items are heard, so that nothing is looked for where there are none.
    hears: AtomicBool,
    names: RwLock<Names>,
    /// Those that it has, by peer; a leaf in the lock order.
    table: Mutex<HashMap<u64, OfPeer>>,
}

/// What is declared.
#[derive(Default)]
struct Names {
    items: Vec<Notified>,
    /// The calls by which peers end theirs.
    ends: Vec<&'static str>,
    /// Some that are served are events.
    events: bool,
}

/// A notification that brings items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notified {
    pub(super) name: &'static str,
    /// It is an event, and so there is no id.
    pub(super) is_event: bool,
}

/// A call of a peer that has to do with its subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Served {
    End(&'static str),
    On,
    Off,
}

/// The notification, and the id, which an event has not.
pub(super) type Key = (&'static str, Option<CallId>);

/// A notification that has come before it was known whose it is.
pub(super) type Early = (SharedScript, Payload);

/// A stream that takes items, with its number.
type Taker = (u64, Arc<dyn PendingCall>);

/// The subscriptions at one peer.
#[derive(Default)]
struct OfPeer {
    /// Several may take the same event.
    begun: HashMap<Key, Vec<Taker>>,
    /// The notifications of calls that the peer has not answered yet.
    asked: Vec<&'static str>,
    /// What has come meanwhile, and is of none that has begun.
    early: VecDeque<(Key, Early)>,
    /// How much that is, and what counts it.
    bytes: usize,
    kept: Option<Kept>,
    /// There was more of that than may wait.
    overflown: bool,
}

/// Who an item is for.
pub(super) enum Takers {
    These(Vec<Arc<dyn PendingCall>>),
    /// Perhaps somebody, when the peer has answered. Whether all peers together hold more than before, to
    /// be looked at when no lock is held.
    Early(bool),
    Nobody,
}

impl Foreign {
    /// An API has these calls.
    pub(crate) fn declare(&self, description: &Description) {
        let mut names = self.names.write().unwrap_or_else(|p| p.into_inner());
        for call in description.outgoing() {
            let notified = match call.subscription() {
                Some(SubscriptionDescription::ById { item, .. }) => Notified {
                    name: item,
                    is_event: false,
                },
                Some(SubscriptionDescription::Event) => Notified {
                    name: call.wire_name,
                    is_event: true,
                },
                None => continue,
            };
            if !names.items.contains(&notified) {
                names.items.push(notified);
            }
            self.hears.store(true, Ordering::Release);
        }
        for call in description.incoming() {
            match call.subscription() {
                Some(SubscriptionDescription::ById { cancel, .. }) => names.ends.push(cancel),
                Some(SubscriptionDescription::Event) => names.events = true,
                None => {}
            }
        }
    }

    /// Whether any notification brings items.
    #[inline]
    pub(crate) fn hears(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }

    /// What a notification brings, if that is items.
    pub(crate) fn notified(&self, method: &str) -> Option<Notified> {
        if !self.hears() {
            return None;
        }
        let names = self.names.read().unwrap_or_else(|p| p.into_inner());
        let mut items = names.items.iter();
        items.find(|one| one.name == method).copied()
    }

    /// What a call of a peer is about, if that is its subscriptions.
    pub(super) fn served(&self, method: &str) -> Option<Served> {
        let names = self.names.read().unwrap_or_else(|p| p.into_inner());
        match method {
            ON if names.events => Some(Served::On),
            OFF if names.events => Some(Served::Off),
            _ => {
                let mut ends = names.ends.iter();
                ends.find(|one| **one == method).copied().map(Served::End)
            }
        }
    }

    /// A peer is asked for a subscription, of which it will give the id.
    pub(super) fn ask(&self, peer: u64, item: &'static str) {
        let mut table = lock(&self.table);
        table.entry(peer).or_default().asked.push(item);
    }

    /// It has answered, or will not.
    pub(super) fn unask(&self, peer: u64, item: &'static str) {
        let mut table = lock(&self.table);
        let Some(of_peer) = table.get_mut(&peer) else {
            return;
        };
        if let Some(place) = of_peer.asked.iter().position(|asked| *asked == item) {
            of_peer.asked.swap_remove(place);
        }
        let unwanted = match of_peer.asked.contains(&item) {
            true => VecDeque::new(),
            false => of_peer.forget_early(item),
        };
        if of_peer.is_empty() {
            table.remove(&peer);
        }
        drop(table);
        drop(unwanted);
    }

    /// A subscription begins. Gives what has come of it already, or that this was too much.
    pub(super) fn enter(&self, peer: u64, key: Key, taker: Taker) -> Result<Vec<Early>, ()> {
        let mut table = lock(&self.table);
        let of_peer = table.entry(peer).or_default();
        let early = of_peer.take_early(&key);
        let overflown = of_peer.overflown;
        of_peer.begun.entry(key).or_default().push(taker);
        match overflown {
            true => Err(()),
            false => Ok(early),
        }
    }

    /// A subscription is over. Gives whether nobody takes these items any more; `None` if it was
    /// not there.
    pub(super) fn leave(&self, peer: u64, key: &Key, number: u64) -> Option<bool> {
        let mut table = lock(&self.table);
        let of_peer = table.get_mut(&peer)?;
        let takers = of_peer.begun.get_mut(key)?;
        let place = takers.iter().position(|(taker, _)| *taker == number)?;
        let left = takers.swap_remove(place);
        let is_last = takers.is_empty();
        if is_last {
            of_peer.begun.remove(key);
        }
        if of_peer.is_empty() {
            table.remove(&peer);
        }
        drop(table);
        drop(left);
        Some(is_last)
    }

    /// Who takes an item of this peer, and of this size; `keep` makes it one that may wait for its
    /// subscription.
    pub(super) fn takers(
        &self,
        conn: &Arc<Conn>,
        key: Key,
        size: usize,
        keep: impl FnOnce() -> Early,
    ) -> Takers {
        let limit = conn.wire.limits.waiting_bytes;
        let mut table = lock(&self.table);
        let Some(of_peer) = table.get_mut(&conn.id()) else {
            return Takers::Nobody;
        };
        if let Some(takers) = of_peer.begun.get(&key) {
            let takers = takers.iter().map(|(_, call)| Arc::clone(call));
            return Takers::These(takers.collect());
        }
        if !of_peer.asked.contains(&key.0) {
            return Takers::Nobody;
        }
        if of_peer.bytes.saturating_add(size) > limit {
            of_peer.overflown = true;
            return Takers::Early(false);
        }
        of_peer.bytes += size;
        of_peer.early.push_back((key, keep()));
        let kept = of_peer.kept.get_or_insert_with(|| Kept::of(conn, 0).0);
        Takers::Early(kept.set(of_peer.bytes))
    }

    /// Those of a peer with this id, or for the event of this name.
    pub(super) fn named(&self, peer: u64, id: &CallId) -> Vec<Arc<dyn PendingCall>> {
        if !self.hears() {
            return Vec::new();
        }
        let table = lock(&self.table);
        let begun = table
            .get(&peer)
            .into_iter()
            .flat_map(|one| one.begun.iter());
        let these = begun.filter(|((name, of), _)| match of {
            Some(of) => of == id,
            None => matches!(id, CallId::Text(text) if **text == **name),
        });
        let takers = these.flat_map(|(_, takers)| takers);
        takers.map(|(_, call)| Arc::clone(call)).collect()
    }

    /// A peer is gone, and with it what it has sent early.
    pub(crate) fn lost(&self, peer: u64) {
        if self.hears() {
            let lost = lock(&self.table).remove(&peer);
            drop(lost);
        }
    }
}

impl OfPeer {
    fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.asked.is_empty()
    }

    fn take_early(&mut self, key: &Key) -> Vec<Early> {
        let (these, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition::<VecDeque<_>, _>(|(of, _)| of == key);
        self.early = others;
        self.gave(size(&these));
        these.into_iter().map(|(_, early)| early).collect()
    }

    fn gave(&mut self, bytes: usize) {
        self.bytes -= bytes.min(self.bytes);
        if let Some(kept) = &mut self.kept {
            kept.set(self.bytes);
        }
    }

    fn forget_early(&mut self, item: &str) -> VecDeque<(Key, Early)> {
        let (these, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition::<VecDeque<_>, _>(|((name, _), _)| *name == item);
        self.early = others;
        self.gave(size(&these));
        self.overflown = false;
        these
    }
}

fn size(early: &VecDeque<(Key, Early)>) -> usize {
    let sizes = early.iter().map(|(_, (script, _))| script.script().len());
    sizes.sum()
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Foreign({} peers)", lock(&self.table).len())
    }
}
