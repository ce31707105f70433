//! A property of this side as far as it needs no type: its value, and who is told.

use std::sync::{Arc, Mutex};

use crate::base::error::{Error, Result};
use crate::base::foreign;
use crate::base::sync::lock;
use crate::format::property::{CallNames, PropertyDescription};
use crate::net::conn::Conn;
use crate::wire::session::About;

use super::stored::{Stored, are_equal};
use super::telling::{Round, Telling, Told};

/// What a property and its calls are named.
#[derive(Debug)]
pub(crate) struct Names {
    /// For people.
    pub(super) property: Box<str>,
    /// On wires that have properties.
    wire: Box<str>,
    pub(super) read: Box<str>,
    pub(super) change: Box<str>,
    /// Whether the value of a change is sent by place.
    pub(super) positional: bool,
}

impl Names {
    pub(crate) fn declared(property: &PropertyDescription) -> Self {
        Names {
            property: property.name.into(),
            wire: property.wire_name.into(),
            read: property.calls.read.wire_name.into(),
            change: property.calls.change.wire_name.into(),
            positional: property.calls.change.positional,
        }
    }

    pub(crate) fn undeclared(property: &str, calls: &CallNames) -> Self {
        Names {
            property: property.into(),
            wire: property.into(),
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

/// What has to be done about a value that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is what was there.
    None,
    /// The calling thread has begun to tell.
    Begun,
    /// Another thread tells.
    Left,
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

    /// Changes what is known. What nobody needs any more is dropped when the lock is free, since
    /// it is the user's.
    fn step<R>(&self, step: impl FnOnce(&mut Telling<Arc<dyn Stored>, Arc<Conn>>) -> R) -> R {
        let mut state = lock(&self.state);
        let result = step(&mut state.telling);
        let gone = state.telling.gone();
        drop(state);
        drop(gone);
        result
    }

    pub(super) fn newest(&self) -> Option<Arc<dyn Stored>> {
        self.step(|telling| telling.newest())
    }

    /// Sets the value, unless it was that before.
    ///
    /// # Errors
    ///
    /// If it cannot be encoded.
    pub(super) fn change(&self, value: &Arc<dyn Stored>) -> Result<Change> {
        let text = value.text().map_err(|reason| self.unfit(reason))?;
        let mut state = lock(&self.state);
        // Nothing is equal to what is not there.
        if !state.text.is_empty() && are_equal(&state.text, &text) {
            return Ok(Change::None);
        }
        state.text = text;
        state.telling.change(Arc::clone(value));
        let gone = state.telling.gone();
        let begins = state.telling.begin();
        drop(state);
        drop(gone);
        Ok(match begins {
            true => Change::Begun,
            false => Change::Left,
        })
    }

    /// What a peer knows that is told of nothing but what comes; `None` if it is told already.
    pub(super) fn version_for(&self, peer: &Conn) -> Option<u64> {
        self.step(|telling| (!telling.knows(peer.id())).then(|| telling.version()))
    }

    /// A peer is told from now on of what comes after this version.
    pub(super) fn listen(&self, peer: &Arc<Conn>, known: u64) {
        self.step(|telling| telling.listen(peer.id(), Arc::clone(peer), known));
        // Whoever closed it before this did not find it.
        if peer.is_closed() {
            self.forget(peer.id());
        }
    }

    /// A peer has room.
    pub(super) fn room(&self, peer: u64) {
        self.step(|telling| telling.room(peer));
    }

    pub(super) fn forget(&self, peer: u64) {
        let gone = self.step(|telling| telling.forget(peer));
        drop(gone);
    }

    pub(super) fn forget_all(&self) {
        let gone = self.step(Telling::clear);
        drop(gone);
    }

    // ---- for the thread that tells

    pub(super) fn begin(&self) -> bool {
        self.step(Telling::begin)
    }

    pub(super) fn next(&self) -> Option<Round<Arc<dyn Stored>, Arc<Conn>>> {
        self.step(Telling::next)
    }

    pub(super) fn told(&self, version: u64, outcomes: &[(u64, Told)]) {
        self.step(|telling| telling.told(version, outcomes));
    }

    pub(super) fn leave(&self) -> Option<Arc<Conn>> {
        self.step(Telling::leave)
    }

    pub(super) fn air(&self) -> Option<(u64, Arc<dyn Stored>)> {
        self.step(Telling::air)
    }

    pub(super) fn aired(&self, version: u64) {
        self.step(|telling| telling.aired(version));
    }

    /// Makes a value ready to be told to a peer. No lock is held: the type is the user's.
    pub(super) fn encode(&self, peer: &Conn, value: &dyn Stored, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let (codec, names) = (&peer.wire.codec, &self.names);
        let positional = names.positional || peer.wire.is_nameless(false);
        let encode = || match peer.wire.has_properties() {
            true => value
                .text()
                .map(|text| out.extend_from_slice(text.as_bytes())),
            false => value.encode_change(codec, out, &names.change, positional),
        };
        let encoded = foreign::catch("encoding a property", encode)
            .unwrap_or_else(|| Err("its type panicked".to_owned()));
        encoded.map_err(|reason| self.unfit(reason))?;
        peer.frame(out, &names.change)
    }

    /// What that is for a peer: a notification, where the broker does not keep it and where
    /// properties are nothing of their own.
    pub(super) fn about(&self, peer: &Conn) -> About<'_> {
        let method = &*self.names.change;
        match peer.wire.has_properties() || peer.outlet.keeps_for_all() {
            true => About::Change {
                property: &self.names.wire,
                method,
            },
            false => About::notification(method),
        }
    }

    fn unfit(&self, reason: String) -> Error {
        Error::Encode {
            method: self.names.change.as_ref().into(),
            reason: reason.into(),
        }
    }
}
