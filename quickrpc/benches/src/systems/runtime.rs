//! What the async libraries share: their server is a thread with a current-thread runtime,
//! and the thread that measures drives the client in one. On few CPUs this is faster than
//! their work-stealing runtime.

use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::thread::{self, JoinHandle};

use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::sample_text;
use crate::Result;
use crate::message::SUM;
use crate::system::{Client, Job, Laps, Server};

/// Runs a server until it is dropped.
#[cfg_attr(
    not(any(feature = "tarpc", feature = "jsonrpsee", feature = "tonic")),
    allow(dead_code, reason = "those behind a broker listen nowhere")
)]
pub(super) fn serve<S, F>(start: S) -> Result<Server>
where
    S: FnOnce(tokio::net::TcpListener) -> F + Send + 'static,
    F: Future<Output = Result>,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || -> Result {
        current_thread()?.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                done = start(listener) => done,
                _ = stopped => Ok(()),
            }
        })
    });
    let guard = Guard {
        stop: Some(stop),
        thread: Some(thread),
    };
    Ok(Server::new(port, guard))
}

/// Runs what a peer does that is no server, but behind a broker, until it is dropped: it is there when the
/// future has come that it gives.
#[cfg(any(feature = "nats", feature = "mqtt"))]
pub(super) fn run<F, S>(port: u16, start: S) -> Result<Server>
where
    S: Future<Output = Result<F>>,
    F: Future<Output = Result> + Send + 'static,
{
    let runtime = current_thread()?;
    let work = runtime.block_on(start)?;
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || -> Result {
        runtime.block_on(async {
            tokio::select! {
                done = work => done,
                _ = stopped => Ok(()),
            }
        })
    });
    let guard = Guard {
        stop: Some(stop),
        thread: Some(thread),
    };
    Ok(Server::new(port, guard))
}

struct Guard {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

pub(super) fn current_thread() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// What a client of such a library can do.
pub(super) trait Calls: Clone + Send + Sync + 'static {
    /// Calls with the arguments of every call.
    fn add(&self) -> impl Future<Output = Result<i64>> + Send;

    /// The same without reply.
    fn log(&self) -> impl Future<Output = Result> + Send;

    /// Sends a text and gives the length of what came back.
    fn text(&self, text: &'static str) -> impl Future<Output = Result<usize>> + Send;

    /// Sends bytes and gives how many came back.
    fn bytes(&self, data: &'static [u8]) -> impl Future<Output = Result<usize>> + Send;
}

/// A client with its runtime.
pub(super) struct AsyncClient<C> {
    // Goes before its runtime.
    calls: C,
    runtime: Runtime,
}

impl<C: Calls> AsyncClient<C> {
    pub(super) fn connect<F>(connect: F) -> Result<Box<dyn Client>>
    where
        F: Future<Output = Result<C>>,
    {
        let runtime = current_thread()?;
        let calls = runtime.block_on(connect)?;
        Ok(Box::new(AsyncClient { calls, runtime }))
    }
}

impl<C: Calls> Client for AsyncClient<C> {
    fn run(&mut self, job: Job, count: usize, laps: &mut Laps) -> Result {
        let calls = &self.calls;
        self.runtime.block_on(async {
            match job {
                Job::Window(width) => window(calls, width, count).await,
                Job::Callers(callers) => self::callers(calls, callers, count).await,
                Job::Notify => {
                    for _ in 0..count {
                        calls.log().await?;
                    }
                    right(calls.add().await?)
                }
                Job::Serial | Job::Text(_) | Job::Bytes(_) => {
                    for _ in 0..count {
                        once(calls, job).await?;
                        laps.lap();
                    }
                    Ok(())
                }
            }
        })
    }
}

async fn once<C: Calls>(calls: &C, job: Job) -> Result {
    let (found, expected) = match job {
        Job::Text(size) => (calls.text(sample_text(size)).await?, size),
        Job::Bytes(size) => (calls.bytes(sample_text(size).as_bytes()).await?, size),
        _ => return right(calls.add().await?),
    };
    match found == expected {
        true => Ok(()),
        false => Err("an echo of another length".into()),
    }
}

async fn window<C: Calls>(calls: &C, width: usize, count: usize) -> Result {
    let mut pending: FuturesUnordered<_> = (0..width.min(count)).map(|_| calls.add()).collect();
    let mut sent = pending.len();
    while let Some(sum) = pending.next().await {
        right(sum?)?;
        if sent < count {
            pending.push(calls.add());
            sent += 1;
        }
    }
    Ok(())
}

async fn callers<C: Calls>(calls: &C, callers: usize, count: usize) -> Result {
    let each = count.div_ceil(callers);
    let tasks = (0..callers).map(|_| {
        let calls = calls.clone();
        tokio::spawn(async move {
            for _ in 0..each {
                right(calls.add().await?)?;
            }
            Result::Ok(())
        })
    });
    try_join_all(tasks).await?.into_iter().collect()
}

fn right(sum: i64) -> Result {
    match sum {
        SUM => Ok(()),
        other => Err(format!("a wrong sum: {other}").into()),
    }
}
