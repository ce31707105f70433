//! The process's own standard input and output, as descriptors.

use std::io::{self, Write};
use std::sync::Arc;

use crate::base::limits::Limits;
use crate::carrier::pipe::{Pipe, Wakers};

use super::fd;

/// Takes standard input and output. With `guard`, descriptor 1 points at stderr until the
/// writer is dropped.
pub(crate) fn open(guard: bool, limits: &Limits) -> io::Result<Pipe> {
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let (wake_reader, reader_woken) = fd::waker()?;
    let (wake_writer, writer_woken) = fd::waker()?;
    if guard {
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    }
    let wakers = Wakers {
        end_reading: wake_reader,
        end_writing: wake_writer,
    };
    let reader = fd::Reader::new(Arc::new(input), reader_woken);
    let writer = Writer {
        inner: fd::Writer::new(output, writer_woken, limits),
        guard,
    };
    Ok(Pipe {
        wakers: Arc::new(wakers),
        ..Pipe::new(reader, writer)
    })
}

/// Standard output, which is given back at the end.
struct Writer {
    inner: fd::Writer,
    guard: bool,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.guard {
            io::stdout().flush().ok();
            rustix::stdio::dup2_stdout(self.inner.output()).ok();
        }
    }
}
