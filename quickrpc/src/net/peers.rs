//! Who is connected: lookup by id and by name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::error::Error;
use crate::base::sender::{Receiver, Sender};

use super::addresses::Addresses;
use super::conn::Conn;

/// An error lists so many names at the most.
const LISTED: usize = 8;

/// The connected peers, in the order in which they came, and those who are greeted.
#[derive(Debug, Default)]
pub(crate) struct PeerTable {
    by_id: BTreeMap<u64, Arc<Conn>>,
    by_name: HashMap<Arc<str>, Vec<u64>>,
    /// Those who are out, and of whose end the poll thread has not been asked to tell yet.
    leaving: BTreeMap<u64, Arc<Conn>>,
    /// How many of them are only heard.
    beside: usize,
    /// Nobody is let in any more.
    closed: bool,
    /// Open wires that have addresses and not peers.
    wires: Vec<Arc<dyn Addresses>>,
    /// Counts those of whom one was chosen.
    turn: usize,
}

impl PeerTable {
    /// Gives false if nobody is let in any more.
    pub(crate) fn insert(&mut self, conn: Arc<Conn>) -> bool {
        if self.closed {
            return false;
        }
        self.by_id.insert(conn.id(), Arc::clone(&conn));
        self.beside += usize::from(conn.is_beside());
        if conn.is_greeted() {
            self.make_known(&conn);
        }
        true
    }

    /// A peer that is greeted can be found by its name.
    pub(crate) fn make_known(&mut self, conn: &Conn) {
        if self.by_id.contains_key(&conn.id()) && !conn.is_beside() {
            let name = Arc::clone(&conn.peer().name);
            let ids = self.by_name.entry(name).or_default();
            if !ids.contains(&conn.id()) {
                ids.push(conn.id());
            }
            if ids.len() > 1 {
                // From now on they are shown so that they can be told apart.
                let twins = ids.iter().filter_map(|id| self.by_id.get(id));
                for place in twins.filter_map(|twin| twin.peer.place.as_ref()) {
                    place.is_twin.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Those that have this name.
    pub(crate) fn named(&self, name: &Arc<str>) -> Vec<Arc<Conn>> {
        let ids = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        ids.iter()
            .filter_map(|id| self.by_id.get(id).cloned())
            .collect()
    }

    /// Another peer has this one's name from now on.
    pub(crate) fn forget_name(&mut self, conn: &Conn) {
        if let Some(ids) = self.by_name.get_mut(&conn.peer().name) {
            ids.retain(|id| *id != conn.id());
        }
    }

    /// Lets nobody in from now on; gives those who are there.
    pub(crate) fn close(&mut self) -> Vec<Arc<Conn>> {
        self.closed = true;
        self.with_strangers().cloned().collect()
    }

    /// Lets peers in again.
    pub(crate) fn open(&mut self) {
        self.closed = false;
    }

    /// Takes a peer out; it is leaving until somebody sees to its end ([`left`](Self::left),
    /// [`take_leaving`](Self::take_leaving)). Gives whether it was in.
    pub(crate) fn remove(&mut self, conn: &Conn) -> bool {
        let Some(peer) = self.by_id.remove(&conn.id()) else {
            return false;
        };
        self.beside -= usize::from(conn.is_beside());
        self.leaving.insert(conn.id(), peer);
        if let Some(ids) = self.by_name.get_mut(&conn.peer().name) {
            ids.retain(|id| *id != conn.id());
            if ids.is_empty() {
                self.by_name.remove(&conn.peer().name);
            }
        }
        true
    }

    /// A peer has left. False if somebody else has seen to that.
    pub(crate) fn left(&mut self, conn: &Conn) -> bool {
        self.leaving.remove(&conn.id()).is_some()
    }

    /// Those who leave at the moment: the caller sees to it.
    pub(crate) fn take_leaving(&mut self) -> Vec<Arc<Conn>> {
        std::mem::take(&mut self.leaving).into_values().collect()
    }

    /// Those who count as connected.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Conn>> {
        self.with_strangers()
            .filter(|conn| conn.is_greeted() && !conn.is_beside())
    }

    /// Those who are told what goes to all.
    pub(crate) fn told(&self) -> impl Iterator<Item = &Arc<Conn>> {
        self.with_strangers().filter(|conn| conn.is_told())
    }

    /// All, those included who have not proved who they are.
    pub(crate) fn with_strangers(&self) -> impl Iterator<Item = &Arc<Conn>> {
        self.by_id.values()
    }

    /// The peers of a link.
    pub(crate) fn of_link(&self, link: usize) -> Vec<Arc<Conn>> {
        let peers = self.by_id.values();
        peers.filter(|conn| conn.link == link).cloned().collect()
    }

    /// The one peer of a link that has one, if it is there.
    pub(crate) fn one_of_link(&self, link: usize) -> Option<&Arc<Conn>> {
        self.all().find(|conn| conn.link == link)
    }

    pub(crate) fn add_wire(&mut self, wire: Arc<dyn Addresses>) {
        self.wires.push(wire);
    }

    /// Takes out the wire with addresses of a link.
    pub(crate) fn remove_wire(&mut self, link: usize) -> Option<Arc<dyn Addresses>> {
        let place = self
            .wires
            .iter()
            .position(|wire| wire.everyone().link == link)?;
        Some(self.wires.remove(place))
    }

    /// All peers that can be called, and what stands for everybody on a wire with addresses: whom
    /// a message to all goes to.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Arc<Conn>> {
        let told = self.told().filter(|conn| !conn.is_addressed());
        told.chain(self.everyones())
    }

    /// Whoever serves a call, on a wire that sees to that by itself; else one of those who are
    /// connected, in turns.
    pub(crate) fn anyone(&mut self) -> Option<Arc<Conn>> {
        let shared = self.wires.iter().find_map(|wire| wire.anyone());
        if let Some(shared) = shared {
            return Some(Arc::clone(shared));
        }
        self.turn = self.turn.wrapping_add(1);
        let able = || self.all().filter(|conn| conn.takes_calls());
        let one = self.turn.checked_rem(able().count())?;
        able().nth(one).cloned()
    }

    /// The wire with addresses of a link.
    pub(crate) fn wire_at(&self, link: usize) -> Option<&Arc<dyn Addresses>> {
        self.wires.iter().find(|wire| wire.everyone().link == link)
    }

    /// What stands for everybody on each wire with addresses.
    pub(crate) fn everyones(&self) -> impl Iterator<Item = &Arc<Conn>> {
        self.wires.iter().map(|wire| wire.everyone())
    }

    /// The one that a message to all goes to, if it is one peer.
    pub(crate) fn only(&self) -> Option<&Arc<Conn>> {
        if !self.wires.is_empty() {
            return None;
        }
        match self.by_id.len() {
            1 => {
                let (_, one) = self.by_id.first_key_value()?;
                // A stranger is nobody.
                one.is_told().then_some(one)
            }
            // A client with what is beside its connection.
            2 if self.beside == 1 => {
                let mut told = self.told();
                let one = told.next()?;
                told.next().is_none().then_some(one)
            }
            _ => None,
        }
    }

    /// What stands for an address, on each wire with addresses that is meant.
    pub(crate) fn addressed(&self, receiver: &Receiver) -> Vec<Arc<Conn>> {
        match receiver {
            Receiver::Anyone => Vec::new(),
            Receiver::Name(name) => {
                let wires = self.wires.iter();
                wires.filter_map(|wire| wire.named(name)).collect()
            }
            Receiver::Peer(sender) => {
                let wire = self.wire_of(sender);
                wire.and_then(|wire| wire.sender(sender))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// The wire with addresses that a sender belongs to.
    pub(crate) fn wire_of(&self, sender: &Sender) -> Option<&Arc<dyn Addresses>> {
        self.wires
            .iter()
            .find(|wire| wire.everyone().id() == sender.wire)
    }

    /// The one peer that is meant.
    pub(crate) fn find(&self, receiver: &Receiver) -> Result<Arc<Conn>, Error> {
        match receiver {
            Receiver::Peer(sender) => {
                self.by_id
                    .get(&sender.id)
                    .cloned()
                    .ok_or_else(|| Error::Disconnected {
                        peer: Arc::clone(&sender.name),
                        reason: match self.wire_of(sender) {
                            Some(_) => "it is an address, and was never connected".into(),
                            None => "the connection has ended".into(),
                        },
                    })
            }
            Receiver::Name(name) => self.by_name(name),
            Receiver::Anyone => Err(self.unknown(&"any".into())),
        }
    }

    fn by_name(&self, name: &Arc<str>) -> Result<Arc<Conn>, Error> {
        match self.by_name.get(name).map(Vec::as_slice) {
            Some([id]) => self
                .by_id
                .get(id)
                // Its name is taken, but it is not there yet.
                .filter(|conn| conn.is_greeted())
                .cloned()
                .ok_or_else(|| self.unknown(name)),
            Some(ids) => Err(Error::AmbiguousPeer {
                name: Arc::clone(name),
                candidates: ids.iter().map(|id| format!("{name}#{id}")).collect(),
            }),
            // `name#number` names one of several peers of that name.
            None => name
                .rsplit_once('#')
                .and_then(|(name, id)| {
                    let conn = self.by_id.get(&id.parse().ok()?)?;
                    let meant = *conn.peer().name == *name && conn.is_greeted();
                    meant.then(|| Arc::clone(conn))
                })
                .ok_or_else(|| self.unknown(name)),
        }
    }

    fn unknown(&self, name: &Arc<str>) -> Error {
        let known = self.by_name.keys().take(LISTED).cloned();
        Error::UnknownPeer {
            name: Arc::clone(name),
            known: known.collect(),
        }
    }
}

#[cfg(test)]
#[path = "test_peers.rs"]
mod tests;
