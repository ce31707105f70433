//! A thermometer: a call that may fail. In tarpc, whose servers do not call.

use futures::prelude::*;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport::tcp};

#[tarpc::service]
trait Thermometer {
    /// Degrees at a channel.
    async fn read(channel: u8) -> Result<f64, String>;
}

#[derive(Clone)]
struct Server;

impl Thermometer for Server {
    async fn read(self, _: context::Context, channel: u8) -> Result<f64, String> {
        match channel {
            0..4 => Ok(20.0 + f64::from(channel)),
            _ => Err(format!("there is no channel {channel}")),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tcp::listen("127.0.0.1:0", Bincode::default).await?;
    let address = listener.local_addr();
    tokio::spawn(
        listener
            .filter_map(|accepted| future::ready(accepted.ok()))
            .map(BaseChannel::with_defaults)
            .for_each(|channel| async {
                let calls = channel.execute(Server.serve());
                tokio::spawn(calls.for_each(|call| async {
                    tokio::spawn(call);
                }));
            }),
    );

    let transport = tcp::connect(address, Bincode::default).await?;
    let client = ThermometerClient::new(client::Config::default(), transport).spawn();
    println!("{}", client.read(context::current(), 1).await??);
    println!("{}", client.read(context::current(), 9).await?.unwrap_err());
    Ok(())
}
