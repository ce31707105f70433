//! What was bound: a codec, a security provider, and one transport.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::error::Error;
use crate::base::limits::Limits;
use crate::base::sync::lock;
use crate::carrier::greeter::Greeting;
use crate::carrier::process::CommandLine;
use crate::carrier::sys::unix;
use crate::carrier::transport::{AnyTransport, Transport};
use crate::carrier::{broker, features, http, tcp, tls, udp, websocket, zmq};
use crate::expr::{Retry, TransportExpr, TransportKind, ZmqAddress};
use crate::format::description::{CallDescription, Description, Direction};
use crate::format::property::PropertyDescription;
use crate::wire::Wire;
use crate::wire::codec::AnyCodec;
use crate::wire::frames::{Frames, Text};
use crate::wire::security::AnySecurity;
use crate::wire::session::{Role, Saying};
use crate::wire::zmtp::Form;

use super::status::{TransportId, TransportState, TransportStatus};

/// One transport that runs or may run.
#[derive(Debug)]
pub(crate) struct Link {
    /// What it was bound with.
    pub(crate) id: TransportId,
    pub(crate) wire: Arc<Wire>,
    pub(crate) transport: Leaf,
    /// What comes before a connection is a peer.
    pub(crate) greeting: Option<Arc<dyn Greeting>>,
    /// Open it again when it ends.
    pub(crate) retry: Option<Retry>,
    /// How it is; a leaf in the lock order.
    pub(crate) state: Mutex<TransportState>,
}

impl Link {
    /// How it is now.
    pub(crate) fn status(&self) -> TransportStatus {
        TransportStatus {
            id: self.id,
            transport: Arc::clone(&self.wire.name),
            state: lock(&self.state).clone(),
        }
    }
}

/// A transport without parts.
#[derive(Clone)]
pub(crate) enum Leaf {
    Stdio {
        guard: bool,
    },
    Tcp {
        host: String,
        port: u16,
        nodelay: bool,
        /// Of the peer.
        name: String,
    },
    TcpServer {
        interface: String,
        port: u16,
        nodelay: bool,
    },
    Process(Arc<CommandLine>),
    Unix(PathBuf),
    UnixServer {
        path: PathBuf,
        mode: Option<u32>,
    },
    Internal {
        bus: String,
        name: Option<String>,
    },
    Udp(udp::Settings),
    /// A broker, with peers behind it.
    Broker(Arc<broker::Settings>),
    Custom(Arc<dyn Transport>),
}

impl Leaf {
    /// Whether many peers are behind one connection.
    pub(crate) fn is_broker(&self) -> bool {
        matches!(self, Leaf::Broker(_))
    }

    /// Whether it accepts connections, rather than being one.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Leaf::TcpServer { .. } | Leaf::UnixServer { .. })
    }

    /// Whether it leads to one peer. Of one that is the program's own, that is not known.
    pub(crate) fn is_client(&self) -> bool {
        match self {
            Leaf::Stdio { .. }
            | Leaf::Tcp { .. }
            | Leaf::Process(_)
            | Leaf::Unix(_)
            | Leaf::Broker(_) => true,
            Leaf::TcpServer { .. }
            | Leaf::UnixServer { .. }
            | Leaf::Internal { .. }
            | Leaf::Udp(_)
            | Leaf::Custom(_) => false,
        }
    }
}

/// Takes a binding apart: one link for each transport without parts.
pub(crate) fn links(
    codec: &AnyCodec,
    security: &AnySecurity,
    transport: &AnyTransport,
    limits: &Limits,
    call_timeout: Duration,
) -> Result<Vec<Arc<Link>>, Error> {
    if !security.is_null() && !codec.header() {
        let text = format!(
            "the codec `{codec}` cannot carry a security header, so security `{}` cannot be \
             used with it; use `jrpc`, or security `null`",
            security.expression()
        );
        return Err(Error::Config(text.into()));
    }
    let has_base64 = |text: &[u8]| {
        let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
        !text.is_empty() && text.iter().all(is_base64)
    };
    if let AnyCodec::Jrpc(jrpc) = codec
        && !security.is_null()
        && jrpc.framing().delimiter().is_some_and(has_base64)
    {
        let text = format!(
            "the delimiter of the codec `{codec}` may be in what security `{}` puts before a \
             message, such as a signature; use one that is no letters and digits, or `jrpc`",
            security.expression()
        );
        return Err(Error::Config(text.into()));
    }
    let id = TransportId::next();
    let expr = match transport {
        AnyTransport::Object(object) => {
            let mut wire = Wire::new(codec, security, limits.clone(), object.expression());
            wire.call_timeout = call_timeout;
            suits(&wire)?;
            return Ok(vec![Arc::new(Link {
                id,
                wire: Arc::new(wire),
                transport: Leaf::Custom(Arc::clone(object)),
                greeting: None,
                retry: None,
                state: Mutex::default(),
            })]);
        }
        AnyTransport::Expr(expr) => expr,
    };
    let links = expr.links();
    if links.is_empty() {
        let text = format!("transport `{expr}` has no parts");
        return Err(Error::Config(text.into()));
    }
    let mut made = Vec::new();
    for one in links {
        let make = |expr: &TransportExpr, retry, adjust: fn(&mut Wire)| {
            let adjust = |wire: &mut Wire| {
                wire.call_timeout = call_timeout;
                adjust(wire);
            };
            link(id, codec, security, expr, retry, limits, adjust)
        };
        let beside = codec
            .protocol()
            .and_then(|protocol| protocol.beside(one.leaf));
        let Some(beside) = beside else {
            made.push(make(one.leaf, one.retry, |_| ())?);
            continue;
        };
        let first = make(one.leaf, one.retry, |wire| wire.tells_beside = true)?;
        // A client can do without, and goes on trying.
        let retry = one
            .retry
            .or((!first.transport.is_server()).then_some(Retry {
                interval: BESIDE,
                backoff: None,
            }));
        made.push(first);
        made.push(make(&beside, retry, |wire| wire.beside = true)?);
    }
    Ok(made)
}

/// What is beside the connection of a client is opened again after so long, unless something else is
/// said.
const BESIDE: Duration = Duration::from_secs(1);

/// The link of a transport without parts.
fn link(
    id: TransportId,
    codec: &AnyCodec,
    security: &AnySecurity,
    expr: &TransportExpr,
    retry: Option<Retry>,
    limits: &Limits,
    adjust: impl Fn(&mut Wire),
) -> Result<Arc<Link>, Error> {
    features::check(expr)?;
    let name = expr.to_string();
    let options = expr.options();
    let usual = codec.protocol().map_or("/", |protocol| protocol.path());
    let limits = expr.limits(limits);
    let posts_to = matches!(expr.kind(), TransportKind::Http { .. });
    let mut wire = match posts_to {
        true => Wire::posts_to(codec, security, limits, name)?,
        false => Wire::new(codec, security, limits, name),
    };
    let posts = wire.posting();
    let bound = websocket::bind(expr, usual, posts.is_some(), security.key_file())?;
    let (greeting, side) = bound.unzip();
    if let Some(side) = side {
        wire.posts = posts.map(Arc::new);
        let text = Text::of(codec, security.is_null());
        wire = wire.framed(Frames::WebSocket(side, text));
    }
    let usual = codec.protocol().and_then(|protocol| {
        let is_server = matches!(expr.kind(), TransportKind::ZmqServer { .. });
        protocol.identity(if is_server {
            Role::Server
        } else {
            Role::Client
        })
    });
    let zmq = zmq::bind(expr, !security.is_null(), usual)?;
    let (greeting, socket) = match zmq {
        Some((greeting, socket)) => (Some(greeting), Some(socket)),
        None => (greeting, None),
    };
    if let Some(socket) = socket {
        let form = match codec.protocol() {
            Some(_) => Form::Parts,
            None => Form::Telegram,
        };
        wire = wire.framed(Frames::Zmtp(socket, form));
    }
    adjust(&mut wire);
    let client = http::bind(expr, &wire)?;
    let at_broker = broker::bind(expr)?;
    let greeting = match &at_broker {
        Some(settings) => {
            if security.is_null() {
                // Each message travels alone.
                wire = wire.framed(Frames::Stream(None));
            }
            wire.datagrams = true;
            Some(Arc::new(broker::Begin(Arc::clone(settings))) as Arc<dyn Greeting>)
        }
        None => greeting,
    };
    let greeting = match posts_to {
        true => None,
        false => tls::bind(expr, greeting)?,
    };
    suits(&wire)?;
    if options.keepalive.is_some() && wire.idle().is_none() {
        let name = &wire.name;
        let text = format!(
            "`{name}`: the codec `{codec}` has nothing harmless to send, so it cannot \
             keep connections alive; use `jrpc` with a delimiter, or no `keepalive`"
        );
        return Err(Error::Config(text.into()));
    }
    let transport = match (client, at_broker) {
        (Some(client), _) => Leaf::Custom(client),
        (None, Some(settings)) => Leaf::Broker(settings),
        (None, None) => leaf(expr)?,
    };
    wire.keepalive = options.keepalive;
    wire.spin = options.spin;
    wire.hold = options.hold.unwrap_or(wire.hold);
    let is_for_people = match expr.kind() {
        TransportKind::TcpServer { .. } => true,
        // A program would have a pipe.
        TransportKind::Stdio { .. } => io::stdin().is_terminal() && io::stdout().is_terminal(),
        _ => false,
    };
    wire.answers = codec.answers(is_for_people);
    if transport.is_server() {
        wire.role = Role::Server;
    }
    let tls = expr.kind().server_tls();
    let has_keys = matches!(
        expr.kind(),
        TransportKind::WebSocketServer { keys: Some(_), .. }
    );
    wire.certified = has_keys || tls.is_some_and(|tls| tls.client_ca.is_some());
    if let TransportKind::Udp { .. } = expr.kind() {
        wire.datagrams = true;
        wire.limits.message_size = wire.limits.message_size.min(udp::LARGEST);
    }
    Ok(Arc::new(Link {
        id,
        wire: Arc::new(wire),
        transport,
        greeting,
        retry,
        state: Mutex::default(),
    }))
}

/// # Errors
///
/// Where a protocol is not spoken over such a transport.
fn suits(wire: &Wire) -> Result<(), Error> {
    match wire.codec.protocol() {
        Some(protocol) if wire.frames.carriage() != Some(protocol.carriage()) => {
            let text = format!(
                "`{}` {} in the place of `{}`",
                protocol.expression(),
                protocol.carriage().needs(),
                wire.name
            );
            Err(Error::Config(text.into()))
        }
        _ => Ok(()),
    }
}

/// # Errors
///
/// Where none of the wires can carry one of the calls and properties that are sent from here.
pub(crate) fn carries(links: &[Arc<Link>], api: &Description) -> Result<(), Error> {
    for link in links {
        if let Some(protocol) = link.wire.codec.protocol() {
            protocol.made_for(api);
        }
    }
    let call = |call: &CallDescription| match (call.direction, call.has_reply()) {
        (Direction::Incoming, _) => None,
        (Direction::Outgoing, true) => Some((call.wire_name, Saying::Call)),
        (Direction::Outgoing, false) => Some((call.wire_name, Saying::Notification)),
    };
    let property = |property: &PropertyDescription| match property.direction {
        Direction::Incoming => (property.wire_name, Saying::Property),
        Direction::Outgoing => (property.calls.read.wire_name, Saying::Call),
    };
    let calls = api.calls.iter().filter_map(call);
    for (name, saying) in calls.chain(api.properties.iter().map(property)) {
        let lacks = links.iter().map(|link| link.wire.lacks(name, saying));
        // The last of them, if it is none of them that can.
        if let Some(Some(error)) = lacks.reduce(Option::and) {
            return Err(error);
        }
    }
    Ok(())
}

fn leaf(expr: &TransportExpr) -> Result<Leaf, Error> {
    if let TransportKind::Unix { .. }
    | TransportKind::UnixServer { .. }
    | TransportKind::Zmq {
        address: ZmqAddress::Unix { .. },
        ..
    }
    | TransportKind::ZmqServer {
        address: ZmqAddress::Unix { .. },
        ..
    } = expr.kind()
        && let Some(why) = unix::REFUSED
    {
        return Err(Error::Config(format!("`{expr}` {why}").into()));
    }
    Ok(match expr.kind() {
        TransportKind::Stdio { guard } => Leaf::Stdio { guard: *guard },
        TransportKind::Tcp {
            host,
            port,
            nodelay,
            ..
        } => Leaf::Tcp {
            host: host.clone(),
            port: *port,
            nodelay: *nodelay,
            name: tcp::client_name(host, *port),
        },
        TransportKind::WebSocket {
            host,
            port,
            path,
            nodelay,
            ..
        } => Leaf::Tcp {
            host: host.clone(),
            port: *port,
            nodelay: *nodelay,
            name: match path.as_str() {
                "/" => tcp::client_name(host, *port),
                path => tcp::client_name(host, *port) + path,
            },
        },
        TransportKind::TcpServer {
            interface,
            port,
            nodelay,
            ..
        }
        | TransportKind::WebSocketServer {
            interface,
            port,
            nodelay,
            ..
        } => Leaf::TcpServer {
            interface: interface.clone(),
            port: *port,
            nodelay: *nodelay,
        },
        TransportKind::Process {
            command,
            name,
            cwd,
            env,
        } => {
            let mut command = CommandLine::parse(command)?;
            command.named = name.as_deref().map(Into::into);
            command.cwd = cwd.as_ref().map(PathBuf::from);
            let env = env.iter();
            command.env = env
                .map(|(key, value)| (key.clone(), value.reveal().to_owned()))
                .collect();
            Leaf::Process(Arc::new(command))
        }
        TransportKind::Unix { path } => Leaf::Unix(path.into()),
        TransportKind::UnixServer { path, mode } => Leaf::UnixServer {
            path: path.into(),
            mode: *mode,
        },
        TransportKind::Zmq { address, .. } => match address {
            ZmqAddress::Tcp {
                host,
                port,
                nodelay,
            } => Leaf::Tcp {
                host: host.clone(),
                port: *port,
                nodelay: *nodelay,
                name: tcp::client_name(host, *port),
            },
            ZmqAddress::Unix { path, .. } => Leaf::Unix(path.into()),
        },
        TransportKind::ZmqServer { address, .. } => match address {
            ZmqAddress::Tcp {
                host,
                port,
                nodelay,
            } => Leaf::TcpServer {
                interface: host.clone(),
                port: *port,
                nodelay: *nodelay,
            },
            ZmqAddress::Unix { path, mode } => Leaf::UnixServer {
                path: path.into(),
                mode: *mode,
            },
        },
        TransportKind::Internal { bus, name } => Leaf::Internal {
            bus: bus.clone().unwrap_or_default(),
            name: name.clone(),
        },
        TransportKind::Udp {
            port,
            bind,
            broadcast,
            multicast,
            echo,
        } => Leaf::Udp(udp::Settings {
            port: *port,
            bind: *bind,
            broadcast: *broadcast,
            multicast: *multicast,
            echo: echo.unwrap_or(false),
        }),
        TransportKind::Custom(custom) => Leaf::Custom(crate::carrier::transport::build(custom)?),
        _ => {
            let text = format!("transport `{expr}` is not available in this version");
            return Err(Error::Config(text.into()));
        }
    })
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leaf::Stdio { .. } => "Stdio",
            Leaf::Tcp { .. } => "Tcp",
            Leaf::TcpServer { .. } => "TcpServer",
            Leaf::Process(_) => "Process",
            Leaf::Unix(_) => "Unix",
            Leaf::UnixServer { .. } => "UnixServer",
            Leaf::Internal { .. } => "Internal",
            Leaf::Udp(_) => "Udp",
            Leaf::Broker(_) => "Broker",
            Leaf::Custom(_) => "Custom",
        })
    }
}
