//! A Thing of hololinked, or a client of one, for `things.py`, which tells it on stdin what to do:
//!
//! ```text
//! things serve              prints the port of its requests, and ends with its input
//! things call HOST:PORT     for each line with a number, so many calls, one after the other;
//!                           prints the seconds that they took together
//! ```

use std::error::Error;
use std::io::{self, Write, stdin, stdout};
use std::time::Instant;

use quickrpc::{Processing, remote_api};

#[remote_api]
trait Meter {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

const CODEC: &str = "hololinked:meter/meter";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve"] => serve(),
        ["call", address] => call(address),
        _ => Err("usage: things serve | things call HOST:PORT".into()),
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let meter = Meter::builder()
        .bind(CODEC, "zmqserv:127.0.0.1:0")
        // As the documentation says.
        .processing(Processing::Queue)
        .build()?;
    meter.add.connect(|_client, a, b| a + b);
    meter.start()?;
    writeln!(stdout(), "{}", meter.local_addrs()[0].port())?;
    io::copy(&mut stdin(), &mut io::sink())?;
    Ok(())
}

fn call(address: &str) -> Result<(), Box<dyn Error>> {
    let client = MeterInverse::bind(CODEC, format!("zmq:{address}"))?;
    client.start()?;
    let meter = client.all();
    for line in stdin().lines() {
        let count: i64 = line?.trim().parse()?;
        let begun = Instant::now();
        for n in 0..count {
            let sum = meter.add(n, 1).result()?;
            if sum != n + 1 {
                return Err(format!("{n} and 1 make {sum}").into());
            }
        }
        writeln!(stdout(), "{}", begun.elapsed().as_secs_f64())?;
    }
    Ok(())
}
