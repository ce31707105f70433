//! A server for people on telnet, and for the example `client`:
//!
//! ```text
//! cargo run --example server
//! ```
//!
//! then, in another terminal, `telnet localhost 8888` and `add[1] a:2 b:3`.

#![allow(clippy::print_stdout, reason = "people read it")]

use quickrpc::{Result, remote_api};

/// A simple chat: what one peer says, every peer hears.
#[remote_api]
trait Echo {
    /// A peer says something.
    #[incoming]
    fn say(&self, text: &str);

    /// Passed on to everybody.
    #[outgoing]
    fn echo(&self, text: &str);

    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn main() -> Result<()> {
    let wire = std::env::args().nth(1);
    let wire = wire.as_deref().unwrap_or("tcpserv:127.0.0.1:8888");
    let api = Echo::bind("terse", wire)?;
    let everybody = api.all();
    api.say.connect(move |_sender, text| everybody.echo(text));
    api.add.connect(|_sender, a, b| a + b);
    api.start()?;
    for address in api.local_addrs() {
        println!("listening on {address}");
    }
    api.wait()
}
