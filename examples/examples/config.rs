//! Wires by name from a config file, with environment variables in it; a mistake in it has a
//! place.
//!
//! ```text
//! cargo run --example config
//! cargo run --example config examples/config_wrong.toml    # see how a mistake looks
//! ```

#![allow(clippy::print_stderr, reason = "what a server says to people")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use quickrpc::config::Config;
use quickrpc::{BoxError, remote_api};

/// Something to call.
#[remote_api]
trait Greeter {
    /// Says hello to somebody.
    #[incoming]
    fn hello(&self, #[default("world")] name: &str) -> String;
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
  GREETER_INTERFACE=0.0.0.0 cargo run --example config
  cargo run --example config -- --check examples/config.toml
  cargo run --example config examples/config_wrong.toml
      A mistake on purpose: the error shows where";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| serve(options))
}

fn serve(options: Options) -> Result<(), BoxError> {
    let shipped = || Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let config = Config::read(options.file.unwrap_or_else(shipped))?;

    let mut builder = Greeter::builder();
    for (name, wire) in config.wires() {
        // Expressions print themselves as they can be read again.
        eprintln!("{name}: {} over {}", wire.codec, wire.transport);
        builder = builder.wire(wire);
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
