//! One connected peer: its sending half, and the leftover bytes of its receiving half.

mod datagram;
mod doubt;
mod end;
mod ending;
mod flow;
mod guest;
mod keeper;
mod outlet;
mod queue;
mod rate;
mod reading;
mod rx;
mod sending;
mod speak;
mod waiting;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};

use crate::base::reason::DisconnectReason;
use crate::base::security::SecInfo;
use crate::base::sender::{Place, Sender};
use crate::base::sync::lock;
use crate::wire::Wire;
use crate::wire::frames::Frames;
use crate::wire::hearing::Hearing;
use crate::wire::met::Met;
use crate::wire::security::PeerContext;
use crate::wire::session::Role;

pub(crate) use datagram::Admitted;
pub(crate) use doubt::Said;
pub(crate) use keeper::Keeper;
pub(crate) use outlet::{At, BrokerOutlet, Carries, DatagramOutlet, Outlet, WriterOutlet};
pub(crate) use queue::{Collects, Queued, Wait};
pub(crate) use rate::TooFast;
pub(crate) use reading::{Parked, Reader as ReadBy, ReaderTurn, Watch};
pub(crate) use rx::Rx;
pub(crate) use speak::{Content, Speech};

use self::end::End;
use self::flow::FlowControl;
use self::guest::Guest;
use self::queue::Tx;
use self::rate::Rate;
use self::reading::Reading;
use super::budget::{Budget, Held};

/// A connected peer.
pub(crate) struct Conn {
    pub(crate) peer: Sender,
    me: Weak<Conn>,
    /// The network that it belongs to.
    pub(crate) keeper: Weak<dyn Keeper>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) outlet: Outlet,
    /// How what is for it is put, and what it says is understood.
    pub(crate) speech: Speech,
    /// Who it has said that it is, where its protocol has that.
    pub(crate) identified: OnceLock<Box<Sender>>,
    /// What the session knew of the peer when it was greeted.
    pub(crate) known: OnceLock<Arc<SecInfo>>,
    /// Who has let it in, where that may be taken back.
    pub(crate) guest: Option<Guest>,
    /// How often the peer may call, where that is limited.
    pub(crate) rate: Option<Rate>,
    /// How far it is, from its greeting to its end.
    pub(crate) end: End,
    /// Whether its calls may be read.
    pub(crate) flow: FlowControl,
    /// Who reads it.
    pub(crate) reading: Reading<Box<Rx>>,
    /// The sending half; last in the lock order but for the mailbox, and for what takes
    /// something of it at once.
    tx: Mutex<Tx>,
    /// Room in the queue, bytes for the writer, or the end.
    tx_changed: Condvar,
    /// The number of the last of all calls that it was asked.
    pub(crate) last_asked: AtomicU64,
    /// It is in the list of peers for which calls are held back.
    pub(crate) holds: AtomicBool,
    /// What it takes of the memory for all peers.
    pub(crate) held: Held,
    /// The link that this peer belongs to: its place in the list of links.
    pub(crate) link: usize,
    /// The poll thread that has its socket; set before anybody knows it.
    thread: AtomicUsize,
}

/// With more bytes of answers queued, the peer's new calls are not read, unless it owes us an
/// answer.
const ANSWERS: usize = 1 << 20;

impl Conn {
    pub(crate) fn new(
        keeper: Weak<dyn Keeper>,
        budget: &Arc<Budget>,
        peer: Sender,
        wire: &Arc<Wire>,
        link: usize,
        outlet: Outlet,
        met: Option<Met>,
    ) -> Arc<Self> {
        let session = wire.session(&PeerContext {
            name: Arc::clone(&peer.name),
            datagrams: matches!(outlet, Outlet::Datagram(_) | Outlet::Broker(_)),
            everybody: peer.wire == peer.id || outlet.is_shared(),
        });
        let rate = Rate::new(&wire.limits);
        let (listening, speaking) = wire.protocol_session(met.as_ref(), outlet.here()).unzip();
        let rx = Rx::new(Hearing::new(wire, met.as_ref(), listening));
        let guest = Guest::new(met.as_ref(), &outlet);
        let vouched = guest.as_ref().and_then(|guest| guest.info().ok());
        let speech = match (session, met) {
            (Some(session), _) => Speech::Sealed(session),
            (None, _) if speaking.is_some() => Speech::Spoken(Box::default()),
            (None, Some(met @ (Met::Zmtp(_) | Met::Posts(_)))) if wire.security.is_null() => {
                Speech::Framed(met)
            }
            (None, _) if matches!(outlet, Outlet::Broker(_)) => Speech::Addressed,
            (None, _) if matches!(wire.frames, Frames::Nats | Frames::Mqtt) => Speech::Line,
            (None, _) => Speech::Plain,
        };
        let protocol = wire.codec.protocol();
        let greets = speech.greets()
            && !wire.beside
            && protocol.is_none_or(|protocol| protocol.greets(wire.role));
        let place = Place {
            transport: Arc::clone(&wire.name),
            is_twin: AtomicBool::new(false),
        };
        let peer = Sender {
            place: Some(Arc::new(place)),
            secinfo: vouched.or(peer.secinfo),
            ..peer
        };
        Arc::new_cyclic(|me| Conn {
            peer,
            me: me.clone(),
            keeper,
            wire: Arc::clone(wire),
            outlet,
            speech,
            identified: OnceLock::new(),
            known: OnceLock::new(),
            guest,
            rate,
            end: End::new(greets),
            flow: FlowControl::new(),
            reading: Reading::new(Box::new(rx)),
            tx: Mutex::new(Tx::new(speaking)),
            tx_changed: Condvar::new(),
            last_asked: AtomicU64::new(0),
            holds: AtomicBool::new(false),
            held: Held::new(budget),
            link,
            thread: AtomicUsize::new(0),
        })
    }

    /// The number of the poll thread that has its socket; 0 for the first, which has what is no
    /// connection of its own, too.
    #[inline]
    pub(crate) fn thread(&self) -> usize {
        self.thread.load(Ordering::Relaxed)
    }

    /// It belongs to that poll thread. Before anybody else knows it.
    pub(crate) fn belongs_to(&self, thread: usize) {
        self.thread.store(thread, Ordering::Relaxed);
    }

    /// Whether it can be called at all: one who posts only takes answers.
    #[inline]
    pub(crate) fn takes_calls(&self) -> bool {
        !matches!(self.speech, Speech::Framed(Met::Posts(_)))
    }

    /// Whether one who posts waits for its response.
    pub(crate) fn is_answering(&self) -> bool {
        matches!(&self.speech, Speech::Framed(Met::Posts(caller)) if caller.is_busy())
    }

    /// Whether one who posts is between two requests, so that nothing is missing, however the connection ends. Most
    /// clients end one without the farewell of TLS then (RFC 9112, section 9.8).
    pub(crate) fn misses_nothing(&self, rx: &Rx) -> bool {
        !self.takes_calls() && !self.is_answering() && !rx.is_within_message()
    }

    /// One who posts has been answered: what it has sent meanwhile is looked at, unless that was
    /// all.
    pub(crate) fn responded(&self) {
        if let Speech::Framed(Met::Posts(caller)) = &self.speech {
            if caller.is_done() {
                self.close(DisconnectReason::EndOfInput);
            } else if self.flow.is_stalled_after_all() {
                self.resume();
            }
        }
    }

    /// What has come of it already.
    pub(crate) fn preset_input(&self, input: Vec<u8>) {
        self.reading.with_rest(|rx| rx.buf = input);
    }

    /// Whether it is no peer of its own: it belongs to the peers of another link.
    pub(crate) fn is_beside(&self) -> bool {
        self.wire.beside
    }

    /// Whether it is told what goes to everybody.
    pub(crate) fn is_told(&self) -> bool {
        self.is_greeted()
            && self.takes_calls()
            && !(self.wire.beside && self.wire.role == Role::Client)
    }

    pub(crate) fn id(&self) -> u64 {
        self.peer.id
    }

    /// Bytes that wait to be sent, as of the last change.
    pub(crate) fn backlog(&self) -> usize {
        self.flow.backlog()
    }

    /// Whether so much waits for the peer that its calls are not read: answers that it
    /// does not read, or far more than its queue should hold. Our own messages do not
    /// count as answers, lest two peers that flood each other both stop reading.
    pub(crate) fn is_congested(&self) -> bool {
        self.flow.exceeds(ANSWERS, self.most_queued())
    }

    fn most_queued(&self) -> usize {
        self.wire.limits.peer_queue.saturating_mul(2)
    }

    /// Whether handlers owe the peer more answers, by promises, than so many peers with our
    /// own limits could wait for. They take memory too.
    pub(crate) fn is_owed_too_much(&self, shares: usize) -> bool {
        let limit = self.wire.limits.pending_calls_per_peer;
        self.flow.owes(limit.saturating_mul(shares))
    }

    /// Something has left. If reading stopped because of unread answers, it goes on when they
    /// are fewer.
    fn resume_with_room(&self) {
        if self.flow.may_go_on(ANSWERS / 2, self.most_queued()) {
            self.resume();
        }
    }

    /// An answer of this peer is awaited, for which it is read where else it would not.
    pub(crate) fn resume_awaited(&self) {
        if self.flow.is_stalled_though_awaited() {
            self.resume();
        }
    }

    /// Reading goes on, if it had stopped.
    pub(crate) fn resume(&self) {
        if !self.flow.resume() {
            return;
        }
        if !matches!(self.outlet, Outlet::Writer(_))
            && let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade())
        {
            keeper.resume(&me);
        }
        // For a reader thread; the lock orders the change before its look at the flag.
        self.changed_and_free(lock(&self.tx));
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("peer", self.peer()).finish()
    }
}
