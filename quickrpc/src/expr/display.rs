//! From a [`TransportExpr`] back to text, such that it parses to the same value.

use std::fmt;

use super::broker::{GROUP, PROBE};
use super::hidden::Hidden;
use super::mqtt::{self, MqttExpr};
use super::nats::{self, NatsExpr};
use super::parse::{escape, is_tame, is_tame_within_parentheses};
use super::tls::{ClientTls, Identity, ServerTls};
use super::transport::{TransportExpr, TransportKind};
use super::values::{DurationText, SecondsText, on_off};
use super::zmq::{ZmqAddress, ZmqSocket, ZmqType};

impl fmt::Display for TransportExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self, false, true))
    }
}

impl TransportExpr {
    /// With its secrets, so that it can be read back.
    pub(super) fn in_full(&self) -> String {
        written(self, false, false)
    }
}

/// `backoff_around` says whether a `restart:` further out has that option, which would
/// go to a `restart:` further in that does not have its own. `hide`: stars in the place of
/// secrets.
fn written(expr: &TransportExpr, backoff_around: bool, hide: bool) -> String {
    let mut written = Written {
        hide,
        ..Written::default()
    };
    written.kind(expr.kind(), backoff_around);
    written.common(expr);
    written.body + &written.options
}

/// Both halves of an expression.
#[derive(Default)]
struct Written {
    /// The shorthand and the parameters.
    body: String,
    /// With the leading `?`, if there are any.
    options: String,
    hide: bool,
}

impl Written {
    fn kind(&mut self, kind: &TransportKind, backoff_around: bool) {
        match kind {
            TransportKind::Stdio { guard } => {
                self.body.push_str("stdio:");
                self.flag("guard", *guard, true);
            }
            TransportKind::Tcp {
                host,
                port,
                tls,
                nodelay,
            } => {
                let shorthand = if tls.is_some() { "tls" } else { "tcp" };
                self.body = format!("{shorthand}:{}:{port}", bracketed(host));
                self.client_tls(tls.as_ref());
                self.flag("nodelay", *nodelay, true);
            }
            TransportKind::TcpServer {
                interface,
                port,
                tls,
                nodelay,
            } => {
                let shorthand = if tls.is_some() { "tlsserv" } else { "tcpserv" };
                self.body = format!("{shorthand}:{}:{port}", bracketed(interface));
                self.server_tls(tls.as_ref());
                self.flag("nodelay", *nodelay, true);
            }
            TransportKind::WebSocket {
                host,
                port,
                tls,
                login,
                path,
                query,
                header_file,
                subprotocol,
                nodelay,
            } => {
                let shorthand = if tls.is_some() { "wss" } else { "ws" };
                let login = login.as_ref().map(|login| self.secret(login) + "@");
                let login = login.unwrap_or_default();
                self.body = format!("{shorthand}:{login}{}:{port}", bracketed(host));
                match query {
                    Some(query) => self.web_path(&format!("{path}?{}", self.secret(query))),
                    None => self.web_path(path),
                }
                self.client_tls(tls.as_ref());
                self.optional("header_file", header_file.as_deref().map(escape));
                self.optional("subprotocol", subprotocol.as_ref());
                self.flag("nodelay", *nodelay, true);
            }
            TransportKind::Http {
                host,
                port,
                tls,
                path,
                query,
                user,
                password_file,
                token_env,
            } => {
                let shorthand = if tls.is_some() { "https" } else { "http" };
                self.body = format!("{shorthand}:{}:{port}", bracketed(host));
                match query {
                    Some(query) => self.web_path(&format!("{path}?{}", self.secret(query))),
                    None => self.web_path(path),
                }
                self.client_tls(tls.as_ref());
                self.optional("user", user.as_deref().map(escape));
                self.optional("password_file", password_file.as_deref().map(escape));
                self.optional("token_env", token_env.as_deref().map(escape));
            }
            TransportKind::WebSocketServer {
                interface,
                port,
                tls,
                path,
                files,
                origins,
                inspect,
                keys,
                subprotocol,
                nodelay,
            } => {
                let shorthand = if tls.is_some() { "wssserv" } else { "wsserv" };
                self.body = format!("{shorthand}:{}:{port}", bracketed(interface));
                self.web_path(path);
                self.server_tls(tls.as_ref());
                self.optional("files", files.as_deref().map(escape));
                let origins = (!origins.is_empty()).then(|| escape(&origins.join(",")));
                self.optional("origins", origins);
                self.flag("inspect", *inspect, false);
                self.optional("keys", keys.as_deref().map(escape));
                self.optional("subprotocol", subprotocol.as_ref());
                self.flag("nodelay", *nodelay, true);
            }
            TransportKind::Udp {
                port,
                bind,
                broadcast,
                multicast,
                echo,
            } => {
                self.body = format!("udp:{port}");
                self.optional("bind", bind.as_ref());
                self.optional("broadcast", broadcast.as_ref());
                self.optional("multicast", multicast.as_ref());
                self.optional("echo", echo.map(on_off));
            }
            TransportKind::Mux(parts) => {
                self.body.push_str("mux:");
                for part in parts {
                    let part = written(part, backoff_around, self.hide);
                    self.body.push_str(&format!("({part})"));
                }
            }
            TransportKind::Restart {
                seconds,
                backoff,
                inner,
            } => {
                let inner = written(inner, backoff_around || backoff.is_some(), self.hide);
                let inner = in_parentheses_if_needed(inner);
                self.body = format!("restart:{}:{inner}", SecondsText(*seconds));
                match backoff {
                    Some(backoff) => self.option("backoff", DurationText(*backoff)),
                    None if backoff_around => self.option("backoff", "off"),
                    None => {}
                }
            }
            TransportKind::Internal { bus, name } => {
                self.internal(bus.as_deref().unwrap_or(""), name.as_deref().unwrap_or(""));
            }
            TransportKind::Process {
                command,
                name,
                cwd,
                env,
            } => {
                self.body.push_str("process:");
                if is_tame_within_parentheses(command) && !command.trim().is_empty() {
                    self.body.push_str(&format!("({command})"));
                } else {
                    self.option("command", escape(command));
                }
                self.optional("name", name.as_deref().map(escape));
                self.optional("cwd", cwd.as_deref().map(escape));
                for (key, value) in env {
                    let value = self.secret(value);
                    self.option(&format!("env.{key}"), escape(&value));
                }
            }
            TransportKind::Unix { path } => self.path("unix:", path),
            TransportKind::UnixServer { path, mode } => {
                self.path("unixserv:", path);
                self.optional("mode", mode.map(|mode| format!("{mode:04o}")));
            }
            TransportKind::Zmq { address, socket } => {
                self.zmq("zmq", address);
                self.zmq_socket(socket, ZmqType::default_of(false));
            }
            TransportKind::ZmqServer { address, socket } => {
                self.zmq("zmqserv", address);
                self.zmq_socket(socket, ZmqType::default_of(true));
            }
            TransportKind::Nats(nats) => self.nats(nats),
            TransportKind::Mqtt(mqtt) => self.mqtt(mqtt),
            TransportKind::Custom(custom) => {
                let (text, options) = custom.written();
                self.body = format!("{}:{text}", custom.shorthand());
                for (key, value) in options {
                    self.option(key, value);
                }
            }
        }
    }

    fn common(&mut self, expr: &TransportExpr) {
        let options = expr.options();
        self.optional("keepalive", options.keepalive.map(DurationText));
        self.optional("spin", options.spin.map(DurationText));
        self.optional("hold", options.hold.map(DurationText));
        options.limits.write(|name, value| self.option(name, value));
    }

    fn client_tls(&mut self, tls: Option<&ClientTls>) {
        self.tls_with_name(tls, "name");
    }

    /// Where `name` is something else.
    fn broker_tls(&mut self, tls: Option<&ClientTls>) {
        self.tls_with_name(tls, "server_name");
    }

    fn tls_with_name(&mut self, tls: Option<&ClientTls>, name: &str) {
        let Some(tls) = tls else { return };
        self.optional("ca", tls.ca.as_deref().map(escape));
        if let Some(identity) = &tls.identity {
            self.identity(identity);
        }
        self.optional(name, tls.name.as_deref().map(bracketed));
    }

    fn server_tls(&mut self, tls: Option<&ServerTls>) {
        let Some(tls) = tls else { return };
        self.identity(&tls.identity);
        self.optional("client_ca", tls.client_ca.as_deref().map(escape));
    }

    fn identity(&mut self, identity: &Identity) {
        self.option("cert", escape(&identity.cert));
        if identity.key != identity.cert {
            self.option("key", escape(&identity.key));
        }
    }

    fn secret(&self, text: &Hidden) -> String {
        match self.hide {
            true => text.to_string(),
            false => text.reveal().to_owned(),
        }
    }

    fn web_path(&mut self, path: &str) {
        if path == "/" {
            return;
        }
        if is_tame(path) {
            self.body.push_str(path);
        } else {
            self.option("path", escape(path));
        }
    }

    fn path(&mut self, shorthand: &str, path: &str) {
        self.body.push_str(shorthand);
        if is_tame(path) {
            self.body.push_str(path);
        } else {
            self.option("path", escape(path));
        }
    }

    fn nats(&mut self, nats: &NatsExpr) {
        let host = bracketed(&nats.host);
        let shorthand = match nats.tls {
            Some(_) => nats::TLS,
            None => "nats",
        };
        self.body = format!("{shorthand}:{host}:{}/{}", nats.port, nats.namespace);
        self.broker_tls(nats.tls.as_ref());
        self.flag("handshake_first", nats.handshake_first, false);
        self.optional("name", nats.name.as_deref().map(escape));
        let group = (nats.group != GROUP).then(|| escape(&nats.group));
        self.optional("group", group);
        self.optional("user", nats.user.as_deref().map(escape));
        self.optional("password_file", nats.password_file.as_deref().map(escape));
        self.optional("token_file", nats.token_file.as_deref().map(escape));
        self.optional("nkey_file", nats.nkey_file.as_deref().map(escape));
        self.optional("creds_file", nats.creds_file.as_deref().map(escape));
        self.flag("vouched", nats.vouched, false);
        let probe = (nats.probe != PROBE).then_some(nats.probe);
        self.optional("probe", probe.map(DurationText));
    }

    fn mqtt(&mut self, mqtt: &MqttExpr) {
        let host = bracketed(&mqtt.host);
        let shorthand = match mqtt.tls {
            Some(_) => "mqtts",
            None => "mqtt",
        };
        self.body = format!("{shorthand}:{host}:{}/{}", mqtt.port, mqtt.namespace);
        self.broker_tls(mqtt.tls.as_ref());
        self.optional("name", mqtt.name.as_deref().map(escape));
        let group = (mqtt.group != GROUP).then(|| escape(&mqtt.group));
        self.optional("group", group);
        self.optional("user", mqtt.user.as_deref().map(escape));
        self.optional("password_file", mqtt.password_file.as_deref().map(escape));
        let keepalive = (mqtt.keepalive != mqtt::KEEPALIVE).then_some(mqtt.keepalive);
        self.optional("keepalive", keepalive.map(DurationText));
        let probe = (mqtt.probe != PROBE).then_some(mqtt.probe);
        self.optional("probe", probe.map(DurationText));
    }

    fn zmq(&mut self, shorthand: &str, address: &ZmqAddress) {
        match address {
            ZmqAddress::Tcp {
                host,
                port,
                nodelay,
            } => {
                self.body = format!("{shorthand}:{}:{port}", bracketed(host));
                self.flag("nodelay", *nodelay, true);
            }
            ZmqAddress::Unix { path, mode } => {
                self.path(&format!("{shorthand}+unix:"), path);
                self.optional("mode", mode.map(|mode| format!("{mode:04o}")));
            }
        }
    }

    fn zmq_socket(&mut self, socket: &ZmqSocket, usual: ZmqType) {
        if socket.kind != usual {
            self.option("type", socket.kind.name());
        }
        self.optional("id", socket.id.as_deref().map(escape));
        if !socket.subscribe.is_empty() {
            let topics = socket.subscribe.iter();
            let topics: Vec<_> = topics
                .map(|one| escape(one).replace(',', "\\x2c"))
                .collect();
            self.option("subscribe", topics.join(","));
        }
    }

    fn internal(&mut self, bus: &str, name: &str) {
        let fits = |text: &str| is_tame(text) && !text.contains(':');
        let (plain_bus, plain_name) = (fits(bus), fits(name));
        self.body.push_str("internal:");
        if plain_bus {
            self.body.push_str(bus);
        } else {
            self.option("bus", escape(bus));
        }
        if !plain_name {
            self.option("name", escape(name));
        } else if !name.is_empty() {
            self.body.push_str(&format!(":{name}"));
        }
    }

    fn option(&mut self, key: &str, value: impl fmt::Display) {
        let separator = if self.options.is_empty() { '?' } else { '&' };
        self.options.push_str(&format!("{separator}{key}={value}"));
    }

    fn optional(&mut self, key: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.option(key, value);
        }
    }

    fn flag(&mut self, key: &str, value: bool, default: bool) {
        if value != default {
            self.option(key, on_off(value));
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// Options without parentheses would belong to the outer expression first.
fn in_parentheses_if_needed(inner: String) -> String {
    if inner.contains('?') {
        format!("({inner})")
    } else {
        inner
    }
}
