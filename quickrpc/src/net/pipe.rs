//! Peers at the other end of a pipe, each with a thread that reads and one that writes.

use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::foreign;
use crate::base::here;
use crate::base::reason::DisconnectReason;
use crate::carrier::pipe::Pipe;
use crate::carrier::stream::Place;
use crate::carrier::sys;
use crate::carrier::transport::{Entry, Network, Transport};
use crate::wire::Wire;

use super::above::Above;
use super::conn::{Conn, Outlet, WriterOutlet};
use super::net::Net;
use super::pump::{CHUNK, Flow, Pumped};
use super::reactor::Command;

impl Net {
    /// A new peer at the other end of a pipe.
    pub(crate) fn connect_pipe(
        &self,
        wire: &Arc<Wire>,
        link: usize,
        name: &str,
        pipe: &mut Pipe,
    ) -> Arc<Conn> {
        let wakers = Arc::clone(&pipe.wakers);
        let end = move |keeps_queue| match keeps_queue {
            true => (wakers.end_reading)(),
            // Whoever does not read holds up the writer too.
            false => wakers.give_up(),
        };
        let writer = WriterOutlet {
            end: Box::new(end),
            at_once: pipe.at_once.take(),
            outcome: pipe.outcome.take(),
        };
        self.connect(wire, link, name, Outlet::Writer(writer), Vec::new())
    }

    /// Spawns the threads of a pipe, whose peer was told of.
    pub(crate) fn run_pipe(
        self: &Arc<Self>,
        above: &Arc<dyn Above>,
        conn: &Arc<Conn>,
        pipe: Pipe,
    ) -> io::Result<()> {
        let Pipe {
            reader,
            writer,
            at_once: _,
            wakers,
            end_of_input,
            watcher,
            outcome: _,
        } = pipe;
        let (net, above, peer) = (Arc::clone(self), Arc::clone(above), Arc::clone(conn));
        let reading = move || {
            guarded(&peer, "reading", || {
                read(&net, &*above, &peer, reader, end_of_input);
            });
        };
        let (net, peer, with_writer) = (Arc::clone(self), Arc::clone(conn), watcher.is_none());
        let writing = move || {
            guarded(&peer, "writing", || write(&peer, writer));
            if with_writer {
                net.ask(Command::Written(peer));
            }
        };
        let (net, peer) = (Arc::clone(self), Arc::clone(conn));
        let watching = watcher.map(|(name, watch)| {
            let run = move || {
                guarded(&peer, "watching", watch);
                net.ask(Command::Written(peer));
            };
            (name, run)
        });
        let spawned = self
            .threads
            .spawn("writer", writing)
            .and_then(|()| self.threads.spawn("reader", reading))
            .and_then(|()| watching.map_or(Ok(()), |(name, run)| self.threads.spawn(name, run)));
        if let Err(error) = &spawned {
            let again = io::Error::new(error.kind(), error.to_string());
            conn.close(DisconnectReason::Lost(Arc::new(again)));
            wakers.give_up();
        }
        spawned
    }

    /// Opens a transport of a plug-in, which may block, on a thread of its own.
    pub(crate) fn open_custom(
        self: &Arc<Self>,
        link: usize,
        wire: &Arc<Wire>,
        transport: &Arc<dyn Transport>,
    ) -> io::Result<()> {
        let entry = Entry::new(Arc::new(Door {
            net: Arc::clone(self),
            link,
            wire: Arc::clone(wire),
        }));
        let (net, transport) = (Arc::clone(self), Arc::clone(transport));
        self.threads.spawn("open", move || {
            let name = entry.name();
            let opened = foreign::attempt(|| transport.open(entry));
            let opened = opened.unwrap_or_else(|text| Err(format!("it panicked: {text}").into()));
            let opened = opened.map_err(|error| Error::Start {
                transport: name,
                reason: error.to_string().into(),
                kind: error.downcast_ref::<io::Error>().map(io::Error::kind),
            });
            net.ask(Command::Opened(link, opened));
        })
    }
}

/// Where the peers of a plug-in come in.
struct Door {
    net: Arc<Net>,
    link: usize,
    wire: Arc<Wire>,
}

impl Network for Door {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.wire.name)
    }

    fn arrived(&self, name: &str, mut pipe: Pipe) -> Result<()> {
        let Some(above) = self.net.above() else {
            return Err(Error::Stopped);
        };
        let conn = self
            .net
            .connect_pipe(&self.wire, self.link, name, &mut pipe);
        if conn.closed().is_some() {
            return Err(Error::Stopped);
        }
        self.net.announce(&*above, &conn);
        let running = self.net.run_pipe(&above, &conn, pipe);
        running.map_err(|error| Error::io("cannot spawn the threads of a peer", error))
    }
}

/// Runs a thread of a peer. What panics in it, such as a stream of a plug-in, costs the peer.
fn guarded(conn: &Conn, what: &'static str, run: impl FnOnce()) {
    if let Err(text) = foreign::attempt(run) {
        foreign::report(what, &text);
        let error = io::Error::other(format!("{what} panicked: {text}"));
        conn.close(DisconnectReason::Lost(Arc::new(error)));
    }
}

fn read(
    net: &Net,
    above: &dyn Above,
    conn: &Arc<Conn>,
    mut reader: impl Read,
    at_end: impl FnOnce() -> Option<DisconnectReason>,
) {
    here::reads_from_now_on(net.id);
    let Some(mut rx) = conn.reading.take() else {
        return;
    };
    let mut buffer = vec![0; CHUNK];
    let mut flow = Flow::Read;
    loop {
        match flow {
            Flow::Closed => return,
            Flow::Stalled => {
                conn.wait_resumed();
                flow = net.receive(above, conn, &mut rx, &[]);
                continue;
            }
            Flow::Again => {
                flow = net.receive(above, conn, &mut rx, &[]);
                continue;
            }
            Flow::Read => {}
        }
        let read = |place: Place<'_>, _: &mut _| place.fill(&mut reader, CHUNK);
        match net.pump(above, conn, &mut rx, &mut buffer, read) {
            Pumped::End if conn.closed().is_some() => return,
            Pumped::End => {
                if rx.is_within_message() {
                    net.truncated(above, conn);
                }
                match at_end() {
                    Some(reason) => drop(conn.close(reason)),
                    None => net.end_of_input(above, conn, DisconnectReason::EndOfInput),
                }
                return;
            }
            Pumped::Read(_, next) => flow = next,
            // A plug-in's stream that should block, and does not.
            Pumped::Nothing => {
                let error = io::ErrorKind::WouldBlock.into();
                conn.close(DisconnectReason::Lost(Arc::new(error)));
                return;
            }
        }
    }
}

fn write(conn: &Conn, mut writer: impl Write) {
    sys::survive_broken_pipes();
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
