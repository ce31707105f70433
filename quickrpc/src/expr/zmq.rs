//! The parameters of `zmq:` and `zmqserv:`, and of `zmq+unix:` and `zmqserv+unix:`.

use super::host::{check_interface, parse_host_and_port};
use super::options::{OptionText, Scope, take};
use super::parse::{Parsed, Piece};
use super::transport::TransportKind;
use super::transport_parse::{parse_mode, parse_path};
use crate::base::expr_error::Wrong;

/// What a socket of ZeroMQ is; see [the details](crate::transport#zeromq).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZmqSocket {
    /// Its type; by default that of a client is `dealer`, and that of a server `router`.
    pub kind: ZmqType,
    /// What it says to peers that it is called.
    pub id: Option<String>,
    /// What a `sub` wants: messages with one of these beginnings, or all without any.
    pub subscribe: Vec<String>,
}

/// The type of a socket of ZeroMQ, which says whom it talks with, and what it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZmqType {
    /// Says anything at any time.
    Dealer,
    /// The same to many, whom it knows by what they say that they are called.
    Router,
    /// Calls, and is answered.
    Req,
    /// Answers.
    Rep,
    /// Notifies those who have subscribed.
    Pub,
    /// Is notified of what it has subscribed to.
    Sub,
    /// Notifies.
    Push,
    /// Is notified.
    Pull,
}

/// Where a socket of ZeroMQ is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZmqAddress {
    /// `<host>:<port>`, or `<interface>:<port>` of a server.
    Tcp {
        /// A name or an address; IPv6 without its brackets. Empty: all interfaces.
        host: String,
        /// The port; 0 lets a server pick one.
        port: u16,
        /// Whether small messages are sent at once; on by default.
        nodelay: bool,
    },
    /// A Unix-domain socket.
    Unix {
        /// Its path; behind `@`, a name in Linux's abstract namespace.
        path: String,
        /// The permissions of a server's socket; the umask decides without.
        mode: Option<u32>,
    },
}

const TYPES: [(&str, ZmqType); 8] = [
    ("dealer", ZmqType::Dealer),
    ("router", ZmqType::Router),
    ("req", ZmqType::Req),
    ("rep", ZmqType::Rep),
    ("pub", ZmqType::Pub),
    ("sub", ZmqType::Sub),
    ("push", ZmqType::Push),
    ("pull", ZmqType::Pull),
];

/// A name is no longer than this (RFC 37).
const LONGEST: usize = 255;

impl ZmqType {
    /// As it is written in expressions.
    pub(super) fn name(self) -> &'static str {
        let named = TYPES.iter().find(|(_, kind)| *kind == self);
        named.map_or("", |(name, _)| name)
    }

    pub(super) fn default_of(is_server: bool) -> Self {
        match is_server {
            true => ZmqType::Router,
            false => ZmqType::Dealer,
        }
    }

    /// Whether it says what it is called (RFC 37, "Metadata").
    fn has_id(self) -> bool {
        matches!(self, ZmqType::Dealer | ZmqType::Router | ZmqType::Req)
    }
}

impl ZmqSocket {
    /// One of another type beside it.
    #[cfg(feature = "hololinked")]
    fn beside(kind: ZmqType, subscribe: Vec<String>) -> Self {
        ZmqSocket {
            kind,
            id: None,
            subscribe,
        }
    }

    fn take(scope: &Scope<'_, '_>, is_server: bool) -> Parsed<Self> {
        let kind = take(scope, "type", kind)?.unwrap_or(ZmqType::default_of(is_server));
        let id = take(scope, "id", |o| match kind.has_id() {
            true => id(o),
            false => Err(o.out_of_place("only a `dealer`, `router` or `req` has a name")),
        })?;
        let subscribe = take(scope, "subscribe", |o| match kind {
            ZmqType::Sub => o.texts(),
            _ => Err(o.out_of_place("only a `sub` subscribes")),
        })?;
        Ok(ZmqSocket {
            kind,
            id,
            subscribe: subscribe.unwrap_or_default(),
        })
    }
}

fn kind(option: &OptionText<'_>) -> Parsed<ZmqType> {
    let named = TYPES.iter().find(|(name, _)| *name == option.value.text);
    named.map(|(_, kind)| *kind).ok_or_else(|| {
        let names: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
        option.expected(&format!("one of `{}`", names.join("`, `")))
    })
}

fn id(option: &OptionText<'_>) -> Parsed<String> {
    let text = option.text()?;
    match text.is_empty() || text.len() > LONGEST || text.starts_with('\0') {
        true => Err(option.expected("a name of 1 to 255 bytes, of which the first is not 0")),
        false => Ok(text),
    }
}

/// `zmq:<host>:<port>`, `zmqserv:<interface>:<port>`, and with paths behind `+unix`.
pub(super) fn parse(
    shorthand: &str,
    params: Piece<'_>,
    scope: &Scope<'_, '_>,
) -> Parsed<TransportKind> {
    let is_server = shorthand.starts_with("zmqserv");
    let address = match (shorthand.ends_with("+unix"), is_server) {
        (true, false) => ZmqAddress::Unix {
            path: parse_path(params, scope)?,
            mode: None,
        },
        (true, true) => {
            let path = parse_path(params, scope)?;
            let mode = parse_mode(&path, scope)?;
            ZmqAddress::Unix { path, mode }
        }
        (false, _) => {
            let place = if is_server { "interface" } else { "host" };
            let form = format!("{shorthand}:<{place}>:<port>");
            let (host, port) = parse_host_and_port(params, &form)?;
            match is_server {
                true => check_interface(host, shorthand)?,
                false if host.text.is_empty() => {
                    return Err(Wrong::new(host.at, "expected a host, found nothing"));
                }
                false => {}
            }
            ZmqAddress::Tcp {
                host: host.text.to_owned(),
                port,
                nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
            }
        }
    };
    let socket = ZmqSocket::take(scope, is_server)?;
    Ok(match is_server {
        true => TransportKind::ZmqServer { address, socket },
        false => TransportKind::Zmq { address, socket },
    })
}

/// Where something is that is beside what is here.
#[cfg(feature = "hololinked")]
pub(super) enum Beside {
    Next,
    Port(u16),
    Socket(String),
}

/// A transport beside another one: for a client one that hears what begins with a topic, for a server
/// one that tells it. `None` where the other one is nothing of that kind.
#[cfg(feature = "hololinked")]
pub(super) fn beside(
    kind: &TransportKind,
    place: &Beside,
    path_of: impl Fn(&str) -> String,
    topic: &str,
) -> Option<TransportKind> {
    let moved = |address: &ZmqAddress| match (address, place) {
        (
            ZmqAddress::Tcp {
                host,
                port,
                nodelay,
            },
            Beside::Next | Beside::Port(_),
        ) => {
            let port = match (place, port) {
                (Beside::Port(port), _) => *port,
                // The system picks both.
                (_, 0) => 0,
                (_, port) => port.checked_add(1)?,
            };
            let (host, nodelay) = (host.clone(), *nodelay);
            Some(ZmqAddress::Tcp {
                host,
                port,
                nodelay,
            })
        }
        (ZmqAddress::Unix { path, mode }, Beside::Next) => Some(ZmqAddress::Unix {
            path: path_of(path),
            mode: *mode,
        }),
        (ZmqAddress::Unix { mode, .. }, Beside::Socket(path)) => Some(ZmqAddress::Unix {
            path: path.clone(),
            mode: *mode,
        }),
        (ZmqAddress::Tcp { .. }, Beside::Socket(_)) | (_, Beside::Port(_)) => None,
    };
    match kind {
        TransportKind::Zmq { address, socket } if socket.kind.has_id() => {
            Some(TransportKind::Zmq {
                address: moved(address)?,
                socket: ZmqSocket::beside(ZmqType::Sub, vec![topic.to_owned()]),
            })
        }
        TransportKind::ZmqServer { address, socket } if socket.kind.has_id() => {
            Some(TransportKind::ZmqServer {
                address: moved(address)?,
                socket: ZmqSocket::beside(ZmqType::Pub, Vec::new()),
            })
        }
        _ => None,
    }
}

/// The options of a client, or those of a server.
pub(super) fn own_options(address: &ZmqAddress, is_server: bool) -> &'static [&'static str] {
    match (address, is_server) {
        (ZmqAddress::Tcp { .. }, _) => &["type", "id", "subscribe", "nodelay"],
        (ZmqAddress::Unix { .. }, false) => &["type", "id", "subscribe", "path"],
        (ZmqAddress::Unix { .. }, true) => &["type", "id", "subscribe", "path", "mode"],
    }
}

#[cfg(test)]
mod tests {
    use crate::TransportExpr;
    use crate::expr::TransportKind;

    #[test]
    fn what_is_written_is_understood() {
        for (text, written) in [
            ("zmq:h:1", "zmq:h:1"),
            ("zmq:h:1?type=dealer", "zmq:h:1"),
            ("zmqserv::0?type=router", "zmqserv::0"),
            (
                "zmqserv:[::1]:0?type=dealer&nodelay=off",
                "zmqserv:[::1]:0?nodelay=off&type=dealer",
            ),
            (r"zmq:h:1?id=a\x26b", r"zmq:h:1?id=a\x26b"),
            ("zmq:h:1?type=sub&subscribe=", "zmq:h:1?type=sub&subscribe="),
            (
                r"zmq:h:1?type=sub&subscribe=a,b\x2cc",
                r"zmq:h:1?type=sub&subscribe=a,b\x2cc",
            ),
            ("zmq+unix:/run/a?id=x", "zmq+unix:/run/a?id=x"),
            (
                "zmqserv+unix:/run/a?mode=660&type=pub",
                "zmqserv+unix:/run/a?mode=0660&type=pub",
            ),
            ("zmqserv+unix:@a", "zmqserv+unix:@a"),
            (
                "restart:1:zmq:h:1?backoff=9&id=a",
                "restart:1:(zmq:h:1?id=a)?backoff=9",
            ),
        ] {
            let expr: TransportExpr = text.parse().unwrap();
            assert_eq!(expr.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(expr), "{written}");
        }
        let expr: TransportExpr = r"zmq:h:1?type=sub&subscribe=,a\x2cb".parse().unwrap();
        let TransportKind::Zmq { socket, .. } = expr.kind() else {
            panic!("{expr}");
        };
        assert_eq!(socket.subscribe, ["", "a,b"]);
    }

    #[test]
    fn mistakes_are_shown() {
        let long = format!("zmq:h:1?id={}", "x".repeat(256));
        for (text, why) in [
            ("zmq:", "expected `zmq:<host>:<port>`; the port is missing"),
            ("zmq::1", "expected a host, found nothing"),
            ("zmqserv:*:1", "leave this empty: `zmqserv::<port>`"),
            (
                "zmq:h:1?type=pair",
                "expected one of `dealer`, `router`, `req`, `rep`",
            ),
            ("zmq:h:1?id=", "expected a name of 1 to 255 bytes"),
            (&long, "expected a name of 1 to 255 bytes"),
            (r"zmq:h:1?id=\0a", "of which the first is not 0"),
            (
                "zmq:h:1?type=pub&id=a",
                "only a `dealer`, `router` or `req` has a name",
            ),
            ("zmq:h:1?subscribe=a", "only a `sub` subscribes"),
            ("zmq:h:1?mode=660", "unknown option"),
            ("zmq+unix:/a?nodelay=off", "unknown option"),
            ("zmq+unix:", "expected a path, found nothing"),
            ("zmqserv+unix:@a?mode=660", "has no permissions"),
            ("zmqsrv::1", "did you mean `zmqserv`"),
        ] {
            let error = text.parse::<TransportExpr>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
