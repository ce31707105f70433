//! Handlers that take their time, on worker threads.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::Processing;
use rustix::time::{ClockId, clock_gettime};

use super::cpu;
use crate::Result;
use crate::message::{A, B, NOTE};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::systems::quickrpc::{Bench, BenchInverse, port, right};

/// So many programs call, each with one call at a time over a connection of its own.
const CALLERS: usize = 8;

/// What a handler does.
#[derive(Debug, Clone, Copy)]
enum Task {
    Works(Duration),
    Sleeps(Duration),
}

impl Task {
    fn run(self) {
        match self {
            Task::Works(time) => {
                let thread = || {
                    let time = clock_gettime(ClockId::ThreadCPUTime);
                    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
                };
                let end = thread() + time;
                while thread() < end {
                    (0..1_000).for_each(|number| _ = black_box(number));
                }
            }
            Task::Sleeps(time) => thread::sleep(time),
        }
    }
}

pub(super) fn workload(scale: &Scale) -> Workload {
    let micros = Duration::from_micros;
    let tasks = [
        ("200 µs of work", Task::Works(micros(200))),
        ("20 µs of work", Task::Works(micros(20))),
        ("200 µs of sleep", Task::Sleeps(micros(200))),
    ];
    let slice = scale.slice;
    let row = |name: &str, processing| {
        Contender::new(name, move || {
            let measure = move || {
                let mut values = Vec::new();
                for (_, task) in tasks {
                    values.extend(round(processing, task, slice)?);
                }
                Ok(values)
            };
            Ok(Box::new(measure) as Measure)
        })
    };
    Workload {
        title: "Handlers on workers",
        about: "Eight programs that call, one call at a time each, and a handler that works or sleeps \
                so long; the CPU time is that of a call with its handler. The first row, one worker, \
                is the floor of this table: with two CPUs and work, 0.50× is as good as two workers \
                can be. Callers and workers share the CPUs.",
        columns: tasks
            .iter()
            .flat_map(|(name, _)| {
                [
                    Column::new(*name, Unit::PerSecond),
                    Column::new("CPU", Unit::Seconds),
                ]
            })
            .collect(),
        contenders: vec![
            row("quickrpc jrpc, Queue", Processing::Queue),
            row("quickrpc jrpc, Pool(2)", Processing::Pool(2)),
            row("quickrpc jrpc, Pool(4)", Processing::Pool(4)),
            row("quickrpc jrpc", Processing::Inline),
        ],
        rounds: None,
    }
}

/// Calls each second, and the CPU time of one.
fn round(processing: Processing, task: Task, slice: Duration) -> Result<[Option<f64>; 2]> {
    let server = Bench::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .processing(processing)
        .build()?;
    server.add.connect(move |_sender, a, b, note| {
        black_box(note);
        task.run();
        a + b
    });
    server.start()?;
    let port = port(&server)?;
    let connect = |_| -> Result<BenchInverse> {
        let client = BenchInverse::builder()
            .codec("jrpc")
            .transport(format!("tcp:127.0.0.1:{port}"))
            .call_timeout(Duration::from_secs(60))
            .build()?;
        client.start()?;
        right(client.all().add(A, B, NOTE))?;
        Ok(client)
    };
    let clients = (0..CALLERS).map(connect).collect::<Result<Vec<_>>>()?;
    let (begin, busy) = (Instant::now(), cpu::busy());
    let calls = thread::scope(|scope| {
        let call = |client: &BenchInverse| -> Result<u32> {
            let (hub, mut calls) = (client.all(), 0);
            while begin.elapsed() < slice {
                right(hub.add(A, B, NOTE))?;
                calls += 1;
            }
            Ok(calls)
        };
        let callers: Vec<_> = clients
            .iter()
            .map(|client| scope.spawn(move || call(client)))
            .collect();
        let calls = callers
            .into_iter()
            .map(|caller| caller.join().map_err(|_| "a caller panicked")?);
        calls.sum::<Result<u32>>()
    })?;
    let (taken, busy) = (begin.elapsed(), cpu::busy() - busy);
    let calls = f64::from(calls);
    Ok([Some(calls / taken.as_secs_f64()), Some(busy / calls)])
}
