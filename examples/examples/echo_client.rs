//! The other side of the echo example: says something, and prints what everybody says.
//!
//! ```text
//! cargo run --example echo              # in another terminal
//! cargo run --example echo_client hello world
//! ```

#![allow(
    clippy::print_stdout,
    reason = "what was heard is the program's output"
)]
#![allow(clippy::print_stderr, reason = "hints are for people")]

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, CodecExpr, DisconnectReason, SecurityExpr, TransportExpr, remote_api};

/// The part of the server's interface that is used here, as the server declares it.
#[remote_api]
trait Echo {
    /// A peer says something.
    #[incoming]
    fn say(&self, text: &str);

    /// Passed on to everybody.
    #[outgoing]
    fn echo(&self, text: &str);
}

/// Says something at an echo server, and prints what is said there.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// What to say; without it, every line of stdin
    words: Vec<String>,

    /// How messages become bytes; must be the server's
    #[arg(long, default_value = "terse")]
    codec: CodecExpr,

    /// Where the server is
    #[arg(long, default_value = "tcp:localhost:8888")]
    transport: TransportExpr,

    /// Who we are, and who the server is to be; see the example keygen
    #[arg(long, default_value = "null")]
    security: SecurityExpr,
}

const EXAMPLES: &str = "Examples:
  cargo run --example echo_client hello world
      Says it, waits until it comes back, and ends
  cargo run --example echo_client
      A chat: says each line that you type
  cargo run --example echo_client -- --transport tcp:hub.local:8888
      A server on another machine
  cargo run --example echo_client -- --transport restart:5:tcp:localhost:8888
      Connects again, every 5 s, when the server was away
  cargo run --example echo_client -- --transport \
    'process:(cargo run --quiet --example echo -- --transport stdio:)' hello
      Starts a server of its own, as a child process

Start a server with: cargo run --example echo";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| chat(options))
}

fn chat(options: Options) -> Result<(), BoxError> {
    // The trait says what the server does; its inverse is the side that calls it.
    let hub = EchoInverse::builder()
        .codec(options.codec)
        .security(options.security)
        .transport(options.transport)
        .build()?;
    let (said, heard) = mpsc::channel();
    hub.echo.connect(move |_sender, text| {
        println!("{text}");
        said.send(text.to_owned()).ok();
    });
    hub.on_disconnect(|peer, reason| match reason {
        DisconnectReason::Stopped => {} // by ourselves, at the end
        _ => eprintln!("{peer} is gone: {reason}."),
    });
    hub.start()?;

    let mut last = None;
    if options.words.is_empty() {
        if stdin().is_terminal() {
            eprintln!("Type something; Ctrl-D ends.");
        }
        for line in stdin().lines() {
            let line = line?;
            // What was heard so far is printed, and of no further interest.
            heard.try_iter().for_each(drop);
            if hub.peers().is_empty() {
                // Sending to nobody is no error; here it would be a surprise.
                eprintln!("Not connected, so nobody hears that.");
                continue;
            }
            hub.all().say(&line)?;
            last = Some(line);
        }
    } else {
        let text = options.words.join(" ");
        hub.all().say(&text)?;
        last = Some(text);
    }
    match last {
        Some(text) => wait_for(&heard, &text),
        None => Ok(()),
    }
}

/// Waits until our last words have come back.
fn wait_for(heard: &Receiver<String>, text: &str) -> Result<(), BoxError> {
    loop {
        match heard.recv_timeout(Duration::from_secs(5)) {
            Ok(echo) if echo == text => return Ok(()),
            Ok(_) => {}
            Err(_) => return Err("no echo within 5 s; does the server speak this codec?".into()),
        }
    }
}
