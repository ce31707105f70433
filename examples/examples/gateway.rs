//! A gateway: browsers speak JSON-RPC over WebSocket to a backend on TCP, and it to them. It knows
//! none of their calls.

#![allow(clippy::print_stderr, reason = "people read stderr")]

use std::process::ExitCode;

use clap::Parser;
use quickrpc::{BoxError, CodecExpr, TransportExpr, dynamic};

/// Passes on what browsers call to a backend, and what it calls to them.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Where browsers come
    #[arg(long, default_value = "wsserv:127.0.0.1:8080/ws")]
    front: TransportExpr,
    /// How they speak; `strict` answers what has the id null
    #[arg(long, default_value = "jrpc?strict=on")]
    front_codec: CodecExpr,
    /// Where the backend is
    #[arg(long, default_value = "restart:1:tcp:127.0.0.1:8888")]
    back: TransportExpr,
    /// How it speaks; with `deadlines`, it hears when a browser gives up
    #[arg(long, default_value = "jrpc?deadlines=on")]
    back_codec: CodecExpr,
}

const EXAMPLES: &str = "Examples:
  cargo run --example shutdown -- --codec jrpc
  cargo run --example gateway
      Browsers at ws://localhost:8080/ws calibrate, and may give it up
  cargo run --example gateway -- --front 'wsserv::80/?files=web' --back tcp:hub:9000 --back-codec terse
      With the pages in `web`, for a backend on another machine";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| pass_on(&options))
}

fn pass_on(options: &Options) -> Result<(), BoxError> {
    let front = dynamic::Api::bind(&options.front_codec, &options.front)?;
    let back = dynamic::Api::bind(&options.back_codec, &options.back)?;
    let (to_front, to_back) = (front.all(), back.all());
    front.on_any(move |call| to_back.forward(call));
    back.on_any(move |call| to_front.forward(call));
    back.start()?;
    front.start()?;
    for address in front.local_addrs() {
        eprintln!("Listening on {address}");
    }
    let stopped = front.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopped.stop())?;
    front.wait()?;
    Ok(back.stop()?)
}
