//! A laboratory whose work takes a while: it can be given up, and the server ends in an orderly
//! way, by Ctrl-C, or by SIGTERM as service managers send it.
//!
//! ```text
//! cargo run --example shutdown      # and in another terminal:
//! telnet localhost 8888             # or: nc localhost 8888
//! calibrate[1] seconds:5
//! rpc.cancel id:1
//! calibrate[2] seconds:5            # and now Ctrl-C in the first terminal
//! calibrate[3] seconds:5            # is refused, and the second one still answered
//! ```

#![allow(clippy::print_stderr, reason = "people read stderr")]

use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use quickrpc::{BoxError, CodecExpr, Error, Processing, TransportExpr, remote_api};

/// Work that takes a while.
#[remote_api]
trait Lab {
    /// Calibrates for so long; gives the number of steps.
    #[incoming]
    fn calibrate(&self, seconds: f64) -> u32;
}

/// A server that ends in an orderly way.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// How messages become bytes
    #[arg(long, default_value = "terse")]
    codec: CodecExpr,

    /// Where peers are: any transport expression
    #[arg(long, default_value = "tcpserv:127.0.0.1:8888")]
    transport: TransportExpr,

    /// How long what was begun may take when the server is to end, in seconds
    #[arg(long, default_value = "10")]
    patience: u64,
}

const EXAMPLES: &str = "Examples:
  cargo run --example shutdown
      Calibrate from another terminal: telnet localhost 8888   (or: nc localhost 8888)
      calibrate[1] seconds:5
      rpc.cancel id:1
  cargo run --example shutdown -- --transport tcpserv:127.0.0.1:0 --patience 60
      On a port that is free, and with a minute for what was begun";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| serve(options))
}

fn serve(options: Options) -> Result<(), BoxError> {
    // Not inline: so the server hears that a call is given up while it works on it.
    let lab = Lab::builder()
        .codec(&options.codec)
        .transport(&options.transport)
        .processing(Processing::Pool(4))
        .build()?;
    lab.calibrate.connect(|sender, seconds| {
        eprintln!("{sender} calibrates.");
        let end = Instant::now() + Duration::try_from_secs_f64(seconds)?;
        let mut steps = 0;
        while Instant::now() < end {
            if sender.is_cancelled() {
                eprintln!("{sender} has given up.");
                return Err(Error::Cancelled.into());
            }
            thread::sleep(Duration::from_millis(5)); // one step of the work
            steps += 1;
        }
        quickrpc::ok(steps)
    });
    lab.start()?;
    let (tell, told) = mpsc::channel();
    ctrlc::set_handler(move || {
        // A second signal, when it ends already, is for nobody.
        let _ = tell.send(());
    })?;
    for address in lab.local_addrs() {
        eprintln!("Listening on {address}");
    }

    told.recv()?;
    eprintln!("Ending: what was begun is answered.");
    lab.shutdown(Duration::from_secs(options.patience))?;
    Ok(())
}
