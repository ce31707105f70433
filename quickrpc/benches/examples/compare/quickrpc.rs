//! A thermometer: a call that may fail, and what everybody is told. In QuickRPC.

use quickrpc::{Result, remote_api};

#[remote_api]
trait Thermometer {
    /// Degrees at a channel.
    #[incoming]
    fn read(&self, channel: u8) -> Result<f64, String>;

    /// A channel has another temperature.
    #[outgoing]
    fn changed(&self, channel: u8, degrees: f64);
}

fn main() -> Result<()> {
    let server = Thermometer::bind("jrpc", "tcpserv:127.0.0.1:0")?;
    server.read.connect(|_sender, channel| match channel {
        0..4 => Ok(20.0 + f64::from(channel)),
        _ => Err(format!("there is no channel {channel}")),
    });
    server.start()?;

    let address = server.local_addrs()[0];
    let client = ThermometerInverse::bind("jrpc", format!("tcp:{address}"))?;
    let changes = client.changed.subscribe();
    client.start()?;
    println!("{}", client.all().read(1).result()?);
    println!("{}", client.all().read(9).result().unwrap_err());
    server.all().changed(1, 21.5)?;
    let (_sender, channel, degrees) = changes.recv().expect("a change");
    println!("{channel}: {degrees}");
    Ok(())
}
