//! Byte streams that have to be read and written by threads of their own.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Instant;

use crate::base::reason::DisconnectReason;

/// Such a stream, as a carrier hands it to the network.
pub(crate) struct Pipe {
    pub(crate) reader: Box<dyn Read + Send>,
    pub(crate) writer: Box<dyn Write + Send>,
    /// Spares the writer's thread what can be done without waiting.
    pub(crate) at_once: Option<AtOnce>,
    pub(crate) wakers: Arc<Wakers>,
    /// Asked at the end of the input: a reason to give up the peer at once, with what is
    /// owed to it. `None`: the end is an orderly one.
    pub(crate) end_of_input: Box<dyn FnOnce() -> Option<DisconnectReason> + Send>,
    /// Runs on a thread of its own beside reader and writer; the link ends with it. Without one it ends with the
    /// writer.
    pub(crate) watcher: Option<Watcher>,
    /// Waits for what becomes of what was written, where that is found out.
    pub(crate) outcome: Option<Outcome>,
}

/// What runs on a thread of its own, and the name of that.
pub(crate) type Watcher = (&'static str, Box<dyn FnOnce() + Send>);

/// Waits until it is known what has become of all that was written without an answer, and the reader has taken
/// that; but not beyond this time.
pub(crate) type Outcome = Box<dyn Fn(Instant) + Send + Sync>;

/// Takes what a sending thread has, where nothing waits for the writer; `false`: the writer is to take
/// it. Called with the peer's queue locked, so that it must neither wait nor run code of the program.
pub(crate) type AtOnce = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// The means to end the threads of a pipe.
pub(crate) struct Wakers {
    /// Wakes the reader, which then ends.
    pub(crate) end_reading: Box<dyn Fn() + Send + Sync>,
    /// Wakes the writer, which gives up what is left.
    pub(crate) end_writing: Box<dyn Fn() + Send + Sync>,
}

impl Pipe {
    /// One that nothing can wake.
    pub(crate) fn new(
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
    ) -> Self {
        let wakers = Wakers {
            end_reading: Box::new(|| ()),
            end_writing: Box::new(|| ()),
        };
        Pipe {
            reader: Box::new(reader),
            writer: Box::new(writer),
            at_once: None,
            wakers: Arc::new(wakers),
            end_of_input: Box::new(|| None),
            watcher: None,
            outcome: None,
        }
    }
}

impl Wakers {
    /// Ends both threads, whatever is left to write.
    pub(crate) fn give_up(&self) {
        (self.end_reading)();
        (self.end_writing)();
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipe")
    }
}

impl fmt::Debug for Wakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wakers")
    }
}
