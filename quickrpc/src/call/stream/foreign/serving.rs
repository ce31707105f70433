//! Serving streams in the convention of others.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::OFF;
use super::table::Served;
use super::telegrams::{Events, Failed, Item, OnlyId};
use crate::base::error::{BoxError, CallError, Error, Result};
use crate::base::foreign;
use crate::call::answer::{self, LateAnswer, Route, internal};
use crate::call::around::answer::Watchers;
use crate::call::calls::Calls;
use crate::call::dispatch::{Call, Failed as Unanswered, Later};
use crate::call::reply::Via;
use crate::call::slot::SlotInner;
use crate::call::stream::Stream;
use crate::call::stream::feed::{Entry, Wanted, feed_subscription};
use crate::call::stream::telegrams::{CallId, Failure, read};
use crate::format::description::{CallDescription, SubscriptionDescription};
use crate::net::conn::Conn;
use crate::wire::codec::{AnyCodec, CallParts, Part, Payload};

/// A subscription of a peer: what its items are on the wire.
#[derive(Debug, Clone, Copy)]
pub(in crate::call::stream) struct Subscription {
    /// The notification that an item is.
    pub(in crate::call::stream) item: &'static str,
    /// The call that ends it.
    pub(in crate::call::stream) cancel: &'static str,
    is_event: bool,
}

impl Subscription {
    /// What a call begins, if it is in the convention of others.
    pub(in crate::call::stream) fn of(call: Option<&'static CallDescription>) -> Option<Self> {
        let call = call?;
        Some(match call.subscription()? {
            SubscriptionDescription::ById { item, cancel } => Subscription {
                item,
                cancel,
                is_event: false,
            },
            SubscriptionDescription::Event => Subscription {
                item: call.wire_name,
                cancel: OFF,
                is_event: true,
            },
        })
    }

    /// Writes an item.
    pub(in crate::call::stream) fn encode<W: Serialize>(
        self,
        conn: &Conn,
        out: &mut Vec<u8>,
        id: &CallId,
        value: &W,
    ) -> Result<(), String> {
        let codec = &conn.wire.codec;
        match (self.is_event, conn.wire.is_nameless(false)) {
            (true, _) => codec.encode_event(out, self.item, value),
            (false, true) => codec.encode_call(out, self.item, &(id, value), None),
            (false, false) => {
                let item = Item {
                    subscription: id,
                    result: value,
                };
                codec.encode_call(out, self.item, &item, None)
            }
        }
    }
}

/// Feeds the caller with a handler's stream, once it is answered.
pub(in crate::call::stream) fn begin<T, W, R, V>(
    answer: LateAnswer,
    stream: Result<Stream<T, R>>,
    wanted: &Arc<Wanted>,
    subscription: Subscription,
) where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => return answer.settle::<()>(Err(error)),
    };
    let entry = match enter(&answer, subscription) {
        Ok(entry) => entry,
        Err(refused) => {
            foreign::catch("dropping a stream", || drop(stream));
            return answer.settle(refused.map_or(Ok(()), Err));
        }
    };
    let conn = answer.conn.clone();
    match subscription.is_event {
        true => answer.settle(Ok("ok")),
        false => answer.settle(Ok(entry.id())),
    }
    feed_subscription::<T, W, R, V>(conn, stream, wanted, entry, subscription);
}

/// The entry of a subscription among the streams that are fed.
fn enter(answer: &LateAnswer, subscription: Subscription) -> Result<Entry, Option<Error>> {
    let Some(conn) = answer.conn.upgrade() else {
        return Err(None);
    };
    if let Some(why) = conn.wire.lacks_streams() {
        return Err(Some(Error::Call(internal(why))));
    }
    let id = match subscription.is_event {
        true => CallId::Text(subscription.item.into()),
        // Without an answer, nobody would know which it is.
        false if answer.id.is_none() => return Err(None),
        false => answer.calls.feeds.next_subscription(),
    };
    let limit = conn.wire.limits.pending_calls_per_peer;
    let entry = Entry::of_subscription(&answer.calls, &conn, id, subscription.cancel, limit);
    entry.map(Ok).unwrap_or_else(|| {
        let text = format!("there are {limit} subscriptions already, or this one is there");
        Err(Some(Error::Call(CallError::new(
            CallError::TOO_MANY_CALLS,
            text,
        ))))
    })
}

impl Calls {
    /// A call of a peer that ends its subscriptions, or begins events. `None`: it is something else.
    #[cold]
    pub(in crate::call) fn of_subscriptions(
        &self,
        call: &Call<'_>,
        method: &str,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Option<Result<Option<Box<dyn Later>>, Unanswered>> {
        let served = self.foreign.served(method)?;
        let (codec, depth) = (&call.conn.wire.codec, call.conn.wire.limits.nesting_depth);
        let (telegram, params) = (call.telegram, &call.parts.params);
        let wrong = |reason| CallError::new(CallError::INVALID_PARAMS, reason);
        let answered = match served {
            Served::End(cancel) => {
                // What is no id is the id of nothing.
                let ended = read::<OnlyId>(codec, telegram, params, depth)
                    .is_ok_and(|OnlyId(id)| self.end_subscription(call.conn, &id, cancel));
                encode(call.conn, out, id, &ended)
            }
            Served::On | Served::Off => {
                let events = read::<Events>(codec, telegram, params, depth).map_err(wrong);
                events.and_then(|Events(events)| {
                    let each = events.into_iter().map(|event| {
                        let said = match served {
                            Served::On => self.begin_event(call, &event),
                            _ => self.end_event(call.conn, &event),
                        };
                        (event, said)
                    });
                    encode(call.conn, out, id, &each.collect::<BTreeMap<_, _>>())
                })
            }
        };
        Some(answered.map(|()| None).map_err(Unanswered::With))
    }

    /// Ends a subscription of this peer; gives whether there was one.
    fn end_subscription(&self, conn: &Conn, id: &CallId, cancel: &str) -> bool {
        let ended = self.feeds.subscription(conn.id(), id, cancel);
        if let Some(fed) = &ended {
            fed.end();
        }
        ended.is_some()
    }

    fn event(&self, name: &str) -> Option<Arc<SlotInner>> {
        let slot = self.slots.find(name)?;
        let is_event = slot.call?.subscription() == Some(SubscriptionDescription::Event);
        is_event.then_some(slot)
    }

    fn end_event(&self, conn: &Conn, name: &str) -> String {
        if self.event(name).is_none() {
            return INVALID.into();
        }
        match self.end_subscription(conn, &CallId::Text(name.into()), OFF) {
            true => OK.into(),
            false => "not subscribed".into(),
        }
    }

    /// Begins an event, and gives what is said of that.
    fn begin_event(&self, call: &Call<'_>, name: &str) -> String {
        let Some(slot) = self.event(name) else {
            return INVALID.into();
        };
        let handlers = slot.handlers();
        if handlers.is_empty() {
            return INVALID.into();
        }
        if let Some(error) = self.forbids(call.sender, slot.role(), name) {
            return error.message;
        }
        let id = CallId::Text(name.into());
        if self.feeds.subscription(call.conn.id(), &id, OFF).is_some() {
            return "socket has already been subscribed to event".into();
        }
        let parts = CallParts {
            method: Part::Owned(name.into()),
            params: Payload::Missing,
            id: None,
        };
        let (parts, route) = (&parts, &Route::Alone);
        let event = Call {
            parts,
            route,
            ..*call
        };
        match self.run_paced::<false>(&slot, &handlers, &event, None, &mut Vec::new()) {
            Ok(Some(later)) => {
                self.answer_later(&event, None, name, later, Watchers::default());
                OK.into()
            }
            Ok(None) => INVALID.into(),
            Err(Unanswered::With(error)) => error.message,
            Err(Unanswered::Unreadable) => INVALID.into(),
        }
    }

    /// Says that no more comes of a subscription, and why.
    pub(in crate::call::stream) fn say_subscription_over<V: Serialize>(
        &self,
        conn: &Arc<Conn>,
        id: &CallId,
        end: Result<V>,
        subscription: Subscription,
    ) {
        let error = match end {
            Err(error) if !subscription.is_event => error,
            // Others have no word for it, and pass it over.
            end => return self.say_done(conn, id, end),
        };
        let error = &Failure::from(CallError::from_boxed(BoxError::from(error)));
        let failed = Failed {
            subscription: id,
            error,
        };
        self.say(conn, subscription.item, &failed, &(id, (), error));
    }
}

const OK: &str = "ok";
const INVALID: &str = "provided event invalid";

fn encode<W: Serialize>(
    conn: &Conn,
    out: &mut Vec<u8>,
    id: Option<&str>,
    value: &W,
) -> Result<(), CallError> {
    match id {
        Some(id) => answer::encode_result(conn, out, id, value),
        None => Ok(()),
    }
}

impl AnyCodec {
    /// Appends an event: a value, or several in a list, or by name in a map.
    fn encode_event<W: Serialize>(
        &self,
        out: &mut Vec<u8>,
        name: &str,
        value: &W,
    ) -> Result<(), String> {
        match self {
            AnyCodec::Jrpc(codec) => codec.encode_event(out, name, value),
            _ => self.encode_call(out, name, &(value,), None),
        }
    }
}
