//! A laboratory that shows itself in a browser: its calls with forms, its values while they change, and
//! what it says. The page is a part of the library; here is nothing but the service.
//!
//! ```text
//! cargo run --example inspect             # then open http://localhost:8080/
//! ```

#![allow(clippy::print_stderr, reason = "people read it")]

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, CallErrors, Processing, Property, Result, Stream, remote_api};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A form of a wave.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
enum Form {
    Sine,
    Square,
}

/// What the generator gives.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Wave {
    /// Its form.
    form: Form,
    /// In hertz.
    frequency: f64,
    /// In volts, if it is not 1.
    amplitude: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize, CallErrors)]
enum LabError {
    /// There are eight.
    #[code(404)]
    NoSuchChannel { channel: u8 },
}

impl std::fmt::Display for LabError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LabError::NoSuchChannel { channel } => write!(f, "there is no channel {channel}"),
        }
    }
}

impl std::error::Error for LabError {}

/// A laboratory with a bit of everything.
///
/// What `said` passes on is heard by all who are connected.
#[remote_api]
trait Lab {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, #[default(1)] b: i64) -> i64;

    /// Measures a voltage.
    #[incoming]
    fn measure(
        &self,
        /// From 0 to 7.
        channel: u8,
    ) -> Result<f64, LabError>;

    /// Sets up the generator, and gives how it was before.
    #[incoming]
    fn generate(&self, wave: Wave, on: Option<bool>) -> Option<Wave>;

    /// Counts, ten times a second.
    #[incoming(concurrent)]
    fn count(&self, to: u32) -> Stream<u32>;

    /// Adds up numbers that come bit by bit.
    #[incoming]
    fn sum(&self, numbers: Stream<f64>) -> f64;

    /// Says something to everybody.
    #[incoming]
    fn say(&self, text: &str);

    /// Somebody has said something.
    #[outgoing]
    fn said(&self, text: &str);

    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;

    /// Degrees of the room.
    #[incoming(property)]
    fn temperature(&self) -> f64;
}

/// A service with a page that shows it.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Where to listen: an IP address of this machine; all of them if empty
    #[arg(long, default_value = "127.0.0.1")]
    interface: String,

    /// The port for browsers and programs
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

const EXAMPLES: &str = "Examples:
  cargo run --example inspect
      Open http://localhost:8080/ in a browser
  cargo run --example inspect -- --interface '' --port 9000
      For all who can reach this machine: whoever opens the page may call";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| serve(&options))
}

fn serve(options: &Options) -> Result<(), BoxError> {
    let Options { interface, port } = options;
    // Not inline: `sum` waits for its items.
    let lab = Lab::builder()
        .bind("jrpc", format!("wsserv:{interface}:{port}?inspect=on"))
        .processing(Processing::Pool(4))
        .build()?;
    let everybody = lab.all();
    lab.add.connect(|_sender, a, b| a.wrapping_add(b));
    lab.measure.connect(|_sender, channel| match channel {
        0..8 => Ok(f64::from(channel) * 1.5),
        channel => Err(LabError::NoSuchChannel { channel }),
    });
    let before = std::sync::Mutex::new(None);
    lab.generate.connect(move |_sender, wave, _on| {
        let mut before = before.lock().unwrap_or_else(|broken| broken.into_inner());
        before.replace(wave)
    });
    lab.count.connect(|_sender, to| {
        let pause = || thread::sleep(Duration::from_millis(100));
        Stream::iter((1..=to).inspect(move |_| pause()))
    });
    lab.sum
        .connect(|_sender, numbers| numbers.sum::<Result<f64>>());
    lab.say.connect(move |_sender, text| everybody.said(text));
    lab.voltage.set(0.0)?;
    lab.voltage
        .on_write(|_sender, volts| match (0.0..=30.0).contains(volts) {
            true => Ok(()),
            false => Err(format!("the voltage goes from 0 to 30 V, not to {volts} V")),
        });
    let temperature = lab.temperature.clone();
    thread::Builder::new()
        .name("thermometer".into())
        .spawn(move || warm(&temperature))?;
    lab.start()?;
    let stopping = lab.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopping.stop())?;
    for address in lab.local_addrs() {
        let port = address.port();
        eprintln!("Listening on {address}. Open in a browser: http://localhost:{port}/");
    }
    Ok(lab.wait()?)
}

/// The room, which gets warmer and colder.
fn warm(temperature: &Property<f64>) {
    for second in 0_u32.. {
        let degrees = 21.0 + f64::from(second % 20) / 10.0;
        if temperature.set(degrees).is_err() {
            return;
        }
        thread::sleep(Duration::from_secs(1));
    }
}
