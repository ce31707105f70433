//! Measures QuickRPC against hand-written code and other RPC libraries, in one run.
//!
//! A [`System`](system::System) is something that makes calls: the hand-written floor, this
//! library, a peer. A [`Workload`](plan::Workload) is a table: systems below each other,
//! measurements side by side. All systems of a table are measured in turn in each round, so
//! that a disturbance of the machine hits them alike, and each number is compared with the
//! floor of the same round.

use std::process::ExitCode;

mod child;
mod limits;
mod message;
mod options;
mod plan;
mod report;
mod stats;
mod system;
mod systems;
mod workloads;

/// An error of any kind, in words.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What everything here returns.
type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// Runs the program. `allocations` tells how many allocations there have been, where the
/// global allocator counts them.
pub fn run(allocations: Option<fn() -> u64>) -> ExitCode {
    limits::raise_open_files();
    let options = options::parse();
    let done = match &options.child {
        Some(role) => child::run(role, allocations),
        None => options::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
