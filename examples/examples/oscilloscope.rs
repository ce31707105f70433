//! An oscilloscope as a Thing of hololinked, for programs in Python and others that speak to Things;
//! or a program that uses one.
//!
//! ```text
//! cargo run --example oscilloscope                    # then: python oscilloscope.py tcp://localhost:5555
//! cargo run --example oscilloscope -- --at localhost:5555 --channel 2
//! ```

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "people read it")]

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, Bytes, Processing, remote_api};

/// An oscilloscope with four channels.
#[remote_api]
trait Oscilloscope {
    /// The channel that is looked at, 1 to 4.
    #[incoming(property, writable)]
    fn channel(&self) -> u8;

    /// The highest voltage of what was seen last.
    #[incoming(property)]
    fn peak(&self) -> f64;

    /// Looks at the channel once, for so many samples. Gives how many were seen.
    #[incoming]
    fn trigger(&self, #[default(1024)] samples: u32) -> u32;

    /// What was seen: voltages, each as 4 bytes (IEEE 754, little-endian).
    #[outgoing]
    fn waveform(&self, samples: Bytes);
}

/// The identity of the server, and the id of its one Thing.
const CODEC: &str = "hololinked:scope/scope";
/// It has so much memory.
const MOST: u32 = 1 << 20;

/// An oscilloscope, or a program that uses it.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Where to listen: an IP address of this machine; all of them if empty
    #[arg(long, default_value = "")]
    interface: String,

    /// The port for requests; events are on the next one
    #[arg(long, default_value_t = 5555)]
    port: u16,

    /// Be no oscilloscope, but a program that uses the one at this address
    #[arg(long, value_name = "HOST:PORT")]
    at: Option<String>,

    /// With --at: the channel to look at
    #[arg(long, default_value_t = 1, requires = "at")]
    channel: u8,
}

const EXAMPLES: &str = r#"Examples:
  cargo run --example oscilloscope
      A Thing on port 5555. In Python, with the package hololinked:
      python examples/examples/oscilloscope.py tcp://localhost:5555
  cargo run --example oscilloscope -- --at localhost:5555 --channel 2
      A program that looks at a channel once
  cargo run --example oscilloscope -- --interface 127.0.0.1 --port 0
      Only for this machine, on ports that are free"#;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.at {
        None => serve(&options),
        Some(at) => look(at, options.channel),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> Result<(), BoxError> {
    let interface = match options.interface.parse() {
        Ok(std::net::IpAddr::V6(ip)) => format!("[{ip}]"),
        _ => options.interface.clone(),
    };
    let scope = Oscilloscope::builder()
        .bind(CODEC, format!("zmqserv:{interface}:{}", options.port))
        // Requests that wait are told when their time is over, while another one is handled.
        .processing(Processing::Queue)
        .build()?;
    scope.channel.set(1)?;
    scope.channel.on_write(|_client, channel| match channel {
        1..=4 => Ok(()),
        _ => Err(format!(
            "there are channels 1 to 4, and no channel {channel}"
        )),
    });
    scope.peak.set(0.0)?;

    let (everybody, channel, peak) = (scope.all(), scope.channel.clone(), scope.peak.clone());
    scope.trigger.connect(move |_client, samples| {
        if samples > MOST {
            return Err(
                format!("there is memory for {MOST} samples, and not for {samples}").into(),
            );
        }
        let voltages = measure(channel.get().unwrap_or(1), samples);
        peak.set(f64::from(voltages.iter().copied().fold(0.0, f32::max)))?;
        let bytes: Vec<u8> = voltages.iter().flat_map(|one| one.to_le_bytes()).collect();
        // To whoever has subscribed.
        everybody.waveform(bytes.into())?;
        Ok::<_, BoxError>(samples)
    });
    scope.start()?;
    if let [requests, ..] = *scope.local_addrs() {
        eprintln!("Listening on {requests}. In Python that is tcp://{requests}");
    }
    scope.wait()?;
    Ok(())
}

/// A sine, higher on each channel.
fn measure(channel: u8, samples: u32) -> Vec<f32> {
    let period = 64.0;
    let voltage = |sample: u32| {
        let phase = sample as f32 / period * std::f32::consts::TAU;
        f32::from(channel) * phase.sin()
    };
    (0..samples).map(voltage).collect()
}

fn look(at: &str, channel: u8) -> Result<(), BoxError> {
    let lab = OscilloscopeInverse::bind(CODEC, format!("zmq:{at}"))?;
    let (tell, seen) = mpsc::channel();
    lab.waveform.connect(move |_scope, samples| {
        tell.send(samples).ok();
    });
    lab.start()?;
    let scope = lab.all();
    scope.set_channel(channel).result()?;
    let count = scope.trigger(256).result()?;
    let bytes = seen.recv_timeout(Duration::from_secs(10))?;
    let peak = scope.peak().result()?;
    println!(
        "{count} samples of channel {channel}, {} bytes; {peak} V at the most",
        bytes.len()
    );
    Ok(())
}
