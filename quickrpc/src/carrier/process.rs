//! `process`: a child's standard input and output as a wire.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::error::Error;
use crate::base::sys;

use super::words;

/// A child that closes its output is about to exit, as a rule: so long its exit status is
/// waited for, since it says more than the end of the output.
pub(super) const EXITING: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Debug)]
pub(crate) struct CommandLine {
    program: String,
    arguments: Vec<String>,
}

impl CommandLine {
    /// Splits a command line into words, as a POSIX shell does, or as programs do on Windows; no
    /// shell is started.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Config(format!("command line `{text}`: {what}").into());
        let words = match sys::PATHS_HAVE_BACKSLASHES {
            true => words::split_for_windows(text),
            false => words::split(text),
        };
        let mut words = words.map_err(|what| wrong(&what))?.into_iter();
        match words.next() {
            Some(program) if !program.is_empty() => Ok(CommandLine {
                program,
                arguments: words.collect(),
            }),
            _ => Err(wrong("it names no program")),
        }
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The name of the peer: the program without its directory.
    pub(crate) fn name(&self) -> Arc<str> {
        let file = Path::new(&self.program).file_name();
        file.and_then(|name| name.to_str())
            .unwrap_or(&self.program)
            .into()
    }
}

/// What to say of a program that cannot be run.
pub(super) fn explain(command: &CommandLine, error: &io::Error) -> io::Error {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "; check its name and `PATH`, or give its full path",
        io::ErrorKind::PermissionDenied => "; make it executable",
        _ => "",
    };
    let text = format!("cannot run `{}`: {error}{hint}", command.program());
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_names_a_program() {
        let table = [
            ("cat", "cat"),
            ("/usr/bin/cat -u", "cat"),
            ("\"a b/c d\" e", "c d"),
            ("..", ".."),
            ("/", "/"),
        ];
        for (text, name) in table {
            assert_eq!(&*CommandLine::parse(text).unwrap().name(), name);
        }
        let table = [
            ("  ", "command line `  `: it names no program"),
            ("\"\" a", "command line `\"\" a`: it names no program"),
            (
                "cat \"a",
                "command line `cat \"a`: at byte 4: the quote `\"` is not closed",
            ),
        ];
        for (text, error) in table {
            assert_eq!(CommandLine::parse(text).unwrap_err().to_string(), error);
        }
    }
}
