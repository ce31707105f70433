//! Streams that are arguments of our calls, on their way to a peer.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Stream;
use super::asking::{Asked, Either, only_streams};
use super::feed::{Entry, feed_argument};
use super::feeds::Fed;
use super::telegrams::{CallId, DONE, Done, Failed, Failure, StreamId};
use crate::base::error::{BoxError, CallError, Error, Result};
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::base::value::Value;
use crate::call::answer::internal;
use crate::call::calls::Calls;
use crate::call::promise::{CallInfo, Context, ItemOutcome, PendingCall, Promise, Promises};
use crate::call::reply::Via;
use crate::call::target::{ArgsFor, Declared, Target, decode};
use crate::format::args::OutArgs;
use crate::format::description::CallDescription;
use crate::net::collect::Batch;
use crate::net::conn::Conn;
use crate::wire::Wire;
use crate::wire::codec::{AnyCodec, Payload, Script};

/// Sends one call that has streams among its arguments.
pub struct Giving<'a> {
    target: &'a Target,
    streams: Vec<Box<dyn Given>>,
}

/// A stream that is given away, once it is known to whom.
trait Given: Send {
    fn begin(self: Box<Self>, calls: &Arc<Calls>, conn: &Arc<Conn>) -> Option<Arc<Fed>>;
}

struct GivenStream<T, R, F> {
    stream: Stream<T, R>,
    id: CallId,
    feed: F,
}

impl<T, R, F> Given for GivenStream<T, R, F>
where
    Stream<T, R>: Send,
    F: FnOnce(&Arc<Conn>, Stream<T, R>, Entry) + Send,
{
    fn begin(self: Box<Self>, calls: &Arc<Calls>, conn: &Arc<Conn>) -> Option<Arc<Fed>> {
        let entry = Entry::of_argument(calls, conn, &self.id)?;
        let fed = entry.fed();
        (self.feed)(conn, self.stream, entry);
        Some(fed)
    }
}

impl<'a> Giving<'a> {
    /// The call will go there.
    pub fn new(target: &'a Target) -> Self {
        let streams = Vec::new();
        Giving { target, streams }
    }

    /// A call to each receiver, with streams of its own.
    pub fn call_each<T>(
        target: &Target,
        call: impl FnMut(&Sender, Giving<'_>) -> Promise<T>,
    ) -> Promises<T> {
        Promises::new(Giving::each(target, call))
    }

    /// The same where the result is a stream as well.
    pub fn stream_each<T, R>(
        target: &Target,
        call: impl FnMut(&Sender, Giving<'_>) -> Stream<T, R>,
    ) -> Vec<(Sender, Stream<T, R>)> {
        Giving::each(target, call)
    }

    fn each<P>(
        target: &Target,
        mut call: impl FnMut(&Sender, Giving<'_>) -> P,
    ) -> Vec<(Sender, P)> {
        let each = target.each().into_iter();
        let calls = each.map(|(sender, target)| {
            let called = call(&sender, Giving::new(&target));
            (sender, called)
        });
        calls.collect()
    }

    /// Gives a stream, in whose place this is sent.
    pub fn give<T, W, R, V>(&mut self, stream: Stream<T, R>) -> StreamId
    where
        T: Via<W> + Send + 'static,
        W: Serialize + 'static,
        R: Via<V> + Send + 'static,
        V: Serialize + 'static,
    {
        let id = CallId::Number(self.target.calls().feeds.next_argument());
        self.streams.push(Box::new(GivenStream {
            stream,
            id: id.clone(),
            feed: feed_argument::<T, W, R, V>,
        }));
        StreamId { id }
    }

    /// Sends a call with reply, to one peer.
    pub fn call<T, W, A>(self, call: &'static CallDescription, args: A) -> Promise<T>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
        A: OutArgs,
    {
        let args = Declared { call, args: &args };
        self.send_call::<T, W>(call.wire_name.into(), args, call.timeout)
    }

    pub(crate) fn send_call<T, W>(
        self,
        method: Cow<'static, str>,
        args: impl ArgsFor,
        declared: Option<Duration>,
    ) -> Promise<T>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
    {
        let args = Lasting(args);
        let Giving { target, streams } = self;
        let asked = target.ask(method, &args, declared, |_, info, peers| {
            let context = Arc::new(Attended(Arc::clone(target.calls())));
            let giver = Giver::new(streams, &info, target);
            giver.begin(peers)?;
            // The table knows it, and the peer is silent as long as it takes nothing.
            let info = CallInfo {
                deadline: None,
                ..info
            };
            let (promise, call) = Promise::for_call(context, info, decode::<T, W>);
            Ok((promise, giver.of(call)))
        });
        asked.unwrap_or_else(Promise::failed)
    }

    /// Sends a call whose result may be a stream as well, if the one who wants it takes streams.
    pub(crate) fn send_either(
        self,
        method: Cow<'static, str>,
        args: impl ArgsFor,
        takes_streams: bool,
    ) -> Either {
        let args = Lasting(args);
        let Giving { target, streams } = self;
        let asked = target.ask(method, &args, None, |_, info, peers| {
            let context = Arc::new(Attended(Arc::clone(target.calls())));
            let giver = Giver::new(streams, &info, target);
            giver.begin(peers)?;
            if takes_streams {
                let gifts = giver.gifts.clone();
                let (stream, call) = Either::begin(context, info, gifts);
                return Ok((Either::Stream(stream), giver.of(call)));
            }
            let info = CallInfo {
                deadline: None,
                ..info
            };
            let (promise, call) = Promise::for_call(context, info, decode::<Value, Value>);
            Ok((Either::Promise(promise), giver.of(call)))
        });
        Either::of(asked)
    }

    /// Sends a call whose result is a stream as well.
    pub fn stream<T, W, R, V, A>(self, call: &'static CallDescription, args: A) -> Stream<T, R>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
        A: OutArgs,
    {
        let args = Declared { call, args: &args };
        self.send_stream::<T, W, R, V>(call.wire_name.into(), args, call.timeout)
    }

    pub(crate) fn send_stream<T, W, R, V>(
        self,
        method: Cow<'static, str>,
        args: impl ArgsFor,
        declared: Option<Duration>,
    ) -> Stream<T, R>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
    {
        let args = Lasting(args);
        let Giving { target, streams } = self;
        let _batch = Batch::begin();
        let asked = target.ask(method, &args, declared, |_, info, peers| {
            let context = Arc::new(Attended(Arc::clone(target.calls())));
            let giver = Giver::new(streams, &info, target);
            giver.begin(peers)?;
            let gifts = giver.gifts.clone();
            let (stream, call, asked) = Asked::begin::<T, W, R, V>(context, info, gifts);
            Ok(((stream, asked), giver.of(call)))
        });
        target.granted(asked)
    }
}

/// Arguments of a call that may take longer than its peer may be silent.
struct Lasting<A>(A);

impl<A: ArgsFor> ArgsFor for Lasting<A> {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        self.0.encode(wire, out, method, id)
    }

    fn lasts(&self) -> bool {
        true
    }
}

/// The streams that are given with a call, once it is known to whom.
#[derive(Clone, Default)]
pub(super) struct Gifts(Arc<OnceLock<Vec<Arc<Fed>>>>);

impl Gifts {
    fn all(&self) -> &[Arc<Fed>] {
        self.0.get().map_or(&[], |gifts| gifts)
    }

    /// Since when the peer is silent, if it is since `before` as far as others know.
    pub(super) fn silent_since(&self, before: Instant) -> Instant {
        let since = self.all().iter().map(|fed| fed.silent_since());
        since.fold(before, Instant::max)
    }
}

/// A call that gives streams.
struct Giver {
    calls: Arc<Calls>,
    method: Cow<'static, str>,
    /// Until there is a peer.
    streams: Mutex<Vec<Box<dyn Given>>>,
    gifts: Gifts,
    begun: Instant,
    timeout: Duration,
    /// Else it is given up when it is dropped, and so are they.
    is_settled: AtomicBool,
}

impl Giver {
    fn new(streams: Vec<Box<dyn Given>>, info: &CallInfo, target: &Target) -> Self {
        Giver {
            calls: Arc::clone(target.calls()),
            method: info.method.clone(),
            streams: Mutex::new(streams),
            gifts: Gifts::default(),
            begun: Instant::now(),
            timeout: info.timeout,
            is_settled: AtomicBool::new(false),
        }
    }

    /// It goes to these; none are there yet for one that waits.
    fn begin(&self, peers: &[Arc<Conn>]) -> Result<()> {
        if peers.is_empty() {
            return Ok(());
        }
        only_streams(&self.method, peers)?;
        let streams = std::mem::take(&mut *lock(&self.streams));
        if let [conn] = peers {
            let begin = |stream: Box<dyn Given>| stream.begin(&self.calls, conn);
            let gifts = streams.into_iter().filter_map(begin).collect();
            self.gifts.0.get_or_init(|| gifts);
        }
        Ok(())
    }

    fn of(self, call: Arc<dyn PendingCall>) -> Arc<dyn PendingCall> {
        Arc::new(GivingCall { call, giver: self })
    }

    /// It is answered: nobody will ask for a stream that was not asked for.
    fn settled(&self) {
        self.is_settled.store(true, Ordering::Relaxed);
        self.end(|fed| !fed.is_asked_for());
    }

    fn end(&self, which: impl Fn(&Fed) -> bool) {
        let ended = self.gifts.all().iter().filter(|fed| which(fed));
        self.calls.end_feeds(ended.cloned().collect());
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        if !self.is_settled.load(Ordering::Relaxed) {
            self.end(|_| true);
        }
    }
}

/// The same in the table of pending calls.
struct GivingCall {
    call: Arc<dyn PendingCall>,
    giver: Giver,
}

impl PendingCall for GivingCall {
    fn offer(
        &self,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
        lane: u64,
    ) -> Result<()> {
        self.call.offer(codec, telegram, payload, depth, lane)?;
        self.giver.settled();
        Ok(())
    }

    fn fail(&self, error: Error, lane: u64) {
        self.call.fail(error, lane);
        self.giver.settled();
    }

    fn time_out(&self, sent: bool, lane: u64) {
        self.call.time_out(sent, lane);
        self.giver.is_settled.store(true, Ordering::Relaxed);
        self.giver.end(|_| true);
    }

    fn is_wanted(&self) -> bool {
        self.call.is_wanted()
    }

    fn deadline(&self) -> Option<Instant> {
        let Giver { gifts, begun, .. } = &self.giver;
        let own = gifts.silent_since(*begun).checked_add(self.giver.timeout);
        self.call.deadline().into_iter().chain(own).max()
    }

    fn asks(&self, peers: &[Arc<Conn>]) -> Result<()> {
        self.giver.begin(peers)
    }

    fn item(
        &self,
        conn: &Arc<Conn>,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
    ) -> ItemOutcome {
        self.call.item(conn, codec, telegram, payload, depth)
    }
}

/// What a promise asks whose call gives streams: no thread reads by itself for it, as the poll
/// thread has to hear what the peer says of them.
struct Attended(Arc<Calls>);

impl Context for Attended {
    fn before_wait(&self) -> Result<()> {
        self.0.before_wait()
    }

    fn drive(&self, call: u64, _done: &dyn Fn() -> bool, _until: Option<Instant>) {
        self.0.attend_to(call, true);
    }

    fn attend(&self, call: u64) {
        self.0.attend(call);
    }

    fn expire(&self, id: u64) -> bool {
        self.0.expire(id)
    }

    fn cancel(&self, id: u64) {
        Context::cancel(&*self.0, id);
    }

    fn run(&self, lane: u64, callback: Box<dyn FnOnce() + Send>) {
        self.0.run(lane, callback);
    }

    fn is_manual(&self) -> bool {
        self.0.is_manual()
    }

    fn run_for(&self, call: u64, callback: Box<dyn FnOnce() + Send>) {
        self.0.run_for(call, callback);
    }

    fn grant(&self, call: u64, items: u64) {
        self.0.grant(call, items);
    }
}

impl Calls {
    /// A peer takes no more of an argument of ours, which it knows by this id. Gives whether there
    /// is one.
    pub(crate) fn cancel_argument(&self, conn: &Conn, id: &str) -> bool {
        let fed = self.feeds.unwanted_argument(conn.id(), id);
        let found = fed.is_some();
        self.end_feeds(fed.into_iter().collect());
        found
    }

    /// These streams are dropped, which is code of the program.
    fn end_feeds(&self, ended: Vec<Arc<Fed>>) {
        if !ended.is_empty() {
            self.undisturbed(move || ended.iter().for_each(|fed| fed.end()));
        }
    }

    /// Nothing comes any more of a stream that is an argument.
    pub(super) fn say_done<V: Serialize>(&self, conn: &Arc<Conn>, id: &CallId, end: Result<V>) {
        match end {
            Ok(value) => self.say(conn, DONE, &Done { id, value: &value }, &(id, &value)),
            Err(error) => {
                let error = match error {
                    Error::Encode { reason, .. } => internal(reason.to_string()),
                    other => CallError::from_boxed(BoxError::from(other)),
                };
                let error = &Failure::from(error);
                self.say(conn, DONE, &Failed { id, error }, &(id, (), error));
            }
        }
    }
}

impl std::fmt::Debug for Giving<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Giving({} streams)", self.streams.len())
    }
}
