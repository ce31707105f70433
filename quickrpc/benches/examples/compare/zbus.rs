//! A thermometer: a call that may fail, and what everybody is told. In zbus, between two peers.

use std::os::unix::net::UnixStream;

use zbus::blocking::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::{Guid, fdo, interface, proxy};

struct Thermometer;

#[interface(name = "org.example.Thermometer")]
impl Thermometer {
    /// Degrees at a channel.
    fn read(&self, channel: u8) -> fdo::Result<f64> {
        match channel {
            0..4 => Ok(20.0 + f64::from(channel)),
            _ => Err(fdo::Error::Failed(format!("there is no channel {channel}"))),
        }
    }

    /// A channel has another temperature.
    #[zbus(signal)]
    async fn changed(emitter: &SignalEmitter<'_>, channel: u8, degrees: f64) -> zbus::Result<()>;
}

/// The other side declares it once more.
#[proxy(
    interface = "org.example.Thermometer",
    default_path = "/thermometer",
    gen_async = false
)]
trait Reader {
    fn read(&self, channel: u8) -> fdo::Result<f64>;

    #[zbus(signal)]
    fn changed(&self, channel: u8, degrees: f64);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (here, there) = UnixStream::pair()?;
    let serving = std::thread::spawn(move || {
        Builder::async_io_unix_stream(here)
            .server(Guid::generate())?
            .p2p()
            .serve_at("/thermometer", Thermometer)?
            .build()
    });
    let connection = Builder::async_io_unix_stream(there).p2p().build()?;
    let server = serving.join().expect("no panic")?;

    let client = ReaderProxy::builder(&connection)
        .destination("org.example")?
        .build()?;
    let mut changes = client.receive_changed()?;
    println!("{}", client.read(1)?);
    println!("{}", client.read(9).unwrap_err());
    let emitter = SignalEmitter::new(server.inner(), "/thermometer")?;
    zbus::block_on(Thermometer::changed(&emitter, 1, 21.5))?;
    let change = changes.next().expect("a change");
    let change = change.args()?;
    println!("{}: {}", change.channel, change.degrees);
    Ok(())
}
