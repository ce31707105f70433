//! This library.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use quickrpc::{Error, Limits, Processing, Promise, remote_api};

#[cfg(feature = "security")]
use super::secured::Secured;
use super::{CONNECTIONS, MESSAGE_SIZE, sample_text};
use crate::Result;
use crate::message::{A, B, NOTE, SUM};
use crate::plan::Scale;
use crate::system::{AnySystem, Client, Greeting, Job, Laps, Server, System};

/// What all systems implement in their way.
#[remote_api]
pub(crate) trait Bench {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64, note: &str) -> i64;

    /// Only arrives.
    #[incoming]
    fn log(&self, a: i64, b: i64, note: &str);

    /// Gives a text back.
    #[incoming]
    fn text(&self, text: &str) -> String;

    /// Gives bytes back.
    #[incoming]
    fn bytes(&self, data: &[u8]) -> Vec<u8>;

    /// For everybody.
    #[outgoing]
    fn tell(&self, a: i64, b: i64, note: &str);
}

/// The provider of who needs none.
const OPEN: &str = "null";

/// What is between the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Tcp,
    #[cfg(feature = "websocket")]
    WebSocket,
    #[cfg(feature = "http")]
    Http,
}

/// This library in one configuration.
#[derive(Debug, Clone)]
pub(crate) struct QuickRpc {
    codec: &'static str,
    processing: Processing,
    /// Poll threads of the server.
    io_threads: usize,
    /// Whether calls in flight are sent in batches.
    batch: bool,
    /// Of the transport, such as `spin=50us`.
    option: Option<String>,
    /// How many handlers a notification has.
    handlers: usize,
    over: Over,
    /// With what protects its messages.
    #[cfg(feature = "security")]
    secured: Option<Secured>,
    /// Whether callers are tasks of one thread that await.
    tasks: bool,
}

impl QuickRpc {
    pub(crate) fn jrpc() -> Self {
        QuickRpc {
            codec: "jrpc",
            processing: Processing::Inline,
            io_threads: 1,
            batch: false,
            option: None,
            handlers: 1,
            over: Over::Tcp,
            #[cfg(feature = "security")]
            secured: None,
            tasks: false,
        }
    }

    /// With messages that are kept from others.
    #[cfg(feature = "security")]
    pub(crate) fn secured(secured: Secured) -> Self {
        QuickRpc {
            secured: Some(secured),
            ..QuickRpc::jrpc()
        }
    }

    /// The same codec, or another one, over a WebSocket.
    #[cfg(feature = "websocket")]
    pub(crate) fn websocket(codec: &'static str) -> Self {
        QuickRpc {
            codec,
            over: Over::WebSocket,
            ..QuickRpc::jrpc()
        }
    }

    /// Posted over HTTP.
    #[cfg(feature = "http")]
    pub(crate) fn http() -> Self {
        QuickRpc {
            over: Over::Http,
            ..QuickRpc::jrpc()
        }
    }

    pub(crate) fn terse() -> Self {
        QuickRpc {
            codec: "terse",
            ..QuickRpc::jrpc()
        }
    }

    #[cfg(feature = "msgpack")]
    pub(crate) fn msgpack() -> Self {
        QuickRpc {
            codec: "msgpack",
            ..QuickRpc::jrpc()
        }
    }

    pub(crate) fn queue() -> Self {
        QuickRpc {
            processing: Processing::Queue,
            ..QuickRpc::jrpc()
        }
    }

    /// With so many poll threads on the server.
    pub(crate) fn io_threads(io_threads: usize) -> Self {
        QuickRpc {
            io_threads,
            ..QuickRpc::jrpc()
        }
    }

    pub(crate) fn batched(self) -> Self {
        QuickRpc {
            batch: true,
            ..self
        }
    }

    /// With callers that are tasks of one thread, and await.
    pub(crate) fn tasks() -> Self {
        QuickRpc {
            tasks: true,
            ..QuickRpc::jrpc()
        }
    }

    /// With so many handlers for a notification.
    pub(crate) fn handlers(self, handlers: usize) -> Self {
        QuickRpc { handlers, ..self }
    }

    /// A started server, for those who want more than a port.
    pub(crate) fn server(&self) -> Result<Bench> {
        let (transport, security) = self.listens()?;
        let api = Bench::builder()
            .codec(self.codec)
            .security(security.as_deref().unwrap_or(OPEN))
            .transport(self.transport(transport))
            .processing(self.processing)
            .io_threads(self.io_threads)
            .limits(limits())
            .build()?;
        api.add.connect(|_sender, a, b, note| {
            black_box(note);
            a + b
        });
        for _ in 0..self.handlers {
            api.log.connect(|_sender, a, b, note| {
                black_box((a + b, note));
            });
        }
        api.text.connect(|_sender, text| text.to_owned());
        api.bytes.connect(|_sender, data| data.to_vec());
        api.start()?;
        Ok(api)
    }

    /// Transport and security provider of a server.
    fn listens(&self) -> Result<(String, Option<String>)> {
        #[cfg(feature = "security")]
        if let Some(secured) = &self.secured {
            return secured.listens();
        }
        let transport = match self.over {
            Over::Tcp => "tcpserv:127.0.0.1:0",
            // It answers what is posted, too.
            #[cfg(feature = "websocket")]
            _ => "wsserv:127.0.0.1:0",
        };
        Ok((transport.to_owned(), None))
    }

    /// The same of a client.
    fn connects(&self, port: u16) -> Result<(String, Option<String>)> {
        #[cfg(feature = "security")]
        if let Some(secured) = &self.secured {
            return secured.connects(port);
        }
        let scheme = match self.over {
            Over::Tcp => "tcp",
            #[cfg(feature = "websocket")]
            Over::WebSocket => "ws",
            #[cfg(feature = "http")]
            Over::Http => "http",
        };
        let transport = format!("{scheme}:127.0.0.1:{port}");
        Ok((transport, None))
    }

    fn transport(&self, transport: String) -> String {
        match &self.option {
            Some(option) => format!("{transport}?{option}"),
            None => transport,
        }
    }
}

/// The port of a server.
pub(crate) fn port(api: &Bench) -> Result<u16> {
    let addresses = api.local_addrs();
    let address = addresses.first().ok_or("the server listens nowhere")?;
    Ok(address.port())
}

pub(super) fn limits() -> Limits {
    Limits {
        message_size: MESSAGE_SIZE,
        peer_queue: MESSAGE_SIZE,
        connections: CONNECTIONS,
        ..Limits::default()
    }
}

impl System for QuickRpc {
    fn name(&self) -> String {
        let mut name = format!("quickrpc {}", self.codec);
        match self.over {
            Over::Tcp => {}
            #[cfg(feature = "websocket")]
            Over::WebSocket => name.push_str(", WebSocket"),
            #[cfg(feature = "http")]
            Over::Http => name.push_str(", HTTP"),
        }
        #[cfg(feature = "security")]
        if let Some(secured) = &self.secured {
            name.push_str(&format!(", {}", secured.name()));
        }
        if self.processing == Processing::Queue {
            name.push_str(", Queue");
        }
        if self.io_threads > 1 {
            name.push_str(&format!(", {} poll threads", self.io_threads));
        }
        if self.batch {
            name.push_str(", batch");
        }
        if self.tasks {
            name.push_str(", tasks");
        }
        if let Some(option) = &self.option {
            name.push_str(&format!(", {option}"));
        }
        name
    }

    fn serve(&self) -> Result<Server> {
        let api = self.server()?;
        Ok(Server::new(port(&api)?, api))
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        let (transport, security) = self.connects(port)?;
        let api = BenchInverse::builder()
            .codec(self.codec)
            .security(security.as_deref().unwrap_or(OPEN))
            .transport(self.transport(transport))
            .limits(limits())
            .call_timeout(Duration::from_secs(60))
            .build()?;
        api.start()?;
        let hub = api.all();
        let (batch, tasks) = (self.batch, self.tasks);
        Ok(Box::new(QuickRpcClient {
            hub,
            batch,
            tasks,
            _api: api,
        }))
    }

    fn greeting(&self) -> Greeting {
        match self.codec {
            "terse" => Greeting::new("add[1] a:1 b:2 note:\"\"\n", "\n"),
            // The answer ends with the sum.
            "msgpack" => Greeting::new(b"\x94\0\x01\xa3add\x93\x01\x02\xa0", b"\x03"),
            _ => Greeting::json(),
        }
    }
}

/// A client that calls by this handle.
#[cfg(any(feature = "nats", feature = "mqtt"))]
pub(super) fn client(api: BenchInverse, hub: BenchInverseOutgoing) -> Box<dyn Client> {
    Box::new(QuickRpcClient {
        hub,
        batch: false,
        tasks: false,
        _api: api,
    })
}

struct QuickRpcClient {
    hub: BenchInverseOutgoing,
    batch: bool,
    tasks: bool,
    _api: BenchInverse,
}

impl QuickRpcClient {
    fn window(&self, width: usize, count: usize) -> Result {
        let mut pending = VecDeque::with_capacity(width);
        let mut sent = 0;
        while sent < count || !pending.is_empty() {
            let room = (count - sent).min(width - pending.len());
            let mut send = |hub: &BenchInverseOutgoing| {
                for _ in 0..room {
                    pending.push_back(hub.add(A, B, NOTE));
                }
            };
            if self.batch {
                self.hub.batch(send);
            } else {
                send(&self.hub);
            }
            sent += room;
            // A batch is worth it for more than one call, and something should be on its way
            // meanwhile; without one, each answer makes room for a call.
            let answers = if self.batch { width.div_ceil(2) } else { 1 };
            for promise in pending.drain(..answers.min(pending.len())) {
                right(promise)?;
            }
        }
        Ok(())
    }

    fn callers(&self, callers: usize, count: usize) -> Result {
        let each = count.div_ceil(callers);
        if self.tasks {
            let call = |_| async {
                for _ in 0..each {
                    match self.hub.add(A, B, NOTE).await? {
                        SUM => {}
                        other => return Err(wrong(other)),
                    }
                }
                Ok(())
            };
            return Ok(super::tasks::run((0..callers).map(call))?);
        }
        thread::scope(|scope| {
            let call = || (0..each).try_for_each(|_| right(self.hub.add(A, B, NOTE)));
            let threads: Vec<_> = (0..callers).map(|_| scope.spawn(call)).collect();
            threads.into_iter().try_for_each(|thread| {
                let done = thread.join().map_err(|_| "a caller panicked")?;
                Ok(done?)
            })
        })
    }

    fn notify(&self, count: usize) -> Result {
        let mut left = count;
        while left > 0 {
            let part = left.min(64);
            self.hub
                .batch(|hub| -> Result { (0..part).try_for_each(|_| Ok(hub.log(A, B, NOTE)?)) })?;
            left -= part;
        }
        Ok(right(self.hub.add(A, B, NOTE))?)
    }
}

pub(crate) fn right(promise: Promise<i64>) -> Result<(), Error> {
    match promise.result()? {
        SUM => Ok(()),
        other => Err(wrong(other)),
    }
}

fn wrong(sum: i64) -> Error {
    Error::Config(format!("a wrong sum: {sum}").into())
}

impl Client for QuickRpcClient {
    fn run(&mut self, job: Job, count: usize, laps: &mut Laps) -> Result {
        match job {
            Job::Window(width) => return self.window(width, count),
            Job::Callers(callers) => return self.callers(callers, count),
            Job::Notify => return self.notify(count),
            Job::Serial | Job::Text(_) | Job::Bytes(_) => {}
        }
        for _ in 0..count {
            match job {
                Job::Text(size) => {
                    let text = self.hub.text(sample_text(size)).result()?;
                    check_length(text.len(), size)?;
                }
                Job::Bytes(size) => {
                    let data = sample_text(size).as_bytes();
                    check_length(self.hub.bytes(data).result()?.len(), size)?;
                }
                _ => right(self.hub.add(A, B, NOTE))?,
            }
            laps.lap();
        }
        Ok(())
    }
}

pub(super) fn check_length(found: usize, expected: usize) -> Result {
    if found == expected {
        Ok(())
    } else {
        Err(format!("an echo of {found} instead of {expected} bytes").into())
    }
}

/// Those of most tables.
pub(crate) fn all(scale: &Scale) -> Vec<AnySystem> {
    let mut systems: Vec<AnySystem> = vec![
        Arc::new(QuickRpc::jrpc()),
        Arc::new(QuickRpc::queue()),
        Arc::new(QuickRpc::terse()),
        #[cfg(feature = "msgpack")]
        Arc::new(QuickRpc::msgpack()),
    ];
    if let Some(option) = &scale.option {
        systems.push(Arc::new(QuickRpc {
            option: Some(option.clone()),
            ..QuickRpc::jrpc()
        }));
    }
    systems
}
