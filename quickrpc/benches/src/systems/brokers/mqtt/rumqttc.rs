//! MQTT 5 by `rumqttc`.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet, PubAckReason, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient as Rumqtt, Event, EventLoop, MqttOptions};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::super::super::runtime::{self, AsyncClient, Calls};
use super::super::{Act, Behind, Broker, Teller, answer, call, can, check, note};
use super::SHARED;
use crate::Result;
use crate::system::{Client, Job, Server, System};

/// A client for tokio.
pub(crate) struct Rumqttc(pub(crate) Arc<Broker>);

impl Rumqttc {
    /// Connected, and subscribed to these.
    async fn open(&self, filters: &[String], will: Option<&str>) -> Result<(Rumqtt, EventLoop)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("rumqttc{}x{number}", std::process::id());
        let mut options = MqttOptions::new(name, "127.0.0.1", self.0.port);
        options.set_keep_alive(Duration::from_secs(60));
        if let Some(topic) = will {
            let will = LastWill::new(topic, "gone", QoS::AtLeastOnce, false, None);
            options.set_last_will(will);
        }
        let mut network = options.network_options();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        // There is room for so many, which takes time where it is for all that there may be.
        options.set_outgoing_inflight_upper_limit(1000);
        let (client, mut line) = Rumqtt::new(options, 4096);
        for filter in filters {
            client.subscribe(filter, QoS::AtLeastOnce).await?;
        }
        let (mut is_in, mut subscribed) = (false, 0);
        while !is_in || subscribed < filters.len() {
            match line.poll().await? {
                Event::Incoming(Packet::ConnAck(_)) => is_in = true,
                Event::Incoming(Packet::SubAck(_)) => subscribed += 1,
                _ => {}
            }
        }
        Ok((client, line))
    }

    fn open_by(&self, runtime: &Runtime, filters: &[String]) -> Result<(Rumqtt, EventLoop)> {
        runtime.block_on(self.open(filters, None))
    }
}

/// The reason of the next acknowledgement.
async fn acknowledged(line: &mut EventLoop) -> Result<PubAckReason> {
    loop {
        if let Event::Incoming(Packet::PubAck(acknowledgement)) = line.poll().await? {
            return Ok(acknowledgement.reason);
        }
    }
}

fn reply_to(topic: String) -> PublishProperties {
    PublishProperties {
        response_topic: Some(topic),
        ..PublishProperties::default()
    }
}

impl System for Rumqttc {
    fn name(&self) -> String {
        "rumqttc".to_owned()
    }

    fn serve(&self) -> Result<Server> {
        runtime::run(self.0.port, async {
            let (client, mut line) = self.open(&[SHARED.to_owned()], None).await?;
            Ok(async move {
                loop {
                    let Event::Incoming(Packet::Publish(call)) = line.poll().await? else {
                        continue;
                    };
                    let reply = call.properties.and_then(|it| it.response_topic);
                    let reply = reply.ok_or("no response topic")?;
                    let answer = answer(&call.payload);
                    client.try_publish(reply, QoS::AtLeastOnce, false, answer)?;
                }
            })
        })
    }

    fn connect(&self, _port: u16) -> Result<Box<dyn Client>> {
        AsyncClient::connect(async {
            let (client, mut line) = self.open(&["lab/in/floor/#".to_owned()], None).await?;
            let waiting = Arc::new(Mutex::new(HashMap::new()));
            let caller = RumqttCaller {
                client,
                waiting: Arc::clone(&waiting),
                last: Arc::default(),
            };
            tokio::spawn(async move {
                // Whoever waits hears that it has ended, as what they wait for is dropped.
                while let Ok(event) = line.poll().await {
                    if let Event::Incoming(Packet::Publish(answer)) = event {
                        resolve(&waiting, answer);
                    }
                }
            });
            Ok(caller)
        })
    }

    fn can(&self, job: Job) -> bool {
        can(job)
    }
}

/// Those who wait for answers, by where they are to go.
type Waiting = Mutex<HashMap<Vec<u8>, oneshot::Sender<Publish>>>;

fn resolve(waiting: &Waiting, answer: Publish) {
    let found = match waiting.lock() {
        Ok(mut waiting) => waiting.remove(&*answer.topic),
        Err(_) => None,
    };
    if let Some(sender) = found {
        sender.send(answer).ok();
    }
}

#[derive(Clone)]
struct RumqttCaller {
    client: Rumqtt,
    waiting: Arc<Waiting>,
    last: Arc<AtomicU64>,
}

impl Calls for RumqttCaller {
    async fn add(&self) -> Result<i64> {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let topic = format!("lab/in/floor/{id}");
        let (sender, answer) = oneshot::channel();
        let waiting = self.waiting.lock().map_err(|_| "somebody has panicked");
        waiting?.insert(topic.clone().into_bytes(), sender);
        let (to, qos) = ("lab/any/add", QoS::AtLeastOnce);
        self.client
            .publish_with_properties(to, qos, false, call(), reply_to(topic))
            .await?;
        check(&answer.await?.payload)
    }

    async fn log(&self) -> Result {
        Err("not here".into())
    }

    async fn text(&self, _text: &'static str) -> Result<usize> {
        Err("not here".into())
    }

    async fn bytes(&self, _data: &'static [u8]) -> Result<usize> {
        Err("not here".into())
    }
}

impl Behind for Rumqttc {
    fn teller(&self, namespace: &str) -> Result<Teller> {
        let runtime = runtime::current_thread()?;
        let (client, mut line) = self.open_by(&runtime, &[])?;
        let topic = format!("{namespace}/all/tell");
        Ok(Teller {
            knows: Box::new(|_| true),
            send: Box::new(move || {
                runtime.block_on(async {
                    client
                        .publish(&topic, QoS::AtLeastOnce, false, note())
                        .await?;
                    acknowledged(&mut line).await.map(drop)
                })
            }),
        })
    }

    fn join(&self, namespace: &str, count: usize) -> Result<Box<dyn Any>> {
        let runtime = runtime::current_thread()?;
        let peers = runtime.block_on(async {
            let mut peers = Vec::new();
            for number in 0..count {
                let filters = [
                    format!("{namespace}/in/p{number}/t/#"),
                    format!("{namespace}/to/p{number}/#"),
                    format!("{namespace}/all/#"),
                    format!("$share/workers/{namespace}/any/add"),
                ];
                let gone = format!("{namespace}/gone/p{number}");
                peers.push(self.open(&filters, Some(&gone)).await?);
            }
            Ok::<_, crate::BoxError>(peers)
        })?;
        Ok(Box::new((peers, runtime)))
    }

    fn unserved(&self, namespace: &str) -> Result<Act> {
        let runtime = runtime::current_thread()?;
        let (client, mut line) = self.open_by(&runtime, &[])?;
        let topic = format!("{namespace}/any/add");
        let reply = format!("{namespace}/in/floor/1");
        Ok(Box::new(move || {
            let reason = runtime.block_on(async {
                let properties = reply_to(reply.clone());
                let qos = QoS::AtLeastOnce;
                client
                    .publish_with_properties(&topic, qos, false, call(), properties)
                    .await?;
                acknowledged(&mut line).await
            })?;
            match reason {
                PubAckReason::NoMatchingSubscribers => Ok(()),
                _ => Err("the broker does not say that nobody listens".into()),
            }
        }))
    }

    fn killed(&self, namespace: &str) -> Result<Option<f64>> {
        let gone = format!("{namespace}/gone");
        let runtime = runtime::current_thread()?;
        let (_client, mut line) = self.open_by(&runtime, std::slice::from_ref(&gone))?;
        let other = runtime.block_on(self.open(&[], Some(&gone)))?;
        let begin = Instant::now();
        // Without a good-bye.
        drop(other);
        runtime.block_on(async {
            loop {
                if let Event::Incoming(Packet::Publish(_)) = line.poll().await? {
                    return Ok(Some(begin.elapsed().as_secs_f64()));
                }
            }
        })
    }
}
