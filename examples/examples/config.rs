//! Wires from a config file: expressions are ordinary serde fields, checked when the file
//! is read.
//!
//! ```text
//! cargo run --example config
//! cargo run --example config examples/config_wrong.toml    # see how a mistake looks
//! ```

#![allow(clippy::print_stderr, reason = "what a server says to people")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, CodecExpr, SecurityExpr, TransportExpr, remote_api};
use serde::Deserialize;

/// Something to call.
#[remote_api]
trait Greeter {
    /// Says hello to somebody.
    #[incoming]
    fn hello(&self, #[default("world")] name: &str) -> String;
}

/// What the file may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Seconds that a call may take.
    #[serde(default = "ten_seconds")]
    call_timeout: f64,
    /// One API may have several wires, each with a codec of its own.
    wire: Vec<Wire>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    codec: CodecExpr,
    #[serde(default)]
    security: Option<SecurityExpr>,
    transport: TransportExpr,
}

/// Serves a greeter on the wires that a TOML file describes.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// The file; examples/config.toml if not given
    file: Option<PathBuf>,

    /// Only check the file
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "Examples:
  cargo run --example config
  cargo run --example config -- --check examples/config.toml
  cargo run --example config examples/config_wrong.toml
      A mistake on purpose: the error shows where";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| serve(options))
}

fn serve(options: Options) -> Result<(), BoxError> {
    let shipped = || Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let config = read(&options.file.unwrap_or_else(shipped))?;

    let timeout = Duration::try_from_secs_f64(config.call_timeout)
        .map_err(|error| format!("call_timeout = {}: {error}", config.call_timeout))?;
    let mut builder = Greeter::builder().call_timeout(timeout);
    for wire in config.wire {
        // Expressions print themselves as they can be read again.
        eprintln!("{} over {}", wire.codec, wire.transport);
        builder = match wire.security {
            Some(security) => builder.bind_secured(wire.codec, security, wire.transport),
            None => builder.bind(wire.codec, wire.transport),
        };
    }
    let api = builder.build()?;
    if options.check {
        eprintln!("The file is fine.");
        return Ok(());
    }

    api.hello.connect(|_sender, name| format!("Hello, {name}!"));
    api.start()?;
    let stopping = api.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopping.stop())?;
    for address in api.local_addrs() {
        eprintln!("Listening on {address}");
    }
    eprintln!("Try:  hello[1] name:\"you\"  on the terse wire. Ctrl-C ends.");
    Ok(api.wait()?)
}

fn read(file: &Path) -> Result<Config, BoxError> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| format!("cannot read {shown}: {error}; name a file that exists"))?;
    let config = toml::from_str(&text).map_err(|error| format!("in {shown}: {error}"))?;
    Ok(config)
}

fn ten_seconds() -> f64 {
    10.0
}
