//! Children, and our ends of their pipes.
//!
//! Nothing can be done about a read or a write of a pipe but to end the other end. So each child
//! has a job, which takes its own children with it, and threads that wait: a reader, a writer, one
//! that watches it, and two of that one's, for its exit and its standard error. It is ended as on
//! other systems: by the end of its input, by being asked, and by force.

use std::io::{self, Read, Write};
use std::os::windows::io::AsRawHandle;
use std::os::windows::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, JobObject};
use send_ctrlc::Interruptible;
use win32job::{ExtendedLimitInfo, Job};

use crate::base::limits::Limits;
use crate::base::often::Origin;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::base::threads;

use crate::carrier::child_log::ChildLog;
use crate::carrier::pipe::{Pipe, Wakers};
use crate::carrier::process::{CommandLine, EXITING, explain};

/// Starts the program. Each step of ending it may take a quarter of the limit for a stop.
pub(crate) fn start(command: &CommandLine, limits: &Limits) -> io::Result<Pipe> {
    let (mut process, job) = spawn(command)?;
    let pipes = (
        process.stdin().take(),
        process.stdout().take(),
        process.stderr().take(),
    );
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(io::Error::other("a child without pipes"));
    };
    let child = Arc::new(Child {
        name: command.name(),
        id: process.id(),
        job: Mutex::new(Some(job)),
        state: Mutex::default(),
        changed: Condvar::new(),
        gave_up: AtomicBool::new(false),
    });
    crate::base::log::debug!(child = %child.name, pid = child.id, "started");
    let wakers = Wakers {
        end_reading: {
            let child = Arc::clone(&child);
            Box::new(move || child.close())
        },
        end_writing: {
            let child = Arc::clone(&child);
            Box::new(move || child.gave_up.store(true, Ordering::Release))
        },
    };
    let reader = Output {
        inner: stdout,
        child: Arc::clone(&child),
    };
    let writer = Input {
        inner: stdin,
        child: Arc::clone(&child),
        gone: false,
    };
    let exiting = Arc::clone(&child);
    let watch = Watch {
        step: limits.stop / 4,
        process,
        stderr,
        child,
    };
    Ok(Pipe {
        wakers: Arc::new(wakers),
        end_of_input: Box::new(move || exiting.last_words()),
        watcher: Some(("child", Box::new(move || watch.run()))),
        ..Pipe::new(reader, writer)
    })
}

/// Makes a child, in a job that ends with it. It begins to run once it is in there, so that all
/// that it ever starts is, too.
///
/// There are two jobs, one in the other: ours, which ends all of its processes even if this
/// program is ended by force, and one of `process-wrap`, which lets the child run.
fn spawn(command: &CommandLine) -> io::Result<(Box<dyn ChildWrapper>, Job)> {
    /// A group of its own can be asked to end; and Ctrl-C, which is meant for this program, is
    /// not heard there.
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_SUSPENDED: u32 = 0x0000_0004;
    let mut limits = ExtendedLimitInfo::new();
    limits.limit_kill_on_job_close();
    let job = Job::create_with_limit_info(&limits).map_err(|error| cannot_watch(&error.into()))?;
    let mut process = command.command();
    process
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let process = CommandWrap::from(process)
        .wrap(JobObject)
        .spawn_with(|process| {
            // In place of those of `process-wrap`, which are the second of these.
            process.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_SUSPENDED);
            let mut process = process.spawn().map_err(|error| explain(command, &error))?;
            job.assign_process(process.as_raw_handle() as isize)
                .map_err(|error| {
                    process.kill().ok();
                    process.wait().ok();
                    cannot_watch(&error.into())
                })?;
            Ok(process)
        })?;
    Ok((process, job))
}

fn cannot_watch(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot watch a child: {error}"))
}

/// A child process.
struct Child {
    name: Arc<str>,
    id: u32,
    /// All of its processes end when this is dropped. A leaf in the lock order.
    job: Mutex<Option<Job>>,
    /// A leaf in the lock order.
    state: Mutex<State>,
    changed: Condvar,
    /// What is not written yet goes nowhere.
    gave_up: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The peer is closed.
    closing: bool,
    /// How it has exited, in words.
    ended: Option<String>,
}

impl Child {
    /// The peer is closed.
    fn close(&self) {
        lock(&self.state).closing = true;
        self.changed.notify_all();
    }

    fn is_closing(&self) -> bool {
        lock(&self.state).closing
    }

    fn has_ended(&self, how: String) {
        lock(&self.state).ended = Some(how);
        self.changed.notify_all();
    }

    /// Asks it to end, as somebody does who types Ctrl-Break. False: there is no way, since this
    /// program has no console, or the child has none or another one.
    fn ask_to_end(&self) -> bool {
        /// The first process of a group, whose number is that of the group.
        struct Group(u32);

        impl Interruptible for Group {
            fn pid(&mut self) -> io::Result<Option<u32>> {
                Ok(Some(self.0))
            }
        }

        // As long as its end is not known, its number is its own.
        let state = lock(&self.state);
        state.ended.is_some() || Group(self.id).terminate().is_ok()
    }

    /// Ends it, and whatever it has started.
    fn kill(&self) {
        drop(lock(&self.job).take());
    }

    /// Waits shortly for the exit, unless the peer is closed before. Gives how it exited.
    fn exits_soon(&self) -> Option<String> {
        let deadline = Instant::now() + EXITING;
        let mut state = lock(&self.state);
        while state.ended.is_none() && !state.closing && Instant::now() < deadline {
            state = self.wait(state, Some(deadline));
        }
        state.ended.clone()
    }

    fn last_words(&self) -> Option<DisconnectReason> {
        let ended = self.exits_soon()?;
        Some(DisconnectReason::Transport(ended.into()))
    }

    /// Waits until something has changed, or until then.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        match deadline {
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now());
                let waited = self.changed.wait_timeout(state, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.changed.wait(state);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        // A number of the system's, such as that of a violated access.
        Some(code @ ..0) => format!("exited with status {code:#010x}"),
        Some(code) => format!("exited with status {code}"),
        None => status.to_string(),
    }
}

/// The child's standard output.
struct Output {
    inner: ChildStdout,
    child: Arc<Child>,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.child.is_closing() {
            true => Ok(0),
            false => Ok(count),
        }
    }
}

impl Drop for Output {
    /// It may still want to write before it exits.
    fn drop(&mut self) {
        io::copy(&mut self.inner, &mut io::sink()).ok();
    }
}

/// The child's standard input.
struct Input {
    inner: ChildStdin,
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
        if self.child.gave_up.load(Ordering::Acquire) {
            let text = "stopped before everything was written";
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
        }
        match self.inner.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = self.child.exits_soon().is_some();
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

/// Watches a child until it has exited, and ends it when the peer is closed.
struct Watch {
    /// How long each step of ending it may take.
    step: Duration,
    process: Box<dyn ChildWrapper>,
    stderr: ChildStderr,
    child: Arc<Child>,
}

impl Watch {
    fn run(self) {
        let Watch {
            step,
            mut process,
            stderr,
            child,
        } = self;
        let log = ChildLog::new(&child.name, child.id);
        let logging = threads::spawn("child-log", move || write_log(stderr, log));
        let exiting = threads::spawn("child-exit", {
            let child = Arc::clone(&child);
            move || {
                // Not for what it has started, as that of a job would.
                child.has_ended(match process.inner_mut().wait() {
                    Ok(status) => describe(status),
                    Err(error) => format!("exited; its status is not known: {error}"),
                });
            }
        });
        if let Some(error) = logging.as_ref().err().or(exiting.as_ref().err()) {
            crate::base::log::error!(child = %child.name, "killed, since it cannot be watched: {error}");
            child.kill();
        }
        if exiting.is_err() {
            child.has_ended("killed, since it could not be watched".to_owned());
        }
        until_exit(&child, step);
        // Those that it has started hold its pipes, whose ends are waited for.
        child.kill();
        for thread in [logging, exiting].into_iter().flatten() {
            thread.join().ok();
        }
        let ended = lock(&child.state).ended.clone().unwrap_or_default();
        crate::base::log::debug!(child = %child.name, pid = child.id, "{ended}");
    }
}

/// How a child is ended, step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// The peer is closed: its input ends as soon as all is written.
    InputEnds(Instant),
    Asked(Instant),
    Killed,
}

fn until_exit(child: &Child, step: Duration) {
    let mut stage = Stage::Running;
    let mut state = lock(&child.state);
    while state.ended.is_none() {
        match stage {
            Stage::Running if state.closing => stage = Stage::InputEnds(Instant::now() + step),
            Stage::InputEnds(deadline) if deadline <= Instant::now() => {
                drop(state);
                child.gave_up.store(true, Ordering::Release);
                let now = Instant::now();
                stage = match child.ask_to_end() {
                    true => Stage::Asked(now + step),
                    false => Stage::Asked(now),
                };
                state = lock(&child.state);
            }
            Stage::Asked(deadline) if deadline <= Instant::now() => {
                drop(state);
                let name = &child.name;
                crate::base::log::warn_often!(
                    "a child was killed", &Origin::Name(Arc::clone(name));
                    child = %name, pid = child.id, "killed, since it did not end"
                );
                child.kill();
                stage = Stage::Killed;
                state = lock(&child.state);
            }
            Stage::InputEnds(deadline) | Stage::Asked(deadline) => {
                state = child.wait(state, Some(deadline))
            }
            Stage::Running | Stage::Killed => state = child.wait(state, None),
        }
    }
}

/// Line by line, until it is closed.
fn write_log(mut stderr: ChildStderr, mut log: ChildLog) {
    let mut buffer = [0; 4096];
    loop {
        match stderr.read(&mut buffer) {
            Ok(count) if count > 0 => log.take(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    log.finish();
}
