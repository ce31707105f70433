//! A thermometer: a call that may fail, and what everybody is told. In jsonrpsee.

use jsonrpsee::core::{SubscriptionResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::server::{PendingSubscriptionSink, Server, SubscriptionMessage};
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::ws_client::WsClientBuilder;
use tokio::sync::broadcast;

#[rpc(server, client)]
trait Thermometer {
    /// Degrees at a channel.
    #[method(name = "read")]
    fn read(&self, channel: u8) -> Result<f64, ErrorObjectOwned>;

    /// A channel has another temperature.
    #[subscription(name = "subscribe_changed", unsubscribe = "unsubscribe_changed", item = (u8, f64))]
    async fn changed(&self) -> SubscriptionResult;
}

struct Served(broadcast::Sender<(u8, f64)>);

#[async_trait]
impl ThermometerServer for Served {
    fn read(&self, channel: u8) -> Result<f64, ErrorObjectOwned> {
        match channel {
            0..4 => Ok(20.0 + f64::from(channel)),
            _ => {
                let text = format!("there is no channel {channel}");
                Err(ErrorObjectOwned::owned(1, text, None::<()>))
            }
        }
    }

    async fn changed(&self, pending: PendingSubscriptionSink) -> SubscriptionResult {
        let mut changes = self.0.subscribe();
        let sink = pending.accept().await?;
        while let Ok(change) = changes.recv().await {
            let text = serde_json::value::to_raw_value(&change)?;
            sink.send(SubscriptionMessage::from(text)).await?;
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (changed, _) = broadcast::channel(16);
    let server = Server::builder().build("127.0.0.1:0").await?;
    let address = server.local_addr()?;
    let _running = server.start(Served(changed.clone()).into_rpc());

    let client = WsClientBuilder::default()
        .build(format!("ws://{address}"))
        .await?;
    let mut changes = ThermometerClient::changed(&client).await?;
    println!("{}", client.read(1).await?);
    println!("{}", client.read(9).await.unwrap_err());
    changed.send((1, 21.5))?;
    let (channel, degrees) = changes.next().await.expect("a change")?;
    println!("{channel}: {degrees}");
    Ok(())
}
