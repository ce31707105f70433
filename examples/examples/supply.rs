//! A power supply with two properties, which a page in a browser, people on telnet and programs
//! see and set at the same time.
//!
//! ```text
//! cargo run --example supply                          # then open http://localhost:8080/
//! telnet localhost 8888                               # or: nc localhost 8888
//! set_voltage value:12.5
//! cargo run --example supply -- --lab localhost:8080 --set 5
//! ```

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "people read it")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, Property, remote_api};

/// A power supply.
#[remote_api]
trait Supply {
    /// Volts at the output, as measured.
    #[incoming(property)]
    fn measured(&self) -> f64;

    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
}

/// What the supply can give.
const MOST: f64 = 30.0;
/// How often it measures.
const PERIOD: Duration = Duration::from_millis(50);

/// A power supply for pages, telnet and programs; or a program that uses it.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Where to listen: an IP address of this machine; all of them if empty
    #[arg(long, default_value = "")]
    interface: String,

    /// The port for browsers and programs
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// The port for telnet
    #[arg(long, default_value_t = 8888)]
    telnet: u16,

    /// The folder with the page
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/web/supply"))]
    files: PathBuf,

    /// Be no supply, but a program that uses the one at this address
    #[arg(long, value_name = "HOST:PORT")]
    lab: Option<String>,

    /// With --lab: set the voltage, wait until it is there, and end
    #[arg(long, value_name = "VOLTS", requires = "lab")]
    set: Option<f64>,
}

const EXAMPLES: &str = r#"Examples:
  cargo run --example supply
      Open http://localhost:8080/ in a browser, or two. In a terminal:
      telnet localhost 8888                  (or: nc localhost 8888)
      set_voltage[1] value:12.5
      get_measured[2]
  cargo run --example supply -- --lab localhost:8080
      A program that shows what changes
  cargo run --example supply -- --lab localhost:8080 --set 5
      A program that sets the voltage, and waits until it is there
  cargo run --example supply -- --interface 127.0.0.1 --port 0 --telnet 0
      Only for this machine, on ports that are free"#;

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| match &options.lab {
        None => serve(&options),
        Some(address) => watch(address, options.set),
    })
}

fn serve(options: &Options) -> Result<(), BoxError> {
    let Options {
        interface,
        port,
        telnet,
        files,
        ..
    } = options;
    let files = files.display();
    let supply = Supply::builder()
        .codec("jrpc")
        .transport(format!("wsserv:{interface}:{port}?files={files}"))
        .bind("terse", format!("tcpserv:{interface}:{telnet}"))
        .build()?;

    supply.voltage.set(0.0)?;
    supply.voltage.on_write(|_sender, volts| {
        match (0.0..=MOST).contains(volts) {
            true => Ok(()), // and everybody is told
            false => Err(format!(
                "the voltage goes from 0 to {MOST} V, not to {volts} V"
            )),
        }
    });
    let (voltage, measured) = (supply.voltage.clone(), supply.measured.clone());
    thread::Builder::new()
        .name("output".into())
        .spawn(move || output(&voltage, &measured))?;
    supply.start()?;
    let stopping = supply.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopping.stop())?;

    for (address, how) in supply.local_addrs().iter().zip(HOW) {
        let how = how.replace("PORT", &address.port().to_string());
        eprintln!("Listening on {address}. {how}");
    }
    eprintln!("Type:   set_voltage value:12.5    get_measured[1]");
    Ok(supply.wait()?)
}

/// How to join on each wire, in the order in which they are bound.
const HOW: [&str; 2] = [
    "Open in a browser: http://localhost:PORT/",
    "Join with: telnet localhost PORT",
];

/// The output, which follows what is set. Once it is there, it is equal to what it was, and
/// nobody is told.
fn output(voltage: &Property<f64>, measured: &Property<f64>) {
    let mut volts = 0.0;
    loop {
        let target = voltage.get().unwrap_or_default();
        volts += (target - volts) * 0.3;
        let millivolts = (volts * 1000.0).round();
        if let Err(error) = measured.set(millivolts / 1000.0) {
            eprintln!("{error}");
        }
        thread::sleep(PERIOD);
    }
}

/// A program in the lab.
fn watch(address: &str, set: Option<f64>) -> Result<(), BoxError> {
    let lab = SupplyInverse::bind("jrpc", format!("ws:{address}"))?;
    lab.voltage
        .connect(|sender, volts| println!("{sender} is set to {volts} V"));
    let (told, heard) = mpsc::channel();
    lab.measured.connect(move |sender, volts| {
        println!("{sender} measures {volts} V");
        told.send(volts)
    });
    lab.start()?;
    let Some(wanted) = set else {
        return Ok(lab.wait()?);
    };
    lab.all().set_voltage(wanted).result()?;
    let there = |volts: &f64| (volts - wanted).abs() < 0.01;
    let timeout = Duration::from_secs(30);
    while !there(&heard.recv_timeout(timeout)?) {}
    println!("{wanted} V are there");
    Ok(())
}
