//! What the calls of one API consist of: its handlers, what waits for them, and what waits for
//! answers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use crate::base::error::{CallError, Error};
use crate::base::often::Origin;
use crate::base::reason::DisconnectReason;
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::base::{foreign, here};
use crate::net::above::Above;
use crate::net::collect::{self, Batch};
use crate::net::conn::Conn;
use crate::net::net::{Net, next_api};
use crate::net::reactor::Command;
use crate::wire::codec::{Envelope, Payload, Script};

use super::apart::table::Apart;
use super::around::Around;
use super::described::Discovery;
use super::gate::Gate;
use super::late::LateCalls;
use super::mailbox::{AfterPush, Item, Mailbox};
use super::observers::Observers;
use super::pending::{Answered, PendingTable};
use super::processing::{Executor, Processing};
use super::promise::{Context, PendingCall};
use super::property::table::Properties;
use super::slot::SlotTable;
use super::stream::arguments::Arguments;
use super::stream::feeds::Feeds;
use super::stream::foreign::table::Foreign;
use super::unsent::table::Unsent;

/// The calls of an API, in both directions. `Echo` guards it; handles refer to it.
///
/// Lock order: the table of pending calls comes before a peer's sending half; the mailbox is a
/// leaf. None of them is held while user code runs.
pub(crate) struct Calls {
    pub(crate) me: Weak<Calls>,
    pub(crate) net: Arc<Net>,
    pub(crate) slots: SlotTable,
    pub(crate) properties: Properties,
    pub(crate) feeds: Feeds,
    pub(crate) arguments: Arguments,
    pub(crate) foreign: Foreign,
    pub(crate) observers: Observers,
    pub(crate) gate: Gate,
    pub(crate) around: Around,
    pub(crate) discovery: Discovery,
    pub(crate) mailbox: Mailbox,
    pub(crate) call_timeout: Duration,
    /// What runs the futures of handlers.
    pub(crate) executor: OnceLock<Executor>,
    pub(crate) pending: Mutex<PendingTable<dyn PendingCall, Conn>>,
    pub(crate) late: LateCalls,
    pub(crate) apart: Apart,
    pub(crate) unsent: Unsent,
    next_call: AtomicU64,
}

impl Calls {
    pub(crate) fn new(
        net: Arc<Net>,
        slots: SlotTable,
        processing: Processing,
        call_timeout: Duration,
    ) -> Arc<Self> {
        let calls = Arc::new_cyclic(|me| Calls {
            me: me.clone(),
            slots,
            properties: Properties::default(),
            feeds: Feeds::default(),
            arguments: Arguments::default(),
            foreign: Foreign::default(),
            observers: Observers::default(),
            gate: Gate::default(),
            around: Around::default(),
            discovery: Discovery::default(),
            mailbox: Mailbox::new(net.id, processing, net.io_threads),
            call_timeout,
            executor: OnceLock::new(),
            pending: Mutex::default(),
            late: LateCalls::default(),
            apart: Apart::new(next_api()),
            unsent: Unsent::default(),
            next_call: AtomicU64::new(1),
            net,
        });
        let above: Arc<dyn Above> = Arc::clone(&calls) as _;
        calls.net.report_to(Arc::downgrade(&above));
        for description in calls.slots.traits() {
            calls.foreign.declare(&description);
        }
        let net = Arc::downgrade(&calls.net);
        calls.slots.watch(move || {
            if let Some(net) = net.upgrade() {
                net.ask(Command::Serve);
            }
        });
        calls
    }

    /// A number for a call; from 1, over all peers of the API, as in the original.
    pub(crate) fn next_call(&self) -> u64 {
        self.next_call.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether this thread delivers for this API, so that waiting for it could not end.
    pub(crate) fn delivers_here(&self) -> bool {
        self.net.delivers_here()
    }

    // ---- what takes its turn

    /// Puts an item into a peer's lane, and sees to it that somebody runs it: this thread,
    /// if it belongs to the API and handlers run inline; never a thread of the program.
    pub(crate) fn post(&self, lane: u64, item: Item, bytes: usize) {
        if self.put(lane, item, bytes) {
            self.mailbox.wake();
        }
    }

    /// The same, but gives true if workers are to be woken when more has been put there:
    /// [`Mailbox::wake`].
    pub(super) fn put(&self, lane: u64, item: Item, bytes: usize) -> bool {
        match self.mailbox.push(lane, item, bytes) {
            AfterPush::Wake => return true,
            AfterPush::Nothing | AfterPush::Dropped => {}
            AfterPush::Drain if self.delivers_here() && !self.mailbox.would_interrupt() => {
                self.mailbox.drain();
            }
            AfterPush::Drain => self.net.ask(Command::Run),
            AfterPush::Tell => self.observers.pending(),
            AfterPush::Spawn => self.spawn_worker(),
        }
        false
    }

    fn spawn_worker(&self) {
        let Some(calls) = self.me.upgrade() else {
            return self.mailbox.not_spawned();
        };
        let work = move || calls.mailbox.work();
        if let Err(error) = self.net.threads.spawn("worker", work) {
            self.mailbox.not_spawned();
            crate::base::log::error_often!(
                "cannot spawn a worker", &Origin::Anybody;
                "cannot spawn a worker, handlers wait: {error}"
            );
        }
    }

    /// Tells of trouble with a peer, in its turn.
    pub(crate) fn trouble(&self, peer: &Sender, error: Error, in_reply_to: Option<&str>) {
        if self.mailbox.may_run_here(peer.id) {
            return self.observers.trouble(peer, &error, in_reply_to);
        }
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        let (peer, method) = (peer.clone(), in_reply_to.map(str::to_owned));
        let lane = peer.id;
        let item = move || calls.observers.trouble(&peer, &error, method.as_deref());
        self.post(lane, Box::new(item), 0);
    }

    /// An answer that was owed has been sent.
    pub(crate) fn paid(&self, conn: &Conn) {
        conn.settled();
        self.make_room(conn);
    }

    pub(crate) fn fail_pending(&self, conn: &Conn, reason: &DisconnectReason) {
        let lost = lock(&self.pending).lost(conn);
        let error = conn.gone(reason);
        for call in lost {
            call.fail(error.clone(), conn.id());
        }
    }

    // ---- answers to our calls

    /// A result arrived.
    pub(crate) fn settle(
        &self,
        conn: &Conn,
        id: Option<u64>,
        telegram: &Script<'_>,
        result: &Payload,
    ) {
        match self.answered(conn, id, false) {
            Answered::Settle(call) => {
                if let Err(error) = self.offer(&*call, conn, telegram, result) {
                    call.fail(error, conn.id());
                }
            }
            Answered::Offer(call) => match self.offer(&*call, conn, telegram, result) {
                Ok(()) => {
                    let done = id.and_then(|id| lock(&self.pending).remove(id));
                    drop(done);
                }
                Err(error) => self.fail_call(conn, id, error),
            },
            Answered::Wait | Answered::Unknown => {}
        }
    }

    fn offer(
        &self,
        call: &dyn PendingCall,
        conn: &Conn,
        telegram: &Script<'_>,
        result: &Payload,
    ) -> Result<(), Error> {
        let (wire, lane) = (&conn.wire, conn.id());
        let (codec, depth) = (&wire.codec, wire.limits.nesting_depth);
        let offered = call.offer(codec, telegram, result, depth, lane);
        if offered.is_ok() || !matches!(result, Payload::Raw(_)) {
            return offered;
        }
        // Only now somebody looks at the whole telegram.
        match codec.decode(*telegram, &wire.limits) {
            Ok(Envelope::Reply { result, .. }) => call.offer(codec, telegram, &result, depth, lane),
            // With an error behind its result.
            Ok(Envelope::Failure { error, .. }) => Err(Error::Call(error)),
            Ok(_) => offered,
            Err(error) => {
                let error = Error::undecodable(&error.to_string(), telegram.as_bytes());
                self.trouble(conn.peer(), error.clone(), None);
                Err(error)
            }
        }
    }

    /// An error arrived.
    pub(crate) fn settle_failure(&self, conn: &Conn, id: u64, error: CallError) {
        self.fail_call(conn, Some(id), Error::Call(error));
    }

    /// Whether a peer may mean a call of ours by this id. One that is no longer waited for is
    /// ours, too: what went back for its answer could be taken for the end of another's call.
    pub(crate) fn has_asked(&self, conn: &Conn, id: u64) -> bool {
        (1..=conn.last_asked.load(Ordering::Relaxed)).contains(&id)
            || lock(&self.pending).awaits(id, conn)
    }

    /// A peer failed to answer; the call fails with the last of those who were asked.
    pub(crate) fn fail_call(&self, conn: &Conn, id: Option<u64>, error: Error) {
        if let Answered::Settle(call) = self.answered(conn, id, true) {
            call.fail(error, conn.id());
        }
    }

    fn answered(&self, conn: &Conn, id: Option<u64>, failed: bool) -> Answered<dyn PendingCall> {
        let Some(id) = id else {
            return Answered::Unknown;
        };
        let answered = lock(&self.pending).answered(id, conn, failed);
        if let Answered::Unknown = answered {
            crate::base::log::debug!(peer = %conn.peer(), id, "an answer that nobody waits for");
        }
        answered
    }

    /// Fails the calls whose deadline has passed; gives the time of the next look.
    pub(crate) fn expire_calls(&self, now: Instant) -> Option<Instant> {
        let (late, next) = lock(&self.pending).expired(now, |call| call.deadline());
        if !late.is_empty() {
            // Those of a peer are told with one write; before callbacks, which take their time.
            let _batch = Batch::begin();
            for late in &late {
                self.tell_cancelled(late.id, late.asked.as_slice());
            }
        }
        for late in late {
            late.call.time_out(!late.asked.as_slice().is_empty(), 0);
        }
        next
    }

    /// Subscriptions that are made from now on hold as many calls as the wires say.
    pub(crate) fn limit_subscriptions(&self) {
        let limit = self.net.shared.subscription();
        self.slots.limit_subscriptions(limit);
    }

    // ---- the program's own loop

    /// Runs what waits for its turn, where nobody else does. Gives how much that was.
    pub(crate) fn process_pending(&self) -> usize {
        let started = Instant::now();
        let _batch = Batch::begin();
        let count = match self.mailbox.mode() {
            Processing::Manual => self.mailbox.drain(),
            _ => 0,
        };
        crate::base::log::trace!("ran {count} in {:?}", started.elapsed());
        count
    }

    // ---- waiting for answers

    /// This thread waits for an answer, or will: what it has collected leaves.
    ///
    /// # Errors
    ///
    /// Where the answer has to wait for this thread.
    #[inline]
    fn before_waiting(&self) -> Result<(), Error> {
        let inline = self.mailbox.mode() == Processing::Inline && self.mailbox.held_here();
        if inline || here::reads(self.net.id) {
            return Err(Error::Deadlock(
                "this thread delivers the answers of this API; use `then`, return the \
                 promise, or choose Processing::Queue"
                    .into(),
            ));
        }
        collect::flush();
        Ok(())
    }

    /// Reads the peer that was asked in this call until `done`, `until`, or its end.
    /// Returns at once if that cannot be done here.
    fn read_for(&self, call: u64, done: &dyn Fn() -> bool, until: Option<Instant>) {
        let only = lock(&self.pending).only_asked(call);
        let read = only.is_some_and(|conn| self.net.read_for(self, &conn, done, until));
        if !read {
            self.attend_to(call, true);
        }
    }

    /// Somebody waits for a call without reading by itself, so the poll thread has to read.
    pub(super) fn attend_to(&self, call: u64, thread: bool) {
        let parked = lock(&self.pending).attend(call, thread);
        if !parked.is_empty() {
            self.net.unpark(&parked);
        }
    }
}

/// What promises ask of the API that issued them.
impl Context for Calls {
    fn before_wait(&self) -> Result<(), Error> {
        self.before_waiting()?;
        self.net.send_held();
        Ok(())
    }

    fn before_poll(&self) -> Result<(), Error> {
        self.before_waiting()?;
        self.net.ask_to_send_held();
        Ok(())
    }

    fn drive(&self, call: u64, done: &dyn Fn() -> bool, until: Option<Instant>) {
        match self.delivers_here() {
            false => self.read_for(call, done, until),
            true => self.attend_to(call, true),
        }
    }

    fn attend(&self, call: u64) {
        self.attend_to(call, false);
    }

    fn expire(&self, id: u64) -> bool {
        let late = lock(&self.pending).late(id);
        let Some(late) = late else {
            return id == 0;
        };
        self.tell_cancelled(id, late.asked.as_slice());
        late.call.time_out(!late.asked.as_slice().is_empty(), 0);
        true
    }

    fn cancel(&self, id: u64) {
        let withdrawn = lock(&self.pending).withdraw(id);
        if let Some(call) = withdrawn {
            call.call.given_up(Error::Cancelled);
            self.tell_cancelled(id, call.asked.as_slice());
        }
    }

    fn run(&self, lane: u64, callback: Box<dyn FnOnce() + Send>) {
        if self.mailbox.may_run_here(lane) {
            let _pause = self.net.hold_nothing();
            return foreign::guarded("a callback of a promise", callback);
        }
        self.post(lane, callback, 0);
    }

    fn run_for(&self, call: u64, callback: Box<dyn FnOnce() + Send>) {
        let asked = lock(&self.pending).only_asked(call);
        self.post(asked.map_or(0, |peer| peer.id()), callback, 0);
    }

    fn is_manual(&self) -> bool {
        self.mailbox.mode() == Processing::Manual
    }

    fn grant(&self, call: u64, items: u64) {
        self.grant_items(call, items);
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("net", &self.net).finish()
    }
}
