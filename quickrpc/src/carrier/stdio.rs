//! `stdio`: the process's own standard input and output as a wire.

use std::io::{self, Write};
use std::sync::Mutex;

use crate::base::limits::Limits;
use crate::base::sync::lock;

use super::pipe::Pipe;
use super::sys;

/// Only one transport of the process can have its standard input and output.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// Takes standard input and output. With `guard`, what is printed goes to stderr meanwhile,
/// so that a stray `println!` does not spoil the wire.
pub(crate) fn open(guard: bool, limits: &Limits) -> io::Result<Pipe> {
    let mut taken = lock(&TAKEN);
    if *taken {
        let text = "standard input and output are a wire already, of this or another API";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    // What was printed so far belongs in front of the wire.
    io::stdout().flush()?;
    let pipe = sys::stdio::open(guard, limits)?;
    *taken = true;
    let writer = Writer(Some(pipe.writer));
    Ok(Pipe {
        writer: Box::new(writer),
        ..pipe
    })
}

/// Standard output, which the next one can take after it. `None` only while it is dropped.
struct Writer(Option<Box<dyn Write + Send>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(inner) => inner.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Some(inner) => inner.flush(),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It is given back first.
        self.0 = None;
        *lock(&TAKEN) = false;
    }
}
