//! Layers around the calls of a server: how long each takes, a line of a log for each, and calls that
//! are refused, without a word of it in any handler.
//!
//! ```text
//! cargo run --example layers        # and in another terminal:
//! telnet localhost 8888             # or: nc localhost 8888
//! measure[1] channel:3
//! measure[2] channel:9              # is refused by a layer
//! reset[3]
//! ```

#![allow(clippy::print_stderr, reason = "people read stderr")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use quickrpc::layer::{Answer, Call, Next};
use quickrpc::{BoxError, CallError, CodecExpr, Promise, TransportExpr, remote_api};

/// A laboratory.
#[remote_api]
trait Lab {
    /// Volts at a channel; it takes a moment.
    #[incoming]
    fn measure(&self, channel: u8) -> f64;
    /// Forgets everything.
    #[incoming]
    fn reset(&self) -> ();
}

/// A server with layers around its calls.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// How messages become bytes
    #[arg(long, default_value = "terse")]
    codec: CodecExpr,

    /// Where peers are: any transport expression
    #[arg(long, default_value = "tcpserv:127.0.0.1:8888")]
    transport: TransportExpr,

    /// How many channels there are; measuring others is refused
    #[arg(long, default_value = "8")]
    channels: u8,

    /// A call that nobody may make; may be given several times
    #[arg(long = "refuse", value_name = "CALL")]
    refused: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  cargo run --example layers
      Measure from another terminal: telnet localhost 8888   (or: nc localhost 8888)
      measure[1] channel:3
      measure[2] channel:9
  cargo run --example layers -- --refuse reset --channels 2
      Nobody may reset, and there are two channels
  cargo run --example layers -- --codec jrpc --transport 'wsserv::8080'
      The same for browsers, and for programs that post: curl -d '{\"jsonrpc\":\"2.0\",
      \"method\":\"measure\",\"params\":{\"channel\":3},\"id\":1}' http://localhost:8080/";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| serve(options))
}

/// A layer: tells of each call how long it took, and what came of it, now or later.
fn log(call: &mut Call<'_>, next: Next<'_>) -> Answer {
    let started = Instant::now();
    let peer = call.peer().map_or("somebody", |peer| peer.name());
    let line = format!("{peer} {}{}", call.method(), call.args());
    next.run(call).then(move |outcome| {
        let took = started.elapsed();
        match outcome.error() {
            Some(error) => eprintln!("{line}: {error}, after {took:.1?}"),
            None => eprintln!("{line}: fine, after {took:.1?}"),
        }
    })
}

fn serve(options: Options) -> Result<(), BoxError> {
    let lab = Lab::bind(&options.codec, &options.transport)?;
    lab.measure.connect(|_sender, channel| {
        let (volts, resolver) = Promise::pair();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20)); // the device takes its time
            let _ = resolver.set_result(f64::from(channel) * 1.5);
        });
        volts
    });
    lab.reset.connect(|_sender| ());

    // The first is the outermost: what the others refuse is in the log, too.
    lab.layer(log);
    let refused = options.refused;
    lab.layer(move |call, next| {
        if refused.iter().any(|one| one == call.method()) {
            return Answer::refuse(CallError::new(CallError::FORBIDDEN, "not today"));
        }
        next.run(call)
    });
    let channels = i64::from(options.channels);
    lab.layer(move |call, next| match call.args()["channel"].as_i64() {
        Some(channel) if channel >= channels => {
            let text = format!("there are {channels} channels");
            Answer::refuse(CallError::new(404, text))
        }
        _ => next.run(call),
    });

    lab.start()?;
    let stopping = lab.clone();
    ctrlc::set_handler(move || {
        if let Err(error) = stopping.stop() {
            eprintln!("{error}");
        }
    })?;
    for address in lab.local_addrs() {
        eprintln!("Listening on {address}");
    }
    lab.wait()?;
    Ok(())
}
