//! Calls by a broker, which stands between programs that do not know each other's addresses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::jobs::{self, Part, Read};
use crate::Result;
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::stats::quantile;
use crate::system::Job;
use crate::systems::brokers::{self, Act, Behind, Broker, Kind, Make, PATIENCE, Teller, receivers};

/// How many calls are in flight.
const MANY: usize = 64;
/// How many receive what goes to everybody.
const RECEIVERS: usize = 1000;
/// How many come together.
const FEW: usize = 10;
const CROWD: usize = 100;

#[cfg(feature = "nats")]
pub(super) fn nats(scale: &Scale) -> Workload {
    Workload {
        title: "By a NATS server",
        about: "The server is a process of its own, as installed; caller and callee are threads of this \
                one. `floor`: bare sockets, and verbs by heart. `to 1000`: a notification until all have \
                it, which are subscriptions of one connection. `join`: that many peers, until each knows \
                all others; `floor` and `async-nats` only connect and subscribe, and know nobody. \
                `unserved`: a call that nobody serves, until it fails. `killed`: a call to a process that is \
                killed, until it fails; `floor` and `async-nats` wait for their deadline.",
        ..table(Kind::Nats, scale)
    }
}

#[cfg(feature = "mqtt")]
pub(super) fn mqtt(scale: &Scale) -> Workload {
    Workload {
        title: "By a broker of MQTT",
        about: "Mosquitto is a process of its own, as installed; caller and callee are threads of this one. \
                All messages are acknowledged (QoS 1). `floor`: bare sockets, and packets by heart. `to \
                1000`: a notification until all have it, which are connections. `join`: that many peers, \
                until each knows all others; `floor` and `rumqttc` only connect, with a will, and \
                subscribe. `unserved`: a call that nobody serves, until it fails. `killed`: a call to a \
                process that is killed, until it fails; for `floor` and `rumqttc`, whose peers are of \
                this process and close their connections, until the will has come.",
        ..table(Kind::Mqtt, scale)
    }
}

fn table(kind: Kind, scale: &Scale) -> Workload {
    let mut columns = jobs::columns(&parts());
    columns.push(Column::new(format!("to {RECEIVERS}"), Unit::Seconds));
    columns.push(Column::new(format!("join, {FEW}"), Unit::Seconds));
    columns.push(Column::new(format!("join, {CROWD}"), Unit::Seconds));
    columns.push(Column::new("unserved", Unit::Seconds));
    columns.push(Column::new("killed", Unit::Seconds));
    let slice = scale.slice;
    let contender =
        |(name, make): (&str, Make)| Contender::new(name, move || setup(kind, make, slice));
    Workload {
        title: "",
        about: "",
        columns,
        contenders: brokers::all(kind).into_iter().map(contender).collect(),
        rounds: None,
    }
}

fn parts() -> [Part; 2] {
    [
        Part::new(Job::Serial, &[("one call", Read::Median)]),
        Part::new(
            Job::Window(MANY),
            &[("64 calls", Read::Rate), ("CPU", Read::Cpu)],
        ),
    ]
}

fn setup(kind: Kind, make: Make, slice: Duration) -> Result<Measure> {
    let broker = Arc::new(Broker::start(kind)?);
    let system = make(&broker);
    let mut calls = jobs::setup(Arc::clone(&system) as _, parts().to_vec(), slice)?;
    Ok(Box::new(move || {
        let mut values = calls()?;
        values.push(Some(tell(&broker, &*system, slice)?));
        for count in [FEW, CROWD] {
            values.push(Some(join(&*system, count)?));
        }
        values.push(Some(median(system.unserved(&fresh("empty"))?, slice)?));
        values.push(system.killed(&fresh("farm"))?);
        Ok(values)
    }))
}

/// A namespace in which nobody was before.
fn fresh(name: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("{name}{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// In lock step: the next when all have received.
fn tell(broker: &Broker, system: &dyn Behind, slice: Duration) -> Result<f64> {
    let namespace = fresh("hall");
    let mut receivers = receivers(broker, &namespace, RECEIVERS)?;
    let Teller {
        mut knows,
        mut send,
    } = system.teller(&namespace)?;
    // Who has not subscribed yet does not hear it.
    let begin = Instant::now();
    loop {
        receivers.announce()?;
        if knows(RECEIVERS) {
            break;
        }
        if begin.elapsed() > PATIENCE {
            return Err("not all receivers are known in time".into());
        }
    }
    median(
        Box::new(move || {
            send()?;
            receivers.receive()
        }),
        slice,
    )
}

fn join(system: &dyn Behind, count: usize) -> Result<f64> {
    let begin = Instant::now();
    let peers = system.join(&fresh("yard"), count)?;
    let taken = begin.elapsed().as_secs_f64();
    drop(peers);
    Ok(taken)
}

/// What it takes, of as many as fit.
fn median(mut act: Act, slice: Duration) -> Result<f64> {
    act()?;
    let begin = Instant::now();
    let mut laps = Vec::new();
    while laps.len() < 3 || begin.elapsed() < slice {
        let lap = Instant::now();
        act()?;
        laps.push(lap.elapsed().as_secs_f64());
    }
    laps.sort_unstable_by(f64::total_cmp);
    Ok(quantile(&laps, 0.5).ok_or("nothing was measured")?)
}
