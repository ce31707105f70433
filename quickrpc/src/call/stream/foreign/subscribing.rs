//! Asking a peer for a subscription.

use serde::de::DeserializeOwned;

use super::subscribed::{Convention, Subscribed};
use super::telegrams::Names;
use crate::base::error::Result;
use crate::call::promise::CallInfo;
use crate::call::reply::Via;
use crate::call::stream::Stream;
use crate::call::target::{ArgsFor, Target};
use crate::format::description::{CallDescription, SubscriptionDescription};
use crate::wire::Wire;

impl Target {
    /// Sends a call that is answered by a stream in the convention of others, to one peer.
    pub(in crate::call::stream) fn subscribe<T, W, R>(
        &self,
        call: &'static CallDescription,
        subscription: SubscriptionDescription,
        args: &impl ArgsFor,
    ) -> Stream<T, R>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Send + 'static,
    {
        let convention = Convention::of(call, subscription);
        let asked = match subscription {
            SubscriptionDescription::ById { .. } => self.ask_for::<T, W, R>(call, convention, args),
            SubscriptionDescription::Event => {
                self.ask_for::<T, W, R>(call, convention, &Event(call.wire_name))
            }
        };
        asked.unwrap_or_else(Stream::failed)
    }

    fn ask_for<T, W, R>(
        &self,
        call: &'static CallDescription,
        convention: Convention,
        args: &impl ArgsFor,
    ) -> Result<Stream<T, R>>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Send + 'static,
    {
        let method = convention.begin.into();
        self.ask(method, args, call.timeout, |_, info, peers| {
            let info = CallInfo {
                // As people know it.
                method: call.wire_name.into(),
                ..info
            };
            Subscribed::begin::<W>(self.calls(), info, convention, peers)
        })
    }
}

/// The arguments of `rpc.on`.
struct Event(&'static str);

impl ArgsFor for Event {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        let Event(name) = *self;
        match wire.codec.positional() || wire.is_nameless(id.is_some()) {
            true => wire.codec.encode_call(out, method, &(name,), id),
            false => {
                let names = Names { events: [name] };
                wire.codec.encode_call(out, method, &names, id)
            }
        }
    }
}
