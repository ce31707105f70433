//! Announces a service to everybody on the network who seeks one.
//!
//! ```text
//! cargo run --example announcer         # and elsewhere on the network:
//! cargo run --example seeker
//! ```

#![allow(clippy::print_stderr, reason = "hints are for people")]

use std::process::ExitCode;

use clap::Parser;
use quickrpc::announcer::Announcer;
use quickrpc::{BoxError, TransportExpr};

/// Announces a service to seekers, until it is ended.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// What the service says of itself; seekers find it by any part of that
    #[arg(long, default_value = "my service v1")]
    description: String,

    /// Where seekers are heard
    #[arg(long, default_value = "udp:8888")]
    transport: TransportExpr,

    /// Answers go to everybody, as those of the Python original do
    #[arg(long)]
    to_all: bool,
}

const EXAMPLES: &str = "Examples:
  cargo run --example announcer
      Answers every seeker on UDP port 8888
  cargo run --example announcer -- --description 'lab v2, port 9000'
  cargo run --example announcer -- --transport 'udp:8888?bind=192.168.1.5'
      On one of several networks
  cargo run --example announcer -- --transport 'udp:8888?bind=127.0.0.1&broadcast=127.255.255.255'
      Only for this machine

A server announces itself by `.announce(..)` of its builder.";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| announce(options))
}

fn announce(options: Options) -> Result<(), BoxError> {
    let description = options.description.clone();
    let transport = options.transport.to_string();
    let mut announcer = Announcer::new(options.description)
        .transport(options.transport)
        .matching(move |filter| description.contains(filter));
    if options.to_all {
        announcer = announcer.to_all();
    }
    let announcement = announcer.start()?;
    let api = announcement.api().clone();
    quickrpc_examples::stop_on_ctrl_c(move || api.stop())?;
    for address in announcement.api().local_addrs() {
        let seeker = seeker(&transport, address.port());
        eprintln!("Listening on {address}. Find it with: {seeker}");
    }
    Ok(announcement.api().wait()?)
}

/// The command that finds it: seekers need the same port, and the same options.
fn seeker(transport: &str, port: u16) -> String {
    let command = "cargo run --example seeker";
    match transport.split_once('?') {
        None if transport == "udp:8888" => command.to_owned(),
        None => format!("{command} -- --transport udp:{port}"),
        Some((_, options)) => format!("{command} -- --transport 'udp:{port}?{options}'"),
    }
}
