//! How the program fails: what happened, the next step, and an exit code that tells which kind.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use quickrpc::Error;

use super::output;

/// The code of what a server of HTTP said that is no answer to the call.
pub const NO_ANSWER: i64 = -32_300;

/// Which kind of failure, as the exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The other side said no, or what was checked is not so.
    Remote = 1,
    /// What was asked for is wrong.
    Usage = 2,
    /// There is no connection, or no answer.
    Connection = 3,
    /// Whoever reads our output wants no more of it, which is none.
    Unread = 0,
}

/// Why the program ends without having done what it should.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    text: String,
    hints: Vec<String>,
}

impl Failure {
    /// In one line: the text may have words of others in it, who tell no next step.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self::told(kind, output::plain(&text.into()))
    }

    fn told(kind: Kind, text: String) -> Self {
        Failure {
            kind,
            text,
            hints: Vec::new(),
        }
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Kind::Usage, text)
    }

    /// The same with a next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(output::plain(&hint.into()));
        self
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says it on stderr.
    pub fn tell(&self) -> ExitCode {
        if self.kind != Kind::Unread {
            let mut err = io::stderr().lock();
            let (red, bold, off) = match err.is_terminal() {
                true => ("\x1b[1;31m", "\x1b[1m", "\x1b[0m"),
                false => ("", "", ""),
            };
            let mut text = format!("{red}error:{off} {}\n", self.text);
            for hint in &self.hints {
                text += &format!("{bold}hint:{off} {hint}\n");
            }
            // There is nobody left to tell.
            let _ = err.write_all(text.as_bytes());
        }
        ExitCode::from(self.kind as u8)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            // Over HTTP, nobody has answered.
            Error::Call(call) if call.code == NO_ANSWER => Kind::Connection,
            Error::Call(_) | Error::BadResult { .. } => Kind::Remote,
            Error::Expression(_)
            | Error::Config(_)
            | Error::Unsupported { .. }
            | Error::Encode { .. }
            | Error::MessageTooLarge { .. }
            | Error::UnknownPeer { .. }
            | Error::AmbiguousPeer { .. } => Kind::Usage,
            _ => Kind::Connection,
        };
        let text = error.to_string();
        match error {
            // These show where in what the user has written.
            Error::Expression(_) | Error::Config(_) => {
                Failure::told(kind, output::plain_but(&text, &['\n']))
            }
            _ => Failure::new(kind, text),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Kind::Unread, ""),
            _ => Failure::usage(error.to_string()),
        }
    }
}
