//! The processes that are measured.

use std::hint::black_box;
use std::io::{Read, stdin};
use std::time::Duration;

use quickrpc::{Error, Limits, Promise, remote_api};

use crate::Result;

/// What a process says at its end, before the number of its allocations.
pub(crate) const ALLOCATIONS: &str = "allocations:";

const A: i64 = 123;
const B: i64 = 456;
const NOTE: &str = "a note of 18 bytes";
const SUM: i64 = A + B;

/// Of the call of a client that is idle then.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// How many calls or notifications a batch has.
pub(crate) const BATCH: usize = 64;

#[remote_api]
trait Bench {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64, note: &str) -> i64;

    /// Only arrives.
    #[incoming]
    fn log(&self, a: i64, b: i64, note: &str);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Codec {
    Jrpc,
    Terse,
    #[cfg(feature = "msgpack")]
    Msgpack,
}

impl Codec {
    pub(crate) const ALL: &[Codec] = &[
        Codec::Jrpc,
        Codec::Terse,
        #[cfg(feature = "msgpack")]
        Codec::Msgpack,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Codec::Jrpc => "jrpc",
            Codec::Terse => "terse",
            #[cfg(feature = "msgpack")]
            Codec::Msgpack => "msgpack",
        }
    }

    /// A call in this codec, and the byte at the end of the answer.
    pub(crate) fn call_and_end(self) -> (&'static [u8], u8) {
        match self {
            Codec::Jrpc => (
                b"{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2,\"note\":\"\"},\"id\":1}\0",
                0,
            ),
            Codec::Terse => (b"add[1] a:1 b:2 note:\"\"\n", b'\n'),
            #[cfg(feature = "msgpack")]
            Codec::Msgpack => (b"\x94\0\x01\xa3add\x93\x01\x02\xa0", 3),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Job {
    /// One call in flight.
    Serial,
    /// Calls in batches, one batch in flight.
    Batch,
    /// Batches of notifications with one call at the end of each, whose answer says that they
    /// have been handled: so each batch is read with one read, whoever is faster.
    Notify,
}

impl Job {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Job::Serial => "serial",
            Job::Batch => "batch",
            Job::Notify => "notify",
        }
    }
}

pub(crate) fn serve(codec: Codec) -> Result {
    let limits = Limits {
        connections: 100_000,
        ..Limits::default()
    };
    let api = Bench::builder()
        .codec(codec.name())
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .build()?;
    api.add.connect(|_sender, a, b, note| {
        black_box(note);
        a + b
    });
    api.log.connect(|_sender, a, b, note| {
        black_box((a + b, note));
    });
    api.start()?;
    let addresses = api.local_addrs();
    let address = addresses.first().ok_or("the server listens nowhere")?;
    println!("{}", address.port());
    wait_for_end()
}

pub(crate) fn call(codec: Codec, job: Job, count: usize, port: u16) -> Result {
    // Under a tool that counts, everything is slow.
    let api = client(codec, port, Duration::from_secs(60))?;
    let hub = api.all();
    let mut promises = Vec::with_capacity(BATCH);
    match job {
        Job::Serial => {
            for _ in 0..count {
                right(hub.add(A, B, NOTE))?;
            }
        }
        Job::Batch => {
            for _ in 0..count / BATCH {
                hub.batch(|hub| promises.extend((0..BATCH).map(|_| hub.add(A, B, NOTE))));
                promises.drain(..).try_for_each(right)?;
            }
        }
        Job::Notify => {
            for _ in 0..count / BATCH {
                let handled = hub.batch(|hub| -> Result<Promise<i64>, Error> {
                    (0..BATCH).try_for_each(|_| hub.log(A, B, NOTE))?;
                    Ok(hub.add(A, B, NOTE))
                })?;
                right(handled)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn idle(codec: Codec, port: u16) -> Result {
    let api = client(codec, port, CALL_TIMEOUT)?;
    right(api.all().add(A, B, NOTE))?;
    println!("idle");
    wait_for_end()
}

fn client(codec: Codec, port: u16, timeout: Duration) -> Result<BenchInverse> {
    let api = BenchInverse::builder()
        .codec(codec.name())
        .transport(format!("tcp:127.0.0.1:{port}"))
        .call_timeout(timeout)
        .build()?;
    api.start()?;
    Ok(api)
}

fn right(promise: Promise<i64>) -> Result<(), Error> {
    match promise.result()? {
        SUM => Ok(()),
        other => Err(Error::Config(format!("a wrong sum: {other}").into())),
    }
}

fn wait_for_end() -> Result {
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
