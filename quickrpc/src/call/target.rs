//! Sending: from a call's arguments to the peers that get it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::sender::{Receiver, ReceiverList, Receivers, Sender};
use crate::base::sync::lock;
use crate::call::promise::{CallInfo, Context, Promise, Promises};
use crate::call::reply::Via;
use crate::format::args::{self, OutArgs};
use crate::format::description::CallDescription;
use crate::wire::codec::{AnyCodec, Payload, Script};
use crate::wire::session::{About, Deed, Way};

use super::calls::Calls;
use super::given::Timed;
pub(crate) use super::given::{Accessing, ArgsFor, Declared, Plain};
use super::promise::PendingCall;
use super::receivers::name;
use crate::base::reason::DisconnectReason;
use crate::base::scratch::with_scratch;
use crate::net::collect::{self, Batch};
use crate::net::conn::{Conn, Wait};

/// Whom the calls of a handle go to, and how long they may take. It keeps nothing alive.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) calls: Arc<Calls>,
    /// `None`: all peers that are connected at the moment of sending.
    pub(super) receivers: Option<Arc<[Receiver]>>,
    pub(super) timeout: Option<Duration>,
    /// How long the other side may take to begin, where the protocol has that.
    pub(super) start_within: Option<Duration>,
    /// One of several receivers, each with a call of its own: nobody waits for one of them.
    pub(super) one_of_several: bool,
}

/// Receivers that could not be sent to.
pub(crate) type Failures = Vec<(Arc<str>, Error)>;

impl Target {
    pub(crate) fn all(calls: Arc<Calls>) -> Self {
        Target {
            calls,
            receivers: None,
            timeout: None,
            start_within: None,
            one_of_several: false,
        }
    }

    /// The same for these receivers.
    pub(crate) fn of(calls: Arc<Calls>, receivers: Option<Arc<[Receiver]>>) -> Self {
        Target {
            receivers,
            ..Target::all(calls)
        }
    }

    pub(crate) fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    pub(crate) fn context(&self) -> Arc<dyn Context> {
        Arc::clone(&self.calls) as _
    }

    pub(crate) fn receivers(&self) -> Option<Arc<[Receiver]>> {
        self.receivers.clone()
    }

    /// Whether it is for an empty list.
    pub(crate) fn is_for_nobody(&self) -> bool {
        self.receivers.as_ref().is_some_and(|list| list.is_empty())
    }

    /// How long a call to these peers may take; without any, one to whoever comes.
    #[inline]
    pub(super) fn limit(&self, declared: Option<Duration>, peers: &[Arc<Conn>]) -> Duration {
        match (self.timeout.or(declared), peers) {
            (Some(timeout), _) => timeout,
            (None, [one]) => one.wire.call_timeout,
            (None, several) => self.longest(several),
        }
    }

    /// The longest of those of their wires; without any, of all wires.
    #[cold]
    #[inline(never)]
    fn longest(&self, peers: &[Arc<Conn>]) -> Duration {
        let wires = match peers {
            [] => self.calls.net.wires(),
            some => some.iter().map(|conn| Arc::clone(&conn.wire)).collect(),
        };
        let timeouts = wires.iter().map(|wire| wire.call_timeout);
        timeouts.max().unwrap_or(self.calls.call_timeout)
    }

    /// The same for other receivers.
    pub fn to(&self, receivers: impl Receivers) -> Self {
        let mut list = ReceiverList::default();
        receivers.add_to(&mut list);
        Target {
            receivers: Some(list.0.into()),
            ..self.clone()
        }
    }

    /// The same with another deadline for its calls.
    pub fn timeout(&self, timeout: Duration) -> Self {
        Target {
            timeout: Some(timeout),
            ..self.clone()
        }
    }

    /// The same with another time for its calls to begin.
    pub fn start_within(&self, limit: Duration) -> Self {
        Target {
            start_within: Some(limit),
            ..self.clone()
        }
    }

    /// The same with calls that have to be answered at this time, if not before.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        let usual = self.limit(None, &[]);
        self.timeout(usual.min(deadline.saturating_duration_since(Instant::now())))
    }

    /// Collects what this thread sends in the closure.
    pub fn batch<R>(&self, send: impl FnOnce() -> R) -> R {
        let _batch = Batch::begin();
        send()
    }

    /// Who is connected.
    pub fn peers(&self) -> Vec<Sender> {
        self.calls.net.peers()
    }

    /// Closes the connections of these peers.
    pub fn disconnect(&self, peers: impl Receivers) -> Result<()> {
        self.calls.disconnect(peers)
    }

    /// Sends a notification.
    pub fn notify<A: OutArgs>(&self, call: &'static CallDescription, args: A) -> Result<()> {
        let args = Declared { call, args: &args };
        self.send_notification(call.wire_name, &args)
    }

    /// Sends a notification to each receiver, and says what came of it.
    pub fn notify_each<A: OutArgs>(
        &self,
        call: &'static CallDescription,
        args: A,
    ) -> Vec<(Sender, Result<()>)> {
        let each = self.each();
        each.into_iter()
            .map(|(sender, target)| {
                let args = Declared { call, args: &args };
                (sender, target.send_notification(call.wire_name, &args))
            })
            .collect()
    }

    /// Sends a call with reply.
    pub fn call<T, W, A>(&self, call: &'static CallDescription, args: A) -> Promise<T>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
        A: OutArgs,
    {
        let args = Declared { call, args: &args };
        self.send_call::<T, W>(call.wire_name.into(), &args, call.timeout)
    }

    /// Writes a property of the other side.
    pub fn write<T, W>(&self, call: &'static CallDescription, value: T) -> Promise<()>
    where
        T: Via<W>,
        W: Serialize,
    {
        let value = value.into_wire();
        let args = (args::Plain(&value),);
        let args = Accessing(Deed::Write, Declared { call, args: &args });
        self.send_call::<(), ()>(call.wire_name.into(), &args, call.timeout)
    }

    /// Writes a property of each receiver.
    pub fn write_each<T, W>(&self, call: &'static CallDescription, value: T) -> Promises<()>
    where
        T: Via<W>,
        W: Serialize,
    {
        let value = value.into_wire();
        let args = (args::Plain(&value),);
        let args = Accessing(Deed::Write, Declared { call, args: &args });
        let each = self.each().into_iter();
        let writes = each.map(|(sender, target)| {
            let written = target.send_call::<(), ()>(call.wire_name.into(), &args, call.timeout);
            (sender, written)
        });
        Promises::new(writes.collect())
    }

    /// Sends a call with reply to each receiver.
    pub fn call_each<T, W, A>(&self, call: &'static CallDescription, args: A) -> Promises<T>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
        A: OutArgs,
    {
        let each = self.each();
        let calls = each.into_iter().map(|(sender, target)| {
            let args = Declared { call, args: &args };
            (
                sender,
                target.send_call::<T, W>(call.wire_name.into(), &args, call.timeout),
            )
        });
        Promises::new(calls.collect())
    }

    pub(crate) fn send_notification(&self, method: &str, args: &impl ArgsFor) -> Result<()> {
        self.calls.net.check_running()?;
        if self.calls.around.may_be_there() && self.calls.around.is_there() {
            return self.notify_around(method, args);
        }
        self.notify_plain(method, args)
    }

    /// The same without what is around it.
    #[inline(always)]
    pub(crate) fn notify_plain(&self, method: &str, args: &impl ArgsFor) -> Result<()> {
        let (mut peers, mut failures) = self.resolve();
        if peers.as_slice().is_empty() && !self.is_for_nobody() {
            (peers, failures) = self.for_nobody(failures, method)?;
        }
        let peers = peers.as_slice();
        if self.calls.unsent.is_busy() {
            self.calls.send_waiting_first(self.limit(None, peers));
        }
        let wait = self.wait(peers);
        let about = About::Call {
            method,
            id: None,
            way: self.way(args.deed(), None),
        };
        self.send(peers, about, args, wait, &mut failures)?;
        verdict(failures, self.single(peers))
    }

    pub(crate) fn send_call<T, W>(
        &self,
        method: Cow<'static, str>,
        args: &impl ArgsFor,
        declared: Option<Duration>,
    ) -> Promise<T>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned,
    {
        let asked = self.ask(method, args, declared, |context, info, _| {
            Ok(Promise::for_call(context, info, decode::<T, W>))
        });
        asked.unwrap_or_else(Promise::failed)
    }

    /// Sends a call that `make` makes the entry of, for the table of pending ones.
    #[inline]
    pub(super) fn ask<P>(
        &self,
        method: Cow<'static, str>,
        args: &impl ArgsFor,
        declared: Option<Duration>,
        make: impl FnOnce(Arc<dyn Context>, CallInfo, &[Arc<Conn>]) -> Result<(P, Arc<dyn PendingCall>)>,
    ) -> Result<P> {
        self.calls.net.check_running()?;
        if self.calls.around.may_be_there() && self.calls.around.is_there() {
            return self.ask_around(method, args, declared, make);
        }
        self.ask_plain(method, args, declared, make)
    }

    /// The same without what is around it.
    #[inline(always)]
    pub(super) fn ask_plain<P>(
        &self,
        method: Cow<'static, str>,
        args: &impl ArgsFor,
        declared: Option<Duration>,
        make: impl FnOnce(Arc<dyn Context>, CallInfo, &[Arc<Conn>]) -> Result<(P, Arc<dyn PendingCall>)>,
    ) -> Result<P> {
        let (peers, mut failures) = self.resolve();
        let peers = peers.as_slice();
        let timeout = self.limit(declared, peers);
        if peers.is_empty() || self.calls.unsent.is_busy() {
            return self.ask_later(method, args, timeout, failures, make);
        }
        let mut deadline = Instant::now().checked_add(timeout);
        if let [one, ..] = peers {
            let grace = one.wire.grace();
            if grace > Duration::ZERO {
                deadline = deadline.and_then(|deadline| deadline.checked_add(grace));
            }
        }
        let name = method.clone();
        let id = self.calls.next_call();
        let info = CallInfo {
            id,
            method,
            peer: match peers {
                [one] => Some(Arc::clone(&one.peer().name)),
                _ => None,
            },
            deadline,
            timeout,
        };
        let context = self.context();
        let (promise, call) = make(context, info, peers)?;
        self.calls.admit(id, call, peers)?;
        let wait = match (self.wait(peers), deadline) {
            (Wait::UpTo(_), Some(until)) => Wait::Call { id, until },
            (wait, _) => wait,
        };
        let missing = failures.len();
        let panicked = Unsent(&self.calls, id);
        let about = About::Call {
            method: &name,
            id: Some(id),
            way: self.way(args.deed(), Some(timeout)),
        };
        let sent = self.send(peers, about, &Timed { args, deadline }, wait, &mut failures);
        std::mem::forget(panicked);
        // Whoever got the message may answer; only if nobody did has the call failed.
        let unsent = match sent {
            Ok(()) if failures.len() - missing < peers.len() => None,
            Ok(()) => verdict(failures, self.single(peers)).err(),
            Err(error) => Some(error),
        };
        if let Some(error) = unsent {
            if let Error::Cancelled = error {
                // It was over before it was sent, and is settled.
                return Ok(promise);
            }
            // Whatever settled the promise meanwhile, nobody has seen it yet.
            let unseen = lock(&self.calls.pending).remove(id);
            drop(unseen);
            return Err(error);
        }
        Ok(promise)
    }

    /// Whether it was for one receiver, whose error needs no list.
    pub(crate) fn single(&self, peers: &[Arc<Conn>]) -> bool {
        self.receivers
            .as_ref()
            .map_or(peers.len(), |list| list.len())
            == 1
    }

    /// Whether sending waits for room: to one peer, on a thread that delivers nothing, not
    /// even for another API, since the peer may wait for that.
    fn wait(&self, peers: &[Arc<Conn>]) -> Wait {
        // A thread that delivers for another API must not wait either: two APIs that pass
        // messages on to each other would wait for each other.
        if peers.len() != 1 || self.one_of_several || crate::base::here::delivers_for_any() {
            return Wait::Never;
        }
        Wait::UpTo(self.limit(None, peers))
    }

    #[inline]
    pub(super) fn way(&self, deed: Deed, within: Option<Duration>) -> Way {
        Way {
            deed,
            within: within.or(self.timeout),
            start_within: self.start_within,
        }
    }

    /// Encodes once for each wire, and sends to all.
    fn send(
        &self,
        peers: &[Arc<Conn>],
        about: About<'_>,
        args: &impl ArgsFor,
        wait: Wait,
        failures: &mut Failures,
    ) -> Result<()> {
        let About::Call { method, id, .. } = about else {
            return Ok(());
        };
        with_scratch(|out| {
            let mut encoded_for: Option<&Arc<Conn>> = None;
            for conn in peers {
                let wire = &conn.wire;
                let again = encoded_for.is_none_or(|one| !are_alike(one, conn));
                if again {
                    out.clear();
                    args.encode(wire, out, method, id)
                        .map_err(|reason| Error::Encode {
                            method: method.into(),
                            reason: reason.into(),
                        })?;
                    if let Err(error) = conn.frame(out, method) {
                        // Too large for this wire; the others may take it.
                        if peers.iter().all(|one| Arc::ptr_eq(&one.wire, wire)) {
                            return Err(error);
                        }
                        encoded_for = None;
                        failures.push((Arc::clone(&conn.peer().name), error));
                        continue;
                    }
                    encoded_for = Some(conn);
                }
                if let Err(error) = self.calls.net.transmit(conn, out, about, wait) {
                    if id.is_none() && self.receivers.is_none() && conn.wire.tells_beside {
                        // It hears of that by another connection, if it likes.
                        continue;
                    }
                    // The others may still answer.
                    self.calls.fail_call(conn, id, error.clone());
                    failures.push((Arc::clone(&conn.peer().name), error));
                }
            }
            Ok(())
        })
    }
}

/// Whether what was encoded for one peer is the same for another one.
pub(super) fn are_alike(one: &Conn, other: &Conn) -> bool {
    // A header is for one peer; plain bytes, and what a session seals, are the same for all of a
    // wire, but not the one for the other.
    Arc::ptr_eq(&one.wire, &other.wire)
        && one.speech.is_plain() == other.speech.is_plain()
        && (!other.speech.is_plain() || other.wire.security.is_null())
}

/// A call that nobody waits for, since writing its arguments has panicked.
struct Unsent<'a>(&'a Calls, u64);

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        let call = lock(&self.0.pending).remove(self.1);
        drop(call);
    }
}

/// Reads the result of a call.
pub(super) fn decode<T: Via<W>, W: DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    payload: &Payload,
    depth: usize,
) -> Result<T, String> {
    struct Seed<W>(std::marker::PhantomData<W>);
    impl<'de, W: Deserialize<'de>> serde::de::DeserializeSeed<'de> for Seed<W> {
        type Value = W;

        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<W, D::Error> {
            W::deserialize(deserializer)
        }
    }
    let seed = Seed::<W>(std::marker::PhantomData);
    codec
        .read(*telegram, payload, seed, depth)
        .map(Via::from_wire)
}

/// What came of sending: the one error of a single receiver, or the list of those of
/// several that did not get the message.
pub(crate) fn verdict(mut failures: Failures, single: bool) -> Result<()> {
    match failures.pop() {
        None => Ok(()),
        Some((_, error)) if single => Err(error),
        Some(last) => {
            failures.push(last);
            Err(Error::Partial(failures.into()))
        }
    }
}

impl Calls {
    pub(crate) fn disconnect(&self, receivers: impl Receivers) -> Result<()> {
        let mut list = ReceiverList::default();
        receivers.add_to(&mut list);
        let single = list.0.len() == 1;
        let mut failures = Failures::new();
        for receiver in &list.0 {
            let found = self.net.find(receiver);
            match found {
                // Answers of this thread that are collected leave first.
                Ok(conn) => {
                    collect::flush();
                    self.net.say_last(&conn);
                    conn.close(DisconnectReason::Local);
                }
                Err(error) => failures.push((name(receiver), error)),
            }
        }
        verdict(failures, single)
    }
}
