//! One connected peer: its sending half, and the leftover bytes of its receiving half.

mod datagram;
mod keeper;
mod outlet;
mod queue;
mod rate;
mod rx;
mod speak;
mod waiting;
mod watch;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak};
use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::base::sender::Sender;
use crate::base::sync::{after, lock};
use crate::wire::hearing::Hearing;
use crate::wire::security::{PeerContext, SecuritySession};

pub(crate) use datagram::Admitted;
pub(crate) use keeper::Keeper;
pub(crate) use outlet::{DatagramOutlet, Outlet};
pub(crate) use queue::Queued;
pub(crate) use rate::TooFast;
pub(crate) use rx::Rx;
pub(crate) use speak::Content;
pub(crate) use watch::{Reader as ReadBy, ReaderTurn, Watch};

use self::queue::{Tx, write};
use self::rate::Rate;
use super::budget::{Budget, Held};
use crate::wire::Wire;

use crate::base::reason::DisconnectReason;

/// A connected peer.
pub(crate) struct Conn {
    pub(crate) peer: Sender,
    me: Weak<Conn>,
    /// The network that it belongs to.
    pub(crate) keeper: Weak<dyn Keeper>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) outlet: Outlet,
    /// What the security provider keeps for the peer.
    pub(crate) session: Option<Box<dyn SecuritySession>>,
    /// It has a session of its protocol, whose speaking half is in the sending half.
    pub(crate) speaks: bool,
    /// Who it has said that it is, where its protocol has that.
    pub(crate) identified: OnceLock<Box<Sender>>,
    /// What the session knew of the peer when it was greeted.
    pub(crate) known: OnceLock<Arc<SecInfo>>,
    /// How often the peer may call, where that is limited.
    pub(crate) rate: Option<Rate>,
    /// The peer counts as connected; with a session that greets, not at once.
    pub(crate) greeted: AtomicBool,
    /// The sending half; last but for the mailbox in the lock order.
    tx: Mutex<Tx>,
    /// Room in the queue, bytes for the writer, or the end.
    tx_changed: Condvar,
    /// The receiving half; taken out by whoever reads, so never locked in user code.
    pub(crate) rx: Mutex<Option<Box<Rx>>>,
    /// Calls of ours that this peer was asked.
    pub(crate) pending: AtomicUsize,
    /// The number of the last of all that it was asked.
    pub(crate) last_asked: AtomicU64,
    /// Those of them for which somebody waits without reading by itself.
    pub(crate) attended: AtomicUsize,
    /// And those of these for which a thread waits.
    pub(crate) sleepers: AtomicUsize,
    /// The peer has sent a call, and may send more at any time.
    pub(crate) has_called: AtomicBool,
    /// Nobody reads; as `watch` says, or shortly after.
    pub(crate) parked: AtomicBool,
    /// The poll thread looks now and then whether it is still to be parked.
    pub(crate) parking: AtomicBool,
    /// Answers that handlers owe this peer by a promise, and one for its open input.
    pub(crate) owed: AtomicUsize,
    /// Reading stopped, since too much of this peer waits; whoever makes room resumes it.
    pub(crate) stalled: AtomicBool,
    /// Nothing can be sent any more; as the sending half says.
    is_closed: AtomicBool,
    /// The peer has ended its side; nothing more will come.
    pub(crate) ended: AtomicBool,
    /// What it gave as its reason, if it did.
    end: OnceLock<DisconnectReason>,
    /// Something was sent since the last look; for keeping connections alive.
    sent: AtomicBool,
    /// The poll thread looks after it, since its queue was over the limit.
    watched: AtomicBool,
    /// Bytes that wait to be sent, as of the last change.
    backlog: AtomicUsize,
    /// How many of them belong to answers.
    answers: AtomicUsize,
    /// What it takes of the memory for all peers.
    pub(crate) held: Held,
    /// What the poll thread is told about the socket; a leaf in the lock order.
    pub(crate) watch: Mutex<Watch>,
    /// A thread that waits for an answer reads; as `watch` says.
    pub(crate) driven: AtomicBool,
    /// The socket took less than it was given; as of the last change.
    blocked: AtomicBool,
    /// For the poll thread: in its list of peers with more to read.
    pub(crate) ready: AtomicBool,
    /// For the poll thread: one of the two ends of a peer with threads has come.
    pub(crate) half_over: AtomicBool,
    /// The link that this peer belongs to: its place in the list of links.
    pub(crate) link: usize,
}

/// Whether a send waits for room.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    Never,
    /// Never, and the message is an answer, of which a peer may have only so many unread.
    Answer,
    /// So long; the clock is looked at only where there is no room.
    UpTo(Duration),
}

/// A collecting thread flushes when so much is queued for one peer.
const FLUSH_AT: usize = 64 << 10;
/// With more queued, the peer's new calls are not read, unless it owes us an answer.
pub(crate) const ANSWERS: usize = 1 << 20;
/// A thread that waits for room looks by itself so often: the poll thread may be in a
/// handler, which may even wait for a lock that the sending thread holds.
const RETRY: Duration = Duration::from_millis(50);
impl Conn {
    pub(crate) fn new(
        keeper: Weak<dyn Keeper>,
        budget: &Arc<Budget>,
        peer: Sender,
        wire: &Arc<Wire>,
        link: usize,
        outlet: Outlet,
    ) -> Arc<Self> {
        let session = wire.session(&PeerContext {
            name: Arc::clone(&peer.name),
            datagrams: matches!(outlet, Outlet::Datagram(_)),
            everybody: peer.wire == peer.id,
        });
        let rate = Rate::new(&wire.limits);
        let greets = session.as_ref().is_some_and(|session| session.greets());
        // A protocol with sessions greets, too.
        let (listening, speaking) = wire.protocol_session().unzip();
        let greets = greets || speaking.is_some();
        let rx = Rx::new(Hearing::new(wire, listening));
        Arc::new_cyclic(|me| Conn {
            peer,
            me: me.clone(),
            keeper,
            wire: Arc::clone(wire),
            outlet,
            session,
            speaks: speaking.is_some(),
            identified: OnceLock::new(),
            known: OnceLock::new(),
            rate,
            greeted: AtomicBool::new(!greets),
            tx: Mutex::new(Tx {
                buf: Vec::new(),
                head: 0,
                gone: 0,
                answers: VecDeque::new(),
                answer_bytes: 0,
                taken: 0,
                waiting: 0,
                blocked: false,
                listed: None,
                speaking,
                closed: None,
                progress: Instant::now(),
            }),
            tx_changed: Condvar::new(),
            rx: Mutex::new(Some(Box::new(rx))),
            pending: AtomicUsize::new(0),
            last_asked: AtomicU64::new(0),
            attended: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            has_called: AtomicBool::new(false),
            parked: AtomicBool::new(false),
            parking: AtomicBool::new(false),
            owed: AtomicUsize::new(1),
            stalled: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            end: OnceLock::new(),
            sent: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            backlog: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            watch: Mutex::default(),
            driven: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            held: Held::new(budget),
            ready: AtomicBool::new(false),
            half_over: AtomicBool::new(false),
            link,
        })
    }

    /// What has come of it already.
    pub(crate) fn preset_input(&self, input: Vec<u8>) {
        if let Some(rx) = lock(&self.rx).as_mut() {
            rx.buf = input;
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.peer.id
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Why nothing can be sent, if so.
    pub(crate) fn closed(&self) -> Option<DisconnectReason> {
        lock(&self.tx).closed.clone()
    }

    /// The error of a send to this peer after its end.
    pub(crate) fn gone(&self, reason: &DisconnectReason) -> Error {
        if let DisconnectReason::Stopped = reason {
            return Error::Stopped;
        }
        Error::Disconnected {
            peer: Arc::clone(&self.peer.name),
            reason: reason.to_string().into(),
        }
    }

    /// Bytes that wait to be sent, as of the last change.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Remembers what is queued, for [`Conn::backlog`].
    fn note(&self, tx: &Tx) {
        self.backlog.store(tx.queued(), Ordering::Relaxed);
        self.answers.store(tx.answer_bytes, Ordering::Relaxed);
        self.held.output(tx.queued());
        // Changed only here, with the sending half locked.
        if self.blocked.load(Ordering::Relaxed) != tx.blocked {
            self.blocked.store(tx.blocked, Ordering::Relaxed);
            self.watch_room(tx.blocked);
        }
    }

    #[cold]
    fn watch_room(&self, blocked: bool) {
        if let Some(keeper) = self.keeper.upgrade() {
            keeper.blocked(self, blocked);
        }
    }

    /// Sends something, or queues what cannot be sent at once. `collector` is the thread
    /// that flushes later, if it does.
    ///
    /// The bytes are accepted while less than `limit` is queued; beyond it the call waits
    /// as `wait` says, and a peer with four times the limit is given up.
    pub(crate) fn send(
        &self,
        content: Content<'_>,
        limit: usize,
        wait: Wait,
        collector: Option<u64>,
    ) -> Result<Queued, Error> {
        if let Outlet::Datagram(outlet) = &self.outlet {
            self.send_datagram(outlet, &self.finish(content, None)?, wait)?;
            return Ok(Queued::Fine);
        }
        let mut deadline = None;
        let mut tx = lock(&self.tx);
        loop {
            if let Some(reason) = &tx.closed {
                return Err(self.gone(reason));
            }
            let mut queued = tx.queued();
            if queued >= limit
                && let Outlet::Socket(stream) = &self.outlet
            {
                // It may only have been collected. And a socket that was full may have room
                // again, of which the poll thread knows nothing while it runs a handler.
                match tx.flush(stream) {
                    Ok(0) => {}
                    Ok(_) => self.changed(&tx),
                    Err(error) => return Err(self.lost(tx, error)),
                }
                self.note(&tx);
                queued = tx.queued();
            }
            if queued < limit {
                break;
            }
            match wait {
                Wait::Never | Wait::Answer if queued < limit.saturating_mul(4) => break,
                Wait::Never | Wait::Answer => {
                    let reason = DisconnectReason::SlowConsumer { queued };
                    let error = self.gone(&reason);
                    drop(tx);
                    self.close(reason);
                    return Err(error);
                }
                Wait::UpTo(limit) => {
                    let deadline = *deadline.get_or_insert_with(|| after(limit));
                    let now = Instant::now();
                    if now >= deadline {
                        return Err(Error::QueueFull {
                            peer: Arc::clone(&self.peer.name),
                            queued,
                        });
                    }
                    let wait = (deadline - now).min(RETRY);
                    tx = self.wait_changed(tx, Some(wait));
                }
            }
        }
        self.sent.store(true, Ordering::Relaxed);
        let answer = matches!(wait, Wait::Answer);
        let bytes = match content {
            Content::Framed(bytes) => Cow::Borrowed(bytes),
            _ => self.finish(content, tx.speaking.as_deref_mut())?,
        };
        let mut rest = &*bytes;
        let Outlet::Socket(stream) = &self.outlet else {
            tx.append(rest, answer);
            self.note(&tx);
            self.changed(&tx);
            return Ok(tx.state(limit));
        };
        if collector.is_some() && tx.queued() + rest.len() < FLUSH_AT {
            tx.append(rest, answer);
            self.note(&tx);
            // In another thread's list it might wait for longer than this thread collects.
            if tx.listed == collector {
                return Ok(Queued::Fine);
            }
            tx.listed = collector;
            return Ok(Queued::Listed);
        }
        if tx.queued() == 0 && !tx.blocked {
            match write(stream, rest) {
                Ok((0, false)) => {}
                Ok((sent, blocked)) => {
                    tx.blocked = blocked;
                    rest = &rest[sent..];
                }
                Err(error) => return Err(self.lost(tx, error)),
            }
            if rest.is_empty() {
                return Ok(Queued::Fine);
            }
        }
        tx.append(rest, answer);
        if !tx.blocked
            && let Err(error) = tx.flush(stream)
        {
            return Err(self.lost(tx, error));
        }
        self.note(&tx);
        Ok(tx.state(limit))
    }

    /// Sends what is queued, as far as the socket takes it. `writable` says that the
    /// system reported room. Gives what is left.
    pub(crate) fn flush(&self, writable: bool) -> usize {
        let Outlet::Socket(stream) = &self.outlet else {
            return self.backlog();
        };
        let mut tx = lock(&self.tx);
        tx.listed = None;
        if writable {
            tx.blocked = false;
        }
        if tx.blocked || tx.queued() == 0 {
            return tx.queued();
        }
        match tx.flush(stream) {
            Ok(0) => {}
            Ok(_) => self.changed(&tx),
            Err(error) => {
                self.lost(tx, error);
                return 0;
            }
        }
        self.note(&tx);
        let left = tx.queued();
        drop(tx);
        self.resume_below(ANSWERS / 2);
        left
    }

    /// Whether so much waits for the peer that its calls are not read: answers that it
    /// does not read, or far more than its queue should hold. Our own messages do not
    /// count as answers, lest two peers that flood each other both stop reading.
    pub(crate) fn is_congested(&self) -> bool {
        self.exceeds(ANSWERS)
    }

    /// Whether handlers owe the peer more answers, by promises, than so many peers with our
    /// own limits could wait for. They take memory too.
    pub(crate) fn is_owed_too_much(&self, shares: usize) -> bool {
        let limit = self.wire.limits.pending_calls_per_peer;
        // One of them is for the open input.
        self.owed.load(Ordering::Relaxed) > limit.saturating_mul(shares)
    }

    fn exceeds(&self, answers: usize) -> bool {
        self.answers.load(Ordering::Relaxed) > answers
            || self.backlog() > self.wire.limits.peer_queue.saturating_mul(2)
    }

    /// Reading stopped because of unread answers; goes on when they are fewer.
    fn resume_below(&self, answers: usize) {
        // Pairs with the fence of `stall`: one of the two sees what the other did.
        fence(Ordering::SeqCst);
        if self.stalled.load(Ordering::Acquire) && !self.exceeds(answers) {
            self.resume();
        }
    }

    /// Reading stops. Whoever makes room after this resumes it; what made room before is
    /// seen by looking once more.
    pub(crate) fn stall(&self) {
        self.stalled.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Reading goes on after all.
    pub(crate) fn unstall(&self) {
        self.stalled.store(false, Ordering::Release);
    }

    /// Whether reading has stopped.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }

    /// An answer of this peer is awaited, for which it is read where else it would not.
    pub(crate) fn resume_awaited(&self) {
        // After `pending` was counted up, and both in the one order of all such accesses:
        // whoever stalls the peer sees the count, or this sees the stall.
        if self.stalled.load(Ordering::SeqCst) {
            self.resume();
        }
    }

    /// Reading goes on, if it had stopped.
    pub(crate) fn resume(&self) {
        if !self.stalled.swap(false, Ordering::AcqRel) {
            return;
        }
        if !matches!(self.outlet, Outlet::Writer(_))
            && let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade())
        {
            keeper.resume(&me);
        }
        // For a reader thread; the lock orders the change before its look at the flag.
        self.changed(&lock(&self.tx));
    }

    /// The peer has ended its side for this reason.
    pub(crate) fn end_with(&self, reason: DisconnectReason) {
        // The first one counts.
        let _ = self.end.set(reason);
    }

    /// Why the peer has ended its side.
    pub(crate) fn end_reason(&self) -> DisconnectReason {
        let reason = self.end.get().cloned();
        reason.unwrap_or(DisconnectReason::EndOfInput)
    }

    /// Sends bytes without meaning, unless something was sent since the last call.
    pub(crate) fn keep_alive(&self, bytes: &[u8]) {
        if !self.sent.swap(false, Ordering::Relaxed) && self.backlog() == 0 {
            // A peer that cannot be sent to is found out by that.
            let content = Content::Framed(bytes);
            self.send(content, usize::MAX, Wait::Never, None).ok();
            self.sent.store(false, Ordering::Relaxed);
        }
    }

    /// Accepts nothing more for sending; what is queued may still be flushed. The first
    /// reason counts. Gives false if it was closed before.
    pub(crate) fn close(&self, reason: DisconnectReason) -> bool {
        let mut tx = lock(&self.tx);
        if tx.closed.is_some() {
            return false;
        }
        if !reason.keeps_queue() {
            tx.clear();
        } else if let Some(side) = &self.wire.websocket {
            let (code, text) = reason.close_code();
            tx.append(&side.close_frame(code, &text), false);
        }
        tx.closed = Some(reason.clone());
        self.is_closed.store(true, Ordering::SeqCst);
        self.note(&tx);
        self.changed(&tx);
        drop(tx);
        match &self.outlet {
            Outlet::Writer(wake) => wake(reason.keeps_queue()),
            Outlet::Socket(stream) if self.driven.load(Ordering::SeqCst) => stream.shutdown_read(),
            _ => {}
        }
        if let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade()) {
            keeper.closing(&me, reason);
        }
        true
    }

    /// After its end: what is left for the peer is given up, and the connection with it.
    pub(crate) fn drop_output(&self) {
        let mut tx = lock(&self.tx);
        tx.clear();
        self.note(&tx);
        drop(tx);
        match &self.outlet {
            Outlet::Socket(stream) => stream.close(),
            Outlet::Writer(wake) => wake(false),
            Outlet::Datagram(_) => {}
        }
    }

    /// After its end: what it has sent only in part is given up.
    pub(crate) fn drop_input(&self) {
        // Not there while a reader thread has it, which then gives it up by itself.
        if let Some(rx) = lock(&self.rx).as_mut() {
            rx.clear();
        }
        self.held.input(0);
    }

    /// Its queue is over the limit. Gives true if nobody looks after it yet.
    pub(crate) fn watch(&self) -> bool {
        !self.watched.swap(true, Ordering::AcqRel)
    }

    /// Nobody looks after its queue any more.
    pub(crate) fn unwatch(&self) {
        self.watched.store(false, Ordering::Release);
    }

    /// When the peer last accepted something, or the queue began.
    pub(crate) fn progress(&self) -> Instant {
        lock(&self.tx).progress
    }

    /// Whether the peer has been stalled with a full queue since before `since`.
    pub(crate) fn stalled_since(&self, since: Instant, limit: usize) -> bool {
        let tx = lock(&self.tx);
        tx.queued() >= limit && tx.progress <= since
    }

    fn lost(&self, tx: MutexGuard<'_, Tx>, error: io::Error) -> Error {
        drop(tx);
        let reason = DisconnectReason::Lost(Arc::new(error));
        let gone = self.gone(&reason);
        self.close(reason);
        gone
    }

    /// One thing that was owed to the peer is settled: an answer has been sent, or all that it
    /// had sent before its end was handled. The last one closes.
    pub(crate) fn settled(&self) {
        if self.owed.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close(self.end_reason());
        }
    }

    /// Why no answer will come from this peer, if so.
    pub(crate) fn lost_for_calls(&self) -> Option<DisconnectReason> {
        match self.is_closed().then(|| self.closed()).flatten() {
            Some(reason) => Some(reason),
            None if self.ended.load(Ordering::Acquire) => Some(DisconnectReason::EndOfInput),
            None => None,
        }
    }

    /// A call of ours depends on this peer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.pending.load(Ordering::SeqCst) > 0
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("peer", &self.peer).finish()
    }
}
