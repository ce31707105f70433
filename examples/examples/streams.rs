//! What comes bit by bit: lines of a file, the progress of a calibration, and an upload.
//!
//! ```text
//! cargo run --example streams             # and in another terminal:
//! telnet localhost 8888                   # or: nc localhost 8888
//! count[1] to:3
//! calibrate[2] channel:7
//! cargo run --example streams -- --upload Cargo.toml
//! ```

#![allow(clippy::print_stderr, reason = "people read stderr")]
#![allow(clippy::print_stdout, reason = "the result")]

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, Bytes, CodecExpr, Processing, Result, Stream, remote_api};

/// What takes a while, or is large.
#[remote_api]
trait Hub {
    /// Counts.
    #[incoming]
    fn count(&self, to: u32) -> Stream<u32>;

    /// Calibrates: percent, and then a report.
    #[incoming]
    fn calibrate(&self, channel: u8) -> Stream<u8, String>;

    /// Takes a file; gives its size.
    #[incoming]
    fn upload(&self, name: &str, data: Stream<Bytes>) -> u64;
}

/// A server of streams, or who sends one a file.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// How messages become bytes
    #[arg(long, default_value = "terse")]
    codec: CodecExpr,

    /// Where the server is
    #[arg(long, default_value = "127.0.0.1:8888")]
    address: String,

    /// Sends this file to the server, instead of being one
    #[arg(long)]
    upload: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  cargo run --example streams
      Count from another terminal: telnet localhost 8888   (or: nc localhost 8888)
      count[1] to:3
      calibrate[2] channel:7
  cargo run --example streams -- --upload Cargo.toml
      Sends a file to it, which is never whole in the memory of either";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| match &options.upload {
        Some(path) => upload(&options, path),
        None => serve(&options),
    })
}

fn serve(options: &Options) -> Result<(), BoxError> {
    // Not inline: `upload` waits for its items.
    let hub = Hub::builder()
        .codec(&options.codec)
        .transport(format!("tcpserv:{}", options.address))
        .processing(Processing::Pool(4))
        .build()?;
    hub.count.connect(|_sender, to| Stream::iter(1..=to));
    hub.calibrate.connect(|_sender, channel| {
        let (progress, stream) = Stream::channel();
        thread::spawn(move || -> Result<()> {
            for percent in [0, 50, 100] {
                // Waits for a slow reader, and fails when nobody wants it.
                progress.send(percent)?;
                thread::sleep(Duration::from_millis(50));
            }
            progress.finish(format!("channel {channel} is fine"))
        });
        stream
    });
    hub.upload.connect(|sender, name, data| -> Result<u64> {
        let mut size = 0;
        for block in data {
            size += block?.len() as u64;
        }
        eprintln!("{sender} has sent {name}, of {size} bytes.");
        Ok(size)
    });
    hub.start()?;
    let stopping = hub.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopping.stop())?;
    for address in hub.local_addrs() {
        eprintln!("Listening on {address}");
    }
    hub.wait()?;
    Ok(())
}

fn upload(options: &Options, path: &Path) -> Result<(), BoxError> {
    let hub = HubInverse::bind(&options.codec, format!("tcp:{}", options.address))?;
    hub.start()?;
    let mut file = File::open(path)?;
    let blocks = std::iter::from_fn(move || {
        let mut block = vec![0; 64 << 10];
        match file.read(&mut block) {
            Ok(0) => None,
            Ok(size) => {
                block.truncate(size);
                Some(Ok(Bytes::from(block)))
            }
            Err(error) => Some(Err(error)),
        }
    });
    let name = path.display().to_string();
    let size = hub.all().upload(&name, Stream::try_iter(blocks)).result()?;
    println!("{size} bytes are there");
    Ok(())
}
