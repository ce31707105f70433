//! The command line.

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::Result;
use crate::plan::{self, Scale};
use crate::report::{Machine, Report, chart};
use crate::workloads;

const EXAMPLES: &str = "\
Examples, with B for `cargo run --release --manifest-path quickrpc/benches/Cargo.toml --`:
  B --quick                     all tables, roughly, in a few minutes
  B --only serial --only window one table, or some
  B --json now.json --svg chart.svg
                                all numbers of all rounds, and a chart
  B --python VENV               with the Python original (pip install QuickRPC==0.1.0)
  B --only websocket --zonis VENV
                                with Zonis (pip install zonis==2.1.0 fastapi uvicorn)
  B --only websocket --juggler VENV
                                with Juggler (pip install hat-juggler==0.7.6)
  B --option spin=50us          with a transport option of this library, beside the default
  taskset -c 0 B --rounds 9     on one CPU, without luck in the placing of threads

`--no-default-features` before `--manifest-path` leaves out the other libraries, and is
compiled in seconds. Only loopback addresses are used. 10,000 connections need as many open
files in each of two processes; the limit is raised as far as allowed.";

/// Measures QuickRPC against hand-written code and other RPC libraries, in one run.
#[derive(Debug, Parser)]
#[command(name = "quickrpc-bench", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Only this table; may be given several times. `--list` names them
    #[arg(long, value_name = "WORKLOAD", value_parser = workload)]
    only: Vec<&'static str>,

    /// Name the tables, and measure nothing
    #[arg(long)]
    list: bool,

    /// Shorter measurements, and less of what grows
    #[arg(long)]
    quick: bool,

    /// How often everything is measured [default: 5; 3 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,

    /// How long one measurement takes, about, in ms [default: 250; 60 with --quick]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    slice: Option<u64>,

    /// Write all numbers to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Draw a chart of the first tables into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Measure the Python original too, which is installed in this virtual environment
    #[arg(long, value_name = "VENV")]
    python: Option<PathBuf>,

    /// Measure Zonis too, which is installed in this virtual environment with FastAPI and uvicorn
    #[cfg(feature = "websocket")]
    #[arg(long, value_name = "VENV")]
    zonis: Option<PathBuf>,

    /// Measure Juggler too, which is installed in this virtual environment
    #[cfg(feature = "websocket")]
    #[arg(long, value_name = "VENV")]
    juggler: Option<PathBuf>,

    /// Measure `quickrpc jrpc` also with this option on its transports
    #[arg(long, value_name = "KEY=VALUE")]
    option: Option<String>,

    /// What this process is for another one
    #[arg(long, hide = true, num_args = 1..)]
    pub(crate) child: Option<Vec<String>>,
}

pub(crate) fn parse() -> Options {
    Options::parse()
}

fn workload(name: &str) -> Result<&'static str, String> {
    let ids = || workloads::ALL.iter().map(|(id, _)| *id);
    let known = ids().collect::<Vec<_>>().join(", ");
    ids()
        .find(|id| *id == name)
        .ok_or_else(|| format!("the tables are {known}"))
}

/// Measures, and prints the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    let scale = options.scale();
    let selected = workloads::ALL
        .iter()
        .filter(|(id, _)| options.only.is_empty() || options.only.contains(id));
    if options.list {
        for (id, workload) in selected {
            writeln!(stdout(), "{id:<12} {}", workload(&scale).title)?;
        }
        return Ok(());
    }
    if cfg!(debug_assertions) {
        eprintln!("warning: without --release the numbers mean nothing");
    }
    let tables = selected.map(|(id, workload)| plan::run(id, workload(&scale), &scale));
    let report = Report {
        tables: tables.collect(),
        machine: Machine::this(),
    };
    // The files first: whoever reads the tables may stop reading.
    if let Some(file) = &options.json {
        save(file, &(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    if let Some(file) = &options.svg {
        save(file, &chart(&report))?;
    }
    writeln!(stdout(), "{report}")?;
    Ok(())
}

impl Options {
    fn scale(&self) -> Scale {
        let usual = if self.quick {
            Scale::quick()
        } else {
            Scale::default()
        };
        Scale {
            rounds: self.rounds.map_or(usual.rounds, usize::from),
            slice: self.slice.map_or(usual.slice, Duration::from_millis),
            option: self.option.clone(),
            python: self.python.clone(),
            #[cfg(feature = "websocket")]
            zonis: self.zonis.clone(),
            #[cfg(feature = "websocket")]
            juggler: self.juggler.clone(),
            ..usual
        }
    }
}

fn save(file: &PathBuf, text: &str) -> Result<()> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()).into())
}
