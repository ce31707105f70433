//! Telling: from a value that was set to the peers that hear of it.

use std::sync::Arc;

use crate::base::current::CallKey;
use crate::base::error::Error;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::call::calls::Calls;
use crate::call::promise::Promise;
use crate::call::target::are_alike;
use crate::format::description::Description;
use crate::net::conn::{Conn, Wait};
use crate::net::reactor::Command;

use super::owned::{Change, Owned};
use super::stored::Stored;
use super::table::{Own, Read};
use super::telling::{Round, Told};

/// A thread that tells, and may have something else to do, tells so many rounds; then it leaves
/// the rest to the poll thread. Others may set the property all the time.
const ROUNDS: usize = 32;

/// The thread that tells. Should it panic, by what a plug-in does, others can tell again.
struct Teller<'a>(&'a Owned);

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A thread that sends to addresses.
struct Airing<'a>(&'a Owned, u64);

impl Drop for Airing<'_> {
    fn drop(&mut self) {
        self.0.aired(self.1);
    }
}

impl Calls {
    /// A property has changed so.
    pub(super) fn changed(&self, property: &Owned, change: Change) {
        match change {
            Change::None => return,
            Change::Begun => self.tell(property),
            Change::Left => {}
        }
        self.tell_addresses(property);
    }

    /// A peer has come: in its turn, behind `on_connect`, it is told what there is.
    pub(crate) fn introduce(&self, peer: &Arc<Conn>) {
        if !peer.takes_calls() {
            return;
        }
        for property in self.properties.own() {
            self.introduce_to(peer, property);
        }
    }

    fn introduce_to(&self, peer: &Arc<Conn>, property: Arc<dyn Own>) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        let (peer, lane) = (Arc::clone(peer), peer.id());
        let item = move || calls.begin_with(&peer, &property);
        self.post(lane, Box::new(item), 0);
    }

    /// Those who stand for all on wires on which values are kept.
    fn keeping(&self) -> Vec<Arc<Conn>> {
        let peers = lock(&self.net.peers);
        let keeping = peers.everyones().filter(|one| one.outlet.keeps_for_all());
        keeping.cloned().collect()
    }

    /// What is kept of a property is not there any more.
    pub(crate) fn tell_again(&self, everyone: &Arc<Conn>, change: &str) {
        let own = self.properties.own().into_iter();
        for property in own.filter(|property| *property.owned().names.change == *change) {
            property.owned().forget(everyone.id());
            self.introduce_to(everyone, property);
        }
    }

    /// Those who are there already are told of another property.
    pub(super) fn introduce_to_all(&self, property: &Arc<dyn Own>) {
        let peers: Vec<_> = lock(&self.net.peers).told().cloned().collect();
        for peer in peers.into_iter().chain(self.keeping()) {
            self.introduce_to(&peer, Arc::clone(property));
        }
    }

    /// Those who are there already are told of the properties of another trait.
    pub(crate) fn introduce_properties_of(&self, api: &Description) {
        let read = |name: &str| api.incoming().any(|call| call.wire_name == name);
        for property in self.properties.own() {
            if read(&property.owned().names.read) {
                self.introduce_to_all(&property);
            }
        }
    }

    /// All who are connected are told at once, where nobody has a handler yet.
    pub(crate) fn introduce_everybody(&self) {
        let peers: Vec<_> = lock(&self.net.peers).told().cloned().collect();
        for property in self.properties.own() {
            for peer in &peers {
                self.begin_with(peer, &property);
            }
        }
    }

    /// A peer is told from now on, what there is first.
    fn begin_with(&self, peer: &Arc<Conn>, property: &Arc<dyn Own>) {
        let owned = property.owned();
        if !self.may_read(peer, owned) {
            return;
        }
        let Some(version) = owned.version_for(peer) else {
            return;
        };
        if peer.outlet.keeps_for_all() {
            owned.listen(peer, 0);
            return self.go_on(owned);
        }
        // What the program says to a reader goes before what was set.
        match property.read(&peer.sender()) {
            Read::Value(value) => self.listens(peer, owned, version, Some(&*value)),
            Read::Set => self.listens(peer, owned, version, None),
            Read::Later(value) => self.begin_later(peer, property, version, value),
        }
    }

    /// A peer is told from now on, when there is what it is told first.
    fn begin_later(
        &self,
        peer: &Arc<Conn>,
        property: &Arc<dyn Own>,
        version: u64,
        value: Promise<Arc<dyn Stored>>,
    ) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        let key = CallKey::new(peer.id(), &property.owned().names.read);
        // Who makes it hears of it if the peer goes.
        let place = self.begins_apart(peer, Some(key), value.unwanted());
        let (peer, property) = (Arc::clone(peer), Arc::clone(property));
        value.on_settled(move |value| {
            let (calls, lane, ended) = (Arc::clone(&calls), peer.id(), Arc::clone(&calls));
            let item = move || {
                let value = value.ok();
                calls.listens(&peer, property.owned(), version, value.as_deref());
            };
            ended.post(lane, Box::new(item), 0);
            ended.answered_later(place);
        });
    }

    /// A peer is told this, or else what was set, and then what is newer than the version.
    fn listens(&self, peer: &Arc<Conn>, owned: &Owned, version: u64, value: Option<&dyn Stored>) {
        let known = match value {
            Some(value) if self.offer_value(owned, peer, value) == Told::Done => version,
            _ => 0,
        };
        if peer.outlet.keeps_values() && self.is_kept(peer, owned) {
            // It hears of the changes from the broker.
            return;
        }
        owned.listen(peer, known);
        self.go_on(owned);
    }

    /// Whether a property is told to all of those behind the broker of this peer.
    fn is_kept(&self, peer: &Conn, property: &Owned) -> bool {
        let everyone = self.keeping().into_iter();
        let mut everyone = everyone.filter(|one| one.link == peer.link);
        everyone.any(|one| self.may_read(&one, property))
    }

    /// A peer has room for what it was offered in vain.
    pub(crate) fn has_room_for_properties(&self, peer: u64) {
        for property in self.properties.own() {
            property.owned().room(peer);
            self.go_on(property.owned());
            self.tell_addresses(property.owned());
        }
    }

    /// Whether a peer is told of a property: if it might read it.
    fn may_read(&self, peer: &Conn, property: &Owned) -> bool {
        match self.slots.find(&property.names.read) {
            Some(slot) if self.is_guarded(&slot) => {
                let forbidden = self.forbids(&peer.sender(), slot.role(), &slot.name);
                forbidden.is_none()
            }
            _ => true,
        }
    }

    /// Tells what there is to tell, unless somebody does.
    fn go_on(&self, property: &Owned) {
        if property.begin() {
            self.tell(property);
        }
    }

    /// Tells, having begun.
    fn tell(&self, property: &Owned) {
        let teller = Teller(property);
        for _ in 0..ROUNDS {
            let Some(round) = property.next() else {
                // It has ended, and another one may have begun.
                return std::mem::forget(teller);
            };
            let outcomes = self.tell_round(property, &round);
            property.told(round.version, &outcomes);
        }
        std::mem::forget(teller);
        if let Some(peer) = property.leave() {
            self.net.ask(Command::Room(peer));
        }
    }

    /// Offers a value to each of the peers; encodes it once for those for which it is the same.
    fn tell_round(
        &self,
        property: &Owned,
        round: &Round<Arc<dyn Stored>, Arc<Conn>>,
    ) -> Vec<(u64, Told)> {
        with_scratch(|out| {
            let mut made_for: Option<&Arc<Conn>> = None;
            let mut outcomes = Vec::with_capacity(round.peers.len());
            for (id, peer) in &round.peers {
                if !made_for.is_some_and(|one| are_alike(one, peer)) {
                    made_for = None;
                    if let Err(error) = property.encode(peer, &*round.value, out) {
                        self.trouble(peer.peer(), error, Some(&property.names.change));
                        outcomes.push((*id, Told::Done));
                        continue;
                    }
                    made_for = Some(peer);
                }
                outcomes.push((*id, self.offered(property, peer, out)));
            }
            outcomes
        })
    }

    /// Offers a value to one peer.
    fn offer_value(&self, property: &Owned, peer: &Arc<Conn>, value: &dyn Stored) -> Told {
        with_scratch(|out| match property.encode(peer, value, out) {
            Ok(()) => self.offered(property, peer, out),
            Err(error) => {
                self.trouble(peer.peer(), error, Some(&property.names.change));
                Told::Done
            }
        })
    }

    fn offered(&self, property: &Owned, peer: &Arc<Conn>, out: &[u8]) -> Told {
        match self.net.offer(peer, out, property.about(peer)) {
            Ok(true) => Told::Done,
            Ok(false) => Told::NoRoom,
            Err(_) if peer.is_closed() => Told::Gone,
            // One that can only ask, which it does.
            Err(Error::Unsupported { .. }) => Told::Done,
            Err(error) => {
                self.trouble(peer.peer(), error, Some(&property.names.change));
                Told::Done
            }
        }
    }

    /// Tells everybody on wires that have addresses in place of peers. What gets lost there is
    /// not told again; and who is there is not known, so that it has to be for everybody. One thread at a time
    /// does so, lest an older value go last.
    fn tell_addresses(&self, property: &Owned) {
        // Behind a broker it is known who is there, and each of them is told.
        let mut everyone: Vec<_> = lock(&self.net.peers).everyones().cloned().collect();
        everyone.retain(|one| !one.outlet.is_behind_broker());
        let Some(one) = everyone.first() else {
            return;
        };
        for _ in 0..ROUNDS {
            let Some((version, value)) = property.air() else {
                return;
            };
            let _airing = Airing(property, version);
            self.air(property, &everyone, &*value);
        }
        self.net.ask(Command::Room(Arc::clone(one)));
    }

    fn air(&self, property: &Owned, everyone: &[Arc<Conn>], value: &dyn Stored) {
        for one in everyone {
            if !self.may_read(one, property) {
                continue;
            }
            let sent = with_scratch(|out| {
                property.encode(one, value, out)?;
                let about = property.about(one);
                self.net.transmit(one, out, about, Wait::Never)
            });
            if let Err(error) = sent {
                self.trouble(&one.sender(), error, Some(&property.names.change));
            }
        }
    }
}
