//! What is measured: something that serves and makes calls.

use std::any::Any;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Result, message};

/// What a client does, a given number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    /// One call after the other.
    Serial,
    /// So many calls in flight, from one caller.
    Window(usize),
    /// So many callers over one connection, each waiting for its answer.
    Callers(usize),
    /// Calls without reply, and one with reply at the end.
    Notify,
    /// One echo of a text of this size after the other.
    Text(usize),
    /// One echo of this many bytes after the other.
    Bytes(usize),
}

/// One RPC library in one configuration, or the hand-written floor.
pub(crate) trait System: Send + Sync {
    /// What the tables call it; also names it to child processes.
    fn name(&self) -> String;

    /// Starts a server on a loopback port.
    fn serve(&self) -> Result<Server>;

    /// Connects a client.
    fn connect(&self, port: u16) -> Result<Box<dyn Client>>;

    /// Whether a client can do that.
    fn can(&self, _job: Job) -> bool {
        true
    }

    /// Whether it runs in this program, so that its memory and allocations can be told.
    fn is_native(&self) -> bool {
        true
    }

    /// What an idle connection says first, and how its answer begins to end.
    fn greeting(&self) -> Greeting {
        Greeting::none()
    }
}

pub(crate) type AnySystem = Arc<dyn System>;

/// A running server; stops when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    _guard: Box<dyn Any + Send>,
}

impl Server {
    pub(crate) fn new(port: u16, guard: impl Any + Send) -> Self {
        Server {
            port,
            _guard: Box::new(guard),
        }
    }
}

/// One end of a connection.
pub(crate) trait Client: Send {
    /// Does the job `count` times, and fails if an answer is wrong. Jobs that do one thing
    /// after the other note when each was done.
    fn run(&mut self, job: Job, count: usize, laps: &mut Laps) -> Result<()>;
}

/// When each call was done.
#[derive(Debug)]
pub(crate) struct Laps {
    last: Instant,
    pub(crate) nanos: Vec<u64>,
}

impl Laps {
    pub(crate) fn start() -> Self {
        Laps {
            last: Instant::now(),
            nanos: Vec::new(),
        }
    }

    /// The end of one, and the beginning of the next.
    pub(crate) fn lap(&mut self) {
        let now = Instant::now();
        let lap = now.saturating_duration_since(self.last);
        self.nanos.push(lap.as_nanos() as u64);
        self.last = now;
    }
}

/// What a bare connection sends, so that the server has seen it for sure.
#[derive(Debug, Clone)]
pub(crate) struct Greeting {
    bytes: Vec<u8>,
    /// The answer is complete with this.
    answer_end: Vec<u8>,
}

impl Greeting {
    pub(crate) fn none() -> Self {
        Greeting {
            bytes: Vec::new(),
            answer_end: Vec::new(),
        }
    }

    pub(crate) fn new(bytes: impl Into<Vec<u8>>, answer_end: impl Into<Vec<u8>>) -> Self {
        Greeting {
            bytes: bytes.into(),
            answer_end: answer_end.into(),
        }
    }

    /// A call in NUL-delimited JSON.
    pub(crate) fn json() -> Self {
        let mut call = Vec::new();
        message::push_call(&mut call, message::FIRST_ID);
        Greeting::new(call, [0])
    }

    pub(crate) fn say(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.bytes)
    }

    pub(crate) fn hear(&self, stream: &mut TcpStream) -> io::Result<()> {
        use io::Read;
        let (mut heard, mut part) = (Vec::new(), [0; 1024]);
        while memchr::memmem::find(&heard, &self.answer_end).is_none() {
            match stream.read(&mut part)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => heard.extend_from_slice(&part[..length]),
            }
        }
        Ok(())
    }
}

/// How often a job fits into this time, measured by trying. A warm-up at the same time.
pub(crate) fn calibrate(client: &mut dyn Client, job: Job, time: Duration) -> Result<usize> {
    let mut count = match job {
        Job::Window(width) | Job::Callers(width) => 2 * width,
        Job::Notify => 128,
        Job::Serial => 16,
        Job::Text(_) | Job::Bytes(_) => 1,
    };
    loop {
        let begin = Instant::now();
        client.run(job, count, &mut Laps::start())?;
        let taken = begin.elapsed();
        if taken * 4 >= time {
            let fit = count as f64 * time.as_secs_f64() / taken.as_secs_f64();
            return Ok((fit as usize).max(1));
        }
        count *= 2;
    }
}
