//! From a decoded call to its handlers, and from what they return to the answer.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;

use crossbeam_channel::Receiver;
use serde::Serialize;

use crate::base::current::{self, CallKey, Current};
use crate::base::error::{BoxError, CallError, Error};
use crate::base::sender::Sender;
use crate::base::typed_error::IntoCallError;
use crate::call::promise::wish::Unwanted;
use crate::call::promise::{Promise, Resolver};
use crate::call::reply::{Reply, Returns, Via};
use crate::format::args::{ArgsSeed, WireArgs};
use crate::format::description::CallDescription;
use crate::wire::codec::{AnyCodec, CallParts, Payload, Script};

use super::answer::{self, Answers, LateAnswer, Route, internal, shown, unknown};
use super::around::answer::Watchers;
use crate::base::foreign::{inside, told};

use super::calls::Calls;
use super::processing::Executor;
use super::slot::{Entry, SlotInner};
use crate::base::scratch;
use crate::net::collect;
use crate::net::conn::Conn;

/// One call on its way through one handler.
pub struct Invocation<'de> {
    calls: &'de Calls,
    conn: &'de Arc<Conn>,
    sender: &'de Sender,
    slot: &'de SlotInner,
    telegram: &'de Script<'de>,
    parts: &'de CallParts,
    id: Option<&'de str>,
    /// This is the first handler.
    first: bool,
    /// The encoded answer.
    out: &'de mut Vec<u8>,
}

/// What a handler made of a call.
pub struct Outcome(Made);

/// A promise that will be the answer.
pub(crate) trait Later: Send {
    /// Who hears that nobody wants it any more.
    fn unwanted(&self) -> Weak<dyn Unwanted>;

    /// Has the answer sent when the promise is settled.
    fn begin(self: Box<Self>, answer: LateAnswer);
}

enum Made {
    /// The arguments cannot be read, and nobody has looked at the whole telegram yet.
    Unreadable,
    /// The answer is encoded, or the call has none.
    Answered,
    /// This handler leaves the call to others.
    NotMine,
    Failed(CallError),
    /// The arguments are wrong, for every handler of the call.
    Refused(CallError),
    /// Answered by a promise.
    Later(Box<dyn Later>),
}

impl Outcome {
    pub(crate) fn not_mine() -> Self {
        Outcome(Made::NotMine)
    }

    pub(crate) fn failed(error: CallError) -> Self {
        Outcome(Made::Failed(error))
    }

    pub(crate) fn later(later: Box<dyn Later>) -> Self {
        Outcome(Made::Later(later))
    }
}

impl<'de> Invocation<'de> {
    /// Who called.
    pub fn sender(&self) -> &'de Sender {
        self.sender
    }

    /// Decodes the arguments, borrowing from the message where the types allow it.
    pub fn args<W: WireArgs<'de>>(&self, defaults: W::Defaults) -> Result<W, Outcome> {
        let Some(call) = self.slot.call else {
            return Err(Outcome::failed(internal("the call is not declared")));
        };
        let (codec, depth) = self.reading();
        codec
            .read_args(
                *self.telegram,
                &self.parts.params,
                ArgsSeed::new(call, defaults),
                depth,
            )
            .map_err(|text| self.unreadable(text))
    }

    /// Decodes the one argument that is all of what was sent.
    pub fn whole<W: serde::de::Deserialize<'de>>(&self) -> Result<W, Outcome> {
        let (codec, depth) = self.reading();
        codec
            .read(
                *self.telegram,
                &self.parts.params,
                std::marker::PhantomData::<W>,
                depth,
            )
            .map_err(|text| {
                let argument = self.slot.call.and_then(|call| call.arguments.first());
                let name = argument.map_or("", |argument| argument.wire_name);
                self.unreadable(format!("argument `{name}` of `{}`: {text}", self.method()))
            })
    }

    /// Decodes whatever the arguments are.
    pub(crate) fn read<S: serde::de::DeserializeSeed<'de>>(
        &self,
        seed: S,
    ) -> Result<S::Value, Outcome> {
        let (codec, depth) = self.reading();
        codec
            .read(*self.telegram, &self.parts.params, seed, depth)
            .map_err(|text| self.unreadable(text))
    }

    fn reading(&self) -> (&'de AnyCodec, usize) {
        let wire = &self.conn.wire;
        (&wire.codec, wire.limits.nesting_depth)
    }

    #[cold]
    fn unreadable(&self, text: String) -> Outcome {
        match &self.parts.params {
            // For the first handler only: what one has read is valid for all.
            Payload::Raw(_) if self.first => Outcome(Made::Unreadable),
            _ => Outcome(Made::Refused(CallError::new(
                CallError::INVALID_PARAMS,
                text,
            ))),
        }
    }

    /// Encodes what the handler of a call with reply returned.
    pub fn reply<T, W, R, K>(&mut self, returned: R) -> Outcome
    where
        T: Via<W> + Send + 'static,
        W: Serialize + 'static,
        R: Returns<T, K>,
    {
        self.answer(returned.__say())
    }

    /// The same for what a handler has to say.
    pub(crate) fn answer<T, W>(&mut self, reply: Reply<T>) -> Outcome
    where
        T: Via<W> + Send + 'static,
        W: Serialize + 'static,
    {
        match reply {
            Reply::Value(value) => self.encode(&value.into_wire()),
            Reply::NotMine => Outcome::not_mine(),
            Reply::Failed(error) => Outcome::failed(self.slot.call_error(error)),
            Reply::Later(promise) => later(promise, Via::into_wire),
        }
    }

    /// What the handler of a notification returned.
    pub fn done<R: Returns<(), K>, K>(&mut self, returned: R) -> Outcome {
        match returned.__say() {
            // Several handlers may hear a notification; none of them answers.
            Reply::Value(()) | Reply::NotMine => Outcome::not_mine(),
            Reply::Failed(error) => Outcome::failed(self.slot.call_error(error)),
            Reply::Later(promise) => later(promise, |()| ()),
        }
    }

    /// For a handler that answers later, from any thread.
    pub fn resolver<T, W>(&mut self) -> (Resolver<T>, Outcome)
    where
        T: Via<W> + Send + 'static,
        W: Serialize + 'static,
    {
        let (promise, resolver) = Promise::pair();
        (resolver, later(promise, Via::into_wire))
    }

    /// The same for a notification, of which errors alone are told.
    pub fn notification_resolver(&mut self) -> (Resolver<()>, Outcome) {
        let (promise, resolver) = Promise::pair();
        (resolver, later(promise, |()| ()))
    }

    /// What runs futures, if there is something.
    pub(crate) fn executor(&self) -> Option<&'de Executor> {
        self.calls.executor.get()
    }

    /// The call as the thread knows it that handles it.
    pub(crate) fn current(&self) -> Option<Current> {
        let current = current::of(self.conn.id());
        let deadline = current.and_then(|call| call.deadline());
        let key = CallKey::new(self.conn.id(), self.id?);
        let trace = current.and_then(|call| call.trace());
        Some(Current::new(key, deadline).traced(trace))
    }

    /// How errors of handlers travel.
    pub(crate) fn errors(&self) -> IntoCallError {
        self.slot.errors()
    }

    /// Something that disconnects when the API stops.
    pub(crate) fn stop_signal(&self) -> Receiver<()> {
        self.calls.net.stop_signal()
    }

    /// The error as the caller sees it, whatever the declaration says of it.
    pub(crate) fn call_error(&self, error: BoxError) -> CallError {
        self.slot.call_error(error)
    }

    /// Whose it is, and of which API.
    pub(crate) fn came_from(&self) -> (&'de Arc<Conn>, &'de Calls) {
        (self.conn, self.calls)
    }

    /// What was declared of it.
    pub(crate) fn declared(&self) -> Option<&'static CallDescription> {
        self.slot.call
    }

    /// The name on the wire.
    pub(crate) fn method(&self) -> &'de str {
        self.parts.method.of(*self.telegram)
    }

    /// The id as it came; `None` for a notification.
    pub(crate) fn id(&self) -> Option<&'de str> {
        self.id
    }

    /// Whether an answer to it can be a stream.
    pub(crate) fn carries_streams(&self) -> bool {
        self.conn.wire.lacks_streams().is_none()
    }

    /// What the message takes on the wire.
    pub(crate) fn size(&self) -> usize {
        self.telegram.len()
    }

    /// A value of the sender that came with this message is kept, in place of one that took so
    /// many bytes.
    pub(crate) fn keeps(&self, before: usize) {
        if self.conn.held.value(before, self.size()) {
            self.calls.net.relieve();
        }
    }

    pub(crate) fn encode<W: Serialize>(&mut self, value: &W) -> Outcome {
        let Some(id) = self.id else {
            return Outcome(Made::Answered);
        };
        // With an answer already there, this one is only counted.
        if !self.out.is_empty() {
            return Outcome(Made::Answered);
        }
        match answer::encode_result(self.conn, self.out, id, value) {
            Ok(()) => Outcome(Made::Answered),
            Err(error) => {
                let text = Error::Encode {
                    method: self.method().into(),
                    reason: error.message.as_str().into(),
                };
                self.calls.trouble(self.sender, text, Some(self.method()));
                Outcome::failed(error)
            }
        }
    }
}

/// A promise, and how its value travels.
pub(super) struct Promised<T, F> {
    pub(super) promise: Promise<T>,
    pub(super) into_wire: F,
}

impl<T, W, F> Later for Promised<T, F>
where
    T: Send + 'static,
    W: Serialize + 'static,
    F: FnOnce(T) -> W + Send + 'static,
{
    fn unwanted(&self) -> Weak<dyn Unwanted> {
        self.promise.unwanted()
    }

    fn begin(self: Box<Self>, answer: LateAnswer) {
        let Promised { promise, into_wire } = *self;
        promise.on_settled(move |result| answer.settle(result.map(into_wire)));
    }
}

fn later<T, W, F>(promise: Promise<T>, into_wire: F) -> Outcome
where
    T: Send + 'static,
    W: Serialize + 'static,
    F: FnOnce(T) -> W + Send + 'static,
{
    Outcome::later(Box::new(Promised { promise, into_wire }))
}

/// A telegram has to be decoded in full, which says what it really is.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// Why a call is not answered by a handler.
pub(super) enum Failed {
    With(CallError),
    /// The telegram has to be decoded in full, which says what it really is.
    Unreadable,
}

/// A call with everything that it needs, on the thread that handles it.
pub(crate) struct Call<'a> {
    pub(crate) conn: &'a Arc<Conn>,
    pub(crate) sender: &'a Sender,
    pub(crate) telegram: &'a Script<'a>,
    pub(crate) parts: &'a CallParts,
    pub(crate) route: &'a Route,
}

impl Call<'_> {
    /// Whether nobody has looked at its arguments.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self.parts.params, Payload::Raw(_))
    }
}

impl Calls {
    /// Runs the handlers of a call, and answers it.
    ///
    /// # Errors
    ///
    /// Where the telegram has to be decoded in full before, which says what it really is.
    /// Nothing has happened then.
    pub(crate) fn handle(&self, call: &Call<'_>) -> Result<(), Unreadable> {
        if self.around.may_be_there() && self.around.is_there() {
            return self.handle_around(call);
        }
        let method = call.parts.method.of(*call.telegram);
        let id = call.parts.id.as_ref().map(|id| id.of(*call.telegram));
        let added;
        let slot = match self.slots.find_declared(method) {
            Some(slot) => Some(&**slot),
            None => {
                added = self.slots.find_added(method);
                added.as_deref()
            }
        };
        let found = slot.map(|slot| (slot, slot.handlers()));
        if call.is_raw()
            && found
                .as_ref()
                .is_none_or(|(_, handlers)| handlers.is_empty())
        {
            // Nobody will look at the arguments.
            return Err(Unreadable);
        }
        if let Some((slot, _)) = &found
            && self.is_guarded(slot)
        {
            if call.is_raw() {
                // First it has to be known for certain what is called.
                return Err(Unreadable);
            }
            if let Some(error) = self.forbids(call.sender, slot.role(), method) {
                self.refuse_call(call, method, error);
                return Ok(());
            }
        }
        scratch::with_scratch(|out| {
            let failed = match found {
                Some((slot, handlers)) => self.run_paced::<false>(slot, &handlers, call, id, out),
                None => self.untaken(call, method, id, out),
            };
            let is_error = failed.is_err();
            let later = match failed {
                Ok(later) => later,
                Err(Failed::Unreadable) => return Err(Unreadable),
                Err(Failed::With(error)) => {
                    self.fail_here(call, id, method, error, out);
                    None
                }
            };
            match later {
                None => {
                    let about = Answers {
                        method,
                        id,
                        failed: is_error,
                    };
                    answer::deliver(self, call.conn, call.route, out, about);
                }
                Some(later) => self.answer_later(call, id, method, later, Watchers::default()),
            }
            Ok(())
        })
    }

    /// Runs the handlers, and takes their time now and then.
    #[inline(always)]
    pub(super) fn run_paced<const ANY: bool>(
        &self,
        slot: &SlotInner,
        handlers: &[Entry],
        call: &Call<'_>,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Box<dyn Later>>, Failed> {
        let (cost, measured) = slot.pace();
        collect::before_handler(cost);
        let started = measured.then(Instant::now);
        // What a slow handler sends is not for after its end, nor what others send meanwhile.
        let direct =
            collect::is_slow(cost).then(|| (collect::Direct::begin(), self.net.hold_nothing()));
        let failed = self.run_handlers::<ANY>(slot, handlers, call, id, out);
        drop(direct);
        if let Some(started) = started {
            slot.set_cost(started.elapsed());
        }
        failed
    }

    /// The answer comes later; those look at it before it is sent.
    pub(super) fn answer_later(
        &self,
        call: &Call<'_>,
        id: Option<&str>,
        method: &str,
        later: Box<dyn Later>,
        watchers: Watchers,
    ) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        call.conn.flow.owe();
        let place = self.answers_later(call.conn, id, later.unwanted());
        later.begin(LateAnswer {
            place,
            calls,
            conn: Arc::downgrade(call.conn),
            id: id.map(Into::into),
            route: call.route.clone(),
            method: method.into(),
            watchers,
        });
    }

    /// Runs the handlers one after the other. The answer is in `out`, or comes later, or
    /// is the error. `ANY`: they are those of what no other slot takes; a function of its own, so
    /// that the usual one stays in the place of its one caller.
    #[inline(always)]
    fn run_handlers<const ANY: bool>(
        &self,
        slot: &SlotInner,
        handlers: &[Entry],
        call: &Call<'_>,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Box<dyn Later>>, Failed> {
        if handlers.is_empty() && !ANY {
            return self.untaken_by_slot(slot, call, id, out);
        }
        let notification = slot.call.is_some_and(|call| !call.has_reply());
        let mut answers = 0;
        let mut late = None;
        let mut failed = None;
        for (number, entry) in handlers.iter().enumerate() {
            let mut invocation = Invocation {
                calls: self,
                conn: call.conn,
                sender: call.sender,
                slot,
                telegram: call.telegram,
                parts: call.parts,
                id,
                first: number == 0,
                out,
            };
            let outcome = inside(|| (entry.handler)(&mut invocation));
            match outcome.map(|outcome| outcome.0) {
                Ok(Made::Unreadable) => return Err(Failed::Unreadable),
                Ok(Made::Refused(error)) => return Err(Failed::With(error)),
                Ok(Made::NotMine) => continue,
                Ok(Made::Answered) => {}
                Ok(Made::Failed(error)) if notification && id.is_none() => {
                    self.answer_person(call, out, &slot.name, &error);
                    self.trouble(call.sender, Error::Call(error), Some(&slot.name));
                    continue;
                }
                Ok(Made::Failed(error)) => failed = Some(error),
                Ok(Made::Later(later)) if notification => {
                    // Its part of a batch is answered below; the promise only tells of errors.
                    let route = &Route::Alone;
                    let alone = Call { route, ..*call };
                    self.answer_later(&alone, None, &slot.name, later, Watchers::default());
                    continue;
                }
                Ok(Made::Later(later)) => late = Some(later),
                Err(panic) => {
                    failed = Some(self.panicked(call, slot, &told(panic)));
                }
            }
            answers += 1;
        }
        if answers > 1 && !notification {
            out.clear();
            let method = shown(call.parts.method.of(*call.telegram));
            let text = format!("{answers} handlers of `{method}` answered, where one may");
            return Err(Failed::With(internal(text)));
        }
        if let Some(error) = failed {
            out.clear();
            return Err(Failed::With(error));
        }
        if late.is_some() {
            return Ok(late);
        }
        if out.is_empty() && id.is_some() {
            return match ANY {
                true => Err(Failed::With(unknown(call.parts.method.of(*call.telegram)))),
                false => self.untaken_by_slot(slot, call, id, out),
            };
        }
        Ok(None)
    }
}

impl fmt::Debug for Invocation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("method", &self.slot.name)
            .field("sender", self.sender)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Made::Answered => "Answered",
            Made::Unreadable => "Unreadable",
            Made::NotMine => "NotMine",
            Made::Failed(_) => "Failed",
            Made::Refused(_) => "Refused",
            Made::Later(_) => "Later",
        })
    }
}
