//! NATS by `async-nats`.

use std::any::Any;
use std::sync::Arc;

use futures::StreamExt;
use tokio::runtime::Runtime;

use super::super::super::runtime::{self, AsyncClient, Calls};
use super::super::{Act, Behind, Broker, Teller, answer, call, can, check, note};
use crate::Result;
use crate::system::{Client, Job, Server, System};

/// The client that NATS's own people make.
pub(crate) struct AsyncNats(pub(crate) Arc<Broker>);

/// Those who have come, each with its subscriptions.
struct AsyncPeers(
    Vec<(async_nats::Client, Vec<async_nats::Subscriber>)>,
    Runtime,
);

impl Drop for AsyncPeers {
    fn drop(&mut self) {
        // Subscriptions end by tasks.
        let _runtime = self.1.enter();
        self.0.clear();
    }
}

async fn open(port: u16) -> Result<async_nats::Client> {
    Ok(async_nats::connect(format!("127.0.0.1:{port}")).await?)
}

impl System for AsyncNats {
    fn name(&self) -> String {
        "async-nats".to_owned()
    }

    fn serve(&self) -> Result<Server> {
        let port = self.0.port;
        runtime::run(port, async move {
            let client = open(port).await?;
            let group = "workers".to_owned();
            let mut calls = client.queue_subscribe("lab.any.add", group).await?;
            client.flush().await?;
            Ok(async move {
                while let Some(call) = calls.next().await {
                    let reply = call.reply.ok_or("no reply")?;
                    client.publish(reply, answer(&call.payload).into()).await?;
                }
                Ok(())
            })
        })
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        AsyncClient::connect(async move { Ok(AsyncCaller(open(port).await?)) })
    }

    fn can(&self, job: Job) -> bool {
        can(job)
    }
}

#[derive(Clone)]
struct AsyncCaller(async_nats::Client);

impl Calls for AsyncCaller {
    async fn add(&self) -> Result<i64> {
        let answer = self.0.request("lab.any.add", call().into()).await?;
        check(&answer.payload)
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

impl Behind for AsyncNats {
    fn teller(&self, namespace: &str) -> Result<Teller> {
        let runtime = runtime::current_thread()?;
        let client = runtime.block_on(open(self.0.port))?;
        let subject = async_nats::Subject::from(format!("{namespace}.all.tell"));
        Ok(Teller {
            knows: Box::new(|_| true),
            send: Box::new(move || {
                runtime.block_on(async {
                    client.publish(subject.clone(), note().into()).await?;
                    client.flush().await?;
                    Ok(())
                })
            }),
        })
    }

    fn join(&self, namespace: &str, count: usize) -> Result<Box<dyn Any>> {
        let runtime = runtime::current_thread()?;
        let peers = runtime.block_on(async {
            let mut peers = Vec::new();
            for number in 0..count {
                let client = open(self.0.port).await?;
                let mut own = Vec::new();
                for subject in [
                    format!("{namespace}.in.p{number}.t.>"),
                    format!("{namespace}.to.p{number}.>"),
                    format!("{namespace}.all.>"),
                ] {
                    own.push(client.subscribe(subject).await?);
                }
                let served = format!("{namespace}.any.add");
                own.push(client.queue_subscribe(served, "workers".into()).await?);
                client.flush().await?;
                peers.push((client, own));
            }
            Ok::<_, crate::BoxError>(peers)
        })?;
        Ok(Box::new(AsyncPeers(peers, runtime)))
    }

    fn unserved(&self, namespace: &str) -> Result<Act> {
        let runtime = runtime::current_thread()?;
        let client = runtime.block_on(open(self.0.port))?;
        let subject = format!("{namespace}.any.add");
        Ok(Box::new(move || {
            let asked = client.request(subject.clone(), call().into());
            match runtime.block_on(asked) {
                Err(error) if error.kind() == async_nats::RequestErrorKind::NoResponders => Ok(()),
                _ => Err("the server does not say that nobody listens".into()),
            }
        }))
    }

    fn killed(&self, _namespace: &str) -> Result<Option<f64>> {
        Ok(None)
    }
}
