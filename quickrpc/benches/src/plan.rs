//! Tables, and how they are filled: round by round, all systems in turn.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Result;
use crate::report::{Cell, Row, Table};
use crate::stats::Summary;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    /// Fewer sizes and connections, shorter rounds.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    /// How long each measurement takes, about.
    pub(crate) slice: Duration,
    /// An option of this library's transports, to be tried beside the default.
    pub(crate) option: Option<String>,
    /// The environment of the Python original.
    pub(crate) python: Option<PathBuf>,
    /// The environment of Zonis.
    #[cfg(feature = "websocket")]
    pub(crate) zonis: Option<PathBuf>,
    /// The environment of Juggler.
    #[cfg(feature = "websocket")]
    pub(crate) juggler: Option<PathBuf>,
}

impl Default for Scale {
    fn default() -> Self {
        Scale {
            quick: false,
            rounds: 5,
            slice: Duration::from_millis(250),
            option: None,
            python: None,
            #[cfg(feature = "websocket")]
            zonis: None,
            #[cfg(feature = "websocket")]
            juggler: None,
        }
    }
}

impl Scale {
    pub(crate) fn quick() -> Self {
        Scale {
            quick: true,
            rounds: 3,
            slice: Duration::from_millis(60),
            ..Scale::default()
        }
    }
}

/// A table to be filled.
pub(crate) struct Workload {
    pub(crate) title: &'static str,
    /// What people should know to read the numbers.
    pub(crate) about: &'static str,
    pub(crate) columns: Vec<Column>,
    /// The first is the floor: what ratios are to.
    pub(crate) contenders: Vec<Contender>,
    /// Where one round is long, or always gives the same.
    pub(crate) rounds: Option<usize>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) unit: Unit,
}

impl Column {
    pub(crate) fn new(name: impl Into<String>, unit: Unit) -> Self {
        Column {
            name: name.into(),
            unit,
        }
    }
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Seconds,
    PerSecond,
    Bytes,
    Count,
}

impl Unit {
    /// How many times worse than the floor: more seconds, or less per second. Counts are not
    /// compared, since the floor's may be zero.
    fn ratio(self, value: f64, floor: f64) -> Option<f64> {
        match self {
            Unit::PerSecond => Some(floor / value),
            Unit::Seconds | Unit::Bytes => Some(value / floor),
            Unit::Count => None,
        }
    }
}

/// Gives the numbers of one round, one for each column; `None` where a system cannot do that.
pub(crate) type Measure = Box<dyn FnMut() -> Result<Vec<Option<f64>>>>;

/// A row to be filled.
pub(crate) struct Contender {
    pub(crate) name: String,
    /// Starts what is needed.
    pub(crate) setup: Box<dyn FnOnce() -> Result<Measure>>,
}

impl Contender {
    pub(crate) fn new(
        name: impl Into<String>,
        setup: impl FnOnce() -> Result<Measure> + 'static,
    ) -> Self {
        Contender {
            name: name.into(),
            setup: Box::new(setup),
        }
    }
}

/// One contender that is ready, or why it is not.
struct Entry {
    name: String,
    measure: Result<Measure, String>,
    /// For each round the numbers of all columns.
    rounds: Vec<Vec<Option<f64>>>,
}

/// Fills a table.
pub(crate) fn run(id: &'static str, workload: Workload, scale: &Scale) -> Table {
    let begin = Instant::now();
    let mut entries = Vec::new();
    for contender in workload.contenders {
        progress(id, &format!("preparing {}", contender.name));
        let measure = (contender.setup)().map_err(|error| error.to_string());
        entries.push(Entry {
            name: contender.name,
            measure,
            rounds: Vec::new(),
        });
    }
    let rounds = workload.rounds.unwrap_or(scale.rounds).min(scale.rounds);
    for round in 1..=rounds {
        for entry in &mut entries {
            progress(id, &format!("round {round}/{rounds} {}", entry.name));
            if let Ok(measure) = &mut entry.measure {
                match measure() {
                    Ok(values) => entry.rounds.push(values),
                    Err(error) => entry.measure = Err(error.to_string()),
                }
            }
        }
    }
    progress(id, &format!("{:.0?}\n", begin.elapsed()));
    let floor = entries.first().map(|floor| floor.rounds.clone());
    let floor = floor.unwrap_or_default();
    Table {
        id,
        title: workload.title,
        about: workload.about,
        rows: entries
            .into_iter()
            .map(|entry| row(entry, &workload.columns, &floor))
            .collect(),
        columns: workload.columns,
    }
}

fn row(entry: Entry, columns: &[Column], floor: &[Vec<Option<f64>>]) -> Row {
    let cell = |(number, column): (usize, &Column)| -> Option<Cell> {
        let of = |round: &Vec<Option<f64>>| round.get(number).copied().flatten();
        let values: Vec<f64> = entry.rounds.iter().filter_map(of).collect();
        let ratios = entry
            .rounds
            .iter()
            .zip(floor)
            .filter_map(|(round, floor)| column.unit.ratio(of(round)?, of(floor)?));
        Some(Cell {
            unit: column.unit,
            value: Summary::of(values)?,
            ratio: Summary::of(ratios.collect()),
        })
    };
    Row {
        cells: columns.iter().enumerate().map(cell).collect(),
        name: entry.name,
        missing: entry.measure.err(),
    }
}

/// One line on stderr that is written over again and again; where stderr is no terminal,
/// only what ends is said.
fn progress(id: &str, what: &str) {
    use std::io::{IsTerminal, Write, stderr};
    let mut stderr = stderr().lock();
    let done = match (stderr.is_terminal(), what.ends_with('\n')) {
        (true, _) => write!(stderr, "\r\x1b[K{id}: {what}"),
        (false, true) => write!(stderr, "{id}: {what}"),
        (false, false) => Ok(()),
    };
    done.and_then(|()| stderr.flush()).ok();
}
