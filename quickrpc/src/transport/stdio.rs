//! `stdio`: the process's own standard input and output as a wire.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::sync::lock;

use super::pipe::Pipe;

/// A pipe that is ready for writing takes so much without blocking (POSIX's PIPE_BUF is
/// at least 512; on Linux it is this).
const PIPE_BUF: usize = 4096;

/// Only one transport of the process can have its standard input and output.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// Takes standard input and output. With `guard`, descriptor 1 points at stderr
/// meanwhile, so that a stray `println!` does not spoil the wire.
pub(crate) fn open(guard: bool) -> io::Result<(Reader, Writer, Arc<Pipe>)> {
    let mut taken = lock(&TAKEN);
    if *taken {
        let text = "standard input and output are a wire already, of this or another API";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    // What was printed so far belongs in front of the wire.
    io::stdout().flush()?;
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let (wake_reader, reader_woken) = waker()?;
    let (wake_writer, writer_woken) = waker()?;
    if guard {
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    }
    *taken = true;
    let pipe = Pipe {
        end_reading: wake_reader,
        end_writing: wake_writer,
    };
    let reader = Reader {
        input,
        woken: reader_woken,
    };
    let writer = Writer {
        output,
        woken: writer_woken,
        guard,
    };
    Ok((reader, writer, Arc::new(pipe)))
}

type Wake = Box<dyn Fn() + Send + Sync>;

/// A function that wakes, once and for all, and the descriptor that then is readable.
fn waker() -> io::Result<(Wake, OwnedFd)> {
    let (woken, end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let end = Mutex::new(Some(end));
    // Closing the writing end makes the reading end readable for ever.
    Ok((Box::new(move || drop(lock(&end).take())), woken))
}

/// Waits until the descriptor is ready. False: woken instead.
fn ready(descriptor: impl AsFd, flags: PollFlags, woken: &OwnedFd) -> io::Result<bool> {
    let descriptor = descriptor.as_fd();
    loop {
        let mut both = [
            PollFd::new(&descriptor, flags),
            PollFd::new(woken, PollFlags::IN),
        ];
        match poll(&mut both, None) {
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let [wanted, woken] = both;
        if !woken.revents().is_empty() {
            return Ok(false);
        }
        if !wanted.revents().is_empty() {
            return Ok(true);
        }
    }
}

/// Standard input. Its modes are left as they are: it may be shared with the parent.
pub(crate) struct Reader {
    input: OwnedFd,
    woken: OwnedFd,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !ready(&self.input, PollFlags::IN, &self.woken)? {
            return Ok(0);
        }
        match rustix::io::read(&self.input, buffer) {
            // Somebody else made it non-blocking, and was faster.
            Err(Errno::AGAIN) => Err(io::ErrorKind::Interrupted.into()),
            other => Ok(other?),
        }
    }
}

/// Standard output.
pub(crate) struct Writer {
    output: OwnedFd,
    woken: OwnedFd,
    guard: bool,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !ready(&self.output, PollFlags::OUT, &self.woken)? {
            let text = "stopped before everything was written";
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
        }
        let some = bytes.get(..PIPE_BUF).unwrap_or(bytes);
        match rustix::io::write(&self.output, some) {
            Err(Errno::AGAIN) => Err(io::ErrorKind::Interrupted.into()),
            other => Ok(other?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.guard {
            io::stdout().flush().ok();
            rustix::stdio::dup2_stdout(&self.output).ok();
        }
        *lock(&TAKEN) = false;
    }
}
