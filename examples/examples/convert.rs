//! JSON-RPC over plain HTTP: a service that `curl` can call, and a client of services that have nothing else.
//!
//! ```text
//! cargo run --example convert                            # and in another terminal:
//! curl -d '{"jsonrpc":"2.0","method":"convert","params":[20,"C","F"],"id":1}' http://localhost:8080/
//! python3 examples/examples/convert.py 8081              # the same service, by somebody else
//! cargo run --example convert -- --at http://localhost:8080/ --at http://localhost:8081/ 20 C F
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "people read both"
)]

use std::process::ExitCode;

use clap::Parser;
use quickrpc::{BoxError, CallError, Result, TransportExpr, remote_api};

/// Temperatures, in Celsius, Fahrenheit and Kelvin.
#[remote_api]
trait Temperatures {
    /// A temperature on another scale: `C`, `F` or `K`.
    #[incoming]
    fn convert(&self, degrees: f64, from: &str, to: &str) -> Result<f64, CallError>;
}

/// Converts temperatures, for whoever posts, or has them converted.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Who is asked, such as `http://localhost:8080/`; all of them, if given several times
    #[arg(long = "at", value_name = "URL")]
    servers: Vec<String>,

    /// Where we serve, if nobody is asked
    #[arg(long, default_value = "wsserv:127.0.0.1:8080")]
    transport: TransportExpr,

    /// What is to be converted
    #[arg(default_value_t = 20.0, allow_negative_numbers = true)]
    degrees: f64,

    /// The scale that it is on
    #[arg(default_value = "C")]
    from: String,

    /// The scale that is wanted
    #[arg(default_value = "F")]
    to: String,
}

const EXAMPLES: &str = "Examples:
  cargo run --example convert
      Call it from another terminal: curl http://localhost:8080/ \\
          -d '{\"jsonrpc\":\"2.0\",\"method\":\"convert\",\"params\":[20,\"C\",\"F\"],\"id\":1}'
  cargo run --example convert -- --at http://localhost:8080/ 451 F C
  python3 examples/examples/convert.py 8081
      The same service in Python, with nothing of this library
  cargo run --example convert -- --at http://localhost:8080/ --at http://localhost:8081/
      Both are asked, side by side
  cargo run --example convert -- --at 'https://lab.example/rpc?token_env=LAB_TOKEN'
      With TLS, and a bearer token of the environment";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| match options.servers.is_empty() {
        true => serve(&options),
        false => ask(&options),
    })
}

fn serve(options: &Options) -> Result<(), BoxError> {
    let service = Temperatures::bind("jrpc", &options.transport)?;
    service.convert.connect(|_sender, degrees, from, to| {
        let celsius = match from {
            "C" => degrees,
            "F" => (degrees - 32.0) / 1.8,
            "K" => degrees - 273.15,
            _ => return Err(no_scale(from)),
        };
        match to {
            "C" => Ok(celsius),
            "F" => Ok(celsius * 1.8 + 32.0),
            "K" => Ok(celsius + 273.15),
            _ => Err(no_scale(to)),
        }
    });
    service.start()?;
    for address in service.local_addrs() {
        eprintln!("Listening on {address}");
    }
    let stopped = service.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopped.stop())?;
    Ok(service.wait()?)
}

fn no_scale(name: &str) -> CallError {
    CallError::new(400, format!("there are C, F and K, and no `{name}`"))
}

fn ask(options: &Options) -> Result<(), BoxError> {
    let servers: String = options
        .servers
        .iter()
        .map(|url| format!("({url})"))
        .collect();
    let client = TemperaturesInverse::bind("jrpc", format!("mux:{servers}"))?;
    client.start()?;
    let Options {
        degrees, from, to, ..
    } = options;
    let answers = client.all().each().convert(*degrees, from, to);
    for (server, answer) in answers.results() {
        println!("{server}: {degrees} {from} are {:.2} {to}", answer?);
    }
    Ok(())
}
