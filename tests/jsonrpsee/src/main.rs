//! jsonrpsee over WebSocket and HTTP, as a counterpart of the tests.
//!
//!     jsonrpsee-peer server          on a port of 127.0.0.1 that the system chooses
//!     jsonrpsee-peer client <url>    of `ws:` or `http:`; takes commands on stdin
//!
//! Events are printed as JSON on stderr, one a line; commands are those of `node/peer.js`.

use std::error::Error;
use std::time::Duration;

use jsonrpsee_core::SubscriptionError;
use jsonrpsee_core::client::{ClientT, Subscription, SubscriptionClientT};
use jsonrpsee_core::params::BatchRequestBuilder;
use jsonrpsee_core::traits::ToRpcParams;
use jsonrpsee_http_client::HttpClientBuilder;
use jsonrpsee_server::types::{ErrorObjectOwned, Params};
use jsonrpsee_server::{PendingSubscriptionSink, RpcModule, Server};
use jsonrpsee_ws_client::WsClientBuilder;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// How long it lives at the most, whatever happens.
const LIFE: Duration = Duration::from_secs(120);

fn event(event: &Value) {
    eprintln!("{event}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let work = async {
        match (arguments.next().as_deref(), arguments.next()) {
            (Some("server"), None) => serve().await,
            (Some("client"), Some(url)) => drive(&url).await,
            _ => Err("usage: jsonrpsee-peer server | client <url>".into()),
        }
    };
    tokio::time::timeout(LIFE, work).await?
}

/// An argument by its name, or by its place.
fn argument(params: &Params<'_>, name: &str, place: usize) -> Result<Value, ErrorObjectOwned> {
    let all: Value = params.parse()?;
    let found = all.get(name).or_else(|| all.get(place)).cloned();
    let missing = || ErrorObjectOwned::owned(-32602, format!("missing {name}"), None::<()>);
    found.ok_or_else(missing)
}

fn number(params: &Params<'_>, name: &str, place: usize) -> Result<i64, ErrorObjectOwned> {
    let wrong = || ErrorObjectOwned::owned(-32602, format!("{name} is no number"), None::<()>);
    argument(params, name, place)?.as_i64().ok_or_else(wrong)
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().build("127.0.0.1:0").await?;
    let port = server.local_addr()?.port();
    let mut methods = RpcModule::new(());
    methods.register_method("subtract", |params, _, _| {
        let minuend = number(&params, "minuend", 0)?;
        Ok::<_, ErrorObjectOwned>(minuend - number(&params, "subtrahend", 1)?)
    })?;
    methods.register_method("lab.echoBack", |params, _, _| argument(&params, "text", 0))?;
    methods.register_method("isArray", |params, _, _| {
        params.parse::<Value>().map(|params| params.is_array())
    })?;
    methods.register_method("nothing", |_, _, _| Value::Null)?;
    methods.register_method("refuse", |_, _, _| {
        let data = json!({"why": [1]});
        Err::<bool, _>(ErrorObjectOwned::owned(7, "no", Some(data)))
    })?;
    methods.register_subscription(
        "node_subscribe",
        "node_subscription",
        "node_unsubscribe",
        |params, pending, _, _| async move { count(&params, pending).await },
    )?;
    let running = server.start(methods);
    event(&json!({"event": "ready", "port": port}));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {}
    running.stop()?;
    running.stopped().await;
    Ok(())
}

/// A subscription: so many numbers, and then it waits for its end, or fails; of none it is refused.
async fn count(
    params: &Params<'_>,
    pending: PendingSubscriptionSink,
) -> Result<(), SubscriptionError> {
    let (to, fails): (u32, bool) = match params.parse() {
        Ok((0, _)) | Err(_) => {
            let error = ErrorObjectOwned::owned(-32602, "how many?", Some(0));
            pending.reject(error).await;
            return Ok(());
        }
        Ok(params) => params,
    };
    let sink = pending.accept().await?;
    for number in 0..to {
        sink.send(RawValue::from_string(number.to_string())?)
            .await?;
    }
    if fails {
        return Err("no more numbers".into());
    }
    sink.closed().await;
    event(&json!({"event": "unsubscribed"}));
    Ok(())
}

/// Parameters as they are in a command.
struct Raw(Value);

impl ToRpcParams for Raw {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        match self.0 {
            Value::Null => Ok(None),
            params => Ok(Some(RawValue::from_string(params.to_string())?)),
        }
    }
}

async fn drive(url: &str) -> Result<(), Box<dyn Error>> {
    match url.starts_with("http") {
        true => commands(HttpClientBuilder::default().build(url)?).await,
        false => commands(WsClientBuilder::default().build(url).await?).await,
    }
}

async fn commands(client: impl SubscriptionClientT) -> Result<(), Box<dyn Error>> {
    event(&json!({"event": "ready"}));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command = serde_json::from_str(&line)?;
        event(&match run(&client, &command).await {
            Ok(value) => json!({"event": "result", "value": value}),
            Err(jsonrpsee_core::ClientError::Call(error)) => {
                let data: Option<Value> = error.data().map(|data| json!(data));
                let (code, message) = (error.code(), error.message());
                json!({"event": "error", "code": code, "message": message, "data": data})
            }
            Err(error) => json!({"event": "error", "message": error.to_string()}),
        });
    }
    Ok(())
}

async fn run(
    client: &impl SubscriptionClientT,
    command: &Value,
) -> Result<Value, jsonrpsee_core::ClientError> {
    let params = Raw(command["params"].clone());
    if let (Some(begin), Some(end)) = (command["begin"].as_str(), command["end"].as_str()) {
        let mut items: Subscription<Value> = client.subscribe(begin, params, end).await?;
        let mut taken = Vec::new();
        // All there are, or so many.
        let most = command["take"].as_u64().unwrap_or(u64::MAX);
        while (taken.len() as u64) < most
            && let Some(item) = items.next().await
        {
            taken.push(item?);
        }
        items.unsubscribe().await?;
        return Ok(taken.into());
    }
    if let Some(method) = command["notify"].as_str() {
        client.notification(method, params).await?;
        return Ok(Value::Null);
    }
    let Some(calls) = command["batch"].as_array() else {
        let method = command["call"].as_str().unwrap_or_default();
        return client.request(method, params).await;
    };
    let mut batch = BatchRequestBuilder::new();
    for call in calls {
        let method = call["call"].as_str().unwrap_or_default();
        batch.insert(method, Raw(call["params"].clone()))?;
    }
    let answers = client.batch_request::<Value>(batch).await?;
    let answers = answers.into_iter().map(|answer| match answer {
        Ok(value) => json!({"result": value}),
        Err(error) => json!({"error": {"code": error.code()}}),
    });
    Ok(answers.collect())
}
