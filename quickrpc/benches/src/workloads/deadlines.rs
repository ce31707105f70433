//! Very many calls that nobody answers, each with a deadline of its own.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Limits, Promise};

use super::cpu::busy;
use crate::Result;
use crate::message::{A, B, NOTE};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::stats::quantile;
use crate::systems::quickrpc::{Bench, BenchInverse, port, right};

/// One of them is over each millisecond.
const MANY: u32 = 65_000;
/// How long this is looked at.
const WATCHED: Duration = Duration::from_secs(1);

pub(super) fn workload(_scale: &Scale) -> Workload {
    let row = |name: &str, pending: u32| {
        Contender::new(
            name,
            move || Ok(Box::new(move || round(pending)) as Measure),
        )
    };
    Workload {
        title: "Deadlines",
        about: "What the processor has to do each second for 65,000 calls that wait, of which one \
                is over each millisecond, and how long a call beside them takes.",
        columns: vec![
            Column::new("processor", Unit::Seconds),
            Column::new("call p50", Unit::Seconds),
            Column::new("call p99", Unit::Seconds),
        ],
        contenders: vec![row("no calls", 0), row("65,000 calls", MANY)],
        rounds: Some(1),
    }
}

fn round(pending: u32) -> Result<Vec<Option<f64>>> {
    let limits = Limits {
        pending_calls: 100_000,
        pending_calls_per_peer: 100_000,
        ..Limits::default()
    };
    let server = Bench::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits.clone())
        .build()?;
    server.add.connect(|_sender, a, b, _note| a + b);
    // What will never be answered.
    let kept = Mutex::new(Vec::new());
    server.text.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        if let Ok(mut kept) = kept.lock() {
            kept.push(resolver);
        }
        promise
    });
    server.start()?;
    let client = BenchInverse::builder()
        .codec("jrpc")
        .transport(format!("tcp:127.0.0.1:{}", port(&server)?))
        .limits(limits)
        .call_timeout(Duration::from_secs(60))
        .build()?;
    client.start()?;
    let hub = client.all();
    let soon = Duration::from_secs(1);
    let waiting: Vec<_> = (0..pending)
        .map(|number| {
            let timeout = soon + Duration::from_millis(number.into());
            hub.timeout(timeout).text("")
        })
        .collect();
    // All have arrived, and the first are over.
    right(hub.add(A, B, NOTE))?;
    thread::sleep(soon);
    let before = busy();
    thread::sleep(WATCHED);
    let busy = (busy() - before) / WATCHED.as_secs_f64();
    let mut laps = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        right(hub.add(A, B, NOTE))?;
        laps.push(begin.elapsed().as_nanos() as u64);
    }
    laps.sort_unstable();
    let lap = |part| quantile(&laps, part).map(|nanos| nanos as f64 * 1e-9);
    drop(waiting);
    Ok(vec![Some(busy), lap(0.5), lap(0.99)])
}
