//! A chat for people on telnet: whatever one says, everybody hears.
//!
//! ```text
//! cargo run --example echo          # and in another terminal:
//! telnet localhost 8888             # or: nc localhost 8888
//! say text:"hello"
//! ```

#![allow(clippy::print_stderr, reason = "stdout is a wire; people read stderr")]

use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use clap::Parser;
use quickrpc::{BoxError, CodecExpr, SecurityExpr, TransportExpr, remote_api};

/// A simple chat: what one peer says, every peer hears.
#[remote_api]
trait Echo {
    /// A peer says something.
    #[incoming]
    fn say(&self, text: &str);

    /// Passed on to everybody.
    #[outgoing]
    fn echo(&self, text: &str);

    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// Closes the connection of whoever asks; asked on stdin, the server ends.
    #[incoming]
    fn quit(&self);
}

/// Echo server: what one peer says, every peer hears.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// How messages become bytes
    #[arg(long, default_value = "terse")]
    codec: CodecExpr,

    /// Where peers are: any transport expression
    #[arg(long, default_value = "mux:(tcpserv::8888)(stdio:)")]
    transport: TransportExpr,

    /// Who vouches for a sender
    #[arg(long, default_value = "null")]
    security: SecurityExpr,
}

const EXAMPLES: &str = r#"Examples:
  cargo run --example echo
      Chat in this terminal and on port 8888. In another terminal:
      telnet localhost 8888                  (or: nc localhost 8888)
  cargo run --example echo -- --transport 'mux:(tcpserv:127.0.0.1:0)(stdio:)'
      Only for this machine, on a port that is free
  cargo run --example echo -- --transport unixserv:/tmp/chat
      Only for this machine, without a port
  cargo run --example echo -- --transport stdio: < commands.txt
      No network at all: calls from a file, answers on stdout
  cargo run --example echo -- --codec 'jrpc:\n'
      JSON-RPC 2.0, one message a line"#;

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| serve(options))
}

fn serve(options: Options) -> Result<(), BoxError> {
    let sample = sample(&options.codec);
    let api = Echo::builder()
        .codec(options.codec)
        .security(options.security)
        .transport(options.transport)
        .build()?;

    // The sending half goes into handlers; it keeps nothing alive.
    let everybody = api.all();
    api.say.connect(move |_sender, text| everybody.echo(text));

    api.add.connect(|_sender, a, b| match a.checked_add(b) {
        Some(sum) => Ok(sum),
        None => Err("the sum has more than 64 bits"),
    });

    let peers = api.all();
    let (stop, stopped) = mpsc::channel();
    api.quit.connect(move |sender| {
        if sender.name() == "stdio" {
            stop.send(()).ok();
            return Ok(());
        }
        eprintln!("Disconnect {sender}.");
        peers.disconnect(sender)
    });

    api.on_connect(|peer| {
        if peer.name() != "stdio" {
            eprintln!("{peer} is here.");
        }
    });
    api.on_disconnect(|peer, reason| {
        if peer.name() != "stdio" {
            eprintln!("{peer} is gone: {reason}.");
        }
    });
    api.start()?;
    let stopping = api.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopping.stop())?;

    for address in api.local_addrs() {
        let port = address.port();
        eprintln!("Listening on {address}. Join with: telnet localhost {port}");
    }
    eprintln!("{sample}");

    // A handler that stopped the API by itself would have to own it, and would keep it
    // alive for ever.
    let stopping = api.clone();
    thread::spawn(move || {
        if stopped.recv().is_ok()
            && let Err(error) = stopping.stop()
        {
            eprintln!("{error}");
        }
    });
    Ok(api.wait()?)
}

/// What to type.
fn sample(codec: &CodecExpr) -> &'static str {
    match codec.to_string().as_str() {
        "terse" => {
            "Type:   say text:\"hello\"    everybody hears it
        add[1] a:2 b:3      a call with reply: [1]:5
        quit                ends the server here, the connection elsewhere"
        }
        _ => {
            r#"Send:   {"jsonrpc":"2.0","method":"say","params":{"text":"hello"}}
        {"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"id":1}
        {"jsonrpc":"2.0","method":"quit"}"#
        }
    }
}
