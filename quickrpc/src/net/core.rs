//! What one API consists of while it lives.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::base::error::{CallError, Error};
use crate::base::here;
use crate::base::limits::Limits;
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::base::threads::ThreadGroup;
use crate::call::promise::{Context, PendingCall};
use crate::wire::codec::{AnyCodec, Envelope, Payload};
use crate::wire::security::AnySecurity;

use super::alarm::Alarm;
use super::batch;
use super::budget::Budget;
use super::conn::{Conn, Outlet};
use super::lifecycle::Run;
use super::link::{Link, Wire};
use super::peers::PeerTable;
use super::reactor::{Command, Reactor};
use super::shared_limits::SharedLimits;
use crate::api::handle::Api;
use crate::base::reason::DisconnectReason;
use crate::call::gate::Gate;
use crate::call::mailbox::{AfterPush, Item, Mailbox};
use crate::call::observers::Observers;
use crate::call::pending::{Answered, PendingTable};
use crate::call::processing::Processing;
use crate::call::slot::SlotTable;

/// The shared heart of an API. `Echo` guards it; handles refer to it.
///
/// Lock order: run, peers, pending, a peer's sending half; mailbox and reactor are leaves.
/// None of them is held while user code runs.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) me: Weak<Core>,
    pub(crate) id: u64,
    /// The name of the API, for names of threads and errors.
    pub(crate) name: &'static str,
    pub(crate) slots: SlotTable,
    pub(crate) observers: Observers,
    pub(crate) gate: Gate,
    pub(crate) mailbox: Mailbox,
    pub(crate) limits: Limits,
    /// The memory that all peers share.
    pub(crate) budget: Arc<Budget>,
    /// Those limits that count for all wires together.
    pub(crate) shared: SharedLimits,
    pub(crate) call_timeout: Duration,
    /// What anybody may do with this API does no harm.
    pub(crate) is_harmless: AtomicBool,
    /// What start opens. Changed only while stopped.
    pub(crate) links: Mutex<Vec<Arc<Link>>>,
    /// How far starting or stopping is.
    pub(crate) run: Mutex<Run>,
    pub(crate) run_changed: Condvar,
    /// Whether sending makes sense; a copy of what `run` says.
    pub(crate) running: AtomicBool,
    pub(crate) was_started: AtomicBool,
    /// Codec and security of the first wire, for another transport.
    pub(crate) first_wire: Mutex<(AnyCodec, AnySecurity)>,
    pub(crate) reactor: Mutex<Option<Arc<Reactor>>>,
    /// When its thread wakes by itself.
    pub(crate) alarm: Alarm,
    pub(crate) peers: Mutex<PeerTable>,
    pub(crate) pending: Mutex<PendingTable>,
    pub(crate) threads: ThreadGroup,
    /// Where the servers listen, by the place of their link.
    pub(crate) addresses: Mutex<Vec<(usize, SocketAddr)>>,
    /// What starts and stops with this API.
    pub(crate) companions: Mutex<Vec<Api>>,
    next_call: AtomicU64,
}

/// Peers are numbered over all APIs of the process, and numbers are never used again.
static NEXT_PEER: AtomicU64 = AtomicU64::new(1);
static NEXT_CORE: AtomicU64 = AtomicU64::new(1);

impl Core {
    pub(crate) fn new(
        name: &'static str,
        slots: SlotTable,
        processing: Processing,
        limits: Limits,
        call_timeout: Duration,
        links: Vec<Arc<Link>>,
        first_wire: (AnyCodec, AnySecurity),
    ) -> Arc<Self> {
        let core = Arc::new_cyclic(|me| {
            let id = NEXT_CORE.fetch_add(1, Ordering::Relaxed);
            Core {
                me: me.clone(),
                id,
                name,
                slots,
                observers: Observers::default(),
                gate: Gate::default(),
                mailbox: Mailbox::new(id, processing),
                budget: Budget::new(limits.buffered_total),
                shared: SharedLimits::new(&limits),
                limits,
                call_timeout,
                is_harmless: AtomicBool::new(false),
                links: Mutex::new(links),
                run: Mutex::default(),
                run_changed: Condvar::new(),
                running: AtomicBool::new(false),
                was_started: AtomicBool::new(false),
                first_wire: Mutex::new(first_wire),
                reactor: Mutex::default(),
                alarm: Alarm::default(),
                peers: Mutex::default(),
                pending: Mutex::default(),
                threads: ThreadGroup::default(),
                addresses: Mutex::default(),
                companions: Mutex::default(),
                next_call: AtomicU64::new(1),
            }
        });
        core.share_limits();
        core
    }

    /// A number for a call; from 1, over all peers of the API, as in the original.
    pub(crate) fn next_call(&self) -> u64 {
        self.next_call.fetch_add(1, Ordering::Relaxed)
    }

    /// A number for a peer.
    pub(crate) fn next_peer() -> u64 {
        NEXT_PEER.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn ask(&self, command: Command) {
        if let Some(reactor) = self.reactor() {
            reactor.ask(command);
        }
    }

    /// Whether this thread delivers for this API, so that waiting for it could not end.
    pub(crate) fn delivers_here(&self) -> bool {
        here::delivers(self.id)
    }

    // ---- what takes its turn

    /// Puts an item into a peer's lane, and sees to it that somebody runs it: this thread,
    /// if it belongs to the API and handlers run inline; never a thread of the program.
    pub(crate) fn post(&self, lane: u64, item: Item, bytes: usize) {
        let after = self.mailbox.push(lane, item, bytes);
        match after {
            AfterPush::Nothing | AfterPush::Dropped => {}
            AfterPush::Drain if self.delivers_here() => {
                self.mailbox.drain();
            }
            AfterPush::Drain => self.ask(Command::Drain),
            AfterPush::Tell => self.observers.pending(),
            AfterPush::Spawn => self.spawn_worker(),
        }
    }

    fn spawn_worker(&self) {
        let Some(core) = self.me.upgrade() else {
            return self.mailbox.not_spawned();
        };
        let work = move || core.mailbox.work();
        if let Err(error) = self.threads.spawn("worker", work) {
            self.mailbox.not_spawned();
            tracing::error!("cannot spawn a worker, handlers wait: {error}");
        }
    }

    /// Tells of trouble with a peer, in its turn.
    pub(crate) fn trouble(&self, peer: &Sender, error: Error, in_reply_to: Option<&str>) {
        if self.mailbox.may_run_here() {
            return self.observers.trouble(peer, &error, in_reply_to);
        }
        let Some(core) = self.me.upgrade() else {
            return;
        };
        let (peer, method) = (peer.clone(), in_reply_to.map(str::to_owned));
        let lane = peer.id;
        let item = move || core.observers.trouble(&peer, &error, method.as_deref());
        self.post(lane, Box::new(item), 0);
    }

    // ---- peers

    /// A peer has connected: it can be sent to from now on, and `on_connect` takes its
    /// turn before any of its calls.
    pub(crate) fn connect(
        &self,
        wire: &Arc<Wire>,
        link: usize,
        name: &str,
        outlet: Outlet,
    ) -> Arc<Conn> {
        self.connect_with(wire, link, name, outlet, Vec::new())
    }

    /// The same with a peer that has sent something already.
    pub(crate) fn connect_with(
        &self,
        wire: &Arc<Wire>,
        link: usize,
        name: &str,
        outlet: Outlet,
        input: Vec<u8>,
    ) -> Arc<Conn> {
        let id = Core::next_peer();
        let peer = Sender {
            credentials: outlet.credentials(),
            secinfo: outlet.secinfo(),
            ..Sender::new(id, name.into())
        };
        let conn = Conn::new(self, peer, Arc::clone(wire), link, outlet);
        let conn = Arc::new(conn.with_input(input));
        let let_in = lock(&self.peers).insert(Arc::clone(&conn));
        if !let_in {
            // Too late: those who end the peers of this run have been there.
            conn.close(DisconnectReason::Stopped);
            return conn;
        }
        tracing::debug!(peer = %conn.peer, wire = %wire.name, "connected");
        conn
    }

    /// Tells the program of a new peer, in its turn; or greets it first. On a thread of the
    /// API.
    pub(crate) fn announce(&self, conn: &Arc<Conn>) {
        if !conn.is_greeted() {
            return self.greet(conn);
        }
        let Some(core) = self.me.upgrade() else {
            return;
        };
        if self.observers.watches_connect() {
            let peer = conn.sender();
            self.post(
                conn.id(),
                Box::new(move || core.observers.connected(&peer)),
                0,
            );
        }
    }

    /// The peer has ended its side in an orderly way: calls that had arrived are still
    /// handled and answered, then the connection is closed.
    pub(crate) fn end_of_input(&self, conn: &Arc<Conn>, reason: DisconnectReason) {
        if conn.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        self.fail_pending(conn, &reason);
        conn.end_with(reason);
        let last = Arc::clone(conn);
        self.post(
            conn.id(),
            Box::new(move || {
                // With answers owed, the last of them closes.
                if last.owed.fetch_sub(1, Ordering::AcqRel) == 1 {
                    last.close(last.end_reason());
                }
            }),
            0,
        );
    }

    /// The input of a peer ended within a message.
    pub(crate) fn truncated(&self, conn: &Conn) {
        let rule = conn.wire.framing_rule();
        let text = format!("the input ended within a message; {rule}");
        self.trouble(&conn.peer, Error::Decode(text.into()), None);
    }

    /// An answer that was owed has been sent.
    pub(crate) fn paid(&self, conn: &Conn) {
        if conn.owed.fetch_sub(1, Ordering::AcqRel) == 1 {
            conn.close(conn.end_reason());
        }
        // Pairs with the fence of `stall`.
        fence(Ordering::SeqCst);
        self.make_room(conn);
    }

    /// A peer was closed for sending, on any thread; the poll thread does the rest.
    pub(crate) fn closing(&self, conn: &Conn, reason: DisconnectReason) {
        let found = {
            let mut peers = lock(&self.peers);
            let found = peers
                .find(&crate::base::sender::Receiver::Peer(conn.peer.clone()))
                .ok();
            peers.remove(conn);
            found
        };
        self.fail_pending(conn, &reason);
        if let Some(conn) = found {
            if conn.backlog() > 0 {
                self.budget.is_ending(&conn);
            }
            self.ask(Command::Finish(conn));
        }
    }

    /// Tells the program that a peer is gone, in its turn. On a thread of the API.
    pub(crate) fn farewell(&self, conn: &Arc<Conn>) {
        let Some(core) = self.me.upgrade() else {
            return;
        };
        let reason = conn.closed().unwrap_or(DisconnectReason::Stopped);
        tracing::debug!(peer = %conn.peer, wire = %conn.wire.name, "disconnected: {reason}");
        if !conn.is_greeted() {
            // It was never announced.
            return;
        }
        let peer = conn.sender();
        self.post(
            conn.id(),
            Box::new(move || core.observers.disconnected(&peer, &reason)),
            0,
        );
    }

    /// A peer whose reading had stopped can be read again.
    pub(crate) fn resume(&self, conn: &Conn) {
        if matches!(conn.outlet, Outlet::Writer(_)) {
            return;
        }
        let receiver = crate::base::sender::Receiver::Peer(conn.peer.clone());
        let found = lock(&self.peers).find(&receiver);
        if let Ok(conn) = found {
            self.ask(Command::Resume(conn));
        }
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
    pub(crate) fn settle(&self, conn: &Conn, id: Option<u64>, telegram: &str, result: &Payload) {
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
        telegram: &str,
        result: &Payload,
    ) -> Result<(), Error> {
        let (wire, lane) = (&conn.wire, conn.id());
        let (codec, depth) = (&wire.codec, wire.limits.nesting_depth);
        let offered = call.offer(codec, telegram, result, depth, lane);
        if offered.is_ok() || !matches!(result, Payload::Raw(_)) {
            return offered;
        }
        // Only now somebody looks at the whole telegram.
        match codec.decode(telegram, &wire.limits) {
            Ok(Envelope::Reply { result, .. }) => call.offer(codec, telegram, &result, depth, lane),
            Ok(_) => offered,
            Err(error) => {
                let error = Error::Decode(error.to_string().into());
                self.trouble(&conn.peer, error.clone(), None);
                Err(error)
            }
        }
    }

    /// An error arrived.
    pub(crate) fn settle_failure(&self, conn: &Conn, id: u64, error: CallError) {
        self.fail_call(conn, Some(id), Error::Call(error));
    }

    /// A peer failed to answer; the call fails with the last of those who were asked.
    pub(crate) fn fail_call(&self, conn: &Conn, id: Option<u64>, error: Error) {
        if let Answered::Settle(call) = self.answered(conn, id, true) {
            call.fail(error, conn.id());
        }
    }

    fn answered(&self, conn: &Conn, id: Option<u64>, failed: bool) -> Answered {
        let Some(id) = id else {
            return Answered::Unknown;
        };
        let answered = lock(&self.pending).answered(id, conn, failed);
        if let Answered::Unknown = answered {
            tracing::debug!(peer = %conn.peer, id, "an answer that nobody waits for");
        }
        answered
    }

    /// Fails the calls whose deadline has passed; gives the next deadline.
    pub(crate) fn expire_calls(&self, now: Instant) -> Option<Instant> {
        let (late, next) = lock(&self.pending).expired(now);
        for call in late {
            call.time_out(0);
        }
        next
    }

    /// The codec that everything on a wire goes through.
    pub(crate) fn codec(conn: &Conn) -> &AnyCodec {
        &conn.wire.codec
    }
}

/// What promises ask of the API that issued them.
impl Context for Core {
    fn before_wait(&self) -> Result<(), Error> {
        let inline = self.mailbox.mode() == Processing::Inline && self.mailbox.held_here();
        if inline || here::reads(self.id) {
            return Err(Error::Deadlock(
                "this thread delivers the answers of this API; use `then`, return the \
                 promise, or choose Processing::Queue"
                    .into(),
            ));
        }
        batch::flush();
        Ok(())
    }

    fn drive(&self, call: u64, done: &dyn Fn() -> bool, until: Option<Instant>) {
        match self.delivers_here() {
            false => self.read_for(call, done, until),
            true => Core::attend(self, call, true),
        }
    }

    fn attend(&self, call: u64) {
        Core::attend(self, call, false);
    }

    fn expire(&self, id: u64) {
        let call = lock(&self.pending).remove(id);
        drop(call);
    }

    fn run(&self, lane: u64, callback: Box<dyn FnOnce() + Send>) {
        if self.mailbox.may_run_here() {
            return crate::base::foreign::guarded(callback);
        }
        self.post(lane, callback, 0);
    }
}
