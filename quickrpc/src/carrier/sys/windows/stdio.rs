//! The process's own standard input and output.
//!
//! A read of standard input cannot be ended, so that it has a thread that belongs to no API: it
//! reads only when somebody wants input, and what it has read then is for whoever wants it next.
//! Writing likewise has a thread, which is left alone where nobody reads at the other end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::windows::io::AsHandle;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use filedescriptor::{FileDescriptor, StdioDescriptor};

use crate::base::limits::{FLUSH, Limits};
use crate::base::sync::lock;
use crate::base::threads;
use crate::carrier::pipe::{Pipe, Wakers};

/// So much is read or written at once.
const CHUNK: usize = 16 << 10;

/// Takes standard input and output. With `guard`, what is printed goes to stderr until the
/// writer is dropped.
pub(crate) fn open(guard: bool, limits: &Limits) -> io::Result<Pipe> {
    let output = File::from(io::stdout().as_handle().try_clone_to_owned()?);
    begin_input()?;
    let shared = Arc::new(Output::default());
    let thread = threads::spawn("stdout", {
        let shared = Arc::clone(&shared);
        move || shared.run(output)
    })?;
    // From here on it ends, with the writer.
    let mut writer = Writer {
        shared: Arc::clone(&shared),
        thread: Some(thread),
        patience: FLUSH.min(limits.stop / 4),
        guarded: None,
    };
    if guard {
        let redirected = FileDescriptor::redirect_stdio(&io::stderr(), StdioDescriptor::Stdout);
        writer.guarded = Some(redirected.map_err(io::Error::other)?);
    }
    let closed = Arc::new(AtomicBool::new(false));
    let reader = Reader {
        closed: Arc::clone(&closed),
    };
    let wakers = Wakers {
        end_reading: Box::new(move || {
            let _state = lock(&INPUT.state);
            closed.store(true, Ordering::Release);
            INPUT.changed.notify_all();
        }),
        end_writing: Box::new(move || {
            lock(&shared.state).woken = true;
            shared.changed.notify_all();
        }),
    };
    Ok(Pipe {
        wakers: Arc::new(wakers),
        ..Pipe::new(reader, writer)
    })
}

fn wait<'a, T>(
    changed: &Condvar,
    state: MutexGuard<'a, T>,
    until: Option<Instant>,
) -> MutexGuard<'a, T> {
    match until {
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            let waited = changed.wait_timeout(state, left);
            waited.unwrap_or_else(PoisonError::into_inner).0
        }
        None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
    }
}

// ---- input

/// The process's standard input.
struct Input {
    /// A leaf in the lock order, never held while somebody reads.
    state: Mutex<InputState>,
    changed: Condvar,
}

struct InputState {
    /// Its thread runs.
    runs: bool,
    /// Somebody wants input.
    is_wanted: bool,
    /// What was read, from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
    /// Nothing more comes, or reading fails.
    end: Option<Result<(), io::ErrorKind>>,
}

static INPUT: Input = Input {
    state: Mutex::new(InputState {
        runs: false,
        is_wanted: false,
        bytes: Vec::new(),
        taken: 0,
        end: None,
    }),
    changed: Condvar::new(),
};

/// Starts the thread that reads, unless it runs.
fn begin_input() -> io::Result<()> {
    let mut state = lock(&INPUT.state);
    if !state.runs {
        let input = File::from(io::stdin().as_handle().try_clone_to_owned()?);
        threads::spawn("stdin", move || INPUT.run(input))?;
        state.runs = true;
        state.end = None;
    }
    Ok(())
}

impl Input {
    fn run(&self, mut input: File) {
        let mut buffer = vec![0; CHUNK];
        loop {
            let mut state = lock(&self.state);
            while !state.is_wanted {
                state = wait(&self.changed, state, None);
            }
            drop(state);
            let read = input.read(&mut buffer);
            let mut state = lock(&self.state);
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) => state.end = Some(Ok(())),
                Ok(count) => {
                    state.bytes.clear();
                    state.taken = 0;
                    let some = buffer.get(..count).unwrap_or_default();
                    state.bytes.extend_from_slice(some);
                }
                Err(error) => state.end = Some(Err(error.kind())),
            }
            state.is_wanted = false;
            state.runs = state.end.is_none();
            self.changed.notify_all();
            if !state.runs {
                return;
            }
        }
    }
}

/// Reads standard input until it is woken.
struct Reader {
    closed: Arc<AtomicBool>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = lock(&INPUT.state);
        loop {
            if self.closed.load(Ordering::Acquire) {
                return Ok(0);
            }
            let rest = state.bytes.get(state.taken..).unwrap_or_default();
            if !rest.is_empty() {
                let count = rest.len().min(buffer.len());
                buffer
                    .get_mut(..count)
                    .unwrap_or_default()
                    .copy_from_slice(rest.get(..count).unwrap_or_default());
                state.taken += count;
                return Ok(count);
            }
            match state.end {
                Some(Ok(())) => return Ok(0),
                Some(Err(kind)) => return Err(kind.into()),
                None => {}
            }
            state.is_wanted = true;
            INPUT.changed.notify_all();
            state = wait(&INPUT.changed, state, None);
        }
    }
}

// ---- output

/// What a writer hands to its thread.
#[derive(Default)]
struct Output {
    /// A leaf in the lock order, never held while somebody writes.
    state: Mutex<OutputState>,
    changed: Condvar,
}

#[derive(Default)]
struct OutputState {
    /// What is to be written next.
    chunk: Option<Vec<u8>>,
    is_writing: bool,
    /// What became of it.
    written: Option<io::Result<()>>,
    /// The writer has little time left.
    woken: bool,
    /// It is gone.
    over: bool,
}

impl Output {
    fn run(&self, mut output: File) {
        let mut state = lock(&self.state);
        loop {
            if let Some(chunk) = state.chunk.take() {
                state.is_writing = true;
                drop(state);
                let written = output.write_all(&chunk);
                state = lock(&self.state);
                state.is_writing = false;
                state.written = Some(written);
                self.changed.notify_all();
            } else if state.over {
                return;
            } else {
                state = wait(&self.changed, state, None);
            }
        }
    }
}

/// Writes until it is woken, and a little longer: what was sent before a stop should still
/// leave, if somebody reads it.
struct Writer {
    shared: Arc<Output>,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
    /// What standard output was.
    guarded: Option<FileDescriptor>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let some = bytes.get(..CHUNK).unwrap_or(bytes);
        let mut state = lock(&self.shared.state);
        state.chunk = Some(some.to_vec());
        self.shared.changed.notify_all();
        let mut until = None;
        loop {
            if let Some(written) = state.written.take() {
                return written.map(|()| some.len());
            }
            if state.woken && until.is_none() {
                until = Some(Instant::now() + self.patience);
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                let text = "stopped before everything was written";
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
            }
            state = wait(&self.shared.changed, state, until);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.over = true;
        state.chunk = None;
        let is_stuck = state.is_writing;
        drop(state);
        self.shared.changed.notify_all();
        // Nothing can end a write that nobody reads.
        if let Some(thread) = self.thread.take().filter(|_| !is_stuck) {
            thread.join().ok();
        }
        if let Some(output) = &self.guarded {
            io::stdout().flush().ok();
            FileDescriptor::redirect_stdio(output, StdioDescriptor::Stdout).ok();
        }
    }
}
