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
mod cluster;
mod doubts;
mod hear;
mod known;
mod lately;
mod lost;
mod outlet;
mod presences;
mod served;
mod values;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::security::SecInfo;
use crate::base::sender::{Sender, next_id};
use crate::base::sync::lock;
use crate::carrier::broker::Settings;
use crate::carrier::stream::Stream;
use crate::wire::Wire;
use crate::wire::broker::subjects::Subjects;
use crate::wire::broker::{Message, Said, Tongue, Unsaid};
use crate::wire::frames::Frames;
use crate::wire::security::AnySecurity;

use self::asked::Questions;
use self::known::Known;
use self::served::Served;
use super::super::above::{Above, Hears};
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
/// The same where pings are rare.
const FEW_SILENCES: u32 = 2;

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
    /// Which subjects mean what on this connection.
    subjects: Subjects,
    everyone: Arc<Conn>,
    anyone: Arc<Conn>,
    waiting: Arc<Waiting>,
    /// Since when it is open, in seconds since 1970.
    since: u64,
    /// How it is spoken to. In the lock order before the queue of the line: what was held leaves
    /// under it, so that nothing else overtakes.
    tongue: Mutex<Tongue>,
    /// Guards when it was asked last whether it is there. A leaf in the lock order.
    pulse: Mutex<Pulse>,
    /// Guards who is there; a leaf in the lock order, as the two below.
    known: Mutex<Known>,
    /// Guards what we have asked.
    questions: Mutex<Questions>,
    /// Guards what we serve, and have been asked.
    served: Mutex<Served>,
    /// Guards what is to be done as other servers come and go. A leaf in the lock order.
    cluster: Mutex<Cluster>,
    /// Why no answers can come, if the broker does not let us hear them.
    deaf: OnceLock<Error>,
    /// The program was told that another one is called as it is.
    namesake: AtomicBool,
}

impl Broker {
    pub(crate) fn new(
        around: Weak<dyn Around>,
        keeper: Weak<dyn Keeper>,
        budget: &Arc<Budget>,
        (wire, link): (&Arc<Wire>, usize),
        settings: &Arc<Settings>,
        tongue: Tongue,
        stream: Stream,
    ) -> Arc<Self> {
        let subjects = settings.subjects();
        let line = line(&keeper, budget, (wire, link), settings.frames(), stream);
        let waiting = Arc::new(Waiting::new(SHARES));
        let keeps_values = values::are_kept(&tongue, wire);
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
                    keeps_values,
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
                subjects,
                everyone: conn(everybody, &all, At::All),
                anyone: conn(next_id(), &any, At::Any),
                waiting: Arc::clone(&waiting),
                since: SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs()),
                tongue: Mutex::new(tongue),
                pulse: Mutex::default(),
                known: Mutex::default(),
                questions: Mutex::default(),
                served: Mutex::default(),
                cluster: Mutex::default(),
                deaf: OnceLock::new(),
                namesake: AtomicBool::new(false),
            }
        })
    }

    pub(super) fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Subscribes to what is ours, and says that we are there.
    pub(crate) fn begin(&self, served: Vec<String>) {
        let entering = lock(&self.tongue).enter(self.subjects());
        self.say(entering);
        self.serve(served);
        self.announce();
    }

    /// Says that we are there.
    fn announce(&self) {
        let announcing = lock(&self.tongue).announce(self.subjects());
        self.say(announcing);
    }

    /// Says what the connection is good for nothing without.
    fn say(&self, made: Result<Vec<u8>, Unsaid>) {
        match made {
            Ok(bytes) => self.write(&bytes),
            Err(why) => {
                let text = format!("we cannot say that we are there: {why:?}");
                self.line.close(DisconnectReason::Transport(text.into()));
            }
        }
    }

    /// Says good-bye.
    pub(crate) fn leave(&self) {
        let bytes = lock(&self.tongue).leave(self.subjects());
        self.write(&bytes);
    }

    /// How often somebody is asked whether he is there.
    pub(crate) fn probe(&self) -> Duration {
        self.settings.probe()
    }

    /// How often it is to be looked after: at each probe, and as often as the broker wants to hear of
    /// us.
    pub(crate) fn period(&self) -> Duration {
        let keepalive = lock(&self.tongue).keepalive();
        keepalive.map_or(self.probe(), |keepalive| self.probe().min(keepalive / 2))
    }

    /// Some time has passed: looks after the broker, and after those who owe us answers.
    pub(crate) fn tick(&self, above: &dyn Above, now: Instant) {
        if self.line.is_closed() {
            return;
        }
        let _batch = Batch::begin();
        let (every, most) = match lock(&self.tongue).keepalive() {
            Some(keepalive) => (keepalive / 2, FEW_SILENCES),
            None => (self.probe(), SILENCES),
        };
        let beat = lock(&self.pulse).beat(now, every, most);
        match beat {
            Beat::Early => {}
            Beat::Ask => {
                let ping = lock(&self.tongue).ping();
                self.write(&ping);
            }
            Beat::Dead => {
                let after = every * most;
                self.line.close(DisconnectReason::Silent { after });
                return;
            }
        }
        if !lock(&self.pulse).is_time(now, self.probe()) {
            return;
        }
        self.greet_late();
        self.look_at_questions(above, now);
        self.look_at_members(above);
        self.look_at_doubts(above, now);
        self.forget_owed();
        self.look_at_cluster(now);
    }

    /// Writes what was made for the line; if the line has ended, that is seen elsewhere.
    fn write(&self, verbs: &[u8]) {
        if verbs.is_empty() {
            return;
        }
        if let Some(around) = self.around.upgrade() {
            around.send(&self.line, verbs);
        }
    }

    /// Sends something of our own.
    fn publish(&self, subject: &str, reply: &str, payload: &[u8]) {
        let subject = &*self.subjects().addressed(subject);
        self.publish_message(&Message {
            subject: &[subject],
            correlation: b"",
            reply: &[reply],
            payload,
            kept: false,
        });
    }

    fn publish_message(&self, message: &Message<'_>) {
        let limit = self.line.wire.limits.peer_queue.saturating_mul(4);
        let mut out = Vec::new();
        let leaving = lock(&self.tongue).publish(message, limit, &mut out);
        match leaving {
            Ok(_) => self.write(&out),
            Err(why) => crate::base::log::debug!(
                subject = message.subject.concat(),
                "not said to the broker: {why:?}"
            ),
        }
    }

    /// A peer or an address behind this broker, and the user for whom the broker vouches.
    fn conn(&self, name: &str, at: At, user: Option<&str>) -> Arc<Conn> {
        let secinfo = user.map(|user| SecInfo::from([("user".to_owned(), user.to_owned())]));
        let sender = Sender {
            secinfo: secinfo.map(Arc::new),
            wire: self.everyone.id(),
            origin: self.everyone.peer.origin.clone(),
            ..Sender::new(next_id(), name.into())
        };
        let outlet = Outlet::Broker(BrokerOutlet {
            by: self.me.clone() as Weak<dyn Carries>,
            at,
            waiting: Arc::clone(&self.waiting),
            keeps_values: self.keeps_values(),
        });
        let (keeper, wire) = (self.keeper.clone(), &self.wire);
        Conn::new(keeper, &self.budget, sender, wire, self.link, outlet, None)
    }

    /// The error of what cannot be sent.
    fn unsaid(&self, why: Unsaid, method: &str, size: usize) -> Error {
        match why {
            Unsaid::TooLarge(limit) => Error::MessageTooLarge { size, limit },
            Unsaid::Full(queued) => Error::QueueFull {
                peer: Arc::clone(&self.everyone.peer().name),
                queued,
            },
            Unsaid::Wrong(why) => self.cannot(method, &why),
        }
    }
}

/// What is to be done as other servers of a cluster come and go.
#[derive(Debug, Default)]
struct Cluster {
    /// Since when our server is about to stop.
    lame: Option<Instant>,
    /// So often we say again that we are there.
    announce: u32,
}

/// When a broker was asked last whether it is there.
#[derive(Debug, Default)]
struct Pulse {
    asked: Option<Instant>,
    /// When we have looked after those behind it.
    looked: Option<Instant>,
    /// Pings that it has not answered.
    silences: u32,
}

/// What is to be done for it.
enum Beat {
    Early,
    Ask,
    Dead,
}

impl Pulse {
    fn beat(&mut self, now: Instant, every: Duration, most: u32) -> Beat {
        if self
            .asked
            .is_some_and(|asked| now.duration_since(asked) < every)
        {
            return Beat::Early;
        }
        if self.silences >= most {
            return Beat::Dead;
        }
        self.asked = Some(now);
        self.silences += 1;
        Beat::Ask
    }

    fn heard(&mut self) {
        self.silences = 0;
    }

    /// Whether those behind it are to be looked after again.
    fn is_time(&mut self, now: Instant, every: Duration) -> bool {
        let is_time = self
            .looked
            .is_none_or(|looked| now.duration_since(looked) >= every);
        if is_time {
            self.looked = Some(now);
        }
        is_time
    }
}

/// The connection itself.
fn line(
    keeper: &Weak<dyn Keeper>,
    budget: &Arc<Budget>,
    (wire, link): (&Arc<Wire>, usize),
    frames: Frames,
    stream: Stream,
) -> Arc<Conn> {
    let mut limits = wire.limits.clone();
    // With what a security provider adds; each message is looked at again.
    limits.message_size = limits.message_size.saturating_mul(2).saturating_add(AROUND);
    let name = wire.name.to_string();
    let own = Wire::new(&wire.codec, &AnySecurity::Null, limits, name).framed(frames);
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

    fn hear(&self, above: &dyn Above, hears: &mut dyn Hears, said: Said<'_>) {
        self.listen(above, hears, said);
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
            .field("name", &self.subjects().name())
            .finish_non_exhaustive()
    }
}
