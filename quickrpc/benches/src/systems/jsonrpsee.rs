//! jsonrpsee over WebSocket, and over HTTP.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::core::RpcResult;
use jsonrpsee::core::client::ClientT;
use jsonrpsee::core::params::ObjectParams;
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::server::{ServerBuilder, ServerConfig};
use jsonrpsee::ws_client::WsClientBuilder;

use super::runtime::{AsyncClient, Calls, serve};
use super::{CONNECTIONS, MESSAGE_SIZE};
use crate::Result;
use crate::message::{A, B, NOTE};
use crate::system::{Client, Greeting, Job, Server, System};

#[rpc(client, server)]
trait Bench {
    #[method(name = "add", param_kind = map)]
    fn add(&self, a: i64, b: i64, note: String) -> RpcResult<i64>;

    #[method(name = "log", param_kind = map)]
    fn log(&self, a: i64, b: i64, note: String) -> RpcResult<()>;

    #[method(name = "text", param_kind = map)]
    fn text(&self, text: String) -> RpcResult<String>;
}

struct Handlers;

impl BenchServer for Handlers {
    fn add(&self, a: i64, b: i64, note: String) -> RpcResult<i64> {
        black_box(note);
        Ok(a + b)
    }

    fn log(&self, a: i64, b: i64, note: String) -> RpcResult<()> {
        black_box((a + b, note));
        Ok(())
    }

    fn text(&self, text: String) -> RpcResult<String> {
        Ok(text)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Jsonrpsee {
    WebSocket,
    #[cfg(feature = "http")]
    Http,
}

impl System for Jsonrpsee {
    fn name(&self) -> String {
        match self {
            Jsonrpsee::WebSocket => "jsonrpsee 0.26 WebSocket".into(),
            #[cfg(feature = "http")]
            Jsonrpsee::Http => "jsonrpsee 0.26 HTTP".into(),
        }
    }

    fn serve(&self) -> Result<Server> {
        serve(async |listener| {
            let config = ServerConfig::builder()
                .max_request_body_size(MESSAGE_SIZE as u32)
                .max_response_body_size(MESSAGE_SIZE as u32)
                .max_connections(CONNECTIONS as u32)
                .set_message_buffer_capacity(20_000)
                .set_tcp_no_delay(true)
                .build();
            let server = ServerBuilder::default()
                .set_config(config)
                .build_from_tcp(listener.into_std()?)?;
            server.start(Handlers.into_rpc()).stopped().await;
            Ok(())
        })
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        #[cfg(feature = "http")]
        if let Jsonrpsee::Http = self {
            return AsyncClient::connect(async move {
                let client = jsonrpsee::http_client::HttpClientBuilder::default()
                    .max_request_size(MESSAGE_SIZE as u32)
                    .max_response_size(MESSAGE_SIZE as u32)
                    .max_concurrent_requests(20_000)
                    .request_timeout(Duration::from_secs(60))
                    .build(format!("http://127.0.0.1:{port}"))?;
                Ok(Arc::new(client))
            });
        }
        AsyncClient::connect(async move {
            let client = WsClientBuilder::default()
                .max_request_size(MESSAGE_SIZE as u32)
                .max_response_size(MESSAGE_SIZE as u32)
                .max_concurrent_requests(20_000)
                .request_timeout(Duration::from_secs(60))
                .set_tcp_no_delay(true)
                .build(format!("ws://127.0.0.1:{port}"))
                .await?;
            Ok(Arc::new(client))
        })
    }

    fn can(&self, job: Job) -> bool {
        // A list of numbers in JSON.
        !matches!(job, Job::Bytes(_))
    }

    fn greeting(&self) -> Greeting {
        Greeting::new(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "\r\n\r\n",
        )
    }
}

impl<C: ClientT + Send + Sync + 'static> Calls for Arc<C> {
    async fn add(&self) -> Result<i64> {
        Ok(BenchClient::add(&**self, A, B, NOTE.into()).await?)
    }

    async fn log(&self) -> Result {
        let mut params = ObjectParams::new();
        params.insert("a", A)?;
        params.insert("b", B)?;
        params.insert("note", NOTE)?;
        Ok(self.notification("log", params).await?)
    }

    async fn text(&self, text: &'static str) -> Result<usize> {
        Ok(BenchClient::text(&**self, text.into()).await?.len())
    }

    async fn bytes(&self, _: &'static [u8]) -> Result<usize> {
        Err("jsonrpsee has no byte strings".into())
    }
}
