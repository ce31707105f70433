//! Byte streams that have to be read and written by threads of their own.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::base::error::Error;
use crate::base::here;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::net::conn::{Conn, Outlet};
use crate::net::core::Core;
use crate::net::link::Wire;
use crate::net::reactor::Command;
use crate::net::receive::Flow;

use crate::carrier::transport::{Entry, Transport};

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// The means to end the threads of a pipe.
pub(crate) struct Pipe {
    /// Wakes the reader, which then ends.
    pub(crate) end_reading: Box<dyn Fn() + Send + Sync>,
    /// Wakes the writer, which gives up what is left.
    pub(crate) end_writing: Box<dyn Fn() + Send + Sync>,
}

impl Pipe {
    /// For a stream that nothing can wake.
    pub(crate) fn stubborn() -> Arc<Self> {
        Arc::new(Pipe {
            end_reading: Box::new(|| ()),
            end_writing: Box::new(|| ()),
        })
    }

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

/// How a pipe ends.
pub(crate) struct Ends {
    /// Asked at the end of the input: a reason to give up the peer at once, with what is
    /// owed to it. `None`: the end is an orderly one.
    pub(crate) of_input: Box<dyn FnOnce() -> Option<DisconnectReason> + Send>,
    /// The link ends with the writer. Else somebody asks for [`Command::Written`] later.
    pub(crate) with_writer: bool,
}

impl Default for Ends {
    fn default() -> Self {
        Ends {
            of_input: Box::new(|| None),
            with_writer: true,
        }
    }
}

/// A new peer at the other end of a pipe.
pub(crate) fn connect(
    core: &Core,
    wire: &Arc<Wire>,
    link: usize,
    name: &str,
    pipe: Arc<Pipe>,
) -> Arc<Conn> {
    let wake = move |keeps_queue| match keeps_queue {
        true => (pipe.end_reading)(),
        // Whoever does not read holds up the writer too.
        false => pipe.give_up(),
    };
    core.connect(wire, link, name, Outlet::Writer(Box::new(wake)))
}

/// Spawns the two threads of a pipe.
pub(crate) fn run(
    core: &Arc<Core>,
    conn: &Arc<Conn>,
    reader: impl Read + Send + 'static,
    writer: impl Write + Send + 'static,
    ends: Ends,
) -> io::Result<()> {
    let (core_r, conn_r) = (Arc::clone(core), Arc::clone(conn));
    let reading = move || read(&core_r, &conn_r, reader, ends.of_input);
    let (core_w, conn_w) = (Arc::clone(core), Arc::clone(conn));
    let writing = move || {
        write(&conn_w, writer);
        if ends.with_writer {
            core_w.ask(Command::Written(conn_w));
        }
    };
    let spawned = core
        .threads
        .spawn("writer", writing)
        .and_then(|()| core.threads.spawn("reader", reading));
    if let Err(error) = &spawned {
        let again = io::Error::new(error.kind(), error.to_string());
        conn.close(DisconnectReason::Lost(Arc::new(again)));
    }
    spawned
}

fn read(
    core: &Core,
    conn: &Arc<Conn>,
    mut reader: impl Read,
    at_end: impl FnOnce() -> Option<DisconnectReason>,
) {
    here::reads_from_now_on(core.id);
    let Some(mut rx) = lock(&conn.rx).take() else {
        return;
    };
    let mut buffer = vec![0; CHUNK];
    let mut flow = Flow::Read;
    loop {
        match flow {
            Flow::Closed => return,
            Flow::Stalled => {
                conn.wait_resumed();
                flow = core.receive(conn, &mut rx, &[]);
                continue;
            }
            Flow::Again => {
                flow = core.receive(conn, &mut rx, &[]);
                continue;
            }
            Flow::Read => {}
        }
        match reader.read(&mut buffer) {
            Ok(0) if conn.closed().is_some() => return,
            Ok(0) => {
                if rx.is_within_message() {
                    core.truncated(conn);
                }
                match at_end() {
                    Some(reason) => drop(conn.close(reason)),
                    None => core.end_of_input(conn, DisconnectReason::EndOfInput),
                }
                return;
            }
            Ok(count) => {
                let chunk = buffer.get(..count).unwrap_or_default();
                flow = core.receive(conn, &mut rx, chunk);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                conn.close(DisconnectReason::Lost(Arc::new(error)));
                return;
            }
        }
    }
}

fn write(conn: &Conn, mut writer: impl Write) {
    let mut failed = None;
    while let Some(bytes) = conn.take_queued() {
        if let Err(error) = writer.write_all(&bytes).and_then(|()| writer.flush()) {
            failed = Some(Arc::new(error));
            break;
        }
        conn.written(bytes.len());
    }
    if let Some(error) = failed {
        conn.close(DisconnectReason::Lost(error));
    }
    // All is written: whoever waits for this end may read it now.
    drop(writer);
}

/// Opens a transport of a plug-in, which may block, on a thread of its own.
pub(crate) fn open_custom(
    core: &Arc<Core>,
    link: usize,
    transport: Arc<dyn Transport>,
    entry: Entry,
) -> io::Result<()> {
    let opener = Arc::clone(core);
    core.threads.spawn("open", move || {
        let name = Arc::clone(entry.name());
        let opened = transport.open(entry).map_err(|error| Error::Start {
            transport: name,
            reason: error.to_string().into(),
            kind: error.downcast_ref::<io::Error>().map(io::Error::kind),
        });
        opener.ask(Command::Opened(link, opened));
    })
}
