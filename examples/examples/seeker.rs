//! Seeks services on the network, those of the Python original included.
//!
//! ```text
//! cargo run --example announcer         # somewhere on the network
//! cargo run --example seeker
//! ```

#![allow(
    clippy::print_stdout,
    reason = "what was found is the program's output"
)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use quickrpc::announcer::Seeker;
use quickrpc::{BoxError, TransportExpr};

/// Seeks services, and prints where they are and what they say of themselves.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Which services; what that means is up to them
    #[arg(default_value = "")]
    filter: String,

    /// Where to seek
    #[arg(long, default_value = "udp:8888")]
    transport: TransportExpr,

    /// Seconds to wait for answers
    #[arg(long, default_value = "1", value_parser = seconds)]
    timeout: Duration,

    /// The first one will do
    #[arg(long)]
    first: bool,
}

const EXAMPLES: &str = "Examples:
  cargo run --example seeker
      All services that answer within a second
  cargo run --example seeker -- --first --timeout 10 lab
      Ends as soon as one has answered
  cargo run --example seeker -- --transport 'udp:8888?bind=127.0.0.2&broadcast=127.255.255.255'
      Only on this machine

Announce one with: cargo run --example announcer";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| seek(options))
}

fn seek(options: Options) -> Result<(), BoxError> {
    let mut seeker = Seeker::new().transport(options.transport);
    if options.first {
        seeker = seeker.limit(1);
    }
    let services = seeker.seek(&options.filter, options.timeout)?;
    if services.is_empty() {
        let (filter, timeout) = (options.filter, options.timeout);
        let which = match filter.as_str() {
            "" => String::new(),
            _ => format!(" to `{filter}`"),
        };
        let hint = "start one with: cargo run --example announcer";
        return Err(format!("no service answered{which} within {timeout:?}; {hint}").into());
    }
    for service in services {
        println!("{}: {}", service.address, service.description);
    }
    Ok(())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "expected a time that can pass".into())
}
