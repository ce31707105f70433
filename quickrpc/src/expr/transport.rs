//! What a transport expression says, as typed values.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use super::hidden::{Hidden, masked};
use super::http;
use super::mqtt::{self, MqttExpr};
use super::nats::{self, NatsExpr};
use super::overrides::LimitOverrides;
use super::registry::CustomExpr;
use super::tls::{self, ClientTls, ServerTls};
use super::transport_parse;
use super::web;
use super::zmq::{self, ZmqAddress, ZmqSocket};
use crate::base::expr_error::{ExprError, ExprKind};
use crate::base::limits::Limits;

/// How bytes travel, such as `mux:(tcpserv::8888)(stdio:)`: the parsed description, not
/// yet a connection.
///
/// ```
/// use quickrpc::TransportExpr;
/// use quickrpc::expr::TransportKind;
///
/// let expr: TransportExpr = "restart::tcp:localhost:8888?keepalive=10&backoff=60".parse()?;
/// assert_eq!(
///     expr.to_string(),
///     "restart:10:(tcp:localhost:8888?keepalive=10)?backoff=60"
/// );
/// let TransportKind::Restart { inner, .. } = expr.kind() else { unreachable!() };
/// assert_eq!(inner.options().keepalive.unwrap().as_secs(), 10);
/// # Ok::<(), quickrpc::ExprError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportExpr {
    kind: TransportKind,
    options: TransportOptions,
}

/// Which transport it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportKind {
    /// `stdio:`, this process's standard input and output.
    Stdio {
        /// Whether file descriptor 1 points at stderr meanwhile; on by default.
        guard: bool,
    },
    /// `tcp:<host>:<port>`, or `tls:<host>:<port>`, a client.
    Tcp {
        /// A name or an address; IPv6 without its brackets.
        host: String,
        /// The port.
        port: u16,
        /// What `tls:` has. Needs the feature `tls`.
        tls: Option<ClientTls>,
        /// Whether small messages are sent at once; on by default.
        nodelay: bool,
    },
    /// `tcpserv:<interface>:<port>`, or `tlsserv:<interface>:<port>`, a server.
    TcpServer {
        /// A name or an address; IPv6 without its brackets. Empty: all interfaces.
        interface: String,
        /// The port; 0 picks one.
        port: u16,
        /// What `tlsserv:` has. Needs the feature `tls`.
        tls: Option<ServerTls>,
        /// Whether small messages are sent at once; on by default.
        nodelay: bool,
    },
    /// `ws:<url>`, or `wss:<url>`, a client over WebSocket; see
    /// [the details](crate::transport#websocket). Needs the feature `websocket`.
    WebSocket {
        /// A name or an address; IPv6 without its brackets.
        host: String,
        /// The port; 80 by default, and 443 with TLS.
        port: u16,
        /// What `wss:` has. Needs the feature `tls`, too.
        tls: Option<ClientTls>,
        /// `<user>:<password>`, as they are written in the URL.
        login: Option<Hidden>,
        /// What is asked for; `/` by default.
        path: String,
        /// The query of the URL, without its `?`.
        query: Option<Hidden>,
        /// The file with more headers of the request, which is read at each connecting.
        header_file: Option<String>,
        /// The protocol within WebSocket that both sides must agree on.
        subprotocol: Option<String>,
        /// Whether small messages are sent at once; on by default.
        nodelay: bool,
    },
    /// `http:<url>`, or `https:<url>`, a client that posts its calls; see
    /// [the details](crate::transport#websocket). Needs the feature `http`.
    Http {
        /// A name or an address; IPv6 without its brackets.
        host: String,
        /// The port; 80 by default, and 443 with TLS.
        port: u16,
        /// What `https:` has.
        tls: Option<ClientTls>,
        /// What is posted to; `/` by default.
        path: String,
        /// The query of the URL, without its `?`.
        query: Option<Hidden>,
        /// Who we say we are.
        user: Option<String>,
        /// The file with the password of the user.
        password_file: Option<String>,
        /// The environment variable with a token, in the place of a user.
        token_env: Option<String>,
    },
    /// `wsserv:<interface>:<port>/<path>`, or `wssserv:`, a server for WebSocket, and for
    /// files if wanted.
    WebSocketServer {
        /// A name or an address; IPv6 without its brackets. Empty: all interfaces.
        interface: String,
        /// The port; 0 picks one.
        port: u16,
        /// What `wssserv:` has. Needs the feature `tls`, too.
        tls: Option<ServerTls>,
        /// Where the wire is; `/` by default.
        path: String,
        /// The folder whose files are served.
        files: Option<String>,
        /// Pages that may connect, as `https://example.org`, beside those that may anyway;
        /// `*` for all.
        origins: Vec<String>,
        /// Whether a page that shows the API is served, too; off by default.
        inspect: bool,
        /// The file with the keys of those who may connect; anybody may if it is not given.
        keys: Option<String>,
        /// The protocol within WebSocket that is agreed on with those who offer it.
        subprotocol: Option<String>,
        /// Whether small messages are sent at once; on by default.
        nodelay: bool,
    },
    /// `udp:<port>`, datagrams.
    Udp {
        /// The port of all peers.
        port: u16,
        /// The address to bind; all by default.
        bind: Option<IpAddr>,
        /// Where messages to all go.
        broadcast: Option<IpAddr>,
        /// The group to join.
        multicast: Option<IpAddr>,
        /// Whether our own broadcasts come back to us, where that is said.
        echo: Option<bool>,
    },
    /// `mux:(<t1>)(<t2>)...`, several transports as one.
    Mux(Vec<TransportExpr>),
    /// `restart:<seconds>:<t>`, a transport that is restarted when it ends.
    Restart {
        /// The time between two attempts; 10 s by default.
        seconds: Duration,
        /// What that time grows up to.
        backoff: Option<Duration>,
        /// The transport.
        inner: Box<TransportExpr>,
    },
    /// `internal:<bus>:<name>`, a bus in this process.
    Internal {
        /// The name of the bus.
        bus: Option<String>,
        /// Our name on it.
        name: Option<String>,
    },
    /// `process:(<command line>)`, a child's standard input and output; see
    /// [the details](crate::transport#child-processes).
    Process {
        /// The command line as written.
        command: String,
        /// What its peer is named; the program's name otherwise.
        name: Option<String>,
        /// The directory that it runs in; ours otherwise.
        cwd: Option<String>,
        /// Variables of its environment, on top of ours. Values are not shown, since some are
        /// secrets.
        env: Vec<(String, Hidden)>,
    },
    /// `unix:<path>`, a client of a Unix-domain socket; see
    /// [the details](crate::transport#unix-domain-sockets).
    Unix {
        /// The path of the socket; behind `@`, a name in Linux's abstract namespace.
        path: String,
    },
    /// `unixserv:<path>`, a server on a Unix-domain socket.
    UnixServer {
        /// The path of the socket; behind `@`, a name in Linux's abstract namespace.
        path: String,
        /// The permissions of the socket; the umask decides without.
        mode: Option<u32>,
    },
    /// `zmq:<host>:<port>`, or `zmq+unix:<path>`: a socket of ZeroMQ that connects; see
    /// [the details](crate::transport#zeromq). Needs the feature `zmq`.
    Zmq {
        /// Where it connects to.
        address: ZmqAddress,
        /// What it is.
        socket: ZmqSocket,
    },
    /// `zmqserv:<interface>:<port>`, or `zmqserv+unix:<path>`: one that is connected to.
    ZmqServer {
        /// Where it listens.
        address: ZmqAddress,
        /// What it is.
        socket: ZmqSocket,
    },
    /// `nats:<host>:<port>/<namespace>`, or `nats+tls:` with TLS, the peers of a namespace behind a NATS
    /// server; see [the details](crate::transport#nats). Needs the feature `nats`.
    Nats(Box<NatsExpr>),
    /// `mqtt:<host>:<port>/<namespace>`, or `mqtts:` with TLS, the peers of a namespace behind a broker of MQTT 5; see
    /// [the details](crate::transport#mqtt). Needs the feature `mqtt`.
    Mqtt(Box<MqttExpr>),
    /// A transport that was registered.
    Custom(CustomExpr),
}

/// Options that several transports have. `mux:` and `restart:` have none: theirs go to
/// the transports within.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TransportOptions {
    /// How long a stream may be silent: before that, something harmless is sent.
    pub keepalive: Option<Duration>,
    /// Who waits for input looks for it so long before sleeping: a call is much faster then
    /// where both ends have a processor of their own, and takes all of it meanwhile.
    pub spin: Option<Duration>,
    /// How long calls are held back that others to the same peer are under way before, so that
    /// several leave with one write; zero is not at all, and nothing said 100 µs.
    pub hold: Option<Duration>,
    /// Limits that are set in the expression.
    pub limits: LimitOverrides,
}

/// One wire of an expression: what remains when `mux:` is a list and `restart:` a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    /// Neither `mux:` nor `restart:`.
    pub(crate) leaf: &'a TransportExpr,
    /// When to try again; the innermost `restart:` counts.
    pub(crate) retry: Option<Retry>,
}

/// When a transport that has ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    /// The time between two attempts.
    pub(crate) interval: Duration,
    /// What that time grows up to.
    pub(crate) backoff: Option<Duration>,
}

impl TransportExpr {
    pub(super) fn new(kind: TransportKind, options: TransportOptions) -> Self {
        TransportExpr { kind, options }
    }

    /// A member of a bus in this process, whatever characters its name has.
    pub(crate) fn internal(bus: String, name: String) -> Self {
        let (bus, name) = (Some(bus), Some(name));
        TransportExpr::new(
            TransportKind::Internal { bus, name },
            TransportOptions::default(),
        )
    }

    /// Which transport it is.
    pub fn kind(&self) -> &TransportKind {
        &self.kind
    }

    /// The options that several transports have.
    pub fn options(&self) -> &TransportOptions {
        &self.options
    }

    /// The limits of this wire: `base`, with what the expression sets. A datagram is
    /// small unless the expression says otherwise, since the original reads no more.
    pub(crate) fn limits(&self, base: &Limits) -> Limits {
        let mut limits = base.clone();
        if matches!(self.kind, TransportKind::Udp { .. }) {
            limits.message_size = limits.message_size.min(DATAGRAM);
        }
        self.options.limits.apply(&mut limits);
        limits
    }

    /// All wires, in the order in which they are written.
    pub(crate) fn links(&self) -> Vec<Link<'_>> {
        let mut links = Vec::new();
        self.collect_links(None, &mut links);
        links
    }

    /// Recurses as deep as the parser did, which is limited.
    fn collect_links<'a>(&'a self, retry: Option<Retry>, links: &mut Vec<Link<'a>>) {
        match &self.kind {
            TransportKind::Mux(parts) => {
                for part in parts {
                    part.collect_links(retry, links);
                }
            }
            TransportKind::Restart {
                seconds,
                backoff,
                inner,
            } => {
                let retry = Retry {
                    interval: *seconds,
                    backoff: *backoff,
                };
                inner.collect_links(Some(retry), links);
            }
            _ => links.push(Link { leaf: self, retry }),
        }
    }
}

impl TransportKind {
    /// Whether it carries a stream of bytes to each peer.
    pub(super) fn is_stream(&self) -> bool {
        match self {
            TransportKind::Stdio { .. }
            | TransportKind::Tcp { .. }
            | TransportKind::TcpServer { .. }
            | TransportKind::WebSocket { .. }
            | TransportKind::WebSocketServer { .. }
            | TransportKind::Process { .. }
            | TransportKind::Unix { .. }
            | TransportKind::UnixServer { .. }
            | TransportKind::Zmq { .. }
            | TransportKind::ZmqServer { .. } => true,
            TransportKind::Udp { .. }
            | TransportKind::Nats(_)
            | TransportKind::Mqtt(_)
            | TransportKind::Internal { .. }
            | TransportKind::Http { .. }
            | TransportKind::Mux(_)
            | TransportKind::Restart { .. }
            | TransportKind::Custom(_) => false,
        }
    }

    /// The names of the options that this transport alone has.
    pub(super) fn own_options(&self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            TransportKind::Stdio { .. } => &["guard"],
            TransportKind::Tcp { .. } | TransportKind::TcpServer { .. } => &["nodelay"],
            TransportKind::WebSocket { .. } => &web::CLIENT,
            TransportKind::Http { .. } => &http::CLIENT,
            TransportKind::WebSocketServer { .. } => {
                const OPTIONS: [&str; 7] = [
                    "files",
                    "inspect",
                    "keys",
                    "origins",
                    "subprotocol",
                    "path",
                    "nodelay",
                ];
                &OPTIONS
            }
            TransportKind::Udp { .. } => &["bind", "broadcast", "multicast", "echo"],
            TransportKind::Restart { .. } => &["backoff"],
            TransportKind::Internal { .. } => &["bus", "name"],
            TransportKind::Process { .. } => &["command", "name", "cwd", "env"],
            TransportKind::Unix { .. } => &["path"],
            TransportKind::UnixServer { .. } => &["path", "mode"],
            TransportKind::Zmq { address, .. } => zmq::own_options(address, false),
            TransportKind::ZmqServer { address, .. } => zmq::own_options(address, true),
            TransportKind::Nats(_) => &nats::OPTIONS,
            TransportKind::Mqtt(_) => &mqtt::OPTIONS,
            TransportKind::Mux(_) | TransportKind::Custom(_) => &[],
        };
        let is_over_tls = self.client_tls().is_some() || self.server_tls().is_some();
        let tls = self.over_tls().filter(|_| is_over_tls);
        let tls = tls.map(|(_, options)| options).unwrap_or_default();
        [&*tls, own].concat()
    }

    /// What it is called over TLS, and the options that it has beside its own then.
    pub(super) fn over_tls(&self) -> Option<(&'static str, Vec<&'static str>)> {
        let (shorthand, options): (_, [&[&str]; 2]) = match self {
            TransportKind::Tcp { .. } => ("tls", [&tls::CLIENT, &[]]),
            TransportKind::WebSocket { .. } => ("wss", [&tls::CLIENT, &[]]),
            TransportKind::Http { .. } => ("https", [&tls::CLIENT, &[]]),
            TransportKind::Nats(_) => (nats::TLS, [&tls::CLIENT, &nats::OVER_TLS]),
            TransportKind::Mqtt(_) => (mqtt::TLS, [&tls::CLIENT, &mqtt::OVER_TLS]),
            TransportKind::TcpServer { .. } => ("tlsserv", [&tls::SERVER, &[]]),
            TransportKind::WebSocketServer { .. } => ("wssserv", [&tls::SERVER, &[]]),
            _ => return None,
        };
        Some((shorthand, options.concat()))
    }

    /// What a client over TLS has.
    pub(crate) fn client_tls(&self) -> Option<&ClientTls> {
        match self {
            TransportKind::Tcp { tls, .. }
            | TransportKind::WebSocket { tls, .. }
            | TransportKind::Http { tls, .. } => tls.as_ref(),
            TransportKind::Nats(nats) => nats.tls.as_ref(),
            TransportKind::Mqtt(mqtt) => mqtt.tls.as_ref(),
            _ => None,
        }
    }

    /// What a server over TLS has.
    pub(crate) fn server_tls(&self) -> Option<&ServerTls> {
        match self {
            TransportKind::TcpServer { tls, .. } | TransportKind::WebSocketServer { tls, .. } => {
                tls.as_ref()
            }
            _ => None,
        }
    }
}

impl FromStr for TransportExpr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        transport_parse::parse(text).map_err(|wrong| {
            let masked = masked(text, web::is_harmless);
            wrong
                .masked(text, &masked)
                .within(ExprKind::Transport, &masked)
        })
    }
}

/// What the original reads of a datagram.
const DATAGRAM: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_the_leaves_with_the_innermost_policy() {
        let expr: TransportExpr = "restart:5:mux:(tcp:a:1)(restart:1.5:tcp:b:2?backoff=9)(udp:3)"
            .parse()
            .unwrap();
        let links = expr.links();
        let shown: Vec<(String, u128)> = links
            .iter()
            .map(|link| {
                let retry = link.retry.unwrap();
                (link.leaf.to_string(), retry.interval.as_millis())
            })
            .collect();
        assert_eq!(
            shown,
            [
                (String::from("tcp:a:1"), 5000),
                (String::from("tcp:b:2"), 1500),
                (String::from("udp:3"), 5000),
            ]
        );
        assert_eq!(
            links[1].retry.unwrap().backoff,
            Some(Duration::from_secs(9))
        );
        let plain: TransportExpr = "stdio:".parse().unwrap();
        assert_eq!(
            plain.links(),
            [Link {
                leaf: &plain,
                retry: None
            }]
        );
    }

    #[test]
    fn limits_of_datagrams_are_small_unless_said() {
        let limits = |text: &str| {
            let expr: TransportExpr = text.parse().unwrap();
            expr.limits(&Limits::default())
        };
        assert_eq!(limits("udp:1").message_size, 2048);
        assert_eq!(limits("udp:1?message_size=9000").message_size, 9000);
        assert_eq!(limits("stdio:"), Limits::default());
    }
}
