//! Workers on any number of machines, and a hub that gives them work, with a broker between them, a
//! NATS server or one of MQTT: nobody knows anybody's address.
//!
//! ```text
//! nats-server                                   # listens on 4222
//! cargo run --example workers -- work           # in as many terminals as you like
//! cargo run --example workers -- ask 20
//! ```

#![allow(clippy::print_stdout, reason = "that is what it is for")]
#![allow(clippy::print_stderr, reason = "people read stderr")]

use std::process::ExitCode;
use std::sync::mpsc;

use clap::{Parser, Subcommand};
use quickrpc::{BoxError, CodecExpr, TransportExpr, remote_api};

/// Work that somebody does.
#[remote_api]
trait Work {
    /// The largest prime number below this one, and who has found it.
    #[incoming]
    fn prime_below(&self, limit: u64) -> (u64, u32);
}

/// Workers, and a hub that gives them work.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// How messages become bytes
    #[arg(long, default_value = "jrpc")]
    codec: CodecExpr,

    /// Where the others are: a namespace of a broker
    #[arg(long, default_value = "nats:127.0.0.1:4222/farm")]
    transport: TransportExpr,

    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Works until Ctrl-C
    Work,
    /// Gives away so many pieces of work, and prints what comes of them
    Ask { pieces: u64 },
}

const EXAMPLES: &str = "Examples:
  cargo run --example workers -- work
      In as many terminals, or on as many machines, as you like; ends with Ctrl-C
  cargo run --example workers -- ask 20
      Twenty pieces of work for whoever is there
  cargo run --example workers -- --transport restart:5:nats:broker:4222/farm work
      A worker that comes back when the broker does
  cargo run --example workers -- --transport mqtt:127.0.0.1:1883/farm ask 20
      The same by a broker of MQTT, such as Mosquitto";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| match options.role {
        Role::Work => work(&options),
        Role::Ask { pieces } => ask(&options, pieces),
    })
}

fn work(options: &Options) -> Result<(), BoxError> {
    let api = Work::bind(&options.codec, &options.transport)?;
    api.prime_below.connect(|sender, limit| {
        eprintln!("{sender} asks for a prime below {limit}.");
        let is_prime = |n: &u64| {
            *n > 1
                && (2_u64..)
                    .take_while(|d| d * d <= *n)
                    .all(|d| !n.is_multiple_of(d))
        };
        let prime = (0..limit).rev().find(is_prime);
        let prime = prime.ok_or("there is no prime number below that")?;
        quickrpc::ok((prime, std::process::id()))
    });
    api.start()?;
    let (tell, told) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A second signal, when it ends already, is for nobody.
        let _ = tell.send(());
    })?;
    eprintln!("Working.");
    told.recv()?;
    api.stop()?;
    Ok(())
}

fn ask(options: &Options, pieces: u64) -> Result<(), BoxError> {
    let api = WorkInverse::bind(&options.codec, &options.transport)?;
    api.start()?;
    // All at once; whoever is there takes what it can.
    let asked: Vec<_> = (1..=pieces)
        .map(|piece| api.any().prime_below(piece * 1000))
        .collect();
    for (piece, answer) in (1..).zip(asked) {
        let (prime, worker) = answer.result()?;
        println!("below {}: {prime}, by process {worker}", piece * 1000);
    }
    Ok(())
}
