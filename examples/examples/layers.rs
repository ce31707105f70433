//! Layers around the calls of a server: how long each takes, a line of a log for each, and calls that
//! are refused, without a word of it in any handler. And all of them in numbers, as Prometheus reads them.
//!
//! ```text
//! cargo run --example layers        # and in another terminal:
//! telnet localhost 8888             # or: nc localhost 8888
//! measure[1] channel:3
//! measure[2] channel:9              # is refused by a layer
//! reset[3]
//!
//! cargo run --example layers -- --metrics 127.0.0.1:9100
//! curl http://127.0.0.1:9100/metrics
//! ```

#![allow(clippy::print_stderr, reason = "people read stderr")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use quickrpc::layer::{Answer, Call, Next};
use quickrpc::statistics::Statistics;
use quickrpc::{BoxError, CallError, CodecExpr, Direction, Promise, TransportExpr, remote_api};

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

    /// Where Prometheus may ask for numbers, by HTTP
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
}

const EXAMPLES: &str = "Examples:
  cargo run --example layers
      Measure from another terminal: telnet localhost 8888   (or: nc localhost 8888)
      measure[1] channel:3
      measure[2] channel:9
  cargo run --example layers -- --refuse reset --channels 2
      Nobody may reset, and there are two channels
  cargo run --example layers -- --metrics 127.0.0.1:9100
      Numbers for Prometheus: curl http://127.0.0.1:9100/metrics
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

/// What was counted, in the text format of Prometheus.
fn prometheus(statistics: &Statistics) -> String {
    let mut text = String::from(
        "# TYPE rpc_calls_total counter\n# TYPE rpc_errors_total counter\n\
         # TYPE rpc_open gauge\n# TYPE rpc_bytes_total counter\n# TYPE rpc_seconds summary\n\
         # TYPE rpc_peers gauge\n# TYPE rpc_queued_bytes gauge\n# TYPE rpc_waiting gauge\n",
    );
    let mut line = |name: &str, labels: &str, value: f64| {
        text.push_str(&format!("{name}{{{labels}}} {value}\n"));
    };
    for row in &statistics.calls {
        let direction = match row.direction {
            Direction::Incoming => "in",
            Direction::Outgoing => "out",
        };
        // `{:?}` puts quotes around it, and escapes what Prometheus wants escaped.
        let labels = format!(
            "direction={direction:?},method={:?},codec={:?},transport={:?}",
            row.method, row.codec, row.transport
        );
        line("rpc_calls_total", &labels, row.calls as f64);
        line("rpc_open", &labels, row.open as f64);
        for (kind, count) in &row.errors {
            line(
                "rpc_errors_total",
                &format!("{labels},kind={kind:?}"),
                *count as f64,
            );
        }
        for (way, bytes) in [("received", row.received), ("sent", row.sent)] {
            line(
                "rpc_bytes_total",
                &format!("{labels},way={way:?}"),
                bytes as f64,
            );
        }
        for part in [0.5, 0.9, 0.99] {
            let seconds = row.latency.quantile(part).as_secs_f64();
            line(
                "rpc_seconds",
                &format!("{labels},quantile=\"{part}\""),
                seconds,
            );
        }
        line(
            "rpc_seconds_sum",
            &labels,
            row.latency.total().as_secs_f64(),
        );
        line("rpc_seconds_count", &labels, row.latency.count() as f64);
    }
    line("rpc_peers", "", statistics.peers.len() as f64);
    for peer in &statistics.peers {
        let labels = format!("peer={:?},transport={:?}", peer.name, peer.transport);
        line("rpc_queued_bytes", &labels, peer.queued as f64);
        line("rpc_waiting", &labels, peer.waiting as f64);
    }
    text
}

/// Answers whoever asks with the numbers. A program that has an HTTP server already has a page more.
fn tell_numbers(lab: Lab, address: SocketAddr) -> Result<(), BoxError> {
    lab.statistics(); // counts from now on
    let listener = TcpListener::bind(address)?;
    eprintln!("Numbers at http://{}/metrics", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(error) = answer(stream, &prometheus(&lab.statistics())) {
                eprintln!("Somebody asked for numbers: {error}");
            }
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream, text: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    // Up to the blank line behind the headers, and never very much.
    let mut lines = BufReader::new(Read::by_ref(&mut stream).take(8192)).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{text}",
        text.len()
    )
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

    if let Some(address) = options.metrics {
        tell_numbers(lab.clone(), address)?;
    }
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
