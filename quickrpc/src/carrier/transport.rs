//! Transports: what moves bytes between peers, and knows nothing of codecs.
//!
//! Those that are built in are named by expressions ([`TransportExpr`]); a transport of
//! one's own implements [`Transport`].
//!
//! # Child processes
//!
//! `process:(<command line>)` starts a program and talks to it over its standard input and
//! output; the other side is a program with `stdio:`, in any language.
//!
//! ```
//! use quickrpc::remote_api;
//!
//! #[remote_api]
//! trait Sums {
//!     #[outgoing]
//!     fn add(&self, a: i64, b: i64) -> i64;
//! }
//!
//! let program = r#"sh -c 'read call; echo "[1]:5"; exit 3'"#;
//! let sums = Sums::bind("terse", format!("process:({program})"))?;
//! sums.on_disconnect(|child, why| println!("{child} {why}")); // sh exited with status 3
//! sums.start()?;
//! assert_eq!(sums.all().add(2, 3).result()?, 5);
//! sums.wait()?;
//! # Ok::<(), quickrpc::Error>(())
//! ```
//!
//! * The command line is split into words as a shell does it, with quotes and backslashes,
//!   but no shell is started: `$HOME`, `*`, `|` and `>` mean themselves. Where they should
//!   not, start a shell: `process:(sh -c '...')`.
//! * The peer's name is the file name of the program, or the one that is given to it:
//!   `process:(worker)?name=alice`. (In the original, it is the whole expression.)
//! * It runs in our directory, or in another one: `?cwd=/var/lib/worker`. Its environment is ours, and
//!   what `env.` says: `?env.LANG=C&env.TOKEN=..`. These values are not shown in errors and logs.
//! * What the child writes to its standard error is in the log, line by line, at level info
//!   with the target `quickrpc::child`; the fields `child` and `pid` tell which one.
//! * When the child exits, what it has sent is still handled; then
//!   [`on_disconnect`](crate::Api::on_disconnect) says how it exited: `exited with status
//!   3`, `killed by signal 9`. Programs that it has started do not hold that up.
//! * At a stop or a disconnection the child's standard input is closed, so that it can end by
//!   itself; then it is asked by SIGTERM, and then killed. It gets a quarter of
//!   [`Limits::stop`](crate::Limits::stop) for each step, and `stop()` returns when it has
//!   gone. So `process:(...)?stop=60` is for a child that needs time. Signals go to the child
//!   alone: a shell should `exec` its last program.
//! * `restart:5:process:(...)` is a supervisor: it starts the child again 5 seconds after it
//!   has ended.
//!
//! # Unix-domain sockets
//!
//! `unixserv:<path>` and `unix:<path>` are server and client on one machine, without a port
//! that others could take, and with permissions.
//!
//! * `?mode=0660` sets the permissions of the socket; they are never wider in between. To
//!   connect, one must be allowed to write. Without it, the umask decides.
//! * [`Sender::credentials`](crate::Sender::credentials) tells the process, user and group of
//!   the other side.
//! * The name of a server's peers is `unix:<number>`, with a number that no other has; a
//!   client's peer has the path as it was written.
//! * A socket that a crashed server has left is replaced. One at which somebody listens, or
//!   anything that is no socket, is left alone, and the start fails. At a stop, the server
//!   removes its socket, unless it has been replaced by another.
//! * A path may have at most 107 bytes.
//! * `unixserv:@<name>` and `unix:@<name>` use a name in the abstract namespace of Linux in place
//!   of a path: there is no file, so nothing is left behind and there are no permissions. Anybody
//!   in the same network namespace of the machine may connect (`credentials` tell who it is). A
//!   file whose name begins with `@` is `./@<name>`. Elsewhere the start fails.
//!
//! # TLS
//!
//! `tls:<host>:<port>` and `tlsserv:<interface>:<port>` are like `tcp:` and `tcpserv:`, over TLS
//! 1.2 or 1.3; `wss:` and `wssserv:` likewise over WebSocket. They need the cargo feature `tls`.
//!
//! ```no_run
//! use quickrpc::remote_api;
//!
//! #[remote_api]
//! trait Door {
//!     #[incoming]
//!     fn open(&self) -> bool;
//! }
//!
//! # #[cfg(feature = "tls")] {
//! let server = "tlsserv::8888?cert=server.crt&key=server.key&client_ca=ca.crt";
//! let server = Door::bind("jrpc", server)?;
//! server.open.connect(|sender| sender.secinfo().get("cn").is_some_and(|name| name == "alice"));
//! server.start()?;
//!
//! let client = "tls:door.local:8888?ca=ca.crt&cert=alice.crt&key=alice.key";
//! let door = DoorInverse::bind("jrpc", client)?;
//! door.start()?; // after the handshake
//! assert!(door.all().open().result()?);
//! # }
//! # Ok::<(), quickrpc::Error>(())
//! ```
//!
//! * A client verifies the server's certificate for its host, or for `?name=`: by the authorities
//!   of the file `?ca=`, or else by those of the system.
//! * With `?client_ca=`, a server lets nobody in without a certificate of such an authority, which
//!   a client has by `?cert=` and `?key=`. [`Sender::secinfo`](crate::Sender::secinfo) then has
//!   its `subject` (as in [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514)) and, if there is
//!   one, its common name `cn`; a client's peer has those of the server. A security provider
//!   adds to that, and changes nothing of it.
//! * Files are PEM. They are read when the API is built, and again when they have changed and
//!   somebody connects. If they are not right then, the old ones stay, with an error in the log.
//! * The handshake has to be over within [`Limits::greeting`](crate::Limits::greeting). A client's
//!   start waits for it; where it fails, the error says why.
//! * Who ends the connection without the farewell of TLS (close_notify), or somebody in between,
//!   is [`Lost`](crate::DisconnectReason::Lost): something may be missing.
//! * Sessions are not resumed, and revocation is not looked at.
//!
//! # WebSocket
//!
//! `ws:<host>:<port>/<path>` and `wsserv:<interface>:<port>/<path>` are client and server of a
//! WebSocket ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)), which is what browsers speak.
//! They need the cargo feature `websocket`. The client also takes a URL, `ws://host:port/path`;
//! the port is 80 and the path `/` where they are missing.
//!
//! What a server wants to know of a client, it is told in three ways:
//!
//! * `ws://host/path?token=abc`: the query of a URL, if no option is among its keys; options stand
//!   behind another `?` then, as in `ws://host/path?token=abc?keepalive=10`. A key that is also
//!   the name of an option is a key of the query only before that second `?`. Without the
//!   slashes, or where there are both, what follows the last `?` are options.
//! * `ws://user:password@host/path`: as Basic authorization
//!   ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)). All but letters, digits and `-._~` are
//!   written as in `%2F`.
//! * `?header_file=headers.txt`: more headers, one in each line as `Name: value`. The file is read
//!   at each connecting, so that what it has may expire.
//!
//! A server with `?inspect=on` and the codec `jrpc` has a page beside the wire that shows the API in a
//! browser, and calls it: at the path of the wire if it has no `files`, and at `/inspect`. Which pages may
//! connect is checked as always, by their origin, so that `origins=*` is refused there; who may, by `keys`.
//!
//! Query, user, password and headers are not shown: `Display` and `Debug` of the expression, names
//! of transports and peers, logs and errors have `***`, or nothing, in their place. Only
//! `serde::Serialize`, for config files, writes them.
//!
//! ```
//! use quickrpc::remote_api;
//!
//! #[remote_api]
//! trait Sums {
//!     #[incoming]
//!     fn add(&self, a: i64, b: i64) -> i64;
//! }
//!
//! # #[cfg(feature = "websocket")] {
//! let server = Sums::bind("jrpc", "wsserv:127.0.0.1:0/sums")?;
//! server.add.connect(|_sender, a, b| a + b);
//! server.start()?;
//!
//! let sums = SumsInverse::bind("jrpc", format!("ws://{}/sums", server.local_addrs()[0]))?;
//! sums.start()?; // after the handshake
//! assert_eq!(sums.all().add(2, 3).result()?, 5);
//! # }
//! # Ok::<(), quickrpc::Error>(())
//! ```
//!
//! * A message is a telegram, without a delimiter; one at its end is ignored. What is sent are
//!   text messages; binary ones are those of codecs [whose telegrams are
//!   bytes](crate::codec::Codec::binary). Both are accepted. A security header is a message of
//!   its own.
//! * The peers of a server are named like those of `tcpserv`; the name of a client's peer is
//!   `<host>:<port>`, and the path if there is one.
//! * Code and text of a close frame are the reason of the disconnection
//!   ([`DisconnectReason::Closed`](crate::DisconnectReason::Closed)). We send 1000 for a
//!   disconnection on request, 1001 for a stop, 1009 for a message over the
//!   [limit](crate::Limits::message_size), 1002 and 1007 for what is against the protocol, and
//!   back what we got.
//! * Pings are answered, also while a handler runs, but not if handlers run on the thread that
//!   receives ([`Processing::Inline`](crate::Processing::Inline)) and take their time.
//!   `?keepalive=10` sends some, with any codec.
//! * `?subprotocol=name` asks for a protocol within WebSocket, or agrees to it; a client that
//!   asks for one fails where the server does not agree. A server also accepts who asks for none.
//! * Extensions, such as compression, are not agreed to.
//!
//! `wsserv` also is as much of a web server as a page needs:
//!
//! * `?files=web` serves the files of the folder `web`, `index.html` for `/`. Files whose names
//!   begin with a dot, and symlinks that lead out of the folder, do not exist for it. Without
//!   `files`, there is nothing but the wire.
//! * A page may connect if it came from the same host, or from this machine (`localhost`,
//!   127.0.0.1 and the like). Others are refused with status 403, unless
//!   `?origins=https://a.example,https://b.example` lists them; `?origins=*` allows all. Programs,
//!   which send no `Origin`, may connect.
//! * The host of a page is only believed if it is an address, the name of this machine or the
//!   interface, or listed in `origins`. Otherwise any page could give a name of its own to this
//!   address (DNS rebinding). So a server that is reached by a name from elsewhere says so:
//!   `wsserv::8080?files=web&origins=http://chat.example`.
//! * A query behind the path means nothing.
//! * [`Limits::greeting`](crate::Limits::greeting) is the time for the handshake, and
//!   [`Limits::stall`](crate::Limits::stall) for a file of which nothing more is accepted.
//!
//! And any `wsserv` with the codec `jrpc` answers what is posted to its path over plain HTTP:
//! `curl -d '{"jsonrpc":"2.0","method":"add","params":[2,3],"id":1}' http://localhost:8080/sums`.
//!
//! * Calls and batches get status 200 and their answers, notifications status 204. Arguments may always
//!   stand by position, and what is no JSON-RPC is answered with the id null.
//! * A connection is a peer that takes answers only: it is not among `all`, and
//!   `to` it fails with [`Error::Unsupported`](crate::Error::Unsupported). Its requests are
//!   handled one after the other. What it waits for is cancelled when it goes.
//! * Pages may post as they may connect.
//! * With a security provider there is no posting.
//! * `?keys=users.toml`: only who shows a key of that file is let in, for WebSockets, posted messages and
//!   files alike, as a password (`Authorization: Basic`, [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617))
//!   or a token (`Bearer`, [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)).
//!   [`Sender::secinfo`](crate::Sender::secinfo) has `user` and `roles`, as with
//!   [`security`](crate::security), whose file it is. Secrets travel as they are: use `wssserv`.
//! * An idle connection is closed after 75 seconds; a request has to arrive within
//!   [`Limits::greeting`](crate::Limits::greeting), and a second more for each KiB.
//!
//! `http:<url>` and `https:<url>` (cargo feature `http`) are a client that posts to such servers, of ours and
//! of others.
//!
//! * Up to 16 calls run side by side, each on a connection that is kept; a notification is posted before what is
//!   sent after it. The start connects to nobody.
//! * `?user=` with `?password_file=`, or `?token_env=`, say who we are. `?ca=`, `?cert=` and `?key=` are those of
//!   `tls:`. Proxies are those of the environment; redirections are not followed.
//! * What is no answer fails its call with code -32300, and tells status and beginning. A call that is given up
//!   closes its connection.
//! * The server cannot call us.
//!
//! # NATS
//!
//! `nats:<host>:<port>/<namespace>` is a server of [NATS](https://nats.io) between programs: those that
//! name the same namespace are each other's peers. It needs the cargo feature `nats`, and nothing else.
//!
//! ```
//! use quickrpc::remote_api;
//!
//! #[remote_api]
//! trait Meter {
//!     #[incoming]
//!     fn volts(&self, channel: u8) -> f64;
//! }
//!
//! # #[cfg(feature = "nats")] {
//! // On each of ten machines:
//! let meter = Meter::bind("jrpc", "restart:5:nats:broker:4222/lab?group=workers")?;
//! meter.volts.connect(|_sender, channel| f64::from(channel));
//! // And elsewhere:
//! let lab = MeterInverse::bind("jrpc", "restart:5:nats:broker:4222/lab?name=hub")?;
//! let one_of_them = lab.any();
//! # let _ = one_of_them;
//! # }
//! # Ok::<(), quickrpc::Error>(())
//! ```
//!
//! `all()` goes to everybody in the namespace, `to(peer)` to one, and `any()` to one of those who have a
//! handler for the call. What is delivered is delivered once or not at all: a call that nobody serves fails
//! with [`Error::NoPeer`](crate::Error::NoPeer) at once, and one whose peer has gone with
//! [`Error::Disconnected`](crate::Error::Disconnected) within about two seconds. While the broker is away,
//! calls fail at once; behind `restart:` it is connected again. A peer that calls for more than may wait is
//! answered as busy, since the broker's connection is never left unread;
//! [`Processing::Inline`](crate::Processing::Inline) means [`Queue`](crate::Processing::Queue) therefore.
//!
//! Options: `name` is ours in the namespace; `group` the group of which one hears what is sent to `any()`
//! (`workers` by default); `user` with `password_file`, or `token_file`, `nkey_file` or `creds_file` (of which
//! the last two need the cargo feature `nkeys`) the login; `vouched=on` puts the user into the subjects, so that
//! the broker's permissions prove who sends, which is `user` in
//! [`Sender::secinfo`](crate::Sender::secinfo) then; `probe` how often whoever owes an answer is asked
//! whether it is there. Of a cluster, the other servers are known by the first one.
//!
//! `nats+tls:` is the same over TLS, which begins behind what the server says first; with
//! `handshake_first=on` at once, for servers that have that. It has the options `ca`, `cert` and `key` of
//! [`tls:`](#tls), and `server_name` for its `name`.
//!
//! # MQTT
//!
//! `mqtt:<host>:<port>/<namespace>` is the same behind a broker of [MQTT 5](https://mqtt.org), such as
//! Mosquitto. It needs the cargo feature `mqtt`.
//!
//! ```
//! use quickrpc::remote_api;
//!
//! #[remote_api]
//! trait Meter {
//!     #[incoming]
//!     fn volts(&self, channel: u8) -> f64;
//! }
//!
//! # #[cfg(feature = "mqtt")] {
//! let meter = Meter::bind("jrpc", "restart:5:mqtt:broker:1883/lab?name=meter")?;
//! meter.volts.connect(|_sender, channel| f64::from(channel));
//! let lab = MeterInverse::bind("jrpc", "restart:5:mqtt:broker:1883/lab?name=hub&keepalive=10")?;
//! # }
//! # Ok::<(), quickrpc::Error>(())
//! ```
//!
//! What is said of NATS holds here, too. Calls go to `lab/all/<method>`, `lab/to/<peer>/<method>` and
//! `lab/any/<method>`, where one of those who share the subscription hears them; answers go to the
//! response topic. The broker keeps who is there, and tells at once when a connection has ended: calls to
//! that peer fail then with [`Error::Disconnected`](crate::Error::Disconnected). Messages are acknowledged
//! by the broker, and no call of a peer is run twice. An API that itself serves what it asks `any()` for is one
//! of those who may be chosen.
//!
//! Options: `name`, `group`, `user` and `password_file` as above; `keepalive` (10 s by default) is after how
//! long without a sign of life the broker takes us for gone, and we the broker; `probe` how often it is
//! asked who works on a call to `any()`. `mqtts:` is the same over TLS, with the options `ca`, `cert` and
//! `key` of [`tls:`](#tls), and `server_name` for its `name`.
//!
//! # ZeroMQ
//!
//! `zmq:<host>:<port>` and `zmqserv:<interface>:<port>` are sockets of ZeroMQ, one that connects and
//! one that is connected to; `zmq+unix:<path>` and `zmqserv+unix:<path>` are the same over Unix-domain
//! sockets, which ZeroMQ calls `ipc://`. They need the cargo feature `zmq`, and nothing else: the
//! protocol ([ZMTP 3.1](https://rfc.zeromq.org/spec/37/), and 3.0 with those who know no more) is
//! spoken on our own poll thread. Any libzmq from 4.0 on is at the other end.
//!
//! ```
//! use quickrpc::remote_api;
//!
//! #[remote_api]
//! trait Meter {
//!     #[incoming]
//!     fn volts(&self, channel: u8) -> f64;
//! }
//!
//! # #[cfg(feature = "zmq")] {
//! let server = Meter::bind("jrpc", "zmqserv:127.0.0.1:0?id=meter")?; // a ROUTER
//! server.volts.connect(|_sender, channel| f64::from(channel) * 1.5);
//! server.start()?;
//!
//! let address = server.local_addrs()[0];
//! let meter = MeterInverse::bind("jrpc", format!("zmq:{address}"))?; // a DEALER
//! meter.start()?; // after the greeting
//! assert_eq!(meter.all().volts(2).result()?, 3.0);
//! # }
//! # Ok::<(), quickrpc::Error>(())
//! ```
//!
//! * A telegram is a message of one part, without a delimiter. Where one of both is a REQ or REP, an
//!   empty part comes before it; and likewise to a peer that has sent one itself. Other messages of
//!   several parts are reported to `on_error`, and the connection goes on; but to a `sub`, the last
//!   part is the telegram, and what is before it the topic.
//! * `?type=` says what the socket is, by default `dealer` for a client and `router` for a server:
//!
//! | `type` | talks with | says |
//! |---|---|---|
//! | `dealer` | ROUTER, DEALER, REP | anything; to a REP only what is answered |
//! | `router` | DEALER, ROUTER, REQ | anything; to a REQ only answers |
//! | `req` | ROUTER, REP | calls that are answered |
//! | `rep` | REQ, DEALER | answers |
//! | `pub` | SUB, XSUB | notifications, to those who have subscribed to their beginning |
//! | `sub` | PUB, XPUB | nothing |
//! | `push` | PULL | notifications |
//! | `pull` | PUSH | nothing |
//!
//!   Either side refuses others in its greeting, and says so. What a type cannot say is
//!   [`Error::Unsupported`](crate::Error::Unsupported), when the API is built or when it is sent.
//! * `?id=` is what the socket says that it is called (ZeroMQ's identity, or routing id). A peer has
//!   that as its name, if it has one, and else its address. At a `router` only one of a name is
//!   connected at a time: another one is closed, and comes again, as its libzmq does by itself, until
//!   the first has gone. Nothing proves such a name.
//! * A `sub` subscribes to all, or with `?subscribe=a,b` to messages that begin with `a` or `b`: with
//!   the topic, where there is one, and else with the telegram. A `pub` sends what was subscribed to;
//!   a telegram of `jrpc` begins with `{"jsonrpc":"2.0","method":"tick"` for `tick`.
//! * `?keepalive=10` sends PINGs, with any codec. PINGs are answered.
//! * The mechanism is NULL: nobody is asked who he is, and nothing is encrypted. Security providers
//!   work between `dealer` and `router`.
//! * As everywhere, a message to a peer that is not connected is an error, and is not kept until it
//!   comes; a peer that does not read is disconnected, where ZeroMQ would drop messages for it.
//! * [`Limits::greeting`](crate::Limits::greeting) is the time for the greeting, and
//!   [`Limits::message_size`](crate::Limits::message_size) for all parts of a message together.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use crate::base::error::{BoxError, Result};
use crate::base::expr_error::ExprKind;
use crate::expr::registry::Registry;
use crate::expr::{CustomExpr, Params, TransportExpr};

use super::pipe::Pipe;

/// A transport of one's own, made of byte streams: a serial line, a pipe, a tunnel.
///
/// ```no_run
/// use std::fs::File;
/// use quickrpc::transport::{Entry, Transport};
/// use quickrpc::{BoxError, register_transport};
///
/// /// A device file that can be read and written.
/// #[derive(Debug)]
/// struct Device(String);
///
/// impl Transport for Device {
///     fn expression(&self) -> String {
///         format!("device:{}", self.0)
///     }
///
///     fn open(&self, entry: Entry) -> Result<(), BoxError> {
///         let reader = File::open(&self.0)?;
///         let writer = File::options().write(true).open(&self.0)?;
///         entry.connect(&self.0, reader, writer)?;
///         Ok(())
///     }
/// }
///
/// register_transport("device", |params| Ok(Device(params.text().to_owned())))?;
/// // From now on: .transport("mux:(device:/dev/ttyUSB0)(tcpserv::8888)")
/// # Ok::<(), quickrpc::Error>(())
/// ```
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// The expression that makes this transport.
    fn expression(&self) -> String;

    /// Opens it, and hands every peer to the entry. The transport counts as open when
    /// this returns, and ends when its peer is gone.
    ///
    /// # Errors
    ///
    /// Anything; starting the API fails with it.
    ///
    /// # Blocking
    ///
    /// It may block: it runs on a thread of its own.
    fn open(&self, entry: Entry) -> Result<(), BoxError>;

    /// The transport has ended, or the API stops. Should make a reader that is blocked
    /// return, where that is possible.
    fn close(&self) {}
}

/// Where a [`Transport`] hands over its peers.
pub struct Entry {
    network: Arc<dyn Network>,
}

/// What an [`Entry`] leads to.
pub(crate) trait Network: Send + Sync {
    /// The transport's expression, for messages to people.
    fn name(&self) -> Arc<str>;

    /// A peer is there.
    ///
    /// # Errors
    ///
    /// When a thread cannot be spawned, or it stops.
    fn arrived(&self, name: &str, pipe: Pipe) -> Result<()>;
}

impl Entry {
    pub(crate) fn new(network: Arc<dyn Network>) -> Self {
        Entry { network }
    }

    pub(crate) fn name(&self) -> Arc<str> {
        self.network.name()
    }

    /// The same, by what tells more of it.
    #[cfg(feature = "http")]
    pub(crate) fn connect_pipe(&self, name: &str, pipe: Pipe) -> Result<()> {
        self.network.arrived(name, pipe)
    }

    /// Hands over a peer: one stream for each direction, each served by a thread of its
    /// own until it ends.
    ///
    /// # Errors
    ///
    /// When a thread cannot be spawned.
    pub fn connect(
        &self,
        name: &str,
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
    ) -> Result<()> {
        self.network.arrived(name, Pipe::new(reader, writer))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.name())
    }
}

/// Makes `shorthand` an expression for a transport of your own, nested ones included.
///
/// See [`Transport`] for an example.
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) if the shorthand is malformed, built in, or registered before.
pub fn register_transport<T: Transport>(
    shorthand: &str,
    constructor: impl Fn(&Params) -> Result<T, BoxError> + Send + Sync + 'static,
) -> Result<()> {
    let make = move |params: &Params| -> Result<Arc<dyn Transport>, BoxError> {
        Ok(Arc::new(constructor(params)?))
    };
    TRANSPORTS.register(shorthand, Arc::new(make))
}

static TRANSPORTS: Registry<Arc<dyn Transport>> = Registry::new(ExprKind::Transport);

pub(crate) fn build(expr: &CustomExpr) -> Result<Arc<dyn Transport>> {
    TRANSPORTS.build(expr)
}

/// A transport as it was given: an expression, or an object.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub enum AnyTransport {
    /// To be taken apart into leaves.
    Expr(Box<TransportExpr>),
    /// One of a plug-in.
    Object(Arc<dyn Transport>),
}

/// What names a transport: a string, a [`TransportExpr`], or a [`Transport`].
pub trait IntoTransport {
    /// The transport that is meant. Not for use outside of this crate.
    ///
    /// # Errors
    ///
    /// When the expression is wrong.
    #[doc(hidden)]
    fn into_transport(self) -> Result<AnyTransport>;
}

impl<T: Transport> IntoTransport for T {
    fn into_transport(self) -> Result<AnyTransport> {
        Ok(AnyTransport::Object(Arc::new(self)))
    }
}

impl IntoTransport for Arc<dyn Transport> {
    fn into_transport(self) -> Result<AnyTransport> {
        Ok(AnyTransport::Object(self))
    }
}

impl IntoTransport for TransportExpr {
    fn into_transport(self) -> Result<AnyTransport> {
        Ok(AnyTransport::Expr(Box::new(self)))
    }
}

impl IntoTransport for &TransportExpr {
    fn into_transport(self) -> Result<AnyTransport> {
        self.clone().into_transport()
    }
}

impl IntoTransport for &str {
    fn into_transport(self) -> Result<AnyTransport> {
        self.parse::<TransportExpr>()?.into_transport()
    }
}

impl IntoTransport for String {
    fn into_transport(self) -> Result<AnyTransport> {
        self.as_str().into_transport()
    }
}

impl IntoTransport for &String {
    fn into_transport(self) -> Result<AnyTransport> {
        self.as_str().into_transport()
    }
}
