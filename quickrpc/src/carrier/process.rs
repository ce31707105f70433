//! `process`: a child's standard input and output as a wire.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, process};

use crate::base::error::Error;
use crate::base::sys;

use super::words;

/// A child that closes its output is about to exit, as a rule: so long its exit status is
/// waited for, since it says more than the end of the output.
pub(super) const EXITING: Duration = Duration::from_secs(1);

/// What to run, and how.
pub(crate) struct CommandLine {
    program: String,
    arguments: Vec<String>,
    /// In place of the program's name.
    pub(crate) named: Option<Arc<str>>,
    /// In place of ours.
    pub(crate) cwd: Option<PathBuf>,
    /// On top of ours.
    pub(crate) env: Vec<(String, String)>,
}

// Values of variables may be secrets.
impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandLine")
            .field("program", &self.program)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
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
                named: None,
                cwd: None,
                env: Vec::new(),
            }),
            _ => Err(wrong("it names no program")),
        }
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// What starts it.
    pub(super) fn command(&self) -> process::Command {
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments);
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    /// The name of the peer: the one that it was given, or the program without its directory.
    pub(crate) fn name(&self) -> Arc<str> {
        if let Some(name) = &self.named {
            return Arc::clone(name);
        }
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
    let place = match &command.cwd {
        Some(cwd) if !cwd.is_dir() => format!(" in `{}`, which is no directory", cwd.display()),
        _ => String::new(),
    };
    let hint = if place.is_empty() { hint } else { "" };
    let text = format!("cannot run `{}`{place}: {error}{hint}", command.program());
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
