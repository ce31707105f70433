//! What the examples share, so that each shows QuickRPC and little else: a log on stderr,
//! an end that says what went wrong, and one by Ctrl-C.

use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use quickrpc::BoxError;

/// Has Ctrl-C stop a server, and whatever else asks a program to end: SIGTERM, or Ctrl-Break on
/// Windows. Who waits for the server then goes on.
///
/// # Errors
///
/// If that was said before.
pub fn stop_on_ctrl_c(
    mut stop: impl FnMut() -> quickrpc::Result<()> + Send + 'static,
) -> Result<(), BoxError> {
    ctrlc::set_handler(move || {
        if let Err(error) = stop() {
            tell(&error);
        }
    })?;
    Ok(())
}

/// Runs an example: sets up the log, and shows the error that it ends with, if any.
///
/// Everything goes to stderr, since stdout may be a wire, and in colours only where stderr
/// is a terminal.
pub fn run(example: impl FnOnce() -> Result<(), BoxError>) -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .without_time()
        .with_target(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    match example() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&*error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "the last words of a program")]
fn tell(error: &dyn Display) {
    let label = match stderr().is_terminal() {
        true => "\x1b[1;31merror:\x1b[0m",
        false => "error:",
    };
    eprintln!("{label} {error}");
}
