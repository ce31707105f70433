//! Reading and writing properties of the other side: by calls, or from what it has told already.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::error::Error;
use crate::base::sender::Receiver;
use crate::base::value::Value;
use crate::call::calls::Calls;
use crate::call::given::Plain;
use crate::call::hear::Ear;
use crate::call::promise::{Promise, Promises};
use crate::call::reply::Via;
use crate::call::target::{Accessing, ArgsFor, Declared, Target, decode};
use crate::format::property::CallNames;
use crate::format::property::{PropertyDescription, VALUE};
use crate::format::text::{self, Json};
use crate::net::above::Hears;
use crate::net::conn::Conn;
use crate::wire::Wire;
use crate::wire::codec::{Envelope, Part};
use crate::wire::codec::{Payload, Script, Span};
use crate::wire::session::Deed;
use std::sync::Arc;

/// The value of a property that nobody declared, as the one argument of what writes it.
pub(crate) struct Written<'a, V>(pub(crate) &'a V);

impl<V: Serialize> ArgsFor for Written<'_, V> {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        match wire.is_nameless(id.is_some()) {
            true => wire.codec.encode_call(out, method, &(self.0,), id),
            false => {
                let named = BTreeMap::from([(VALUE, self.0)]);
                wire.codec.encode_call(out, method, &named, id)
            }
        }
    }

    fn deed(&self) -> Deed {
        Deed::Write
    }
}

impl Target {
    /// Reads a property of the other side.
    pub fn read<T, W>(&self, property: &'static PropertyDescription) -> Promise<T>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
    {
        match self.seen::<T, W>(property.wire_name) {
            Some(promise) => promise,
            None => {
                let call = &property.calls.read;
                let args = Accessing(Deed::Read, Declared { call, args: &() });
                self.send_call::<T, W>(call.wire_name.into(), &args, call.timeout)
            }
        }
    }

    /// Reads a property of each receiver.
    pub fn read_each<T, W>(&self, property: &'static PropertyDescription) -> Promises<T>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
    {
        let each = self.each().into_iter();
        let reads = each.map(|(sender, target)| (sender, target.read::<T, W>(property)));
        Promises::new(reads.collect())
    }

    /// What is known of a property without asking, on wires that have properties: what the first
    /// of the receivers has told that has told it.
    pub(crate) fn seen<T, W>(&self, property: &str) -> Option<Promise<T>>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
    {
        let (peers, _) = self.resolve();
        let mut peers = peers.as_slice().iter();
        let (peer, text) = peers.find_map(|peer| Some((peer, peer.seen(property)?)))?;
        let wire = &peer.wire;
        let payload = Payload::Text(Span::new(0..text.len())?);
        let value = decode::<T, W>(
            &wire.codec,
            &Script::Text(&text),
            &payload,
            wire.limits.nesting_depth,
        );
        Some(match value {
            Ok(value) => Promise::ready(value),
            Err(reason) => Promise::failed(Error::Decode(reason.into())),
        })
    }
}

impl Calls {
    /// A peer has come that tells what its properties are only when it is asked. The answers are
    /// heard like changes; it need not have all of them.
    pub(crate) fn ask_for_properties(&self, peer: &Arc<Conn>) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        let receiver = Receiver::Peer(peer.sender());
        let target = Target::of(Arc::clone(&calls), Some([receiver].into()));
        for property in self.properties.remote() {
            let method = CallNames::of(property.property()).read;
            let args = Accessing(Deed::Read, Plain(&()));
            let asked = target.send_call::<Value, Value>(method.into(), &args, None);
            let (calls, peer) = (Arc::clone(&calls), Arc::downgrade(peer));
            let told = move |value: Value| {
                let Some(peer) = peer.upgrade().filter(|peer| !peer.is_closed()) else {
                    return;
                };
                // A change that has come by another connection is newer.
                if property.is_known(peer.id()) {
                    return;
                }
                let mut out = b"[".to_vec();
                if text::write(&mut out, Json, &value).is_err() {
                    return;
                }
                out.push(b']');
                let list = String::from_utf8(out).unwrap_or_default();
                let params = Span::new(0..list.len()).map_or(Payload::Missing, Payload::Text);
                let change = Envelope::Call {
                    method: Part::Owned(property.change().into()),
                    params,
                    id: None,
                };
                let sender = peer.sender();
                Ear::new(&calls, &peer).hear(change, &sender, &Script::Text(&list));
            };
            asked.then(told, |error| {
                crate::base::log::debug!("a property is not known: {error}");
            });
        }
    }
}
