//! Calls with reply, and every way to get hold of the answer. All sides are in this one
//! program, connected by an in-process bus; any other transport would do.

#![allow(clippy::print_stdout, reason = "the answers are the program's output")]

use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use quickrpc::{BoxError, CallError, Error, Promise, Result, remote_api};

/// A calculator with a mind of its own.
#[remote_api]
trait Calculator {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// Divides the first number by the second; the caller gets the quotient or an error.
    #[incoming]
    fn divide(&self, a: i64, b: i64) -> Result<i64, CallError>;

    /// Adds up many numbers, which takes its time.
    #[incoming]
    fn sum(&self, numbers: &[i64]) -> i64;

    /// Thinks about the meaning of it all, for longer than anybody likes to wait.
    #[incoming]
    fn ponder(&self) -> i64;
}

/// Calls with reply: waiting, callbacks, deadlines, errors, several peers.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// The first number
    #[arg(default_value_t = 7, allow_negative_numbers = true)]
    a: i64,

    /// The second number
    #[arg(default_value_t = 2, allow_negative_numbers = true)]
    b: i64,
}

const EXAMPLES: &str = "Examples:
  cargo run --example calculator
  cargo run --example calculator 1000 8
  cargo run --example calculator 1 0        see what a division by zero answers";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| calculate(options.a, options.b))
}

fn calculate(a: i64, b: i64) -> Result<(), BoxError> {
    // They live until the end of this function; dropping them stops them.
    let _red = server("red")?;
    let _green = server("green")?;

    let client = CalculatorInverse::bind("jrpc", "internal:office:client")?;
    client.start()?;
    let red = client.to("red");

    // Waiting: `?` turns the error of the other side into ours.
    println!("{a} + {b} = {}", red.add(a, b).result()?);

    // Errors come with what the handler said.
    match red.divide(a, b).result() {
        Ok(quotient) => println!("{a} / {b} = {quotient}"),
        Err(Error::Call(error)) => println!("{a} / {b}: {} (code {})", error.message, error.code),
        Err(other) => return Err(other.into()),
    }

    // Not waiting: the callback runs when the answer is here. Its handler returned a
    // promise, so that the calculator went on with other calls meanwhile.
    let (done, finished) = mpsc::channel();
    let failed = done.clone();
    red.sum(&[a, b, 100]).then(
        move |sum| {
            println!("{a} + {b} + 100 = {sum}, after a while");
            done.send(()).ok();
        },
        move |error| {
            println!("no sum: {error}");
            failed.send(()).ok();
        },
    );
    println!("{b} + {a} = {}, meanwhile", red.add(b, a).result()?);
    finished.recv()?;

    // A deadline of one's own; 10 s otherwise.
    let impatient = red.timeout(Duration::from_millis(50));
    match impatient.ponder().result() {
        Err(Error::Timeout { after, .. }) => println!("no meaning within {after:?}"),
        other => println!("the meaning: {other:?}"),
    }

    // Everybody at once, each with an answer of its own, in the order of arrival.
    let both = client.to(["red", "green"]);
    let mut answers: Vec<String> = Vec::new();
    for (peer, answer) in both.each().add(a, b).results() {
        answers.push(format!("{peer} says {}", answer?));
    }
    answers.sort();
    println!("{}", answers.join(", "));
    Ok(())
}

/// A calculator on the bus.
fn server(name: &str) -> Result<Calculator> {
    let api = Calculator::bind("jrpc", format!("internal:office:{name}"))?;
    api.add.connect(|_sender, a, b| a.wrapping_add(b));

    api.divide.connect(|_sender, a, b| {
        a.checked_div(b).ok_or_else(|| match b {
            0 => CallError::new(400, "nobody can divide by zero"),
            _ => CallError::new(400, "the quotient has more than 64 bits"),
        })
    });

    api.sum.connect(|_sender, numbers| {
        let sum = numbers.iter().fold(0_i64, |sum, n| sum.wrapping_add(*n));
        later(Duration::from_millis(50), sum)
    });
    api.ponder
        .connect(|_sender| later(Duration::from_secs(5), 42));

    api.start()?;
    Ok(api)
}

/// An answer that takes its time, on a thread of its own.
fn later(pause: Duration, answer: i64) -> Promise<i64> {
    let (promise, resolver) = Promise::pair();
    thread::spawn(move || {
        thread::sleep(pause);
        // Refused only where it was set before. Dropping the resolver unset would fail the
        // promise.
        resolver.set_result(answer).ok();
    });
    promise
}
