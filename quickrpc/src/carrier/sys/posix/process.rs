//! Children, and our ends of their pipes.
//!
//! Each child has three threads: a reader, a writer, and one that watches it. Its
//! standard error goes to the log, line by line. The ends of the pipes that are ours are
//! closed on exec, so that no other child inherits them: the end of one's input is seen
//! by the child whose input it is.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{self, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::base::limits::Limits;
use crate::base::often::Origin;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;

use crate::carrier::child_log::ChildLog;
use crate::carrier::pipe::{Pipe, Wakers};
use crate::carrier::process::{CommandLine, EXITING, explain};

use super::super::system::{ask_to_end, fork, pipe, watch_exit, why_not_watched};
use super::fd::{self, is_ready};

/// Starts the program. Each step of ending it may take a quarter of the limit for a stop.
pub(crate) fn start(command: &CommandLine, limits: &Limits) -> io::Result<Pipe> {
    let (end_reading, closing) = fd::waker()?;
    let (end_writing, woken) = fd::waker()?;
    let wakers = Arc::new(Wakers {
        end_reading,
        end_writing,
    });
    let (child, pipes) = Child::spawn(command)?;
    let child = Arc::new(child);
    let stdout = Arc::new(pipes.stdout);
    let reader =
        fd::Reader::new(Arc::clone(&stdout), Arc::clone(&closing)).until(Arc::clone(&child.exit));
    let writer = Input {
        inner: fd::Writer::new(pipes.stdin, woken, limits),
        child: Arc::clone(&child),
        gone: false,
    };
    let (exiting, closed) = (Arc::clone(&child), Arc::clone(&closing));
    let watch = Watch {
        step: limits.stop / 4,
        wakers: Arc::clone(&wakers),
        log: Some(Errors::new(pipes.stderr, &child)),
        child,
        stdout: Some(stdout),
        closing,
    };
    Ok(Pipe {
        wakers,
        end_of_input: Box::new(move || exiting.last_words(&closed)),
        watcher: Some(("child", Box::new(move || watch.run()))),
        ..Pipe::new(reader, writer)
    })
}

/// Our ends of a child's pipes.
struct Pipes {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// A child process. Whoever comes last sees to it that no zombie is left.
struct Child {
    name: Arc<str>,
    id: u32,
    /// Guards the exit status; a leaf in the lock order.
    process: Mutex<process::Child>,
    /// Readable once it has exited, and for ever.
    exit: Arc<OwnedFd>,
}

impl Child {
    fn spawn(command: &CommandLine) -> io::Result<(Self, Pipes)> {
        // Closed on exec; the child gets duplicates of its ends.
        let (its_stdin, stdin) = pipe()?;
        let (stdout, its_stdout) = pipe()?;
        let (stderr, its_stderr) = pipe()?;
        // Reader and watcher may both read the output; whoever is late must not wait. The
        // child's ends have modes of their own.
        for ours in [&stdin, &stdout, &stderr] {
            rustix::io::ioctl_fionbio(ours, true)?;
        }
        let mut process = command.command();
        process
            .stdin(its_stdin)
            .stdout(its_stdout)
            .stderr(its_stderr);
        let spawned = fork(|| process.spawn());
        // With it go our copies of the child's ends, so that their ends are seen.
        drop(process);
        let mut process = spawned.map_err(|error| explain(command, &error))?;
        // Nobody has waited for it yet, so the number is still its own.
        let exit = watch_exit(&process).map_err(|error| {
            // One that is gone already is not to be killed: its number may be another's.
            if error != Errno::SRCH {
                process.kill().ok();
                process.wait().ok();
            }
            cannot_watch(error)
        })?;
        let child = Child {
            name: command.name(),
            id: process.id(),
            process: Mutex::new(process),
            exit: Arc::new(exit),
        };
        crate::base::log::debug!(child = %child.name, pid = child.id, "started");
        let pipes = Pipes {
            stdin,
            stdout,
            stderr,
        };
        Ok((child, pipes))
    }

    /// Waits shortly for the exit, unless the peer is closed before. Gives how it exited.
    fn last_words(&self, closing: &OwnedFd) -> Option<DisconnectReason> {
        let deadline = Instant::now() + EXITING;
        match fd::readable_before(&self.exit, closing, deadline) {
            Ok(true) => Some(DisconnectReason::Transport(self.ended().into())),
            _ => None,
        }
    }

    /// Takes the exit status, so that no zombie is left, and says it. Blocks until the
    /// child has exited.
    fn ended(&self) -> String {
        match lock(&self.process).wait() {
            Ok(status) => describe(status),
            Err(error) => status_unknown(&error),
        }
    }

    fn ask_to_end(&self) {
        ask_to_end(&self.process, &self.exit);
    }

    /// Kills it, if it still runs, and takes its exit status.
    fn kill(&self) {
        let mut process = lock(&self.process);
        if let Ok(None) = process.try_wait() {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Done before, unless a thread ended in an odd way.
        self.kill();
    }
}

/// Why there is no descriptor that tells of a child's exit.
fn cannot_watch(error: Errno) -> io::Error {
    let hint = match error {
        Errno::SRCH => "; it has exited already, and left no status: ".to_owned() + IGNORED,
        _ => why_not_watched(error).to_owned(),
    };
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("cannot watch a child: {error}{hint}"))
}

/// What is said of a child of which the system does not say how it exited.
fn status_unknown(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::CHILD) => format!("exited; its status is not known: {IGNORED}"),
        _ => format!("exited; its status is not known: {error}"),
    }
}

/// Why a child's status is lost.
const IGNORED: &str = "this program ignores SIGCHLD, perhaps since whoever started it does; with \
                       the signal's default action it would be known";

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// The child's standard input.
struct Input {
    inner: fd::Writer,
    child: Arc<Child>,
    /// The child has exited. What is still sent goes nowhere, while its last messages
    /// are read.
    gone: bool,
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        match self.inner.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                let deadline = Instant::now() + EXITING;
                self.gone = fd::readable_before(&self.child.exit, self.inner.woken(), deadline)?;
                match self.gone {
                    // The reader says how it ended.
                    true => Ok(bytes.len()),
                    false => Err(io::Error::new(error.kind(), "it closed its standard input")),
                }
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Watches a child until it has exited: logs its standard error, and ends it when the
/// peer is closed.
struct Watch {
    /// How long each step of ending it may take.
    step: Duration,
    wakers: Arc<Wakers>,
    child: Arc<Child>,
    /// Until it is closed.
    stdout: Option<Arc<OwnedFd>>,
    /// Until it is closed.
    log: Option<Errors>,
    /// Readable once the peer is closed.
    closing: Arc<OwnedFd>,
}

/// How a child is ended, step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// The peer is closed: its input ends as soon as all is written.
    InputEnds,
    Asked,
    Killed,
}

impl Watch {
    fn run(mut self) {
        if let Err(error) = self.until_exit() {
            crate::base::log::error!(child = %self.child.name, "killed, since it cannot be watched: {error}");
            self.child.kill();
        }
        let ended = self.child.ended();
        if let Some(log) = self.log.take() {
            log.finish();
        }
        crate::base::log::debug!(child = %self.child.name, pid = self.child.id, "{ended}");
    }

    fn until_exit(&mut self) -> io::Result<()> {
        let mut stage = Stage::Running;
        let mut deadline = None;
        loop {
            let exit = self.child.exit.as_fd();
            // What is of no interest now is replaced by what is of interest anyway. The
            // child may exit between the looks at two places of one call, so that only
            // the first place says so.
            let running = matches!(stage, Stage::Running);
            let errors = self.log.as_ref().map_or(exit, AsFd::as_fd);
            let (closing, output) = match (stage, &self.stdout) {
                (Stage::Running, _) => (self.closing.as_fd(), exit),
                // It may still want to write before it exits.
                (_, Some(stdout)) => (exit, stdout.as_fd()),
                (_, None) => (exit, exit),
            };
            let fds = [&exit, &errors, &closing, &output];
            let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::IN));
            fd::wait(&mut fds, deadline)?;
            let [exited, errors, closing, output] = fds.map(|fd| is_ready(&fd));
            if exited {
                return Ok(());
            }
            if errors {
                self.log = self.log.take().and_then(Errors::read);
            }
            if output && !running {
                self.stdout = self.stdout.take().filter(|stdout| discard(stdout));
            }
            if closing && running || deadline.is_some_and(|at| Instant::now() >= at) {
                (stage, deadline) = self.next(stage);
            }
        }
    }

    /// The next step, and the time until the one after it: a quarter of the time for
    /// `stop()` each, so that something is left for others.
    fn next(&self, stage: Stage) -> (Stage, Option<Instant>) {
        let then = Some(Instant::now() + self.step);
        match stage {
            Stage::Running => (Stage::InputEnds, then),
            Stage::InputEnds => {
                // Its input may be full, so that the writer waits for it.
                self.wakers.give_up();
                self.child.ask_to_end();
                (Stage::Asked, then)
            }
            Stage::Asked | Stage::Killed => {
                let name = &self.child.name;
                crate::base::log::warn_often!(
                    "a child was killed", &Origin::Name(Arc::clone(name));
                    child = %name, pid = self.child.id, "killed, since it did not end"
                );
                self.child.kill();
                (Stage::Killed, None)
            }
        }
    }
}

/// Throws away some output. False: there will be no more.
fn discard(output: &OwnedFd) -> bool {
    let mut buffer = [0; 4096];
    match rustix::io::read(output, &mut buffer) {
        Ok(count) => count > 0,
        Err(error) => error == Errno::INTR || error == Errno::AGAIN,
    }
}

/// A child's standard error, on its way to the log.
struct Errors {
    input: OwnedFd,
    log: ChildLog,
}

impl Errors {
    fn new(input: OwnedFd, child: &Child) -> Self {
        let log = ChildLog::new(&child.name, child.id);
        Errors { input, log }
    }

    /// Reads some, once there is something. `None`: it was closed.
    fn read(mut self) -> Option<Self> {
        match self.read_up_to(usize::MAX) {
            Some(_) => Some(self),
            None => {
                self.log.finish();
                None
            }
        }
    }

    /// The child has exited. Others may still hold its standard error, so only what is
    /// there is logged.
    fn finish(mut self) {
        let mut left = fd::there(&self.input).unwrap_or(0);
        while left > 0 {
            match self.read_up_to(left) {
                None | Some(0) => break,
                Some(count) => left = left.saturating_sub(count),
            }
        }
        self.log.finish();
    }

    /// Gives the number of bytes; `None` at the end.
    fn read_up_to(&mut self, most: usize) -> Option<usize> {
        let mut buffer = [0; 4096];
        let most = most.min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        match rustix::io::read(&self.input, &mut *buffer) {
            Ok(0) => None,
            Ok(count) => {
                self.log.take(buffer.get(..count).unwrap_or_default());
                Some(count)
            }
            Err(Errno::INTR | Errno::AGAIN) => Some(0),
            Err(_) => None,
        }
    }
}

impl AsFd for Errors {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_watching_say_what_to_do() {
        let table = [
            (Errno::SRCH, "ignores SIGCHLD"),
            (Errno::NOSYS, "it takes Linux 5.3"),
            (Errno::MFILE, "Too many open files"),
        ];
        for (error, words) in table {
            let text = cannot_watch(error).to_string();
            assert!(text.contains(words), "{text}");
            assert_eq!(text.contains("5.3"), error == Errno::NOSYS, "{text}");
        }
    }
}
