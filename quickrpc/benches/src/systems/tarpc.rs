//! tarpc over TCP, with bincode or JSON.

use std::hint::black_box;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tarpc::client::Config;
use tarpc::context::{self, Context};
use tarpc::serde_transport::{self, Transport};
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::{Bincode, Json};
use tarpc::tokio_util::codec::LengthDelimitedCodec;
use tarpc::{ClientMessage, Response};
use tokio::net::{TcpListener, TcpStream};

use super::MESSAGE_SIZE;
use super::runtime::{AsyncClient, Calls, serve};
use crate::Result;
use crate::message::{A, B, NOTE};
use crate::system::{Client, Job, Server, System};

#[tarpc::service]
trait Bench {
    async fn add(a: i64, b: i64, note: String) -> i64;
    async fn text(text: String) -> String;
    async fn bytes(data: Vec<u8>) -> Vec<u8>;
}

#[derive(Clone)]
struct Handlers;

impl Bench for Handlers {
    async fn add(self, _: Context, a: i64, b: i64, note: String) -> i64 {
        black_box(note);
        a + b
    }

    async fn text(self, _: Context, text: String) -> String {
        text
    }

    async fn bytes(self, _: Context, data: Vec<u8>) -> Vec<u8> {
        data
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tarpc {
    Bincode,
    Json,
}

impl System for Tarpc {
    fn name(&self) -> String {
        match self {
            Tarpc::Bincode => "tarpc 0.38 bincode".into(),
            Tarpc::Json => "tarpc 0.38 JSON".into(),
        }
    }

    fn serve(&self) -> Result<Server> {
        let system = *self;
        serve(move |listener| system.accept(listener))
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        let system = *self;
        AsyncClient::connect(async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            let mut config = Config::default();
            config.max_in_flight_requests = 20_000;
            config.pending_request_buffer = 20_000;
            Ok(match system {
                Tarpc::Bincode => BenchClient::new(config, bincode(stream)).spawn(),
                Tarpc::Json => BenchClient::new(config, json(stream)).spawn(),
            })
        })
    }

    fn can(&self, job: Job) -> bool {
        match job {
            Job::Notify => false,
            // A list of numbers in JSON.
            Job::Bytes(_) => *self == Tarpc::Bincode,
            _ => true,
        }
    }
}

impl Tarpc {
    async fn accept(self, listener: TcpListener) -> Result {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match self {
                Tarpc::Bincode => tokio::spawn(handle(bincode(stream))),
                Tarpc::Json => tokio::spawn(handle(json(stream))),
            };
        }
    }
}

async fn handle<T>(transport: T)
where
    T: tarpc::Transport<Response<BenchResponse>, ClientMessage<BenchRequest>> + Send + 'static,
{
    let channel = BaseChannel::with_defaults(transport);
    let requests = channel.execute(Handlers.serve());
    requests
        .for_each(|response| async {
            tokio::spawn(response);
        })
        .await;
}

type Wire<Item, SinkItem, Codec> = Transport<TcpStream, Item, SinkItem, Codec>;

fn bincode<Item, SinkItem>(stream: TcpStream) -> Wire<Item, SinkItem, Bincode<Item, SinkItem>>
where
    Item: for<'de> serde::Deserialize<'de>,
    SinkItem: serde::Serialize,
{
    serde_transport::new(framed(stream), Bincode::default())
}

fn json<Item, SinkItem>(stream: TcpStream) -> Wire<Item, SinkItem, Json<Item, SinkItem>>
where
    Item: for<'de> serde::Deserialize<'de>,
    SinkItem: serde::Serialize,
{
    serde_transport::new(framed(stream), Json::default())
}

fn framed(stream: TcpStream) -> tarpc::tokio_util::codec::Framed<TcpStream, LengthDelimitedCodec> {
    LengthDelimitedCodec::builder()
        .max_frame_length(MESSAGE_SIZE)
        .new_framed(stream)
}

/// With a deadline that large messages can keep.
fn context() -> Context {
    let mut context = context::current();
    context.deadline = Instant::now() + Duration::from_secs(60);
    context
}

impl Calls for BenchClient {
    async fn add(&self) -> Result<i64> {
        Ok(BenchClient::add(self, context(), A, B, NOTE.into()).await?)
    }

    async fn log(&self) -> Result {
        Err("tarpc has no notifications".into())
    }

    async fn text(&self, text: &'static str) -> Result<usize> {
        Ok(BenchClient::text(self, context(), text.into()).await?.len())
    }

    async fn bytes(&self, data: &'static [u8]) -> Result<usize> {
        Ok(BenchClient::bytes(self, context(), data.into())
            .await?
            .len())
    }
}
