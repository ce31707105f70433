//! What peers say, and what is done about it: calls are handled or wait for their turn, answers
//! settle promises.

use std::sync::Arc;

use crate::base::current::{CallKey, Current, Handling, Over};
use crate::base::eavesdrop::Eavesdropping;
use crate::base::error::{CallError, Error};
use crate::base::scratch;
use crate::base::sender::Sender;
use crate::net::above::Hears;
use crate::net::conn::Admitted;
use crate::net::conn::{Conn, TooFast};
use crate::wire::codec::{
    CallParts, Envelope, Part, Payload, Run, Script, SharedScript, Span, Terms,
};
use crate::wire::jrpc::batch::BatchAnswer;
use crate::wire::session::Changes;

use super::answer::{self, Answers, Route};
use super::bounds::Bounds;
use super::calls::Calls;
use super::cancel;
use super::dispatch::{Call, Unreadable};
use super::mailbox::{Item, Turn};
use super::stream::telegrams::ITEM;
use super::waking::Waking;

/// What something answers that was no call.
const NO_CALL: Answers<'_> = Answers {
    method: "",
    id: None,
    failed: false,
};

/// Hears one round of one peer.
pub(crate) struct Ear<'a> {
    pub(super) calls: &'a Calls,
    pub(super) conn: &'a Arc<Conn>,
    /// Held from the first call that is handled in place to the end of the round.
    turn: Option<Turn<'a>>,
    /// Something of the peer waits for its turn.
    pub(super) waits: bool,
    /// How long what is heard may take.
    bounds: Option<Bounds>,
    waking: Waking<'a>,
}

/// A telegram as it lies in the input, copied at most once however many calls of it wait.
pub(super) struct Telegram<'a> {
    pub(super) script: &'a Script<'a>,
    shared: Option<SharedScript>,
}

impl<'a> Telegram<'a> {
    pub(super) fn new(script: &'a Script<'a>) -> Self {
        let shared = None;
        Telegram { script, shared }
    }

    fn shared(&mut self) -> SharedScript {
        let script = self.script;
        self.shared.get_or_insert_with(|| script.share()).clone()
    }
}

impl Hears for Ear<'_> {
    fn hear(&mut self, heard: Envelope, sender: &Sender, telegram: &Script<'_>) {
        let mut telegram = Telegram::new(telegram);
        self.envelope(heard, sender, &mut telegram, &Route::Alone);
    }

    fn changed(&mut self, changes: &dyn Changes, sender: &Sender) {
        for property in self.calls.properties.remote() {
            let Some(value) = changes.value(property.property()) else {
                continue;
            };
            // As a notification by place, which takes its turn like others.
            let text = format!("[{value}]");
            let params = Span::new(0..text.len()).map_or(Payload::Missing, Payload::Text);
            let notification = Envelope::Call {
                method: Part::Owned(property.change().into()),
                params,
                id: None,
            };
            self.hear(notification, sender, &Script::Text(&text));
        }
        if let Some((method, text, params)) = changes.notification()
            && self.calls.slots.find(method).is_some()
        {
            let notification = Envelope::Call {
                method: Part::Owned(method.into()),
                params,
                id: None,
            };
            self.hear(notification, sender, &Script::Text(text));
        }
    }

    fn unreadable(&mut self, sender: &Sender, text: &str, bytes: &[u8]) {
        if !self.calls.answer_line(self.conn, sender, text, bytes) {
            self.trouble(sender, Error::undecodable(text, bytes));
        }
        if self.conn.wire.codec.strict() {
            let error = CallError::new(CallError::PARSE_ERROR, text);
            self.answer_error("null", &error, &Route::Alone);
        }
    }

    fn trouble(&mut self, sender: &Sender, error: Error) {
        if self.calls.mailbox.may_run_here(self.conn.id()) {
            return self.calls.observers.trouble(sender, &error, None);
        }
        let Some(calls) = self.calls.me.upgrade() else {
            return;
        };
        let Admitted::Waits(room) = self.admit(0) else {
            return;
        };
        let (conn, sender) = (Arc::clone(self.conn), sender.clone());
        let item = move || {
            calls.observers.trouble(&sender, &error, None);
            calls.make_room(&conn);
            drop(room);
        };
        self.wait_turn(Box::new(item), 0);
    }

    fn is_full(&mut self, shares: usize) -> bool {
        // Looked at only after a push: what was handled in place waits nowhere.
        self.waits && {
            self.waits = self.calls.crowded(self.conn, shares);
            self.waits
        }
    }

    fn behind(&mut self, peer: &Arc<Conn>, feed: &mut dyn FnMut(&mut dyn Hears)) {
        let mut ear = Ear::new(self.calls, peer);
        feed(&mut ear);
        self.waking.join(&mut ear.waking);
    }
}

impl<'a> Ear<'a> {
    pub(crate) fn new(calls: &'a Calls, conn: &'a Arc<Conn>) -> Self {
        Ear {
            calls,
            conn,
            turn: None,
            waits: false,
            bounds: None,
            waking: Waking::new(&calls.mailbox),
        }
    }

    pub(super) fn answer_error(&self, id: &str, error: &CallError, route: &Route) {
        scratch::with_scratch(|out| {
            answer::encode_error(self.conn, out, id, error);
            let about = Answers {
                id: Some(id),
                failed: true,
                ..NO_CALL
            };
            answer::deliver(self.calls, self.conn, route, out, about);
        });
    }

    #[inline]
    pub(super) fn envelope(
        &mut self,
        envelope: Envelope,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) {
        let (calls, conn) = (self.calls, self.conn);
        match envelope {
            Envelope::Call { method, params, id } => {
                let parts = CallParts { method, params, id };
                self.call(parts, sender, telegram, route);
            }
            Envelope::Reply { id, result } => {
                calls.settle(conn, id, telegram.script, &result);
                self.no_answer(route);
            }
            Envelope::Failure { id, error } => {
                match id {
                    Some(id) => calls.settle_failure(conn, id, error),
                    // JSON-RPC's answer to what could not be read (its section 5).
                    None => self.trouble(conn.peer(), Error::Call(error)),
                }
                self.no_answer(route);
            }
            Envelope::Several { parts, together } => {
                self.several(parts, together, sender, telegram);
            }
            Envelope::Invalid { id, error } => match id {
                Some(id) => self.answer_error(id.of(*telegram.script), &error, route),
                None if conn.wire.codec.strict() => self.answer_error("null", &error, route),
                None => {
                    let (text, bytes) = (error.to_string(), telegram.script.as_bytes());
                    if !self.calls.answer_line(conn, sender, &error.message, bytes) {
                        self.trouble(sender, Error::undecodable(&text, bytes));
                    }
                    self.no_answer(route);
                }
            },
            Envelope::Hollow { ours, .. } if calls.has_asked(conn, ours) => {
                calls.settle_failure(conn, ours, CallError::neither());
                self.no_answer(route);
            }
            Envelope::Hollow { id, error, .. } => {
                self.answer_error(id.of(*telegram.script), &error, route);
            }
            Envelope::Unreadable { ours, error } => {
                let error = Error::undecodable(&error.to_string(), telegram.script.as_bytes());
                self.trouble(conn.peer(), error.clone());
                calls.fail_call(conn, Some(ours), error);
                self.no_answer(route);
            }
            Envelope::Cancel { id, call } => self.cancel(&id, *call, sender, telegram, route),
            Envelope::Timed(timed) => self.timed(*timed, sender, telegram, route),
            Envelope::Header(_) | Envelope::Empty => self.no_answer(route),
        }
    }

    /// Now, and not when its turn comes: what is given up may have the turn.
    #[cold]
    fn cancel(
        &mut self,
        id: &str,
        call: CallParts,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) {
        // What is told of it may take its time.
        self.waking.wake();
        self.waits |= self.calls.cancel(self.conn, id, telegram.script.len());
        // A program may have declared it, for what it does by itself.
        match self.calls.slots.find(call.method.of(*telegram.script)) {
            Some(_) => self.call(call, sender, telegram, route),
            None => self.no_answer(route),
        }
    }

    /// A call that has a deadline.
    #[inline(never)]
    fn timed(
        &mut self,
        (terms, call): (Terms, CallParts),
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) {
        let bounds = Bounds::new(terms);
        let id = call.id.as_ref().map(|id| id.of(*telegram.script));
        let key = id.map(|id| CallKey::new(self.conn.id(), id));
        // If it is handled at once.
        let current = |key| Current::new(key, bounds.deadline()).traced(bounds.trace);
        let _handling = key.map(|key| current(key).begin());
        self.bounds = Some(bounds);
        self.call(call, sender, telegram, route);
        self.bounds = None;
    }

    fn several(
        &mut self,
        parts: Vec<Envelope>,
        together: bool,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
    ) {
        let (size, limits) = (telegram.script.len(), &self.conn.wire.limits);
        let route = match together {
            true => Route::Together(Arc::new(BatchAnswer::new(parts.len(), size, limits))),
            false => Route::Alone,
        };
        for part in parts {
            self.envelope(part, sender, telegram, &route);
        }
    }

    /// An entry of a batch has no answer; the others may wait for it.
    pub(super) fn no_answer(&self, route: &Route) {
        if let Route::Together(_) = route {
            answer::deliver(self.calls, self.conn, route, &mut Vec::new(), NO_CALL);
        }
    }

    fn call(
        &mut self,
        parts: CallParts,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) {
        self.conn.reading.heard_call();
        // All names of streams are as long, but for those of other people.
        if (parts.method.has_length(ITEM.len()) || self.calls.foreign.hears())
            && self.of_stream(&parts, sender, telegram, route)
        {
            return;
        }
        if let Some(rate) = &self.conn.rate
            && let Some(too_fast) = rate.exceeded()
        {
            return self.too_fast(&parts, sender, telegram.script, route, too_fast);
        }
        // A thread of the program that reads for itself runs no handlers.
        if self.turn.is_none() && self.calls.delivers_here() {
            self.turn = self.calls.mailbox.enter(self.conn.id());
        }
        if self.turn.is_some() {
            let call = Call {
                conn: self.conn,
                sender,
                telegram: telegram.script,
                parts: &parts,
                route,
            };
            return match self.bounds {
                None => self.calls.take(&call),
                Some(bounds) => self.calls.take_within(&call, bounds),
            };
        }
        self.call_waits(parts, sender, telegram, route);
    }

    /// A call that has to wait for its turn.
    #[inline(never)]
    fn call_waits(
        &mut self,
        parts: CallParts,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) {
        if self.calls.mailbox.refuses() {
            return self.shutting_down(&parts, telegram.script, route);
        }
        let Some(calls) = self.calls.me.upgrade() else {
            return;
        };
        // The calls of a batch share their telegram.
        let bytes = match &telegram.shared {
            Some(_) => 0,
            None => telegram.script.len(),
        };
        let Admitted::Waits(room) = self.admit(bytes) else {
            return self.busy(&parts, sender, telegram.script, route);
        };
        let (conn, sender, route) = (Arc::clone(self.conn), sender.clone(), route.clone());
        let telegram = telegram.shared();
        let bounds = self.bounds;
        if bounds.is_some_and(|bounds| bounds.run.is_some()) {
            // The session has to say in time that it was not begun.
            conn.look_at_kept();
        }
        let method = parts.method.of(telegram.script());
        let item: Item = if self.calls.runs_apart(method) {
            let id = parts.id.as_ref();
            let id = id.map(|id| id.of(telegram.script()).to_owned());
            let peer = Arc::clone(&conn);
            Box::new(move || {
                let call = move |calls: &Calls| {
                    let call = Call {
                        conn: &conn,
                        sender: &sender,
                        telegram: &telegram.script(),
                        parts: &parts,
                        route: &route,
                    };
                    calls.begin(&call, bounds);
                };
                calls.run_apart(&peer, id.as_deref(), Box::new(call));
                calls.make_room(&peer);
                drop(room);
            })
        } else {
            Box::new(move || {
                let call = Call {
                    conn: &conn,
                    sender: &sender,
                    telegram: &telegram.script(),
                    parts: &parts,
                    route: &route,
                };
                calls.begin(&call, bounds);
                calls.make_room(&conn);
                drop(room);
            })
        };
        self.wait_turn(item, bytes);
    }

    /// Too much of this peer waits, of whom not even the connection is ours to leave unread. A caller is told;
    /// of notifications our own side is, once for all that are dropped before it has caught up.
    #[cold]
    fn busy(&self, parts: &CallParts, caller: &Sender, telegram: &Script<'_>, route: &Route) {
        if !self.conn.outlet.is_behind_broker() {
            // Nobody is asked to wait with datagrams; they may get lost anyway.
            return;
        }
        if let Some(id) = &parts.id {
            let text = "busy: too many calls of this peer wait for handlers; ask again later";
            let error = CallError::new(CallError::TOO_MANY_CALLS, text);
            return self.answer_error(id.of(*telegram), &error, route);
        }
        if self.conn.overflows() {
            let text = "notifications are dropped, as too many messages wait for their handlers \
                        (`waiting_messages=` lets more wait)";
            let error = Error::Call(CallError::new(CallError::TOO_MANY_CALLS, text));
            self.calls.trouble(caller, error, None);
        }
    }

    #[cold]
    fn shutting_down(&mut self, parts: &CallParts, telegram: &Script<'_>, route: &Route) {
        let text = "this side shuts down, and begins no calls any more";
        let error = CallError::shutting_down(text);
        match &parts.id {
            Some(id) => self.answer_error(id.of(*telegram), &error, route),
            None => {
                let method = parts.method.of(*telegram);
                crate::base::log::debug!(peer = %self.conn.peer(), "`{method}` is not begun: {text}");
                self.no_answer(route);
            }
        }
    }

    #[cold]
    fn too_fast(
        &mut self,
        parts: &CallParts,
        sender: &Sender,
        telegram: &Script<'_>,
        route: &Route,
        too_fast: TooFast,
    ) {
        match &parts.id {
            Some(id) => self.answer_error(id.of(*telegram), &too_fast.error, route),
            None => self.no_answer(route),
        }
        if let Some(report) = too_fast.report {
            self.trouble(sender, Error::Call(report));
        }
    }

    /// Whether one more message may wait for its turn.
    fn admit(&self, bytes: usize) -> Admitted {
        let crowded = || self.calls.crowded(self.conn, 1);
        self.conn.may_wait(bytes, crowded)
    }

    /// What was admitted waits.
    fn wait_turn(&mut self, item: Item, bytes: usize) {
        self.waits = true;
        let asleep = self.calls.put(self.conn.id(), item, bytes);
        self.waking.more(asleep);
    }
}

impl Calls {
    /// A call that has waited has its turn.
    fn begin(&self, call: &Call<'_>, bounds: Option<Bounds>) {
        if let Some(_handling) = self.enter(call, bounds) {
            match bounds {
                None => self.take(call),
                Some(bounds) => self.take_within(call, bounds),
            }
        }
    }

    /// Handles a call that may take so long. The session of its peer hears of that.
    #[inline(never)]
    fn take_within(&self, call: &Call<'_>, bounds: Bounds) {
        let Some(run) = bounds.run else {
            return self.take(call);
        };
        let id = call.parts.id.as_ref().map(|id| id.of(*call.telegram));
        if let Some(id) = id
            && !call.conn.begins(id)
        {
            // The clock of the session was the faster one.
            let error = cancel::not_begun(Over::Late);
            return Ear::new(self, call.conn).answer_error(id, &error, call.route);
        }
        let _listening = run.logs.then(Eavesdropping::begin);
        self.take(call);
    }

    /// This thread handles a call, unless nobody waits for its answer any more: then it is
    /// answered without that.
    pub(super) fn enter(
        &self,
        call: &Call<'_>,
        bounds: Option<Bounds>,
    ) -> Option<Option<Handling>> {
        let Some(id) = call.parts.id.as_ref().map(|id| id.of(*call.telegram)) else {
            return Some(None);
        };
        let key = CallKey::new(call.conn.id(), id);
        let start = bounds.and_then(|bounds| bounds.start);
        let run = bounds.and_then(|bounds| bounds.run);
        let over = match (Current::new(key, start).over(), run) {
            (None | Some(Over::Cancelled), Some(Run { oneway: true, .. })) => return Some(None),
            (Some(over), _) => over,
            (None, _) => {
                let deadline = bounds.and_then(|bounds| bounds.deadline());
                let trace = bounds.and_then(|bounds| bounds.trace);
                return Some(Some(Current::new(key, deadline).traced(trace).begin()));
            }
        };
        Ear::new(self, call.conn).answer_error(id, &cancel::not_begun(over), call.route);
        None
    }

    /// Handles a call. One that only looked like a call with valid arguments is decoded in
    /// full, and treated as what it really is. In the turn of the call.
    pub(crate) fn take(&self, call: &Call<'_>) {
        if let Err(Unreadable) = self.handle(call) {
            self.take_in_full(call);
        }
    }

    /// A message of a peer waits no longer.
    pub(crate) fn make_room(&self, conn: &Conn) {
        if conn.flow.is_stalled() && self.has_room(conn) {
            conn.resume();
        }
    }

    /// Whether so many shares of the mailbox are used up by a peer.
    pub(crate) fn crowded(&self, conn: &Conn, shares: usize) -> bool {
        let share = self.mailbox.share(conn.id());
        let limits = &conn.wire.limits;
        share.messages >= limits.waiting_messages.saturating_mul(shares)
            || share.bytes >= limits.waiting_bytes.saturating_mul(shares)
    }

    /// Whether at least half of a peer's share of the mailbox is free again.
    fn has_room(&self, conn: &Conn) -> bool {
        let share = self.mailbox.share(conn.id());
        let limits = &conn.wire.limits;
        share.messages <= limits.waiting_messages / 2
            && share.bytes <= limits.waiting_bytes / 2
            && !conn.is_congested()
            && !conn.is_owed_too_much(1)
    }
}
