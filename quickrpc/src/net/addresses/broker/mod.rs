//! Peers behind a broker: one connection carries what is said to all of them and by all of them.
//!
//! The connection (the *line*) is a [`Conn`] like others, with a queue that its bytes wait in, but
//! no peer: nobody can send to it, and no event tells of it. It is never left unread, since a
//! broker cuts off who does not read; so each peer behind it has a budget of its own, and what is
//! beyond that is answered as busy.
//!
//! Who is there is known by what they say: a peer announces itself when it comes (`known.rs`), and
//! says good-bye. Whoever owes an answer is asked whether it is still there (`asked.rs`); nobody
//! else is.

mod asked;
mod check;
mod hear;
mod known;
mod outlet;
mod served;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sender::{Sender, next_id};
use crate::base::sync::lock;
use crate::carrier::nats::Settings;
use crate::carrier::stream::Stream;
use crate::wire::Wire;
use crate::wire::frames::Frames;
use crate::wire::nats::subjects::{self, Subjects};
use crate::wire::nats::{self, Event, Info};
use crate::wire::security::AnySecurity;

use self::asked::Questions;
use self::known::Known;
use self::served::Served;
use super::super::above::Above;
use super::super::budget::Budget;
use super::super::collect::Batch;
use super::super::conn::{At, BrokerOutlet, Carries, Conn, Keeper, Outlet};
use super::room::Waiting;
use super::{Addresses, Around};

/// So many times the share of one peer may wait of all together: they can be made up.
const SHARES: usize = 16;
/// What a line may carry beside the largest message.
const AROUND: usize = 64 << 10;
/// A broker that has not answered so many pings is gone.
const SILENCES: u32 = 5;

/// An open connection to a broker, and the peers behind it.
pub(crate) struct Broker {
    me: Weak<Broker>,
    around: Weak<dyn Around>,
    keeper: Weak<dyn Keeper>,
    budget: Arc<Budget>,
    /// Of the peers.
    wire: Arc<Wire>,
    link: usize,
    /// The connection.
    pub(crate) line: Arc<Conn>,
    settings: Arc<Settings>,
    subjects: Subjects,
    everyone: Arc<Conn>,
    anyone: Arc<Conn>,
    /// The largest payload that the broker takes.
    largest: AtomicUsize,
    waiting: Arc<Waiting>,
    /// Since when it is open, in seconds since 1970.
    since: u64,
    /// Pings that it has not answered.
    silences: AtomicU32,
    /// Guards who is there; a leaf in the lock order, as the two below.
    known: Mutex<Known>,
    /// Guards what we have asked.
    questions: Mutex<Questions>,
    /// Guards what we serve, and have been asked.
    served: Mutex<Served>,
}

impl Broker {
    pub(crate) fn new(
        around: Weak<dyn Around>,
        keeper: Weak<dyn Keeper>,
        budget: &Arc<Budget>,
        wire: &Arc<Wire>,
        link: usize,
        settings: &Arc<Settings>,
        stream: Stream,
    ) -> Arc<Self> {
        let info = settings.info();
        let subjects = Subjects::new(&settings.expr.namespace, &settings.name, &settings.token);
        let line = line(&keeper, budget, wire, link, stream);
        let waiting = Arc::new(Waiting::new(SHARES));
        Arc::new_cyclic(|me: &Weak<Broker>| {
            let everybody = next_id();
            let conn = |id, name: &str, at| {
                let sender = Sender {
                    wire: everybody,
                    ..Sender::new(id, name.into())
                };
                let outlet = Outlet::Broker(BrokerOutlet {
                    by: me.clone() as Weak<dyn Carries>,
                    at,
                    waiting: Arc::clone(&waiting),
                });
                Conn::new(keeper.clone(), budget, sender, wire, link, outlet, None)
            };
            let all = format!("everybody in {}", subjects.namespace());
            let any = format!("one of {}", subjects.namespace());
            Broker {
                me: me.clone(),
                around: around.clone(),
                keeper: keeper.clone(),
                budget: Arc::clone(budget),
                wire: Arc::clone(wire),
                link,
                line: Arc::clone(&line),
                settings: Arc::clone(settings),
                everyone: conn(everybody, &all, At::All),
                anyone: conn(next_id(), &any, At::Any),
                subjects,
                largest: AtomicUsize::new(info.max_payload),
                waiting: Arc::clone(&waiting),
                since: SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs()),
                silences: AtomicU32::new(0),
                known: Mutex::default(),
                questions: Mutex::default(),
                served: Mutex::default(),
            }
        })
    }

    /// Subscribes to what is ours, and says that we are there.
    pub(crate) fn begin(&self, served: Vec<String>) {
        let mut out = Vec::new();
        {
            let mut own = lock(&self.served);
            for subject in self.subjects.own() {
                nats::subscribe(&mut out, &subject, None, own.next_number());
            }
            let name = self.service_name();
            for verb in ["PING", "INFO", "STATS"] {
                let token = self.subjects.token();
                for subject in [
                    format!("$SRV.{verb}"),
                    format!("$SRV.{verb}.{name}"),
                    format!("$SRV.{verb}.{name}.{token}"),
                ] {
                    nats::subscribe(&mut out, &subject, None, own.next_number());
                }
            }
        }
        self.write(&out);
        self.serve(served);
        let (all, inbox) = (
            self.subjects.all(subjects::HERE),
            self.subjects.inbox(subjects::HERE),
        );
        self.publish(&all, &inbox, b"");
    }

    /// Says good-bye.
    pub(crate) fn leave(&self) {
        let all = self.subjects.all(subjects::BYE);
        self.publish(&all, &self.subjects.inbox(subjects::NONE), b"");
    }

    /// How often somebody is asked whether he is there.
    pub(crate) fn probe(&self) -> Duration {
        self.settings.expr.probe
    }

    /// Some time has passed: looks after the broker, and after those who owe us answers.
    pub(crate) fn tick(&self, above: &dyn Above, now: Instant) {
        if self.line.is_closed() {
            return;
        }
        if self.silences.fetch_add(1, Ordering::Relaxed) >= SILENCES {
            let after = self.probe() * SILENCES;
            self.line.close(DisconnectReason::Silent { after });
            return;
        }
        let _batch = Batch::begin();
        self.write(nats::PING);
        self.greet_late();
        self.look_at_questions(above, now);
        self.look_at_members();
        self.forget_owed();
    }

    /// The broker has said something of itself.
    fn informed(&self, info: &Info) {
        self.largest.store(info.max_payload, Ordering::Relaxed);
        self.settings.heard(info);
        if info.lame_duck {
            let wire = &self.wire.name;
            crate::base::log::info!(%wire, "the broker is about to stop, so that another one is looked for");
            let text = "the broker is about to stop";
            self.line.close(DisconnectReason::Transport(text.into()));
        }
    }

    /// Writes verbs; if the line has ended, that is seen elsewhere.
    fn write(&self, verbs: &[u8]) {
        if let Some(around) = self.around.upgrade() {
            around.send(&self.line, verbs);
        }
    }

    fn publish(&self, subject: &str, reply: &str, payload: &[u8]) {
        let mut out = Vec::new();
        nats::publish(&mut out, subject, reply, payload);
        self.write(&out);
    }

    /// A peer or an address behind this broker.
    fn conn(&self, name: &str, at: At) -> Arc<Conn> {
        let sender = Sender {
            wire: self.everyone.id(),
            origin: self.everyone.peer.origin.clone(),
            ..Sender::new(next_id(), name.into())
        };
        let outlet = Outlet::Broker(BrokerOutlet {
            by: self.me.clone() as Weak<dyn Carries>,
            at,
            waiting: Arc::clone(&self.waiting),
        });
        let (keeper, wire) = (self.keeper.clone(), &self.wire);
        Conn::new(keeper, &self.budget, sender, wire, self.link, outlet, None)
    }

    /// The error of what is too large for the broker.
    fn check_size(&self, size: usize) -> Result<(), Error> {
        let limit = self.largest.load(Ordering::Relaxed);
        match size > limit {
            true => Err(Error::MessageTooLarge { size, limit }),
            false => Ok(()),
        }
    }
}

/// The connection itself.
fn line(
    keeper: &Weak<dyn Keeper>,
    budget: &Arc<Budget>,
    wire: &Arc<Wire>,
    link: usize,
    stream: Stream,
) -> Arc<Conn> {
    let mut limits = wire.limits.clone();
    // With what a security provider adds; each message is looked at again.
    limits.message_size = limits.message_size.saturating_mul(2).saturating_add(AROUND);
    let name = wire.name.to_string();
    let own = Wire::new(&wire.codec, &AnySecurity::Null, limits, name).framed(Frames::Nats);
    let sender = Sender::new(next_id(), Arc::clone(&wire.name));
    let outlet = Outlet::Socket(stream);
    Conn::new(
        keeper.clone(),
        budget,
        sender,
        &Arc::new(own),
        link,
        outlet,
        None,
    )
}

impl Addresses for Broker {
    fn everyone(&self) -> &Arc<Conn> {
        &self.everyone
    }

    fn anyone(&self) -> Option<&Arc<Conn>> {
        Some(&self.anyone)
    }

    fn hear(&self, above: &dyn Above, event: Event<'_>) {
        self.listen(above, event);
    }

    fn named(&self, name: &str) -> Option<Arc<Conn>> {
        self.stranger_named(name)
    }

    fn sender(&self, sender: &Sender) -> Option<Arc<Conn>> {
        lock(&self.known).stranger(sender.id)
    }

    fn all(&self) -> Vec<Arc<Conn>> {
        let mut all = vec![Arc::clone(&self.everyone), Arc::clone(&self.anyone)];
        all.extend(lock(&self.known).all());
        all
    }

    fn close(&self) {
        self.leave();
        let text = "the transport has ended";
        self.line.close(DisconnectReason::Transport(text.into()));
    }

    fn is_ours(&self, _sender: &Sender) -> bool {
        false
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("wire", &self.wire.name)
            .field("name", &self.subjects.name())
            .finish_non_exhaustive()
    }
}
