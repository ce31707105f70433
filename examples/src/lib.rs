//! What the examples share, so that each shows QuickRPC and little else: a log on stderr,
//! and an end that says what went wrong.

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use quickrpc::BoxError;

/// Runs an example: sets up the log, and shows the error that it ends with, if any.
///
/// Everything goes to stderr, since stdout may be a wire, and in colours only where stderr
/// is a terminal.
pub fn run(example: impl FnOnce() -> Result<(), BoxError>) -> ExitCode {
    let colours = stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(colours)
        .without_time()
        .with_target(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    match example() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let label = if colours {
                "\x1b[1;31merror:\x1b[0m"
            } else {
                "error:"
            };
            #[allow(clippy::print_stderr, reason = "the last words of a program")]
            {
                eprintln!("{label} {error}");
            }
            ExitCode::FAILURE
        }
    }
}
