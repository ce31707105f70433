//! A server and its client as tasks of one tokio runtime, in one thread: handlers that await, calls
//! that are given up by `select!`, and a notification as an item of a stream.
//!
//! ```text
//! cargo run --example tasks             # its own client calls it
//! telnet localhost 8888                 # or: nc localhost 8888
//! sleep[1] seconds:2
//! ```

#![allow(clippy::print_stdout, reason = "people read stdout")]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, Promise, TransportExpr, remote_api};

/// Work that waits.
#[remote_api]
trait Tasks {
    /// Sleeps; gives how long.
    #[incoming]
    fn sleep(&self, seconds: f64) -> f64;
}

/// Handlers that await, run by tokio.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Where the server is: any transport expression
    #[arg(long, default_value = "tcpserv:127.0.0.1:8888")]
    transport: TransportExpr,

    /// How many calls of the client are under way at once
    #[arg(long, default_value = "1000")]
    calls: u32,
}

const EXAMPLES: &str = "Examples:
  cargo run --example tasks
      A thousand calls that sleep at once, in one thread
  cargo run --example tasks -- --calls 20000 --transport tcpserv:127.0.0.1:0
      More, on a port that is free";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build()?;
        runtime.block_on(tasks(&options))
    })
}

async fn tasks(options: &Options) -> Result<(), BoxError> {
    // The library's threads belong to no runtime, so they need its handle.
    let runtime = tokio::runtime::Handle::current();
    let server = Tasks::builder()
        .codec("terse")
        .transport(&options.transport)
        .bind("jrpc", "internal:tasks:server")
        .executor(move |future| drop(runtime.spawn(future)))
        .build()?;
    server.sleep.connect_async(|_sender, seconds| async move {
        tokio::time::sleep(Duration::try_from_secs_f64(seconds)?).await;
        quickrpc::ok(seconds)
    });
    server.start()?;

    let client = TasksInverse::bind("jrpc", "internal:tasks:client")?;
    client.start()?;
    let hub = client.all();
    let started = std::time::Instant::now();
    let all = Promise::join((0..options.calls).map(|_| hub.sleep(0.2)));
    let slept: f64 = all.await?.iter().sum();
    println!(
        "{} calls slept for {slept:.0} s in {:.1} s.",
        options.calls,
        started.elapsed().as_secs_f64()
    );
    // What loses is dropped, and its call is cancelled.
    tokio::select! {
        _ = hub.sleep(60.0) => println!("Slept for a minute."),
        () = tokio::time::sleep(Duration::from_millis(50)) => println!("Given up."),
    }
    server.stop()?;
    server.stopped().await?;
    println!("Stopped.");
    Ok(())
}
