//! Answers that come bit by bit.

use std::io::{self, IsTerminal, Write};

use quickrpc::dynamic::Outgoing;
use quickrpc::{Error, Stream, Value};

use super::failure::Failure;
use super::interface::Interface;
use super::output;
use super::types;

/// Prints the items of an answer as they come, and gives what comes behind them, or of a call without
/// items its result. Where people look, items before a result are its progress, in one line that goes.
///
/// # Errors
///
/// Nobody reads what is printed. The inner one is of the call.
pub fn follow(
    mut answer: Stream<Value, Value>,
    service: &Outgoing,
    method: &str,
    shown: impl Fn(&Value) -> String,
) -> Result<Result<Option<Value>, Error>, Failure> {
    let mut progress = None;
    for item in answer.by_ref() {
        let Ok(item) = item else {
            // The end says so again.
            break;
        };
        let is_first = progress.is_none();
        let progress = progress.get_or_insert_with(|| {
            io::stderr().is_terminal() && has_result(service, method).unwrap_or_default()
        });
        match progress {
            true => draw(&shown(&item), is_first),
            false => output::line(shown(&item))?,
        }
    }
    if progress == Some(true) {
        draw("", true);
    }
    Ok(answer.result().map(|value| match value {
        // It says that it is over.
        Value::Null if progress.is_some() => None,
        value => Some(value),
    }))
}

/// Whether something comes behind the items, as the service says.
fn has_result(service: &Outgoing, method: &str) -> Option<bool> {
    let interface = Interface::ask(service).ok()?;
    let result = interface.method(method)?.result.as_ref()?;
    Some(types::text(result) != "null")
}

/// Writes over what was drawn before, as wide as any terminal is.
fn draw(text: &str, is_first: bool) {
    let text: String = output::plain(text.lines().next().unwrap_or_default())
        .chars()
        .take(70)
        .collect();
    let begin = if is_first { "" } else { "\r" };
    // Who closed stderr wants to see nothing.
    let mut err = io::stderr().lock();
    let _ = write!(err, "{begin}\r\x1b[2K{text}");
    let _ = err.flush();
}
