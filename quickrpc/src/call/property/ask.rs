//! Reading and writing properties of the other side: by calls, or from what it has told already.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::error::Error;
use crate::call::promise::{Promise, Promises};
use crate::call::reply::Via;
use crate::call::target::{Accessing, ArgsFor, Declared, Target, decode};
use crate::format::property::{PropertyDescription, VALUE};
use crate::wire::Wire;
use crate::wire::codec::{Payload, Script, Span};
use crate::wire::session::Deed;

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
