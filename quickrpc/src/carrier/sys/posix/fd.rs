//! Descriptors that threads read and write, and that other threads can wake them from.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::base::limits::FLUSH;
use crate::base::limits::Limits;
use crate::base::sync::lock;

use super::super::system;

/// From now on, a pipe whose other end is closed is an error for whoever writes to it on this
/// thread. In a program that has given `SIGPIPE` its default action back, it would be the end of
/// the program.
///
/// The signal goes to the thread that writes, where it waits until the thread ends. So this is
/// for threads that do nothing but write. Sockets have a flag for it with each write.
pub(crate) fn survive_broken_pipes() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGPIPE);
    if let Err(error) = signals.thread_block() {
        crate::base::log::debug!("cannot block SIGPIPE: {error}");
    }
}

/// What wakes a thread, once and for all.
pub(crate) type Wake = Box<dyn Fn() + Send + Sync>;

/// A function that wakes, and the descriptor that is readable from then on.
pub(crate) fn waker() -> io::Result<(Wake, Arc<OwnedFd>)> {
    let (woken, end) = system::pipe()?;
    let end = Mutex::new(Some(end));
    // Closing the writing end makes the reading end readable for ever.
    let wake = move || drop(lock(&end).take());
    Ok((Box::new(wake), Arc::new(woken)))
}

/// Waits until one of the descriptors is ready, or the deadline has passed; then none is.
pub(crate) fn wait(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // A time beyond what the system counts is no limit.
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(fds, left.as_ref()) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}

/// Waits until the first is readable, or the other is. Gives whether the first is.
pub(crate) fn readable_before(
    first: impl AsFd,
    other: impl AsFd,
    deadline: Instant,
) -> io::Result<bool> {
    let mut fds = [
        PollFd::new(&first, PollFlags::IN),
        PollFd::new(&other, PollFlags::IN),
    ];
    wait(&mut fds, Some(deadline))?;
    Ok(is_ready(&fds[0]))
}

/// Waits until one of the descriptors is readable. Gives which are.
fn wait_for_input(fds: [BorrowedFd<'_>; 3]) -> io::Result<[bool; 3]> {
    let mut polled = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    wait(&mut polled, None)?;
    // They are open, so that this says that the system cannot poll one.
    if polled
        .iter()
        .any(|fd| fd.revents().contains(PollFlags::NVAL))
    {
        return system::select(fds);
    }
    Ok(polled.each_ref().map(is_ready))
}

/// Whether something happened to a descriptor, an end or an error included: the next call
/// tells which.
pub(crate) fn is_ready(fd: &PollFd<'_>) -> bool {
    !fd.revents().is_empty()
}

/// Reads until it is woken. The modes of the descriptor are left as they are: it may be
/// shared with other processes.
pub(crate) struct Reader {
    input: Arc<OwnedFd>,
    woken: Arc<OwnedFd>,
    /// When this is readable, only what is there already is still read.
    until: Option<Arc<OwnedFd>>,
    /// So much of that is left.
    left: Option<usize>,
}

impl Reader {
    pub(crate) fn new(input: Arc<OwnedFd>, woken: Arc<OwnedFd>) -> Self {
        Reader {
            input,
            woken,
            until: None,
            left: None,
        }
    }

    /// The input ends when `until` is readable, even if others still could write: what is
    /// there then is the rest.
    pub(crate) fn until(self, until: Arc<OwnedFd>) -> Self {
        Reader {
            until: Some(until),
            ..self
        }
    }

    /// Waits for input. False: there will be none.
    fn ready(&mut self) -> io::Result<bool> {
        let until = self.until.as_ref().unwrap_or(&self.woken);
        let fds = [self.input.as_fd(), self.woken.as_fd(), until.as_fd()];
        let [_, woken, until] = wait_for_input(fds)?;
        if woken {
            return Ok(false);
        }
        if until && self.left.is_none() {
            self.left = Some(there(&self.input)?);
        }
        Ok(self.left != Some(0))
    }
}

/// How many bytes can be read at once.
pub(crate) fn there(input: impl AsFd) -> io::Result<usize> {
    let count = rustix::io::ioctl_fionread(input)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.ready()? {
            return Ok(0);
        }
        let most = self.left.unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        match rustix::io::read(&self.input, buffer) {
            // Somebody else made it non-blocking, and was faster.
            Err(Errno::AGAIN) => Err(io::ErrorKind::Interrupted.into()),
            Err(error) => Err(error.into()),
            Ok(count) => {
                self.left = self.left.map(|left| left.saturating_sub(count));
                Ok(count)
            }
        }
    }
}

/// Writes until it is woken, and a little longer: what was sent before a stop should
/// still leave, if somebody reads it.
pub(crate) struct Writer {
    output: OwnedFd,
    woken: Arc<OwnedFd>,
    patience: Duration,
    /// Woken; so long it goes on.
    until: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(output: OwnedFd, woken: Arc<OwnedFd>, limits: &Limits) -> Self {
        Writer {
            output,
            woken,
            patience: FLUSH.min(limits.stop / 4),
            until: None,
        }
    }

    /// Where it writes.
    pub(crate) fn output(&self) -> &OwnedFd {
        &self.output
    }

    /// What wakes it.
    pub(crate) fn woken(&self) -> &OwnedFd {
        &self.woken
    }

    /// Waits for room. False: it took too long after it was woken.
    fn ready(&mut self) -> io::Result<bool> {
        let mut fds = [
            PollFd::new(&self.output, PollFlags::OUT),
            PollFd::new(&self.woken, PollFlags::IN),
        ];
        if self.until.is_none() {
            wait(&mut fds, None)?;
            let [room, woken] = fds.each_ref().map(is_ready);
            if woken {
                self.until = Some(Instant::now() + self.patience);
            }
            if room {
                return Ok(true);
            }
        }
        let [output, _] = &mut fds;
        wait(std::slice::from_mut(output), self.until)?;
        Ok(is_ready(output))
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.ready()? {
            let text = "stopped before everything was written";
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
        }
        let some = bytes.get(..system::PIPE_BUF).unwrap_or(bytes);
        match rustix::io::write(&self.output, some) {
            Err(Errno::AGAIN) => Err(io::ErrorKind::Interrupted.into()),
            other => Ok(other?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
