//! What goes by a broker, which is a real one: written by hand, with this library, and with clients of others.

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::Result;
use crate::message;
use crate::system::{Job, System};

mod broker;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(feature = "nats")]
mod nats;
mod ours;

pub(crate) use broker::{Broker, Kind};
pub(crate) use ours::{Ours, silent};

/// Something to be done again and again.
pub(crate) type Act = Box<dyn FnMut() -> Result>;

/// A system whose server is a peer behind a broker.
pub(crate) trait Behind: System {
    /// What sends to everybody in this namespace.
    fn teller(&self, namespace: &str) -> Result<Teller>;

    /// So many come into this namespace, and go when what is given is dropped.
    fn join(&self, namespace: &str, count: usize) -> Result<Box<dyn Any>>;

    /// A call that nobody serves, which fails.
    fn unserved(&self, namespace: &str) -> Result<Act>;

    /// How long somebody waits for an answer whose peer is killed, in seconds; `None` if until a deadline.
    fn killed(&self, namespace: &str) -> Result<Option<f64>>;
}

/// What sends to everybody.
pub(crate) struct Teller {
    /// Whether so many are there within a second, where that is known.
    pub(crate) knows: Box<dyn FnMut(usize) -> bool>,
    pub(crate) send: Act,
}

/// Those to whom something is sent: bare connections, on the thread that sends.
pub(crate) trait Receivers {
    /// They say that they are there, for those who want to know.
    fn announce(&mut self) -> Result;

    /// All have received.
    fn receive(&mut self) -> Result;
}

/// So many receivers behind a broker.
pub(crate) fn receivers(
    broker: &Broker,
    namespace: &str,
    count: usize,
) -> Result<Box<dyn Receivers>> {
    match broker.kind {
        #[cfg(feature = "nats")]
        Kind::Nats => Ok(Box::new(nats::Receivers::new(broker, namespace, count)?)),
        #[cfg(feature = "mqtt")]
        Kind::Mqtt => Ok(Box::new(mqtt::Receivers::new(broker, namespace, count)?)),
    }
}

/// What makes a system behind this broker.
pub(crate) type Make = fn(&Arc<Broker>) -> Arc<dyn Behind>;

/// What goes by a broker of this kind, with its name.
pub(crate) fn all(kind: Kind) -> Vec<(&'static str, Make)> {
    let mut all: Vec<(&'static str, Make)> = match kind {
        #[cfg(feature = "nats")]
        Kind::Nats => vec![("floor", |broker| Arc::new(nats::Hand(Arc::clone(broker))))],
        #[cfg(feature = "mqtt")]
        Kind::Mqtt => vec![("floor", |broker| Arc::new(mqtt::Hand(Arc::clone(broker))))],
    };
    all.push(("quickrpc jrpc", |broker| {
        Arc::new(Ours::new(broker, "jrpc"))
    }));
    #[cfg(feature = "msgpack")]
    all.push(("quickrpc msgpack", |broker| {
        Arc::new(Ours::new(broker, "msgpack"))
    }));
    match kind {
        #[cfg(feature = "nats")]
        Kind::Nats => all.push(("async-nats", |broker| {
            Arc::new(nats::AsyncNats(Arc::clone(broker)))
        })),
        #[cfg(feature = "mqtt")]
        Kind::Mqtt => all.push(("rumqttc", |broker| {
            Arc::new(mqtt::Rumqttc(Arc::clone(broker)))
        })),
    }
    all
}

/// Nothing that works takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What clients can do here.
fn can(job: Job) -> bool {
    matches!(job, Job::Serial | Job::Window(_))
}

/// A call, as those send it who know it by heart and need no number in it.
fn call() -> &'static [u8] {
    static CALL: OnceLock<Vec<u8>> = OnceLock::new();
    CALL.get_or_init(|| numbered(message::FIRST_ID))
}

/// A call with this number.
fn numbered(id: u64) -> Vec<u8> {
    let mut call = Vec::with_capacity(100);
    message::push_call(&mut call, id);
    call.pop(); // its delimiter
    call
}

/// A notification.
fn note() -> &'static [u8] {
    static NOTE: OnceLock<Vec<u8>> = OnceLock::new();
    NOTE.get_or_init(|| {
        let mut note = Vec::new();
        message::push_log(&mut note);
        note.pop();
        note
    })
}

/// The answer to a call.
fn answer(call: &[u8]) -> Vec<u8> {
    let mut answer = Vec::with_capacity(64);
    answer.extend_from_slice(br#"{"jsonrpc":"2.0","result":579,"id":"#);
    answer.extend_from_slice(message::id_digits(call));
    answer.push(b'}');
    answer
}

/// # Errors
///
/// If it is no answer.
fn check(answer: &[u8]) -> Result<i64> {
    match memchr::memmem::find(answer, br#""result":579,"#) {
        Some(_) => Ok(message::SUM),
        None => Err(format!("a wrong answer: {}", String::from_utf8_lossy(answer)).into()),
    }
}
