//! tonic: gRPC. The service is written by hand where usually protoc and a build script write
//! it; the messages are prost's.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::task::{Context, Poll};

use prost::Message;
use tonic::body::Body;
use tonic::client::Grpc as ClientGrpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::MESSAGE_SIZE;
use super::runtime::{AsyncClient, Calls, serve};
use crate::Result;
use crate::message::{A, B, NOTE};
use crate::system::{Client, Greeting, Job, Server, System};

#[derive(Clone, PartialEq, Message)]
struct Numbers {
    #[prost(int64, tag = "1")]
    a: i64,
    #[prost(int64, tag = "2")]
    b: i64,
    #[prost(string, tag = "3")]
    note: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sum {
    #[prost(int64, tag = "1")]
    sum: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, Message)]
struct Data {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
}

const ADD: &str = "/Bench/Add";
const TEXT: &str = "/Bench/Text";
const BYTES: &str = "/Bench/Bytes";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Tonic;

impl System for Tonic {
    fn name(&self) -> String {
        "tonic 0.14".into()
    }

    fn serve(&self) -> Result<Server> {
        serve(async |listener| {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let server = tonic::transport::Server::builder().add_service(Handlers);
            Ok(server.serve_with_incoming(incoming).await?)
        })
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        AsyncClient::connect(async move {
            let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
            Ok(endpoint.tcp_nodelay(true).connect().await?)
        })
    }

    fn can(&self, job: Job) -> bool {
        job != Job::Notify
    }

    fn greeting(&self) -> Greeting {
        // The preface of HTTP/2 and empty settings, which the server acknowledges.
        Greeting::new(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            b"\0\0\0\x04\x01\0\0\0\0",
        )
    }
}

#[derive(Debug, Clone, Copy)]
struct Handlers;

impl NamedService for Handlers {
    const NAME: &'static str = "Bench";
}

impl Service<http::Request<Body>> for Handlers {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let response = match request.uri().path() {
                ADD => {
                    let add = |numbers: Numbers| {
                        black_box(numbers.note);
                        Sum {
                            sum: numbers.a + numbers.b,
                        }
                    };
                    unary(add, request).await
                }
                TEXT => unary(|text: Text| text, request).await,
                BYTES => unary(|data: Data| data, request).await,
                _ => Status::unimplemented("an unknown method").into_http(),
            };
            Ok(response)
        })
    }
}

async fn unary<Q, S, F>(handler: F, request: http::Request<Body>) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    S: Message + Default + 'static,
    F: Fn(Q) -> S + Send + Sync + 'static,
{
    let codec = ProstCodec::<S, Q>::default();
    let mut grpc = Grpc::new(codec).max_decoding_message_size(MESSAGE_SIZE);
    grpc.unary(Handler(handler), request).await
}

struct Handler<F>(F);

impl<F, Q, S> UnaryService<Q> for Handler<F>
where
    F: Fn(Q) -> S,
{
    type Response = S;
    type Future = Ready<Result<Response<S>, Status>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        ready(Ok(Response::new((self.0)(request.into_inner()))))
    }
}

/// One call; the clone of a channel is cheap, and what generated clients are used with.
fn call<Q, S>(
    channel: &Channel,
    path: &'static str,
    message: Q,
) -> impl Future<Output = Result<S>> + Send + use<Q, S>
where
    Q: Message + Send + Sync + 'static,
    S: Message + Default + Send + Sync + 'static,
{
    let mut grpc = ClientGrpc::new(channel.clone()).max_decoding_message_size(MESSAGE_SIZE);
    async move {
        grpc.ready().await?;
        let path = PathAndQuery::from_static(path);
        let codec = ProstCodec::<Q, S>::default();
        let response = grpc.unary(Request::new(message), path, codec).await?;
        Ok(response.into_inner())
    }
}

impl Calls for Channel {
    async fn add(&self) -> Result<i64> {
        let numbers = Numbers {
            a: A,
            b: B,
            note: NOTE.into(),
        };
        Ok(call::<_, Sum>(self, ADD, numbers).await?.sum)
    }

    async fn log(&self) -> Result {
        Err("gRPC has no notifications".into())
    }

    async fn text(&self, text: &'static str) -> Result<usize> {
        let text = Text { text: text.into() };
        Ok(call::<_, Text>(self, TEXT, text).await?.text.len())
    }

    async fn bytes(&self, data: &'static [u8]) -> Result<usize> {
        let data = Data { data: data.into() };
        Ok(call::<_, Data>(self, BYTES, data).await?.data.len())
    }
}
