//! What was measured, for people and for programs.

use std::fs;

use serde::Serialize;

use crate::plan::{Column, Unit};
use crate::stats::Summary;

mod svg;
mod table;
mod units;

pub(crate) use svg::chart;

/// A filled table.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) columns: Vec<Column>,
    /// The first is the floor.
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// One for each column.
    pub(crate) cells: Vec<Option<Cell>>,
    /// Why there is nothing, or not everything.
    pub(crate) missing: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    #[serde(skip)]
    pub(crate) unit: Unit, // the column says it too
    pub(crate) value: Summary,
    /// How many times worse than the floor in the same round.
    pub(crate) ratio: Option<Summary>,
}

/// Everything that was measured, and on what.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) tables: Vec<Table>,
}

/// What the numbers depend on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    /// How many of them this process may use.
    cpus: usize,
    kernel: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            cpu: model.map_or("unknown CPU", |(_, name)| name).to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
        }
    }

    /// In one line.
    pub(crate) fn text(&self) -> String {
        let cpus = match self.cpus {
            1 => "one CPU".to_owned(),
            cpus => format!("{cpus} CPUs"),
        };
        format!("{cpus} ({}), Linux {}", self.cpu, self.kernel)
    }
}
