//! A thermometer: a call that may fail, and what everybody is told. In tonic.

use std::pin::Pin;

use futures::stream::{self, Stream};
use thermometer::thermometer_client::ThermometerClient;
use thermometer::thermometer_server::{Thermometer, ThermometerServer};
use thermometer::{Change, Channel, Degrees, Nothing};
use tokio::sync::broadcast;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

// Written by tonic-prost-build 0.14.9, which a build script usually runs for each build.
#[path = "generated.rs"]
#[rustfmt::skip]
#[allow(unreachable_pub, unused_qualifications, reason = "it is generated")]
mod thermometer;

struct Served(broadcast::Sender<Change>);

#[tonic::async_trait]
impl Thermometer for Served {
    async fn read(&self, request: Request<Channel>) -> Result<Response<Degrees>, Status> {
        match request.into_inner().channel {
            channel @ 0..4 => {
                let degrees = 20.0 + f64::from(channel);
                Ok(Response::new(Degrees { degrees }))
            }
            channel => Err(Status::out_of_range(format!(
                "there is no channel {channel}"
            ))),
        }
    }

    type ChangedStream = Pin<Box<dyn Stream<Item = Result<Change, Status>> + Send>>;

    async fn changed(&self, _: Request<Nothing>) -> Result<Response<Self::ChangedStream>, Status> {
        let changes = stream::unfold(self.0.subscribe(), async |mut changes| {
            let change = changes.recv().await.ok()?;
            Some((Ok(change), changes))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (changed, _) = broadcast::channel(16);
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?;
    let served = ThermometerServer::new(Served(changed.clone()));
    tokio::spawn(
        Server::builder()
            .add_service(served)
            .serve_with_incoming(incoming),
    );

    let mut client = ThermometerClient::connect(format!("http://{address}")).await?;
    let mut changes = client.changed(Nothing {}).await?.into_inner();
    println!(
        "{}",
        client
            .read(Channel { channel: 1 })
            .await?
            .into_inner()
            .degrees
    );
    println!(
        "{}",
        client
            .read(Channel { channel: 9 })
            .await
            .unwrap_err()
            .message()
    );
    changed.send(Change {
        channel: 1,
        degrees: 21.5,
    })?;
    let Change { channel, degrees } = changes.message().await?.expect("a change");
    println!("{channel}: {degrees}");
    Ok(())
}
