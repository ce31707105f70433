//! A subscription at a peer, from the call that begins it to its end.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::table::{Early, Key};
use super::telegrams::{self, Ended, Names};
use super::{OFF, ON};
use crate::base::error::{CallError, Error, Result};
use crate::base::foreign::catch;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::call::calls::Calls;
use crate::call::promise::{CallInfo, Context, ItemOutcome, PendingCall};
use crate::call::reply::Via;
use crate::call::stream::asking::only_streams;
use crate::call::stream::channel::{Channel, Offered};
use crate::call::stream::incoming::Read;
use crate::call::stream::kept::Kept;
use crate::call::stream::sender::nothing;
use crate::call::stream::telegrams::{CallId, read};
use crate::call::stream::{Stream, StreamCall};
use crate::format::description::{CallDescription, SubscriptionDescription};
use crate::net::conn::{Conn, Wait};
use crate::wire::codec::{AnyCodec, Payload, Script};
use crate::wire::session::{About, Way};

/// A subscription, in the table of pending calls as long as it lasts, so that it ends when its
/// peer does. Once it has begun it is there by another number, which was told to nobody.
pub(super) struct Subscribed<T, R> {
    me: Weak<Subscribed<T, R>>,
    channel: Arc<Channel<T, R>>,
    calls: Arc<Calls>,
    info: CallInfo,
    convention: Convention,
    read: Read<T>,
    state: Mutex<State>,
}

/// What it says on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convention {
    pub(super) begin: &'static str,
    item: &'static str,
    cancel: &'static str,
    is_event: bool,
}

/// So long an answer that comes too late still ends what it has begun: longer than a peer works on one
/// that is given up, as far as anybody waits to see.
const LATE: Duration = Duration::from_secs(300);

struct State {
    /// Who was asked, once somebody was.
    conn: Option<Weak<Conn>>,
    stage: Stage,
    /// Its deadline has passed, and until then an answer may come still.
    late: Option<Instant>,
    /// The bytes of the items that wait, and their sum.
    sizes: VecDeque<usize>,
    waiting: usize,
}

#[derive(Debug, Clone)]
enum Stage {
    /// The peer has not answered.
    Asked,
    /// The same, and nobody wants it any more: it is ended when it is known what ends it.
    Unwanted,
    Begun {
        id: Option<CallId>,
        /// Its place among the pending calls.
        pending: u64,
    },
    Over,
}

impl Convention {
    pub(super) fn of(
        call: &'static CallDescription,
        subscription: SubscriptionDescription,
    ) -> Self {
        match subscription {
            SubscriptionDescription::ById { item, cancel } => Convention {
                begin: call.wire_name,
                item,
                cancel,
                is_event: false,
            },
            SubscriptionDescription::Event => Convention {
                begin: ON,
                item: call.wire_name,
                cancel: OFF,
                is_event: true,
            },
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Subscribed<T, R> {
    /// Asks these, of whom there is one, or none yet.
    ///
    /// # Errors
    ///
    /// Why they cannot be asked for a stream.
    pub(super) fn begin<W>(
        calls: &Arc<Calls>,
        info: CallInfo,
        convention: Convention,
        peers: &[Arc<Conn>],
    ) -> Result<(Stream<T, R>, Arc<dyn PendingCall>)>
    where
        T: Via<W>,
        W: DeserializeOwned + 'static,
    {
        let channel = Arc::new(Channel::new(usize::MAX));
        let subscribed = Arc::new_cyclic(|me| Subscribed {
            me: Weak::clone(me),
            channel: Arc::clone(&channel),
            calls: Arc::clone(calls),
            info,
            convention,
            read: match convention.is_event {
                true => event::<T, W>,
                false => item::<T, W>,
            },
            state: Mutex::new(State {
                conn: None,
                stage: Stage::Asked,
                late: None,
                sizes: VecDeque::new(),
                waiting: 0,
            }),
        });
        if !peers.is_empty() {
            subscribed.asks(peers)?;
        }
        let stream = Stream::of_call(channel, Arc::clone(&subscribed) as _);
        Ok((stream, subscribed))
    }

    fn conn(&self) -> Option<Arc<Conn>> {
        lock(&self.state).conn.as_ref()?.upgrade()
    }

    fn key(&self, id: Option<CallId>) -> Key {
        (self.convention.item, id)
    }

    /// The peer has answered: from now on it has items with this id.
    fn answered(&self, id: Option<CallId>) {
        let (Some(me), Some(conn)) = (self.me.upgrade(), self.conn()) else {
            return;
        };
        let (pending, peer) = (self.calls.next_call(), conn.id());
        let early = match self.convention.is_event {
            // It is there since it was asked for.
            true => Ok(Vec::new()),
            false => {
                let taker = (self.info.id, Arc::clone(&me) as _);
                let early = self.calls.foreign.enter(peer, self.key(id.clone()), taker);
                self.calls.foreign.unask(peer, self.convention.item);
                early
            }
        };
        // Before it has its new place, which has no deadline from then on.
        let begun = Stage::Begun { id, pending };
        let before = mem::replace(&mut lock(&self.state).stage, begun);
        let admitted = self.calls.admit(pending, me, &[Arc::clone(&conn)]);
        if !matches!(lock(&self.state).stage, Stage::Begun { .. }) {
            // It has ended meanwhile, and was not found there.
            let left = lock(&self.calls.pending).remove(pending);
            drop(left);
            return;
        }
        if let (Stage::Asked, Ok(())) = (&before, &admitted) {
            // Nobody reads it by itself from now on.
            self.calls.attend_to(pending, false);
            return self.take_early(&conn, early);
        }
        // Given up or failed meanwhile, or there is no room for it.
        self.over(true);
        if let Err(error) = admitted {
            self.channel.finish(Err(error));
        }
    }

    fn take_early(&self, conn: &Arc<Conn>, early: Result<Vec<Early>, ()>) {
        match early {
            Ok(early) => {
                for (script, params) in early {
                    let is_event = self.convention.is_event;
                    let script = script.script();
                    self.calls
                        .take_notified(self, conn, is_event, &script, &params);
                }
            }
            Err(()) => self.end(self.too_slow(conn)),
        }
    }

    fn too_slow(&self, conn: &Conn) -> Error {
        Error::TooSlow {
            method: self.info.method.as_ref().into(),
            limit: conn.wire.limits.waiting_bytes,
        }
    }

    /// It ends on our side, with an error, and the peer is told.
    fn end(&self, error: Error) {
        self.over(true);
        self.channel.finish(Err(error));
    }

    /// Takes it out of all tables; and tells the peer, if that knows of it still.
    fn over(&self, tell: bool) {
        let mut state = lock(&self.state);
        let stage = mem::replace(&mut state.stage, Stage::Over);
        let conn = state.conn.as_ref().and_then(Weak::upgrade);
        let peer = conn.as_ref().map(|conn| conn.id());
        state.sizes = VecDeque::new();
        drop(state);
        let (id, pending) = match stage {
            Stage::Asked if self.convention.is_event => (None, self.info.id),
            Stage::Asked | Stage::Unwanted => {
                if let Some(peer) = peer {
                    self.calls.foreign.unask(peer, self.convention.item);
                }
                return;
            }
            Stage::Begun { id, pending } => (id, pending),
            Stage::Over => return,
        };
        let left = lock(&self.calls.pending).remove(pending);
        drop(left);
        let Some(conn) = conn else { return };
        let key = self.key(id);
        let is_last = self.calls.foreign.leave(conn.id(), &key, self.info.id);
        if tell && is_last == Some(true) {
            self.tell_over(&conn, key.1.as_ref());
        }
    }

    /// Tells a peer that no more is taken. Nobody waits for what it answers.
    fn tell_over(&self, conn: &Arc<Conn>, id: Option<&CallId>) {
        let Convention { item, cancel, .. } = self.convention;
        match id {
            Some(subscription) => {
                self.say_over(conn, cancel, &Ended { subscription }, &(subscription,));
            }
            None => self.say_over(conn, cancel, &Names { events: [item] }, &(item,)),
        }
    }

    fn say_over(
        &self,
        conn: &Arc<Conn>,
        method: &'static str,
        named: &impl Serialize,
        placed: &impl Serialize,
    ) {
        if conn.is_closed() {
            return;
        }
        let id = Some(self.calls.next_call());
        let said = with_scratch(|out| {
            let codec = &conn.wire.codec;
            let encoded = match codec.positional() || conn.wire.is_nameless(true) {
                true => codec.encode_call(out, method, placed, id),
                false => codec.encode_call(out, method, named, id),
            };
            encoded.map_err(|reason| Error::Encode {
                method: method.into(),
                reason: reason.into(),
            })?;
            conn.frame(out, method)?;
            let way = Way::default();
            let about = About::Call { method, id, way };
            // Like an answer, it never waits.
            self.calls.net.transmit(conn, out, about, Wait::Answer)
        });
        if let Err(error) = said {
            crate::base::log::debug!(peer = %conn.peer(), "`{method}`: {error}");
        }
    }

    /// Its deadline has passed. What the peer begins all the same is ended when it says what that is.
    fn is_late(&self, sent: bool) {
        let mut state = lock(&self.state);
        let is_asked = matches!(state.stage, Stage::Asked | Stage::Unwanted);
        let is_event = self.convention.is_event;
        let conn = state.conn.as_ref().and_then(Weak::upgrade);
        let awaits = is_asked && !is_event && state.late.is_none();
        if awaits {
            state.stage = Stage::Unwanted;
            state.late = Instant::now().checked_add(LATE);
        }
        drop(state);
        let again = match (self.me.upgrade(), conn) {
            (Some(me), Some(conn)) if awaits => self.calls.admit(self.info.id, me, &[conn]).is_ok(),
            _ => false,
        };
        if !again {
            // What ends an event is known.
            self.over(is_event);
        }
        self.channel.finish(Err(Error::Timeout {
            method: self.info.method.as_ref().into(),
            peer: self.info.peer.clone().unwrap_or_else(|| "".into()),
            sent,
            after: self.info.timeout,
        }));
    }

    fn bad(&self, reason: String) -> Error {
        Error::BadResult {
            method: self.info.method.as_ref().into(),
            reason: reason.into(),
        }
    }

    /// What `rpc.on` was answered.
    fn event_answered(&self, mut results: BTreeMap<String, String>) {
        let said = results.remove(self.convention.item);
        match said.as_deref() {
            // Another stream of ours takes the same.
            Some("ok" | "socket has already been subscribed to event") => self.answered(None),
            said => {
                let said = said.unwrap_or("not among the events that were answered");
                let text = format!("`{}`: {said}", self.convention.item);
                let error = CallError::new(CallError::HANDLER_ERROR, text);
                self.fail(Error::Call(error), 0);
            }
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> PendingCall for Subscribed<T, R> {
    fn offer(
        &self,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
        _lane: u64,
    ) -> Result<()> {
        let stage = lock(&self.state).stage.clone();
        if let Stage::Begun { .. } | Stage::Over = stage {
            // To a call that was never sent.
            self.end(self.bad("the peer has answered twice".into()));
            return Ok(());
        }
        match self.convention.is_event {
            true => {
                let results = read(codec, telegram, payload, depth);
                self.event_answered(results.map_err(|reason| self.bad(reason))?);
            }
            false => {
                let id = read(codec, telegram, payload, depth);
                self.answered(Some(id.map_err(|reason| self.bad(reason))?));
            }
        }
        Ok(())
    }

    /// `Error::Done` is the end without an error.
    fn fail(&self, error: Error, _lane: u64) {
        self.over(false);
        self.channel.finish(match error {
            Error::Done => nothing(),
            error => Err(error),
        });
    }

    fn time_out(&self, sent: bool, _lane: u64) {
        self.is_late(sent);
    }

    fn is_wanted(&self) -> bool {
        matches!(lock(&self.state).stage, Stage::Asked)
    }

    fn deadline(&self) -> Option<Instant> {
        // A node may have nothing to tell for hours.
        let state = lock(&self.state);
        match state.stage {
            Stage::Asked | Stage::Unwanted => state.late.or(self.info.deadline),
            Stage::Begun { .. } | Stage::Over => None,
        }
    }

    fn asks(&self, peers: &[Arc<Conn>]) -> Result<()> {
        only_streams(&self.info.method, peers)?;
        let (Some(me), [conn]) = (self.me.upgrade(), peers) else {
            return Ok(());
        };
        lock(&self.state).conn = Some(Arc::downgrade(conn));
        let (foreign, peer) = (&self.calls.foreign, conn.id());
        match self.convention.is_event {
            true => {
                let taker = (self.info.id, me as _);
                // Nothing of it can have come early: what is for nobody is dropped.
                foreign.enter(peer, self.key(None), taker).ok();
            }
            false => foreign.ask(peer, self.convention.item),
        }
        Ok(())
    }

    fn item(
        &self,
        conn: &Arc<Conn>,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
    ) -> ItemOutcome {
        if self.channel.is_closed() {
            return ItemOutcome::Taken;
        }
        let (bytes, limit) = (telegram.len(), conn.wire.limits.waiting_bytes);
        let mut state = lock(&self.state);
        if state.waiting > 0 && state.waiting.saturating_add(bytes) > limit {
            drop(state);
            self.end(self.too_slow(conn));
            return ItemOutcome::Taken;
        }
        state.waiting = state.waiting.saturating_add(bytes);
        state.sizes.push_back(bytes);
        drop(state);
        // Deserialising is user code too, fed with what a peer sent.
        let read = catch("reading a stream", || {
            (self.read)(codec, telegram, payload, depth)
        });
        let item = match read.unwrap_or_else(|| Err("reading it panicked".into())) {
            Ok(item) => item,
            Err(reason) => {
                self.end(self.bad(format!("an item of its stream: {reason}")));
                return ItemOutcome::Taken;
            }
        };
        let (kept, more) = Kept::of(conn, bytes);
        match self.channel.offer(item, Some(kept)) {
            Offered::Queued => {}
            Offered::Full(item) | Offered::Gone(item) => {
                catch("dropping an item", || drop(item));
            }
        }
        match more {
            true => ItemOutcome::TakenMore,
            false => ItemOutcome::Taken,
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> StreamCall for Subscribed<T, R> {
    fn context(&self) -> Arc<dyn Context> {
        Arc::clone(&self.calls) as _
    }

    fn drive(&self, _done: &dyn Fn() -> bool, _until: Option<Instant>) {
        self.attend();
    }

    fn deadline(&self) -> Option<Instant> {
        PendingCall::deadline(self)
    }

    fn expire(&self) {
        Context::expire(&*self.calls, self.info.id);
    }

    fn attend(&self) {
        // Whoever takes items does not read by itself: they come unasked, whether it waits or not.
        if let Stage::Asked = lock(&self.state).stage {
            self.calls.attend_to(self.info.id, true);
        }
    }

    fn taken(&self) {
        let mut state = lock(&self.state);
        if let Some(bytes) = state.sizes.pop_front() {
            state.waiting = state.waiting.saturating_sub(bytes);
        }
    }

    fn give_up(&self) {
        let mut state = lock(&self.state);
        if let (Stage::Asked, Some(_), false) =
            (&state.stage, &state.conn, self.convention.is_event)
        {
            state.stage = Stage::Unwanted;
            return;
        }
        let was_sent = state.conn.is_some();
        drop(state);
        match was_sent {
            true => self.over(true),
            // It still waits for somebody to be asked.
            false => Context::cancel(&*self.calls, self.info.id),
        }
    }

    fn run(&self, item: Box<dyn FnOnce() + Send>) {
        let lane = self.conn().map_or(0, |conn| conn.id());
        self.calls.post(lane, item, 0);
    }

    fn method(&self) -> &str {
        &self.info.method
    }
}

impl<T, R> Drop for Subscribed<T, R> {
    fn drop(&mut self) {
        let state = lock(&self.state);
        if let (Stage::Asked | Stage::Unwanted, Some(conn), false) = (
            &state.stage,
            state.conn.as_ref().and_then(Weak::upgrade),
            self.convention.is_event,
        ) {
            self.calls.foreign.unask(conn.id(), self.convention.item);
        }
    }
}

/// Reads an item.
fn item<T: Via<W>, W: DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    payload: &Payload,
    depth: usize,
) -> Result<T, String> {
    telegrams::item_value::<W>(codec, telegram, payload, depth).map(Via::from_wire)
}

/// Reads an event.
fn event<T: Via<W>, W: DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    payload: &Payload,
    depth: usize,
) -> Result<T, String> {
    telegrams::event_value::<W>(codec, telegram, payload, depth).map(Via::from_wire)
}
