//! The example of the front page, both sides.
#![deny(warnings)]

use quickrpc::{Result, remote_api};

/// A simple chat: what one peer says, every peer hears.
#[remote_api]
pub trait Echo {
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

fn server() -> Result<()> {
    let api = Echo::builder()
        .codec("terse")
        .transport("mux:(tcpserv::8888)(stdio:)")
        .build()?;

    let everybody = api.all();
    api.say.connect(move |_sender, text| {
        everybody.echo(text).ok();
    });
    api.add.connect(|_sender, a, b| a + b);
    api.start()?;
    api.wait()
}

fn client() -> Result<()> {
    let hub = EchoInverse::bind("terse", "restart:5:tcp:localhost:8888")?;
    hub.echo.connect(|_sender, text| println!("{text}"));
    hub.start()?;
    hub.all().say("hello")?;
    let _promise: quickrpc::Promise<i64> = hub.all().add(2, 3);
    Ok(())
}

fn main() {
    let _ = (server, client);
}
