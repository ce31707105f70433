//! Calls that are given up: by `cancel()`, by dropping what was polled, by a deadline, by the end
//! of the caller. Handlers see it while they run.

mod callers;
mod deadlines;
mod hostile;
mod later;
mod runs;

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use quickrpc::{CallError, Processing, remote_api};
use quickrpc_tests::SOON;
use quickrpc_tests::{Inbox, inbox};

/// Work that takes as long as it is wanted.
#[remote_api]
pub(crate) trait Works {
    /// Works until it is given up.
    #[incoming]
    fn work(&self, name: &str) -> String;

    /// Is done at once.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// Is answered later.
    #[incoming]
    fn later(&self, name: &str) -> String;
}

/// What the workers tell.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) enum Told {
    Begun(String),
    /// It saw that nobody waits for it.
    GivenUp(String),
    /// It was wanted for longer than a test waits.
    Forgotten(String),
}

/// The handlers of `work` and `add`.
pub(crate) fn serve(works: &Works) -> Inbox<Told> {
    let (tell, told) = inbox();
    works.work.connect(move |sender, name| {
        let name = name.to_owned();
        tell.send(Told::Begun(name.clone())).unwrap();
        let end = Instant::now() + SOON;
        while !sender.is_cancelled() {
            if Instant::now() > end {
                tell.send(Told::Forgotten(name.clone())).unwrap();
                return Ok(name);
            }
            thread::park_timeout(Duration::from_micros(200));
        }
        tell.send(Told::GivenUp(name.clone())).unwrap();
        Err(format!("`{name}` was given up"))
    });
    works.add.connect(|_sender, a, b| a + b);
    told
}

/// A server whose handlers run beside whoever reads.
pub(crate) struct Server {
    pub(crate) works: Works,
    pub(crate) told: Inbox<Told>,
    /// Of a program with a loop of its own.
    _own_loop: Option<OwnLoop>,
}

impl Server {
    pub(crate) fn new(codec: &str, transport: &str, processing: Processing) -> Self {
        let works = Works::builder()
            .codec(codec)
            .transport(transport)
            .processing(processing)
            .build()
            .unwrap();
        let told = serve(&works);
        let own_loop = (processing == Processing::Manual).then(|| OwnLoop::new(&works));
        works.start().unwrap();
        Server {
            works,
            told,
            _own_loop: own_loop,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.works.local_addrs()[0]
    }

    pub(crate) fn begun(&self, name: &str) {
        assert_eq!(self.told.next(), Told::Begun(name.to_owned()));
    }

    pub(crate) fn given_up(&self, name: &str) {
        assert_eq!(self.told.next(), Told::GivenUp(name.to_owned()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.works.stop().unwrap();
    }
}

/// A program that runs what is pending when it is told so, until it is told to end.
struct OwnLoop {
    tell: crossbeam_channel::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl OwnLoop {
    fn new(works: &Works) -> Self {
        let (tell, events) = crossbeam_channel::unbounded();
        let waker = tell.clone();
        works.on_pending(move || {
            let _ = waker.send(true);
        });
        let works = works.clone();
        let thread = thread::spawn(move || {
            while events.recv().unwrap() {
                works.process_pending();
            }
        });
        OwnLoop {
            tell,
            thread: Some(thread),
        }
    }
}

impl Drop for OwnLoop {
    fn drop(&mut self) {
        self.tell.send(false).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

pub(crate) fn client(codec: &str, addr: SocketAddr) -> WorksInverse {
    client_on(codec, &format!("tcp:{addr}"))
}

pub(crate) fn client_on(codec: &str, transport: &str) -> WorksInverse {
    let api = WorksInverse::bind(codec, transport).unwrap();
    api.start().unwrap();
    api
}

/// An error of a call that was given up.
#[track_caller]
pub(crate) fn is_given_up(error: &CallError) {
    assert_eq!(error.code, CallError::CANCELLED, "{error}");
}
