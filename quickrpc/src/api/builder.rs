//! Putting an API together.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::api::announcer::Announcer;
use crate::base::error::{Error, Result};
use crate::base::limits::{CALL_TIMEOUT, Limits};
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::carrier::transport::IntoTransport;
use crate::wire::codec::{AnyCodec, IntoCodec};
use crate::wire::security::{AnySecurity, IntoSecurity};

use super::handle::{Api, Generated};
use crate::call::calls::Calls;
use crate::call::gate::Rule;
use crate::call::processing::{Executor, Processing};
use crate::call::slot::SlotTable;
use crate::carrier::transport::AnyTransport;
use crate::net::companion::Companion;
use crate::net::link;
use crate::net::net::Net;

/// Puts an API together; made by `Echo::builder()`.
///
/// Mistakes in expressions are reported by [`build`](Self::build), so that calls can be
/// chained.
///
/// ```
/// use std::time::Duration;
/// use quickrpc::{Limits, Processing, remote_api};
///
/// #[remote_api]
/// trait Lab {
///     #[incoming]
///     fn measure(&self, channel: u8) -> f64;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let api = Lab::builder()
///     .codec("terse")
///     .transport("tcpserv:127.0.0.1:0")
///     .bind("jrpc", "internal:lab:")
///     .processing(Processing::Queue)
///     .limits(Limits { connections: 10, ..Limits::default() })
///     .call_timeout(Duration::from_secs(2))
///     .build()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `.build()`"]
pub struct Builder<A> {
    codec: AnyCodec,
    security: AnySecurity,
    transport: Option<AnyTransport>,
    further: Vec<(AnyCodec, AnySecurity, AnyTransport, Option<Duration>)>,
    processing: Processing,
    io_threads: usize,
    limits: Limits,
    call_timeout: Duration,
    wait_for_peer: bool,
    executor: Option<Executor>,
    companions: Vec<Arc<dyn Companion>>,
    rules: Vec<Rule>,
    discover: bool,
    /// The first mistake.
    mistake: Option<Error>,
    api: PhantomData<fn() -> A>,
}

impl<A> Builder<A> {
    #[doc(hidden)]
    pub fn __new() -> Self {
        Builder {
            codec: AnyCodec::default(),
            security: AnySecurity::Null,
            transport: None,
            further: Vec::new(),
            processing: Processing::default(),
            io_threads: 1,
            limits: Limits::default(),
            call_timeout: CALL_TIMEOUT,
            wait_for_peer: false,
            executor: None,
            companions: Vec::new(),
            rules: Vec::new(),
            discover: true,
            mistake: None,
            api: PhantomData,
        }
    }

    /// The codec: an expression such as `"terse"`, or an object. `"jrpc"` by default.
    pub fn codec(mut self, codec: impl IntoCodec) -> Self {
        if let Some(codec) = note(&mut self.mistake, codec.into_codec()) {
            self.codec = codec;
        }
        self
    }

    /// The transport: an expression such as `"mux:(tcpserv::8888)(stdio:)"`, or an object.
    pub fn transport(mut self, transport: impl IntoTransport) -> Self {
        self.transport = note(&mut self.mistake, transport.into_transport()).or(self.transport);
        self
    }

    /// The security provider: an expression, or an object. `"null"` by default.
    pub fn security(mut self, security: impl IntoSecurity) -> Self {
        if let Some(security) = note(&mut self.mistake, security.into_security()) {
            self.security = security;
        }
        self
    }

    /// A further wire, with a codec of its own: one API, several wires at once.
    pub fn bind(self, codec: impl IntoCodec, transport: impl IntoTransport) -> Self {
        self.bind_secured(codec, "null", transport)
    }

    /// A further wire, with a codec and a security provider of its own.
    pub fn bind_secured(
        self,
        codec: impl IntoCodec,
        security: impl IntoSecurity,
        transport: impl IntoTransport,
    ) -> Self {
        self.bind_for(codec, security, transport, None)
    }

    /// The same, with how long calls to its peers may take.
    pub(super) fn bind_for(
        mut self,
        codec: impl IntoCodec,
        security: impl IntoSecurity,
        transport: impl IntoTransport,
        call_timeout: Option<Duration>,
    ) -> Self {
        let codec = note(&mut self.mistake, codec.into_codec());
        let security = note(&mut self.mistake, security.into_security());
        let transport = note(&mut self.mistake, transport.into_transport());
        if let (Some(codec), Some(security), Some(transport)) = (codec, security, transport) {
            let wire = (codec, security, transport, call_timeout);
            self.further.push(wire);
        }
        self
    }

    /// On which threads handlers run. [`Processing::Inline`] by default.
    pub fn processing(mut self, processing: Processing) -> Self {
        self.processing = processing;
        self
    }

    /// How many poll threads read the connections. 1 by default; 0 counts as 1.
    ///
    /// One thread does all that an API does but run slow handlers: it reads and decodes, decrypts,
    /// handles, encodes and writes. That is enough until one processor is not. With more threads,
    /// connections by TCP, Unix sockets and buses inside the process are shared out, those with TLS
    /// or WebSocket too: who connects goes to the thread with the fewest, and stays there. The first
    /// thread does everything else: it accepts, connects and greets, looks after deadlines, and has
    /// brokers and datagrams. (Pipes and plug-ins have threads of their own, as ever.) A server with
    /// few connections, or a client with one, gains nothing.
    ///
    /// What is promised of one peer stays: its messages are handled in their order, one after the
    /// other, between its `on_connect` and its `on_disconnect`. What changes is
    /// [`Processing::Inline`]: *handlers and callbacks of different peers may run at the same time*,
    /// on up to so many threads, as under [`Processing::Pool`]. So what they share has to be safe for
    /// that, and whoever counted on handlers of one API never meeting each other needs a lock, or
    /// another mode: under [`Queue`](Processing::Queue) and [`Manual`](Processing::Manual) handlers
    /// still run one at a time, and the further threads only read and write.
    ///
    /// ```
    /// use quickrpc::remote_api;
    ///
    /// #[remote_api]
    /// trait Lab {
    ///     #[incoming]
    ///     fn measure(&self, channel: u8) -> f64;
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let lab = Lab::builder()
    ///     .transport("tcpserv:127.0.0.1:0")
    ///     .io_threads(4)
    ///     .build()?;
    /// lab.measure.connect(|_sender, channel| f64::from(channel) / 2.0);
    /// lab.start()?;
    /// # Ok(()) }
    /// ```
    pub fn io_threads(mut self, threads: usize) -> Self {
        self.io_threads = threads;
        self
    }

    /// What a peer may use at the most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A rule that decides about each call; see [`Api::authorize`].
    pub fn authorize(
        mut self,
        rule: impl Fn(&Sender, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// Whether the API says what it is: `rpc.discover` answers with an
    /// [OpenRPC](https://spec.open-rpc.org) document made from the declaration, and on `terse`
    /// `help` lists the calls for people. It does, unless this is turned off.
    ///
    /// Rules ([`authorize`](Self::authorize)) are asked for `rpc.discover` and `help` as for any
    /// other method. With the feature `schema`, the document has the JSON Schema of those types that
    /// are `schemars::JsonSchema`, and otherwise what the names of types tell.
    ///
    /// ```
    /// use quickrpc::dynamic::Api;
    /// use quickrpc::remote_api;
    ///
    /// /// A simple chat.
    /// #[remote_api]
    /// trait Echo {
    ///     /// A peer says something.
    ///     #[incoming]
    ///     fn say(&self, text: &str);
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let server = Echo::bind("jrpc", "internal:discover-docs:server")?;
    /// server.start()?;
    /// # let client = Api::bind("jrpc", "internal:discover-docs:client")?;
    /// # client.start()?;
    /// let document = client.call("rpc.discover", ()).result()?;
    /// assert_eq!(document["info"]["title"].as_str(), Some("Echo"));
    /// let methods = document["methods"].as_list().unwrap();
    /// assert_eq!(methods[0]["name"].as_str(), Some("say"));
    /// assert_eq!(methods[0]["description"].as_str(), Some("A peer says something."));
    /// # Ok(()) }
    /// ```
    pub fn discover(mut self, discover: bool) -> Self {
        self.discover = discover;
        self
    }

    /// How long calls may take unless their handle, their declaration or their wire
    /// (`quickrpc::config`) says otherwise. 10 s by default.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// What runs the futures of async handlers (`connect_async`, `serve_async`): usually a runtime's
    /// `spawn`. It is called on the thread that handles the call, and should return at once.
    ///
    /// The library needs no runtime, and has none. A future that awaits what belongs to a runtime, such
    /// as a timer of tokio, has to be run by that one; so give it its handle:
    /// `.executor(move |future| drop(handle.spawn(future)))`. The guide has a chapter about
    /// tokio, smol and plain threads.
    ///
    /// ```
    /// use quickrpc::remote_api;
    ///
    /// #[remote_api]
    /// trait Adder {
    ///     #[incoming]
    ///     fn add(&self, a: i64, b: i64) -> i64;
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// // A thread for each call, which is what a runtime is not.
    /// let (adder, client) = Adder::builder()
    ///     .executor(|future| drop(std::thread::spawn(|| pollster::block_on(future))))
    ///     .pair();
    /// adder.add.connect_async(|_sender, a, b| async move { a + b });
    /// assert_eq!(client.all().add(2, 3).result()?, 5);
    /// # Ok(()) }
    /// # mod pollster {
    /// #     pub fn block_on(future: impl Future<Output = ()>) {
    /// #         let mut future = std::pin::pin!(future);
    /// #         let waker = std::task::Waker::noop();
    /// #         while future.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending() {
    /// #             std::thread::yield_now();
    /// #         }
    /// #     }
    /// # }
    /// ```
    pub fn executor(
        mut self,
        executor: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    ) -> Self {
        self.executor = Some(Arc::new(executor));
        self
    }

    /// Whether calls that are made while nobody is connected wait for a peer, up to their deadline,
    /// rather than fail with [`Error::NoPeer`]. They do not by default.
    ///
    /// A call with reply returns its promise at once, as ever, and leaves when somebody comes who is
    /// meant; calls leave in the order in which they were made. Where nobody comes in time, it is
    /// [`Error::Timeout`] with `sent: false`. A notification waits where it is
    /// sent, and fails with [`Error::NoPeer`] if nobody comes, or in a handler, which must not wait.
    /// A server broadcasts to whoever is there, and waits for nobody. What waits takes up
    /// [`Limits::peer_queue`] of memory at the most. Calls to a connection that is gone
    /// (to a [`Sender`]) fail at once; so do all, and those that wait, where every transport has ended and
    /// none is behind `restart:`, since nobody can come then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quickrpc::remote_api;
    ///
    /// #[remote_api]
    /// trait Lab {
    ///     #[incoming]
    ///     fn measure(&self, channel: u8) -> f64;
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let lab = LabInverse::builder()
    ///     .transport("restart:1:tcp:127.0.0.1:9000") // the server may come later
    /// #   .transport("internal:wait-for-peer:client")
    ///     .wait_for_peer(true)
    ///     .build()?;
    /// lab.start()?;
    /// let volts = lab.all().timeout(Duration::from_secs(30)).measure(1); // returns at once
    /// # let server = Lab::bind("jrpc", "internal:wait-for-peer:server")?;
    /// # server.measure.connect(|_sender, _channel| 1.5);
    /// # server.start()?;
    /// println!("{}", volts.result()?);
    /// # Ok(()) }
    /// ```
    pub fn wait_for_peer(mut self, wait: bool) -> Self {
        self.wait_for_peer = wait;
        self
    }
}

impl<A> Builder<A> {
    /// Announces the API as a service, as long as it runs: the announcer starts when all
    /// transports are open, and stops with the API.
    ///
    /// ```no_run
    /// use quickrpc::announcer::Announcer;
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab {
    /// #     #[incoming]
    /// #     fn measure(&self, channel: u8) -> f64;
    /// # }
    /// # fn main() -> quickrpc::Result<()> {
    /// let api = Lab::builder()
    ///     .transport("tcpserv::9000")
    ///     .announce(Announcer::new("lab v1, port 9000"))
    ///     .build()?;
    /// api.start()?;
    /// # Ok(()) }
    /// ```
    pub fn announce(mut self, announcer: Announcer) -> Self {
        let api = note(&mut self.mistake, announcer.build());
        self.companions
            .extend(api.map(|api| Arc::new((*api).clone()) as Arc<dyn Companion>));
        self
    }
}

impl<A: Generated> Builder<A> {
    /// Builds the API. Nothing is opened before `start()`.
    ///
    /// # Errors
    ///
    /// [`Error::Expression`] with the place of the first mistake; [`Error::Config`] for
    /// what does not go together.
    pub fn build(self) -> Result<A> {
        self.build_api().map(A::from_api)
    }

    pub(crate) fn build_api(self) -> Result<Api> {
        let description = A::DESCRIPTION;
        let slots = SlotTable::declared(&description, self.limits.subscription);
        let api = self.build_with(description.name, slots)?;
        link::carries(&lock(&api.net().links), &description)?;
        Ok(api)
    }
}

impl<A> Builder<A> {
    /// This side and another one, without their wires.
    pub(super) fn unbound<B>(self) -> (Builder<A>, Builder<B>) {
        let other = Builder {
            codec: self.codec.clone(),
            limits: self.limits.clone(),
            call_timeout: self.call_timeout,
            wait_for_peer: self.wait_for_peer,
            ..Builder::__new()
        };
        let this = Builder {
            security: AnySecurity::Null,
            transport: None,
            further: Vec::new(),
            companions: Vec::new(),
            ..self
        };
        (this, other)
    }

    pub(crate) fn build_with(self, name: &'static str, slots: SlotTable) -> Result<Api> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        self.limits.check()?;
        let mut links = Vec::new();
        if let Some(transport) = &self.transport {
            let (codec, security, usual) = (&self.codec, &self.security, self.call_timeout);
            links = link::links(codec, security, transport, &self.limits, usual)?;
        }
        for (codec, security, transport, timeout) in &self.further {
            let timeout = timeout.unwrap_or(self.call_timeout);
            let more = link::links(codec, security, transport, &self.limits, timeout)?;
            links.extend(more);
        }
        let processing = match self.processing {
            // The connection to a broker is never left unread.
            Processing::Inline if links.iter().any(|link| link.transport.is_broker()) => {
                Processing::Queue
            }
            other => other,
        };
        let net = Net::new(name, self.limits, links, self.io_threads.max(1));
        net.accompany(self.companions);
        let calls = Calls::new(net, slots, processing, self.call_timeout);
        calls.limit_subscriptions();
        calls.unsent.enable(self.wait_for_peer);
        if let Some(executor) = self.executor {
            // Nobody has been there before.
            calls.executor.set(executor).ok();
        }
        if !self.discover {
            calls.discovery.turn_off();
        }
        for rule in self.rules {
            calls.gate.add(rule);
        }
        let first_wire = match (self.transport, self.further.into_iter().next()) {
            (None, Some((codec, security, ..))) => (codec, security),
            _ => (self.codec, self.security),
        };
        Ok(Api::new(calls, first_wire))
    }
}

/// Keeps the first mistake.
fn note<T>(mistake: &mut Option<Error>, result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            mistake.get_or_insert(error);
            None
        }
    }
}

impl<A> fmt::Debug for Builder<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("codec", &self.codec)
            .field("transport", &self.transport)
            .field("processing", &self.processing)
            .finish_non_exhaustive()
    }
}
