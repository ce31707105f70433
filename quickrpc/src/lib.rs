//! RPC without ceremony: **declare an API as a trait once; bind it at run time to any
//! wire, by a string.**
//!
//! There is no schema language, no code generator to run, and no async runtime. Calls may go
//! both ways over one connection, to one peer, to some, or to everybody.
//!
//! # Declare
//!
//! ```
//! use quickrpc::{Result, remote_api};
//!
//! /// A simple chat: what one peer says, every peer hears.
//! #[remote_api]
//! pub trait Echo {
//!     /// A peer says something.
//!     #[incoming]
//!     fn say(&self, text: &str);
//!
//!     /// Passed on to everybody.
//!     #[outgoing]
//!     fn echo(&self, text: &str);
//!
//!     /// Adds two numbers.
//!     #[incoming]
//!     fn add(&self, a: i64, b: i64) -> i64;
//! }
//!
//! # fn main() -> Result<()> {
//! // One side: the trait's name. This wire is in memory; it might be "tcpserv::8888".
//! let server = Echo::bind("terse", "internal:chat:server")?;
//! let everybody = server.all();
//! server.say.connect(move |_sender, text| everybody.echo(text));
//! server.add.connect(|_sender, a, b| a + b);
//! server.start()?;
//!
//! // The other side: its inverse. It might be another program, at "tcp:localhost:8888".
//! let client = EchoInverse::bind("terse", "internal:chat:client")?;
//! let echoes = client.echo.subscribe();
//! client.start()?;
//! client.all().say("hello")?;
//! assert_eq!(client.all().add(2, 3).result()?, 5);
//! # let soon = std::time::Duration::from_secs(5);
//! # let (sender, text) = echoes.recv_timeout(soon).expect("an echo");
//! # assert_eq!((sender.name(), text.as_str()), ("server", "hello"));
//! # Ok(()) }
//! ```
//!
//! [`remote_api`] replaces the trait by these types:
//!
//! | item | what it is |
//! |---|---|
//! | `Echo` | the declared side: start and stop it, connect handlers to its slots (`api.say`), send through `api.all()` and `api.to(..)` |
//! | `EchoOutgoing` | its sending half alone. Clone it into handlers: it keeps nothing alive, so that no handler owns the API that owns the handler |
//! | `EchoInverse`, `EchoInverseOutgoing` | the same for the other side, with incoming and outgoing swapped |
//! | `EchoIncoming`, `EchoInverseIncoming` | traits with the incoming methods, for a server that is one type: `api.serve(my_server)` |
//! | `EchoOutgoingEach`, `EchoInverseOutgoingEach` | what `each()` returns: one result for each peer |
//! | `Echo::DESCRIPTION` | names, types, defaults and doc comments of all calls and properties, as [data](Description) |
//!
//! A call with a return type has a reply; `-> ()` is only acknowledged; without a return type
//! it is a notification. Arguments arrive as they are declared, `&str` as `&str`. Everything
//! that serde can both write and read will do, and `Vec<u8>` and `&[u8]` travel as byte
//! strings.
//!
//! ```
//! # use quickrpc::{CallError, remote_api};
//! #[remote_api(rename_all = "camelCase", prefix = "lab.")]
//! trait Stage {
//!     /// On the wire: `lab.moveTo`, with `speed` 1.0 if it is missing.
//!     #[incoming]
//!     fn move_to(&self, x: f64, #[default(1.0)] speed: f64, comment: Option<&str>);
//!
//!     /// The caller gets the number or the error.
//!     #[incoming(positional)]
//!     fn read_sensor(&self, channel: u8) -> Result<f64, CallError>;
//!
//!     #[outgoing]
//!     #[name = "moved"]
//!     fn has_moved(&self, x: f64);
//! }
//! # assert_eq!(Stage::DESCRIPTION.calls[0].wire_name, "lab.moveTo");
//! ```
//!
//! # Declare somebody else's API
//!
//! A trait can say what a program understands that knows nothing of this library, if it speaks
//! JSON-RPC 2.0: only what is used of it, from our side, with its names. What it sends by itself
//! is incoming, and arrives in slots. Its server may want arrays ([`positional`](remote_api)),
//! may send more than is declared (`ignore_unknown`), and has a framing of its own: a line for
//! each message (`jrpc:\n`), NUL behind each (`jrpc`) or a header before each
//! (`jrpc:content-length`, as language servers do).
//!
//! ```
//! use quickrpc::remote_api;
//! use serde::{Deserialize, Serialize};
//!
//! /// What an editor wants of a language server.
//! #[remote_api(ignore_unknown, rename_all = "camelCase", prefix = "textDocument/")]
//! trait LanguageServer {
//!     /// On the wire: `textDocument/hover`.
//!     #[outgoing]
//!     fn hover(&self, text_document: Document, position: Position) -> Option<Hover>;
//!
//!     /// A name with another beginning; and its arguments as an array.
//!     #[outgoing(positional)]
//!     #[name = "lab/add"]
//!     fn add(&self, a: i64, b: i64) -> i64;
//!
//!     /// What it sends by itself.
//!     #[incoming]
//!     fn publish_diagnostics(&self, uri: &str, version: Option<i64>);
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Document {
//!     uri: String,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Position {
//!     line: u32,
//!     character: u32,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Hover {
//!     contents: quickrpc::Value, // of several kinds
//! }
//!
//! # fn main() -> quickrpc::Result<()> {
//! let server = LanguageServer::bind("jrpc:content-length", "process:(some-language-server)")?;
//! server.publish_diagnostics.connect(|_sender, uri, _version| println!("{uri}"));
//! # assert_eq!(LanguageServer::DESCRIPTION.calls[0].wire_name, "textDocument/hover");
//! # assert_eq!(LanguageServer::DESCRIPTION.calls[0].arguments[0].wire_name, "textDocument");
//! # Ok(()) }
//! ```
//!
//! # Answer
//!
//! A handler gets the [`Sender`] and the arguments. It returns what was declared, or says more:
//!
//! ```
//! use quickrpc::{CallError, Promise, remote_api};
//!
//! #[remote_api]
//! trait Files {
//!     #[incoming]
//!     fn read(&self, name: &str) -> String;
//!     #[incoming]
//!     fn length(&self, text: &str) -> usize;
//!     #[incoming]
//!     fn number(&self, text: &str) -> i64;
//!     #[incoming]
//!     fn slow(&self) -> i64;
//! }
//!
//! # fn main() -> quickrpc::Result<()> {
//! let (files, client) = Files::pair(); // both sides, connected in memory
//! files.length.connect(|_sender, text| text.len());
//! files.read.connect(|sender, name| match name {
//!     "who" => Ok(format!("you are {sender}")),
//!     _ => Err(CallError::new(404, "no such file").with_data(name)),
//! });
//! files.number.connect(|_sender, text| {
//!     let number: i64 = text.trim().parse()?; // any error; its text goes to the caller
//!     quickrpc::ok(number)
//! });
//! files.slow.connect(|_sender| {
//!     let (promise, resolver) = Promise::pair();
//!     std::thread::spawn(move || resolver.set_result(42));
//!     promise // answered later; other calls go on meanwhile
//! });
//!
//! let calls = client.all();
//! assert_eq!(calls.length("four").result()?, 4);
//! let error = calls.read("nothing").result().unwrap_err();
//! assert_eq!(error.to_string(), "no such file (code 404)");
//! let error = calls.number("4x").result().unwrap_err();
//! assert_eq!(error.to_string(), "invalid digit found in string");
//! assert_eq!(calls.slow().result()?, 42);
//! # Ok(()) }
//! ```
//!
//! An error that is declared, as in `-> Result<String, FileError>`, arrives at the caller as such, if
//! it is `Serialize` and `Deserialize`: `error.call::<FileError>()` gives it, and
//! [`promise.typed::<FileError>()`](Promise::typed) has it in its result. [`CallErrors`] gives codes to
//! it.
//!
//! `Option<T>` is possible as well, where `None` leaves the answer to another handler of the
//! same call; see [`IntoReply`]. A panic in a handler is caught, logged, and answered with an
//! error. `subscribe()` in place of `connect(..)` gives the calls as items of a channel, which
//! suits a program that has a loop of its own.
//!
//! Several threads may call a handler at once, so that it is a `Fn`: what it changes is in an atomic or a
//! `Mutex`, or goes into a channel. The compiler refuses `move |..| n += 1`, an `FnMut`; [`remote_api`] shows
//! [what to write instead](remote_api#handlers-that-change-something).
//!
//! With a type of one's own instead of closures:
//!
//! ```
//! # use quickrpc::{Sender, remote_api};
//! # #[remote_api]
//! # trait Counter {
//! #     #[incoming]
//! #     fn count(&self, by: u64) -> u64;
//! # }
//! use std::sync::atomic::{AtomicU64, Ordering};
//!
//! struct Shop(AtomicU64);
//!
//! impl CounterIncoming for Shop {
//!     fn count(&self, _sender: &Sender, by: u64) -> u64 {
//!         self.0.fetch_add(by, Ordering::Relaxed) + by
//!     }
//! }
//!
//! # fn main() -> quickrpc::Result<()> {
//! let (counter, client) = Counter::pair();
//! counter.serve(Shop(AtomicU64::new(0)));
//! client.all().count(2).result()?;
//! assert_eq!(client.all().count(3).result()?, 5);
//! # Ok(()) }
//! ```
//!
//! # Call
//!
//! A notification returns when it is sent (or queued), a call with reply returns a
//! [`Promise`] at once:
//!
//! ```
//! use std::time::Duration;
//! # use quickrpc::{Error, remote_api};
//! # #[remote_api]
//! # trait Adder {
//! #     #[incoming]
//! #     fn add(&self, a: i64, b: i64) -> i64;
//! #     #[incoming]
//! #     fn log(&self, text: &str);
//! # }
//! # fn main() -> quickrpc::Result<()> {
//! # let (server, client) = Adder::pair();
//! # server.add.connect(|_sender, a, b| a + b);
//! # server.log.connect(|_sender, _text| ());
//! let adder = client.all();
//! let five = adder.add(2, 3).result()?; // waits
//! adder.add(2, 3).then(
//!     |sum| println!("{sum}"),
//!     |error| eprintln!("{error}"),
//! ); // does not wait
//! # assert_eq!(five, 5);
//!
//! // In any async runtime; a promise is a future.
//! async fn add(adder: &AdderInverseOutgoing) -> quickrpc::Result<i64> {
//!     adder.add(2, 3).await
//! }
//!
//! // Every call has a deadline: 10 s, or what the handle or the builder says.
//! let impatient = adder.timeout(Duration::from_millis(500));
//! match impatient.add(2, 3).result() {
//!     Ok(sum) => println!("{sum}"),
//!     Err(Error::Call(error)) => println!("the handler said: {}", error.message),
//!     Err(Error::Timeout { .. }) => println!("it took too long"),
//!     Err(other) => println!("not sent, or the peer is gone: {other}"),
//! }
//!
//! // Everybody gets the call; one result for each, in the order of arrival.
//! for (peer, sum) in adder.each().add(2, 3).results() {
//!     println!("{peer}: {}", sum?);
//! }
//!
//! // Many messages with few writes.
//! adder.batch(|adder| -> quickrpc::Result<()> {
//!     for number in 0..1000 {
//!         adder.log(&format!("line {number}"))?;
//!     }
//!     Ok(())
//! })?;
//! # Ok(()) }
//! ```
//!
//! `api.all()` sends to all connected peers; of a call with reply, the first result counts.
//! `api.to(sender)` and `api.to("name")` send to one, `api.to(list)` to some. A [`Sender`]
//! means this connection and not whoever has its name later.
//!
//! A call can be given up ([`Promise::cancel`]), and is by dropping a promise that was polled as a
//! future, by its deadline, and by the end of the caller. The other side is told: its handler asks
//! [`Sender::is_cancelled`], or the [`Resolver`] where it answers later.
//!
//! # Bind
//!
//! Codec, security provider and transport are strings, or objects. One API may have several
//! wires at once:
//!
//! ```
//! # use quickrpc::{CodecExpr, TransportExpr, remote_api};
//! # #[remote_api]
//! # trait Echo {
//! #     #[incoming]
//! #     fn say(&self, text: &str);
//! # }
//! # fn main() -> quickrpc::Result<()> {
//! let api = Echo::builder()
//!     .codec("terse") // for people on telnet
//!     .transport("tcpserv:127.0.0.1:0") // port 0: one that is free
//!     .bind("jrpc", "internal:hub:echo") // for other parts of this program
//!     .build()?;
//! # api.say.connect(|_sender, _text| ());
//! api.on_connect(|peer| println!("{peer} is here"));
//! api.on_disconnect(|peer, reason| println!("{peer} is gone: {reason}"));
//! api.start()?;
//! println!("listening on {}", api.local_addrs()[0]);
//!
//! // A mistake says what was expected, and where.
//! let error = Echo::bind("terse", "mux:(tcpserv::80x)(stdio:)").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "wrong transport expression: expected a port number from 0 to 65535, found `80x`
//!     mux:(tcpserv::80x)(stdio:)
//!                   ^"
//! );
//! # Ok(()) }
//! ```
//!
//! Several traits share wires and peers in a [`Node`].
//!
//! | transport | meaning |
//! |---|---|
//! | `tcp:<host>:<port>` | TCP client; of several addresses of the host, whichever answers first |
//! | `tcpserv:<interface>:<port>` | TCP server; all interfaces if empty, all addresses of a name |
//! | `unix:<path>`, `unixserv:<path>` | Unix-domain sockets; `@<name>` has no file; see [`transport`] |
//! | `ws:<url>`, `wsserv:<interface>:<port>/<path>` | WebSocket, for browsers; needs the feature `websocket`, see [`transport`] |
//! | `http:<url>`, `https:<url>` | JSON-RPC that is posted over HTTP; need the feature `http`, see [`transport`](transport#websocket) |
//! | `tls:`, `tlsserv:`, `wss:`, `wssserv:` | `tcp:`, `tcpserv:`, `ws:` and `wsserv:` over TLS; need the feature `tls`, see [`transport`](transport#tls) |
//! | `nats:<host>:<port>/<namespace>` | the peers of a namespace behind a NATS server; needs the feature `nats`, see [`transport`](transport#nats) |
//! | `mqtt:<host>:<port>/<namespace>` | the same behind a broker of MQTT 5; needs the feature `mqtt`, see [`transport`](transport#mqtt) |
//! | `zmq:<host>:<port>`, `zmqserv:<interface>:<port>`, `zmq+unix:<path>`, `zmqserv+unix:<path>` | sockets of ZeroMQ; need the feature `zmq`, see [`transport`](transport#zeromq) |
//! | `udp:<port>` | datagrams, to one address or to everybody on the port |
//! | `stdio:` | stdin and stdout of this process |
//! | `process:(<command line>)` | stdin and stdout of a child process, see [`transport`] |
//! | `internal:<bus>:<name>` | in-process bus |
//! | `mux:(<t1>)(<t2>)...` | several transports as one |
//! | `restart:<seconds>:<t>` | opens `<t>` again when it has ended |
//!
//! Over UDP there are addresses and not peers: nobody connects, a sender's name is its IP
//! address, `api.to("192.168.1.7")` sends to one, and `api.all()` broadcasts. A call that was
//! broadcast may be answered by anybody there, and the first result counts. A message has to
//! fit a datagram (2,048 bytes, unless `message_size` says otherwise), and may get lost.
//! [`announcer`] finds services that way.
//!
//! Codecs are `jrpc` (JSON-RPC 2.0; messages end with a NUL byte, in `jrpc:\n` with a line, and
//! have a header in `jrpc:content-length`) and `terse` (for people). Expressions have options,
//! such as `tcpserv::8888?message_size=64k`; [`expr`] lists them all. They implement `FromStr`,
//! `Display` and serde's traits, so that they can live in a config file. Shorthands of your
//! own come from [`register_codec`], [`register_security`] and [`register_transport`].
//!
//! Transports come and go while the API runs. What is behind `restart:` is opened again, so
//! that `restart:5:process:(...)` is a supervisor; the others can be added and removed:
//!
//! ```
//! use quickrpc::{Error, TransportState, remote_api};
//!
//! # #[remote_api]
//! # trait Worker {
//! #     #[outgoing]
//! #     fn add(&self, a: i64, b: i64) -> i64;
//! # }
//! # fn main() -> quickrpc::Result<()> {
//! // Any program that reads and writes lines; this one answers once, and fails.
//! let program = r#"sh -c 'read call; echo "[1]:5"; exit 3'"#;
//! let worker = Worker::bind("terse", format!("restart:5:process:({program})"))?;
//! # let (said, heard) = std::sync::mpsc::channel();
//! worker.on_status(move |status| {
//!     println!("{status}");
//!     if let TransportState::Down { reason: Error::Disconnected { reason, .. }, .. } = &status.state {
//!         assert_eq!(&**reason, "exited with status 3");
//! #       said.send(()).ok();
//!     }
//! });
//! worker.start()?;
//! assert_eq!(worker.all().add(2, 3).result()?, 5);
//! # heard.recv_timeout(std::time::Duration::from_secs(10)).expect("a status");
//!
//! let further = worker.add_transport("internal:workers:hub")?;
//! assert_eq!(worker.status()[1].to_string(), "internal:workers:hub: up");
//! worker.remove_transport(further)?;
//! # Ok(()) }
//! ```
//!
//! # Threads
//!
//! By default a handler runs on the thread that received the call, one at a time (of each peer, with
//! several [`io_threads`](Builder::io_threads)), so that it
//! needs no locks against the others. It should be short then, and cannot wait for other calls
//! of the same API: that would never end, and is [`Error::Deadlock`] at once.
//! [`Processing::Queue`] and [`Processing::Pool`] run handlers on workers, where they may wait,
//! but [not for what comes behind them](Processing);
//! [`Processing::Manual`] runs them when the program's own loop says so. In each, the calls of
//! one peer are handled in the order in which it sent them.
//!
//! A thread of your own that waits for an answer may read it from the socket by itself, but
//! never runs handlers or callbacks: it may hold locks that they need. So it may have the answer
//! before the calls that the peer had sent before are handled.
//!
//! # The end of a program
//!
//! Dropping the last handle of an API stops it; `api.wait()` is for servers that should not
//! stop, and `api.shutdown(limit)` for those that answer first what they have begun. What comes
//! from outside, such as Ctrl-C or `SIGTERM`, is the program's own affair, and ends it in the midst
//! of what it does, unless it says otherwise. To let go of all peers in an orderly way, and of
//! children, stop the API then, or shut it down. With the crate `ctrlc` (and its feature
//! `termination`, for more than Ctrl-C) this is the same on every system:
//!
//! ```no_run
//! # use quickrpc::remote_api;
//! # #[remote_api]
//! # trait Echo {
//! #     #[incoming]
//! #     fn say(&self, text: &str);
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let api = Echo::bind("terse", "tcpserv::8888")?;
//! api.start()?;
//! let stopping = api.clone();
//! ctrlc::set_handler(move || match stopping.stop() {
//!     Ok(()) => {} // now `wait` returns
//!     Err(error) => eprintln!("{error}"),
//! })?;
//! api.wait()?;
//! # Ok(()) }
//! ```
//!
//! # Properties
//!
//! A value that one side has and the other one sees is declared as a property. Its owner sets it;
//! the others read it, hear each change, are told the value when they connect, and may write it if
//! it is `writable` and its owner does not refuse.
//!
//! ```
//! # use quickrpc::{Result, remote_api};
//! #[remote_api]
//! trait Supply {
//!     /// Volts to be held.
//!     #[incoming(property, writable)]
//!     fn voltage(&self) -> f64;
//! }
//!
//! # fn main() -> Result<()> {
//! # let (supply, lab) = Supply::pair();
//! supply.voltage.set(5.0)?;
//! supply.voltage.on_write(|_sender, volts| if *volts < 30.0 { Ok(()) } else { Err("too high") });
//!
//! lab.voltage.connect(|sender, volts| println!("{sender} is set to {volts} V"));
//! assert_eq!(lab.all().voltage().result()?, 5.0);
//! lab.all().set_voltage(6.0).result()?;
//! # Ok(()) }
//! ```
//!
//! A peer that reads slowly is told the newest value when it has room, and not all that came
//! before: [`Property`]. Programs that know nothing of properties, and people on telnet, have three
//! calls: `get_voltage`, `set_voltage value:6`, and `voltage_changed` which they are sent.
//!
//! # Trouble
//!
//! Input that is no message, calls of unknown methods and failing handlers are reported to
//! `api.on_error(..)`, or logged through `tracing` if there is no such handler; the library
//! never prints. What somebody does again and again is in the log once within 60 seconds, for each
//! kind of trouble and each address (or transport, where there is no address; and one for all
//! others, when there are very many); after that at level debug, and the number of those at the
//! level of the first, with whatever is logged next or at `stop()`. So nobody can fill a disk by
//! being wrong often. Nothing that a peer sends can crash the program or use up its memory: each
//! buffer and table has a limit, see [`Limits`]. Whoever does not read what is sent to him is
//! disconnected, as [`Api::on_disconnect`] tells, and delays nobody else; who reads slowly stays.
//!
//! # What goes on inside
//!
//! [`Api::layer`] is around each call, incoming and outgoing: it times, logs, refuses or changes it.
//! [`Api::statistics`] counts calls, errors, bytes and times, by method and wire. And each call is a span of
//! [`tracing`](https://docs.rs/tracing), for whoever subscribes at level info: target `quickrpc::call`, with
//! the fields that OpenTelemetry's conventions for RPC name (`otel.name`, `otel.kind`, `rpc.system`,
//! `rpc.service`, `rpc.method`, `rpc.jsonrpc.error_code`, `error.type`, ..), so that
//! `tracing-opentelemetry` makes of it what its tools understand. A handler runs within the span of its call,
//! which ends with the answer. Over a wire `jrpc?trace=on`, calls say which trace they belong to
//! ([`Sender::traceparent`]), and those that a handler makes belong to the same one. Nothing of all this costs
//! anything where nobody asks for it.
//!
//! # Systems
//!
//! | | Linux | macOS | FreeBSD, NetBSD | Windows |
//! |---|---|---|---|---|
//! | `tcp`, `tcpserv`, `internal`, `restart` | tested | checked | checked | tried |
//! | `stdio`, `process` | tested | checked | checked | tried |
//! | `ws`, `tls`, `wss` and their servers | tested | checked | checked | tried |
//! | `udp`, `mux` with it | tested | checked | checked | tried by examples, with peers on Linux |
//! | the announcer | tested | checked | checked | tried by examples, with peers on Linux |
//! | `zmq`, `zmqserv` | tested | checked | checked | checked |
//! | `unix`, `unixserv`, `zmq+unix`, `zmqserv+unix` | tested | checked, without `@<name>` | checked, without `@<name>` | refused |
//!
//! *Tested*: the whole test suite runs there. *Tried*: most of it passes under
//! Wine, and nobody has run it on Windows. *Checked*: it
//! compiles, and nobody has run it. On any other system it does not compile, and says so.
//!
//! # Without a trait
//!
//! [`dynamic::Api`] calls methods by name, with [`Value`]s.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod base;
mod call;
mod carrier;
pub mod expr;
mod format;
mod macro_support;
mod net;
mod wire;

pub use quickrpc_macros::{CallErrors, remote_api};

pub use api::action_queue::ActionQueue;
#[cfg(feature = "config")]
pub use api::config;
pub use api::{Api, Builder, Handle, Node, announcer, dynamic};
pub use base::bytes::Bytes;
pub use base::error::{BoxError, CallError, Error, Result, ok};
pub use base::limits::Limits;
pub use base::reason::DisconnectReason;
pub use base::sender::{Credentials, ReceiverList, Receivers, Sender};
pub use base::typed_error::{CallErrors, TypedError};
pub use base::value::{Value, from_value, to_value};
pub use call::processing::Processing;
pub use call::promise::{Promise, Promises, Resolver, Results, TypedPromise};
pub use call::property::{Property, RemoteProperty, WritableProperty};
pub use call::reply::{IntoReply, Reply};
pub use call::slot::Connection;
pub use call::stream::{SendItem, Stream, StreamSender, TrySendError};
pub use call::subscription::Subscription;
pub use carrier::transport;
pub use carrier::transport::register_transport;
pub use expr::{CodecExpr, ExprError, SecurityExpr, TransportExpr};
pub use format::description::{
    ArgumentDescription, CallDescription, Description, Direction, ErrorDescription,
    ItemDescription, SubscriptionDescription,
};
pub use format::property::{PropertyCalls, PropertyDescription};
pub use format::schema::{ErrorCodes, TypeSchema};
pub use net::status::{TransportId, TransportState, TransportStatus};
pub use wire::codec::register_codec;
pub use wire::security::register_security;
pub use wire::{codec, security};

/// What layers around calls are given, and what they return; see [`Api::layer`].
pub mod layer {
    pub use crate::call::around::{Answer, Call, Next, Outcome};
}

/// What [`Api::statistics`] gives.
pub mod statistics {
    pub use crate::api::statistics::{PeerStatistics, Statistics};
    pub use crate::call::around::Latency;
    pub use crate::call::around::statistics::CallStatistics;
}

/// What MessagePack has, and other formats have not; for the codec `msgpack`.
#[cfg(feature = "msgpack")]
pub mod msgpack {
    pub use crate::format::msgpack::ext::Ext;
}

/// What the code generated by `#[remote_api]` uses. Not a public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::api::{Generated, pair, property_form};
    pub use crate::base::typed_error::{
        ByCode, ByText, ByValue, DeclaredError, Field, FieldType, FieldWithCode, FieldWithoutCode,
        ReadsCode, ReadsNoCode, field_at, field_named, only_field,
    };
    pub use crate::call::dispatch::{Invocation, Outcome};
    pub use crate::call::reply::{Returns, Via, served};
    pub use crate::call::slot::Slot;
    pub use crate::call::stream::given::Giving;
    pub use crate::call::stream::telegrams::StreamId;
    pub use crate::call::target::Target;
    pub use crate::format::args::{
        ArgValue, Blob, BlobRef, Maybe, OutArgs, Plain, Text, Whole, WireArgs,
    };
    pub use crate::format::schema::Declared;
    #[cfg(feature = "schema")]
    pub use crate::format::schema::{HasNoSchema, HasSchema};
    pub use crate::macro_support::*;
    pub use serde;
}

#[cfg(feature = "__fuzz")]
#[doc(hidden)]
#[path = "fuzz/mod.rs"]
pub mod __fuzz;

#[cfg(doctest)]
mod guide;
