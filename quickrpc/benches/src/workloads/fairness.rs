//! A client that floods, beside one that is calm.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Result;
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::stats::quantile;
use crate::system::{AnySystem, Client, Job, Laps};
use crate::systems::{self, Floor};

/// What the flooding client has in flight.
const FLOOD: Job = Job::Window(1_000);

pub(super) fn workload(scale: &Scale) -> Workload {
    let mut rows: Vec<AnySystem> = vec![Arc::new(Floor::typed().epoll())];
    let others = systems::all(scale).into_iter();
    rows.extend(others.filter(|system| system.can(FLOOD)));
    let slice = scale.slice;
    Workload {
        title: "Fairness",
        about: "How long the calls of a calm client take, one in flight, while another one has \
                1,000 in flight all the time. The first row is the floor of this table, one \
                thread for both clients, as in all but the thread-per-connection floors.",
        columns: vec![
            Column::new("calm p50", Unit::Seconds),
            Column::new("calm p99", Unit::Seconds),
            Column::new("flood", Unit::PerSecond),
        ],
        contenders: rows
            .into_iter()
            .map(|system| {
                Contender::new(system.name(), move || {
                    system.connect(system.serve()?.port)?;
                    Ok(Box::new(move || round(&system, slice)) as Measure)
                })
            })
            .collect(),
        rounds: None,
    }
}

fn round(system: &AnySystem, slice: Duration) -> Result<Vec<Option<f64>>> {
    let server = system.serve()?;
    let mut calm = system.connect(server.port)?;
    let flood = Flood::begin(system.connect(server.port)?);
    let (begin, mut laps) = (Instant::now(), Laps::start());
    while begin.elapsed() < slice {
        calm.run(Job::Serial, 1, &mut laps)?;
    }
    let rate = flood.end()?;
    laps.nanos.sort_unstable();
    let lap = |part| quantile(&laps.nanos, part).map(|nanos| nanos as f64 * 1e-9);
    Ok(vec![lap(0.5), lap(0.99), Some(rate)])
}

struct Flood {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<f64>>,
}

impl Flood {
    fn begin(mut client: Box<dyn Client>) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let ended = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (begin, mut calls) = (Instant::now(), 0);
            while !ended.load(Ordering::Relaxed) {
                client.run(FLOOD, 5_000, &mut Laps::start())?;
                calls += 5_000;
            }
            Ok(f64::from(calls) / begin.elapsed().as_secs_f64())
        });
        // It should be at full strength.
        thread::sleep(Duration::from_millis(20));
        Flood { stop, thread }
    }

    /// Gives how many calls there were each second.
    fn end(self) -> Result<f64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the flood panicked")?
    }
}
