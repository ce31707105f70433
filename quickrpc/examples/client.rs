//! Calls the example `server`:
//!
//! ```text
//! cargo run --example client
//! ```

#![allow(clippy::print_stdout, reason = "people read it")]

use quickrpc::{Result, remote_api};

/// The server's API, or what is used of it.
#[remote_api]
trait Echo {
    #[incoming]
    fn say(&self, text: &str);
    #[outgoing]
    fn echo(&self, text: &str);
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn main() -> Result<()> {
    let wire = std::env::args().nth(1);
    let wire = wire.as_deref().unwrap_or("tcp:localhost:8888");
    // The other side of the same trait.
    let hub = EchoInverse::bind("terse", wire)?;
    let echoes = hub.echo.subscribe();
    hub.start()?;
    hub.all().say("hello")?;
    if let Ok((sender, text)) = echoes.recv() {
        println!("{sender} passes on: {text}");
    }
    println!("2 + 3 = {}", hub.all().add(2, 3).result()?);
    Ok(())
}
