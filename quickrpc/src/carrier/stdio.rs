//! `stdio`: the process's own standard input and output as a wire.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::base::limits::Limits;
use crate::base::sync::lock;

use super::fd;
use crate::net::pipe::Pipe;

/// Only one transport of the process can have its standard input and output.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// Takes standard input and output. With `guard`, descriptor 1 points at stderr
/// meanwhile, so that a stray `println!` does not spoil the wire.
pub(crate) fn open(guard: bool, limits: &Limits) -> io::Result<(fd::Reader, Writer, Arc<Pipe>)> {
    let mut taken = lock(&TAKEN);
    if *taken {
        let text = "standard input and output are a wire already, of this or another API";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    // What was printed so far belongs in front of the wire.
    io::stdout().flush()?;
    let output = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let input = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let (wake_reader, reader_woken) = fd::waker()?;
    let (wake_writer, writer_woken) = fd::waker()?;
    if guard {
        rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    }
    *taken = true;
    let pipe = Pipe {
        end_reading: wake_reader,
        end_writing: wake_writer,
    };
    let reader = fd::Reader::new(Arc::new(input), reader_woken);
    let writer = Writer {
        inner: fd::Writer::new(output, writer_woken, limits),
        guard,
    };
    Ok((reader, writer, Arc::new(pipe)))
}

/// Standard output, which is given back at the end.
pub(crate) struct Writer {
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
        *lock(&TAKEN) = false;
    }
}
