//! Asking a peer for a stream, and what its streams say to us.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Stream;
use super::given::Gifts;
use super::incoming::{Incoming, ItemCodec};
use super::telegrams::{self, CallId, MORE, More};
use crate::base::error::{Error, Result};
use crate::base::scratch::with_scratch;
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::base::value::Value;
use crate::call::calls::Calls;
use crate::call::promise::{CallInfo, Context, ItemOutcome, PendingCall, Promise};
use crate::call::reply::Via;
use crate::call::target::{ArgsFor, Declared, Target, decode};
use crate::format::args::OutArgs;
use crate::format::description::CallDescription;
use crate::net::collect::Batch;
use crate::net::conn::{Conn, Wait};
use crate::wire::codec::{AnyCodec, Payload, Script};
use crate::wire::session::About;

impl Target {
    /// Sends a call whose result is a stream, to one peer.
    pub fn stream<T, W, R, V, A>(&self, call: &'static CallDescription, args: A) -> Stream<T, R>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
        A: OutArgs,
    {
        self.declared_stream::<T, W, R, V, A>(call, &args)
    }

    fn declared_stream<T, W, R, V, A>(
        &self,
        call: &'static CallDescription,
        args: &A,
    ) -> Stream<T, R>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
        A: OutArgs,
    {
        let args = Declared { call, args };
        match call.subscription() {
            Some(subscription) => self.subscribe::<T, W, R>(call, subscription, &args),
            None => self.send_stream::<T, W, R, V>(call.wire_name.into(), &args, call.timeout),
        }
    }

    /// Sends a call whose result is a stream to each receiver.
    pub fn stream_each<T, W, R, V, A>(
        &self,
        call: &'static CallDescription,
        args: A,
    ) -> Vec<(Sender, Stream<T, R>)>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
        A: OutArgs,
    {
        let each = self.each();
        let streams = each.into_iter().map(|(sender, target)| {
            let stream = target.declared_stream::<T, W, R, V, A>(call, &args);
            (sender, stream)
        });
        streams.collect()
    }

    pub(crate) fn send_stream<T, W, R, V>(
        &self,
        method: Cow<'static, str>,
        args: &impl ArgsFor,
        declared: Option<Duration>,
    ) -> Stream<T, R>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
    {
        // The credit leaves with the call.
        let _batch = Batch::begin();
        let asked = self.ask(method, args, declared, |context, info, peers| {
            // One that waits for a peer is looked at when there is one.
            if !peers.is_empty() {
                only_streams(&info.method, peers)?;
            }
            let (stream, call, asked) = Asked::begin::<T, W, R, V>(context, info, Gifts::default());
            Ok(((stream, asked), call))
        });
        self.granted(asked)
    }

    /// The stream of a call that was sent, and the first credit for it.
    pub(super) fn granted<T, R>(&self, asked: Result<(Stream<T, R>, Asked)>) -> Stream<T, R>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        match asked {
            Ok((stream, asked)) => {
                self.calls().grant_items(asked.id, asked.granted);
                stream
            }
            Err(error) => Stream::failed(error),
        }
    }
}

/// An answer of which nobody knows before whether it is a stream.
#[derive(Debug)]
pub(crate) enum Either {
    Promise(Promise<Value>),
    /// Perhaps one without items.
    Stream(Stream<Value, Value>),
}

impl Target {
    /// Sends a call whose result may be a stream, if the one who wants it and the wire take
    /// streams, and it goes to one peer.
    pub(crate) fn send_either(
        &self,
        method: Cow<'static, str>,
        args: &impl ArgsFor,
        streams: bool,
    ) -> Either {
        let asked = self.ask(method, args, None, |context, info, peers| {
            if !streams || only_streams(&info.method, peers).is_err() {
                let (promise, call) = Promise::for_call(context, info, decode::<Value, Value>);
                return Ok((Either::Promise(promise), call));
            }
            let (stream, call) = Either::begin(context, info, Gifts::default());
            Ok((Either::Stream(stream), call))
        });
        Either::of(asked)
    }
}

impl Either {
    /// What was asked, or why not.
    pub(super) fn of(asked: Result<Either>) -> Self {
        asked.unwrap_or_else(|error| Either::Promise(Promise::failed(error)))
    }

    /// An answer that may be a stream.
    pub(super) fn begin(
        context: Arc<dyn Context>,
        info: CallInfo,
        gifts: Gifts,
    ) -> (Stream<Value, Value>, Arc<dyn PendingCall>) {
        let codec = ItemCodec {
            item: item::<Value, Value>,
            result: decode::<Value, Value>,
        };
        Incoming::begin_either(context, info, codec, gifts)
    }
}

/// A call whose result is a stream, and the credit that leaves behind it.
pub(super) struct Asked {
    id: u64,
    granted: u64,
}

impl Asked {
    pub(super) fn begin<T, W, R, V>(
        context: Arc<dyn Context>,
        info: CallInfo,
        gifts: Gifts,
    ) -> (Stream<T, R>, Arc<dyn PendingCall>, Asked)
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
    {
        let id = info.id;
        let codec = ItemCodec {
            item: item::<T, W>,
            result: decode::<R, V>,
        };
        let (stream, call, granted) = Incoming::begin(context, info, codec, gifts);
        (stream, call, Asked { id, granted })
    }
}

/// Reads an item of a stream.
pub(super) fn item<T: Via<W>, W: DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    payload: &Payload,
    depth: usize,
) -> Result<T, String> {
    telegrams::item_value::<W>(codec, telegram, payload, depth).map(Via::from_wire)
}

/// A stream comes from one peer, over a wire that has streams.
pub(crate) fn only_streams(method: &str, peers: &[Arc<Conn>]) -> Result<()> {
    let [conn] = peers else {
        let text = format!(
            "`{method}` has a stream, which is between two peers, and {} are meant: use `.to(peer)` for \
             one of them, or call each by itself, with a stream of its own (for the calls of a trait, by \
             `.each()`)",
            peers.len()
        );
        return Err(Error::Config(text.into()));
    };
    match conn.wire.lacks_streams() {
        Some(reason) => Err(Error::Unsupported {
            protocol: conn.wire.codec.to_string().into(),
            method: method.into(),
            reason: reason.into(),
        }),
        None => Ok(()),
    }
}

impl Calls {
    /// A peer has sent an item.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub(crate) fn item(
        &self,
        conn: &Arc<Conn>,
        telegram: &Script<'_>,
        params: &Payload,
    ) -> Result<(), String> {
        let (codec, depth) = (&conn.wire.codec, conn.wire.limits.nesting_depth);
        let id = telegrams::item_id(codec, telegram, params, depth)?;
        let argument = self.arguments.find(conn.id(), &id);
        let is_argument = argument.is_some();
        let call = argument.or_else(|| {
            let CallId::Number(number) = id else {
                return None;
            };
            lock(&self.pending).of(u64::try_from(number).ok()?, conn)
        });
        let Some(call) = call else {
            // Whoever waits for it reads it to its end.
            let id = telegrams::whole_item_id(codec, telegram, params, depth)?;
            crate::base::log::debug!(peer = %conn.peer(), ?id, "an item that nobody waits for");
            return Ok(());
        };
        match call.item(conn, codec, telegram, params, depth) {
            ItemOutcome::Taken => {}
            ItemOutcome::TakenMore => self.net.relieve(),
            ItemOutcome::NoStream => {
                crate::base::log::debug!(peer = %conn.peer(), ?id, "an item of a call that has none");
            }
            ItemOutcome::Bad(error) => {
                call.fail(error, conn.id());
                match id {
                    id if is_argument => self.refuse_argument(conn, &id),
                    CallId::Number(number) => Context::cancel(self, number.unsigned_abs()),
                    CallId::Text(_) | CallId::Other(_) => {}
                }
            }
        }
        Ok(())
    }

    /// A peer takes more items of a stream. Gives whether something waits behind its calls now.
    ///
    /// # Errors
    ///
    /// Why it has not said so.
    pub(crate) fn more(
        &self,
        conn: &Arc<Conn>,
        telegram: &Script<'_>,
        params: &Payload,
    ) -> Result<bool, String> {
        let (codec, depth) = (&conn.wire.codec, conn.wire.limits.nesting_depth);
        let More { id, items } = telegrams::more(codec, telegram, params, depth)?;
        let peer = conn.id();
        if self.feeds.more(peer, &id, items) {
            return Ok(false);
        }
        if self.feeds.was_argument(&id) {
            // It has ended before it was asked for, and who asks would wait for ever.
            self.say_done::<()>(conn, &id, Err(Error::Cancelled));
            return Ok(false);
        }
        // The call may wait or run still: where it is begun, its stream is known when it ends.
        let (me, behind) = (self.me.clone(), id.clone());
        let waits = self.behind_calls(conn, telegram.len(), move || {
            if let Some(calls) = me.upgrade() {
                calls.feeds.more(peer, &behind, items);
            }
        });
        if !waits {
            // Or has ended meanwhile.
            self.feeds.more(peer, &id, items);
        }
        Ok(waits)
    }

    /// The peer that was asked may send so many more items.
    pub(crate) fn grant_items(&self, call: u64, items: u64) {
        if self.unsent.is_busy() && self.unsent.grant(call, items) {
            return;
        }
        let id = CallId::Number(i64::try_from(call).unwrap_or(i64::MAX));
        let asked = lock(&self.pending).only_asked(call);
        if let Some(conn) = asked {
            self.say_more(&conn, &id, items);
        }
    }

    /// A peer may send so many more items of a stream.
    pub(super) fn say_more(&self, conn: &Arc<Conn>, id: &CallId, items: u64) {
        let more = More {
            id: id.clone(),
            items,
        };
        self.say(conn, MORE, &more, &(id, items));
    }

    /// Tells a peer something of a stream: arguments by name, and by place for who has no names.
    pub(super) fn say(
        &self,
        conn: &Arc<Conn>,
        method: &'static str,
        named: &impl Serialize,
        placed: &impl Serialize,
    ) {
        let said = with_scratch(|out| {
            let codec = &conn.wire.codec;
            let encoded = match conn.wire.is_nameless(false) {
                true => codec.encode_call(out, method, placed, None),
                false => codec.encode_call(out, method, named, None),
            };
            encoded.map_err(|reason| Error::Encode {
                method: method.into(),
                reason: reason.into(),
            })?;
            conn.frame(out, method)?;
            let about = About::notification(method);
            // Never more than the items that have come, and streams that there were.
            self.net.transmit(conn, out, about, Wait::Answer)
        });
        if let Err(error) = said {
            crate::base::log::debug!(peer = %conn.peer(), "`{method}`: {error}");
        }
    }
}
