//! Tables whose columns are jobs of a client.

use std::time::{Duration, Instant};

use crate::Result;
use crate::plan::{Column, Contender, Measure, Unit};
use crate::stats::quantile;
use crate::system::{AnySystem, Client, Job, Laps, Server, calibrate};

/// What is read from one run of a job.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    Median,
    P99,
    Mean,
    Rate,
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
            Contender::new(system.name(), move || setup(&system, parts, slice))
        })
        .collect()
}

/// A part with how often its job fits into a slice of time, where the system can do it.
struct Paced {
    part: Part,
    count: Option<usize>,
}

struct Running {
    parts: Vec<Paced>,
    // The client goes before its server.
    client: Box<dyn Client>,
    _server: Server,
}

fn setup(system: &AnySystem, parts: Vec<Part>, slice: Duration) -> Result<Measure> {
    let server = system.serve()?;
    let mut client = system.connect(server.port)?;
    let paced = |part: Part| -> Result<Paced> {
        let count = match system.can(part.job) {
            true => Some(calibrate(client.as_mut(), part.job, slice)?),
            false => None,
        };
        Ok(Paced { part, count })
    };
    let parts = parts.into_iter().map(paced).collect::<Result<_>>()?;
    let mut running = Running {
        parts,
        client,
        _server: server,
    };
    Ok(Box::new(move || running.round()))
}

impl Running {
    fn round(&mut self) -> Result<Vec<Option<f64>>> {
        let mut values = Vec::new();
        for Paced { part, count } in &self.parts {
            let Some(count) = *count else {
                values.extend(part.columns.iter().map(|_| None));
                continue;
            };
            let mut laps = Laps::start();
            let begin = Instant::now();
            self.client.run(part.job, count, &mut laps)?;
            let taken = begin.elapsed().as_secs_f64();
            laps.nanos.sort_unstable();
            let lap = |part| quantile(&laps.nanos, part).map(|nanos| nanos as f64 * 1e-9);
            values.extend(part.columns.iter().map(|(_, read)| match read {
                Read::Median => lap(0.5),
                Read::P99 => lap(0.99),
                Read::Mean => Some(taken / count as f64),
                Read::Rate => Some(count as f64 / taken),
            }));
        }
        Ok(values)
    }
}
