//! A property of this side as far as it needs no type: its value, and who is told.

use std::sync::{Arc, Mutex};

use crate::base::error::{Error, Result};
use crate::base::foreign;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::call::calls::Calls;
use crate::call::target::are_alike;
use crate::format::property::{CallNames, PropertyDescription};
use crate::net::conn::{Conn, Wait};
use crate::net::reactor::Command;
use crate::wire::session::About;

use super::Own;
use super::telling::{Round, Telling, Told};
use super::value::{Stored, are_equal};

/// A thread that tells, and may have something else to do, tells so many rounds; then it leaves
/// the rest to the poll thread. Others may set the property all the time.
const ROUNDS: usize = 32;

/// What a property and its calls are named.
#[derive(Debug)]
pub(crate) struct Names {
    /// For people.
    pub(super) property: Box<str>,
    pub(super) read: Box<str>,
    pub(super) change: Box<str>,
    /// Whether the value of a change is sent by place.
    pub(super) positional: bool,
}

impl Names {
    pub(crate) fn declared(property: &PropertyDescription) -> Self {
        Names {
            property: property.name.into(),
            read: property.calls.read.wire_name.into(),
            change: property.calls.change.wire_name.into(),
            positional: property.calls.change.positional,
        }
    }

    pub(crate) fn undeclared(property: &str, calls: &CallNames) -> Self {
        Names {
            property: property.into(),
            read: calls.read.as_str().into(),
            change: calls.change.as_str().into(),
            positional: false,
        }
    }
}

/// The value of a property, and who is told.
pub(crate) struct Owned {
    pub(super) names: Names,
    /// Guards the value and what is known of peers; a leaf in the lock order.
    state: Mutex<State>,
}

struct State {
    telling: Telling<Arc<dyn Stored>, Arc<Conn>>,
    /// The newest value as text, to compare with; nothing before there was one.
    text: String,
}

impl Owned {
    pub(super) fn new(names: Names) -> Self {
        Owned {
            names,
            state: Mutex::new(State {
                telling: Telling::new(),
                text: String::new(),
            }),
        }
    }

    pub(super) fn newest(&self) -> Option<Arc<dyn Stored>> {
        lock(&self.state).telling.newest()
    }

    /// Sets the value, and tells it, unless it was that before.
    ///
    /// # Errors
    ///
    /// If it cannot be encoded.
    pub(super) fn set(&self, calls: Option<&Calls>, value: Arc<dyn Stored>) -> Result<()> {
        let text = value.text().map_err(|reason| Error::Encode {
            method: self.names.change.as_ref().into(),
            reason: reason.into(),
        })?;
        let begins = {
            let mut state = lock(&self.state);
            // Nothing is equal to what is not there.
            if !state.text.is_empty() && are_equal(&state.text, &text) {
                return Ok(());
            }
            state.text = text;
            state.telling.change(Arc::clone(&value));
            let gone = state.telling.gone();
            let begins = state.telling.begin();
            drop(state);
            drop(gone);
            begins
        };
        let Some(calls) = calls else {
            // Nobody is left to be told.
            if begins {
                lock(&self.state).telling.leave();
            }
            return Ok(());
        };
        if begins {
            self.tell(calls);
        }
        self.tell_addresses(calls, &*value);
        Ok(())
    }

    /// A peer is told from now on, what there is first.
    pub(super) fn begin(&self, calls: &Calls, peer: &Arc<Conn>, property: &dyn Own) {
        let mut known = {
            let state = lock(&self.state);
            if state.telling.knows(peer.id()) {
                return;
            }
            state.telling.version()
        };
        // What the program says to a reader goes before what was set.
        match property.read(&peer.sender()) {
            Some(value) if self.offer(calls, peer, &*value) == Told::Done => {}
            _ => known = 0,
        }
        lock(&self.state)
            .telling
            .listen(peer.id(), Arc::clone(peer), known);
        // Whoever closed it before this did not find it.
        if peer.is_closed() {
            return self.forget(peer.id());
        }
        self.go_on(calls);
    }

    /// A peer has room.
    pub(crate) fn room(&self, calls: &Calls, peer: u64) {
        lock(&self.state).telling.room(peer);
        self.go_on(calls);
    }

    pub(super) fn forget(&self, peer: u64) {
        let gone = lock(&self.state).telling.forget(peer);
        drop(gone);
    }

    pub(super) fn forget_all(&self) {
        let mut state = lock(&self.state);
        let (peers, values) = (state.telling.clear(), state.telling.gone());
        drop(state);
        drop((peers, values));
    }

    /// Tells what there is to tell, unless somebody does.
    fn go_on(&self, calls: &Calls) {
        let begins = lock(&self.state).telling.begin();
        if begins {
            self.tell(calls);
        }
    }

    /// Tells, having begun.
    fn tell(&self, calls: &Calls) {
        for _ in 0..ROUNDS {
            let round = {
                let mut state = lock(&self.state);
                let (round, gone) = (state.telling.next(), state.telling.gone());
                drop(state);
                drop(gone);
                round
            };
            let Some(round) = round else {
                return;
            };
            let outcomes = self.tell_round(calls, &round);
            lock(&self.state).telling.told(round.version, &outcomes);
        }
        let next = lock(&self.state).telling.leave();
        if let Some(peer) = next {
            calls.net.ask(Command::Room(peer));
        }
    }

    /// Offers a value to each of the peers; encodes it once for those for which it is the same.
    fn tell_round(
        &self,
        calls: &Calls,
        round: &Round<Arc<dyn Stored>, Arc<Conn>>,
    ) -> Vec<(u64, Told)> {
        with_scratch(|out| {
            let mut made_for: Option<&Arc<Conn>> = None;
            let mut outcomes = Vec::with_capacity(round.peers.len());
            for (id, peer) in &round.peers {
                if !made_for.is_some_and(|one| are_alike(one, peer)) {
                    made_for = None;
                    if let Err(error) = self.encode(peer, &*round.value, out) {
                        calls.trouble(peer.peer(), error, Some(&self.names.change));
                        outcomes.push((*id, Told::Done));
                        continue;
                    }
                    made_for = Some(peer);
                }
                outcomes.push((*id, self.offered(calls, peer, out)));
            }
            outcomes
        })
    }

    /// Offers a value to one peer.
    fn offer(&self, calls: &Calls, peer: &Arc<Conn>, value: &dyn Stored) -> Told {
        with_scratch(|out| match self.encode(peer, value, out) {
            Ok(()) => self.offered(calls, peer, out),
            Err(error) => {
                calls.trouble(peer.peer(), error, Some(&self.names.change));
                Told::Done
            }
        })
    }

    fn offered(&self, calls: &Calls, peer: &Arc<Conn>, out: &[u8]) -> Told {
        match calls.net.offer(peer, out, self.about()) {
            Ok(true) => Told::Done,
            Ok(false) => Told::NoRoom,
            Err(_) if peer.is_closed() => Told::Gone,
            Err(error) => {
                calls.trouble(peer.peer(), error, Some(&self.names.change));
                Told::Done
            }
        }
    }

    fn about(&self) -> About<'_> {
        About::Call {
            method: &self.names.change,
            id: None,
        }
    }

    /// Makes the notification of a value ready for a peer. No lock is held: the type is the
    /// user's.
    fn encode(&self, peer: &Conn, value: &dyn Stored, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let (codec, names) = (&peer.wire.codec, &self.names);
        let encode = || value.encode_change(codec, out, &names.change, names.positional);
        let encoded = foreign::catch("encoding a property", encode)
            .unwrap_or_else(|| Err("its type panicked".to_owned()));
        encoded.map_err(|reason| Error::Encode {
            method: names.change.as_ref().into(),
            reason: reason.into(),
        })?;
        peer.frame(out, &names.change)
    }

    /// Tells everybody on wires that have addresses in place of peers. What gets lost there is
    /// not told again; and who is there is not known, so that it has to be for everybody.
    fn tell_addresses(&self, calls: &Calls, value: &dyn Stored) {
        let everyone: Vec<_> = lock(&calls.net.peers).everyones().cloned().collect();
        for one in everyone {
            if !calls.may_read(&one, self) {
                continue;
            }
            let sent = with_scratch(|out| {
                self.encode(&one, value, out)?;
                calls.net.transmit(&one, out, self.about(), Wait::Never)
            });
            if let Err(error) = sent {
                crate::base::log::debug!(peer = %one.peer(), "`{}`: {error}", self.names.change);
            }
        }
    }
}
