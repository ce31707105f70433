//! What a call costs, in numbers that repeat: instructions, allocations, system calls, bytes of
//! an idle connection, wake-ups of an idle API. Times depend on the machine and on its mood;
//! these hardly do, so that two states of the library can be compared by them.
//!
//! This program starts itself as server and as client, each in a process of its own and where
//! needed under a tool that counts (`valgrind`, `strace`), with few exchanges and with many.
//! What both runs have in common, as starting and stopping, is not in the difference. It knows nothing but the
//! public API, so that `instructions.sh --at` can build it against other commits.

use std::alloc::System;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::report::Report;
use crate::roles::{Codec, Job};
use crate::tools::Tool;

mod idle;
mod report;
mod roles;
mod tools;

/// Counts in all measurements, since a program cannot have two: about 10 instructions for each
/// allocation.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// An error of any kind, in words.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What everything here returns.
type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// Counts what a call costs, on the client and on the server: instructions, allocations,
/// system calls; bytes of an idle connection and wake-ups of an idle API.
#[derive(Debug, Parser)]
#[command(name = "instructions")]
struct Options {
    /// Only these; may be given several times
    #[arg(long, value_enum)]
    only: Vec<Topic>,

    /// Keep the numbers in this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Show the change against the numbers of this file, and fail if one of them is worse by
    /// more than the tolerance
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,

    /// How much worse is bearable
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0)]
    tolerance: f64,

    /// What is measured; written into the file
    #[arg(long, value_name = "TEXT", default_value = "unknown")]
    commit: String,

    /// How it was built; written into the file
    #[arg(long, value_name = "TEXT", default_value = "unknown")]
    build: String,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Topic {
    Instructions,
    Allocations,
    SystemCalls,
    Memory,
    WakeUps,
}

/// The processes that are measured; this program starts them.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
enum Role {
    /// Serves until stdin ends
    Serve { codec: Codec },
    /// Makes exchanges, and ends
    Call {
        codec: Codec,
        job: Job,
        count: usize,
        port: u16,
    },
    /// Makes one call, and does nothing until stdin ends
    Idle { codec: Codec, port: u16 },
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.role {
        Some(Role::Serve { codec }) => roles::serve(codec),
        Some(Role::Call {
            codec,
            job,
            count,
            port,
        }) => roles::call(codec, job, count, port),
        Some(Role::Idle { codec, port }) => roles::idle(codec, port),
        None => return exit(measure(&options)),
    };
    let stats = ALLOCATOR.stats();
    let allocations = stats.allocations + stats.reallocations;
    eprintln!("{} {allocations}", roles::ALLOCATIONS);
    exit(done.map(|()| true))
}

fn exit(done: Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether nothing is worse than it was.
fn measure(options: &Options) -> Result<bool> {
    // First, so that a wrong name of a file is not found out after minutes.
    let before = match &options.compare {
        Some(file) => Some(Report::from_json(&fs::read_to_string(file)?)?),
        None => None,
    };
    let wanted = |topic| options.only.is_empty() || options.only.contains(&topic);
    let mut report = Report::new(&options.commit, &options.build, tools::versions());
    for tool in [Tool::Instructions, Tool::Allocations, Tool::SystemCalls] {
        if wanted(tool.topic()) {
            tools::measure(tool, &mut report)?;
        }
    }
    if wanted(Topic::Memory) {
        idle::memory(&mut report)?;
    }
    if wanted(Topic::WakeUps) {
        idle::wake_ups(&mut report)?;
    }
    print!("{}", report.table(before.as_ref()));
    if let Some(file) = &options.json {
        fs::write(file, report.to_json()?)?;
    }
    let Some(before) = before else {
        return Ok(true);
    };
    if !report.is_comparable(&before) {
        println!("nothing is refused, since the numbers to compare with were made by other means");
        return Ok(true);
    }
    let worse = report.worse(&before, options.tolerance);
    for line in &worse {
        println!("worse: {line}");
    }
    Ok(worse.is_empty())
}
