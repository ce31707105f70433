//! Tables whose columns are jobs of a client.

use std::time::{Duration, Instant};

use super::cpu;
use crate::Result;
use crate::plan::{Column, Contender, Measure, Unit};
use crate::stats::quantile;
use crate::system::{AnySystem, Client, Job, Laps, calibrate};

/// What is read from one run of a job.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    Median,
    P99,
    P999,
    Mean,
    Rate,
    /// What this process has had of CPUs for each.
    Cpu,
}

/// One job and the columns that come from it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) job: Job,
    pub(super) columns: Vec<(String, Read)>,
}

impl Part {
    pub(super) fn new(job: Job, columns: &[(&str, Read)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, read)| ((*name).to_owned(), *read));
        Part {
            job,
            columns: columns.collect(),
        }
    }
}

pub(super) fn columns(parts: &[Part]) -> Vec<Column> {
    let columns = parts.iter().flat_map(|part| &part.columns);
    columns
        .map(|(name, read)| match read {
            Read::Rate => Column::new(name, Unit::PerSecond),
            _ => Column::new(name, Unit::Seconds),
        })
        .collect()
}

/// Rows of systems that do these jobs, each over one connection.
pub(super) fn contenders(
    systems: Vec<AnySystem>,
    parts: &[Part],
    slice: Duration,
) -> Vec<Contender> {
    let able = |system: &AnySystem| parts.iter().any(|part| system.can(part.job));
    systems
        .into_iter()
        .filter(able)
        .map(|system| {
            let parts = parts.to_vec();
            Contender::new(system.name(), move || setup(system, parts, slice))
        })
        .collect()
}

/// A system that is started anew for each round: which thread runs on which CPU is a matter
/// of luck that often lasts as long as the threads, and should be part of the spread.
struct Rounds {
    system: AnySystem,
    parts: Vec<Part>,
    slice: Duration,
    /// How often each job fits into a slice, from the first round on.
    counts: Vec<Option<usize>>,
}

pub(super) fn setup(system: AnySystem, parts: Vec<Part>, slice: Duration) -> Result<Measure> {
    let mut rounds = Rounds {
        counts: vec![None; parts.len()],
        system,
        parts,
        slice,
    };
    // Says early what does not work.
    rounds.system.connect(rounds.system.serve()?.port)?;
    Ok(Box::new(move || rounds.round()))
}

impl Rounds {
    fn round(&mut self) -> Result<Vec<Option<f64>>> {
        let server = self.system.serve()?;
        let mut client = self.system.connect(server.port)?;
        let mut values = Vec::new();
        for (part, count) in self.parts.iter().zip(&mut self.counts) {
            if !self.system.can(part.job) {
                values.extend(part.columns.iter().map(|_| None));
                continue;
            }
            let count = match *count {
                Some(count) => {
                    // Buffers have grown and pages are there before the clock runs.
                    client.run(part.job, count.div_ceil(8), &mut Laps::start())?;
                    count
                }
                None => *count.insert(calibrate(client.as_mut(), part.job, self.slice)?),
            };
            let native = self.system.is_native();
            values.extend(measure(client.as_mut(), part, count, native)?);
        }
        Ok(values)
    }
}

fn measure(
    client: &mut dyn Client,
    part: &Part,
    count: usize,
    native: bool,
) -> Result<Vec<Option<f64>>> {
    let mut laps = Laps::start();
    let (begin, before) = (Instant::now(), cpu::busy());
    client.run(part.job, count, &mut laps)?;
    let (taken, busy) = (begin.elapsed().as_secs_f64(), cpu::busy() - before);
    laps.nanos.sort_unstable();
    let lap = |part| quantile(&laps.nanos, part).map(|nanos| nanos as f64 * 1e-9);
    let values = part.columns.iter().map(|(_, read)| match read {
        Read::Median => lap(0.5),
        Read::P99 => lap(0.99),
        Read::P999 => lap(0.999),
        Read::Mean => Some(taken / count as f64),
        Read::Rate => Some(count as f64 / taken),
        // Nobody knows what its processes have had.
        Read::Cpu => native.then(|| busy / count as f64),
    });
    Ok(values.collect())
}
