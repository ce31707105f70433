//! From text to a [`TransportExpr`].

use std::time::Duration;

use super::hidden::Hidden;
use super::host::{check_interface, parse_host_and_port, parse_port};
use super::http;
use super::options::{Scope, take};
use super::overrides::LimitOverrides;
use super::parse::{
    Parsed, Piece, expect_end, split_options, split_shorthand, starts_with_parenthesis,
    take_parenthesised, unknown_shorthand,
};
use super::registry::{CustomExpr, TEXT_OPTION, is_registered};
use super::tls::{ClientTls, ServerTls};
use super::transport::{TransportExpr, TransportKind, TransportOptions};
use super::values::read_seconds;
use super::web;
use super::zmq;
use super::{mqtt, nats};
use crate::base::expr_error::{ExprKind, Wrong, found};

pub(super) fn parse(text: &str) -> Parsed<TransportExpr> {
    parse_nested(Piece::whole(text), Place::default())
}

/// Where a nested expression stands.
#[derive(Clone, Copy, Default)]
struct Place<'p, 'a> {
    outer: Option<&'p Scope<'p, 'a>>,
    in_mux: bool,
    /// Whether there is a `restart:` around it.
    in_restart: bool,
    /// Whether it is the whole content of parentheses that only group.
    grouped: bool,
    depth: usize,
}

impl<'p, 'a> Place<'p, 'a> {
    fn within(self, scope: &'p Scope<'p, 'a>) -> Self {
        Place {
            outer: Some(scope),
            in_mux: false,
            grouped: false,
            depth: self.depth + 1,
            ..self
        }
    }

    /// One pair of parentheses does not count as a level, since `Display` may add it.
    fn grouped(self, scope: &'p Scope<'p, 'a>) -> Self {
        Place {
            grouped: true,
            depth: self.depth + usize::from(self.grouped),
            ..self.within(scope)
        }
    }
}

/// Parses an expression with its options, recursing into nested ones.
fn parse_nested<'a>(piece: Piece<'a>, place: Place<'_, 'a>) -> Parsed<TransportExpr> {
    if place.depth > DEEPEST {
        let message = format!("nested deeper than {DEEPEST} levels");
        return Err(Wrong::new(piece.at, message));
    }
    let (body, options) = match split_options(piece) {
        (body, Some(options)) if web::is_query(body, place.in_restart, options)? => (piece, None),
        split => split,
    };
    let scope = Scope::new(place.outer, place.in_mux, options)?;
    let expr = if starts_with_parenthesis(body) {
        let (inside, rest) = take_parenthesised(body, "a transport")?;
        expect_end(rest)?;
        parse_nested(inside, place.grouped(&scope))?
    } else {
        parse_body(body, &scope, place)?
    };
    scope.finish_with(|| known_options(&expr), |key| over_tls(&expr, key))?;
    Ok(expr)
}

fn parse_body<'a>(
    body: Piece<'a>,
    scope: &Scope<'_, 'a>,
    place: Place<'_, 'a>,
) -> Parsed<TransportExpr> {
    let (shorthand, params) = split_shorthand(body);
    let kind = match shorthand.text {
        "mux" => return parse_mux(params, scope, place),
        "restart" => return parse_restart(params, scope, place),
        "stdio" => parse_stdio(params, scope)?,
        "tcp" | "qtcp" | "tls" => parse_tcp(shorthand.text, params, scope)?,
        "tcpserv" | "tlsserv" => parse_tcp_server(shorthand.text, params, scope)?,
        "ws" | "wss" => web::parse_client(shorthand.text, params, scope)?,
        "http" | "https" => http::parse(shorthand.text, params, scope)?,
        "wsserv" | "wssserv" => web::parse_server(shorthand.text, params, scope)?,
        "udp" | "qudp" => parse_udp(params, scope)?,
        "internal" => parse_internal(params, scope)?,
        "process" | "qprocess" => parse_process(params, scope)?,
        "unix" => TransportKind::Unix {
            path: parse_path(params, scope)?,
        },
        "unixserv" => parse_unix_server(params, scope)?,
        "zmq" | "zmqserv" | "zmq+unix" | "zmqserv+unix" => {
            zmq::parse(shorthand.text, params, scope)?
        }
        "mqtt" | mqtt::TLS => {
            TransportKind::Mqtt(Box::new(mqtt::parse(shorthand.text, params, scope)?))
        }
        "nats" | nats::TLS => {
            TransportKind::Nats(Box::new(nats::parse(shorthand.text, params, scope)?))
        }
        name if is_registered(ExprKind::Transport, name) => {
            return parse_custom(name, params, scope, place);
        }
        _ => return Err(unknown_shorthand(ExprKind::Transport, shorthand)),
    };
    let mut options = TransportOptions {
        limits: LimitOverrides::take(scope)?,
        ..TransportOptions::default()
    };
    if kind.is_stream() {
        options.keepalive = take(scope, "keepalive", |o| o.duration_or_off())?.flatten();
        options.spin = take(scope, "spin", |o| o.duration_or_off())?.flatten();
        let hold = take(scope, "hold", |o| o.duration_or_off())?;
        options.hold = hold.map(Option::unwrap_or_default);
    }
    Ok(TransportExpr::new(kind, options))
}

fn parse_mux<'a>(
    params: Piece<'a>,
    scope: &Scope<'_, 'a>,
    place: Place<'_, 'a>,
) -> Parsed<TransportExpr> {
    let mut parts = Vec::new();
    let mut rest = params;
    loop {
        let (part, after) = take_parenthesised(rest, "a transport in parentheses")?;
        let place = Place {
            in_mux: true,
            ..place.within(scope)
        };
        parts.push(parse_nested(part, place)?);
        rest = after;
        if rest.text.is_empty() {
            return Ok(composite(TransportKind::Mux(parts)));
        }
    }
}

fn parse_restart<'a>(
    params: Piece<'a>,
    scope: &Scope<'_, 'a>,
    place: Place<'_, 'a>,
) -> Parsed<TransportExpr> {
    let Some((interval, inner)) = params.split_once(':') else {
        let message = "expected `restart:<seconds>:<transport>`; the colon after the seconds \
                       is missing";
        return Err(Wrong::new(params.end(), message));
    };
    let seconds = match interval.text {
        "" => RESTART,
        text => read_seconds(text).map_err(|wrong| {
            let message = wrong.explain("a number of seconds", &found(text));
            Wrong::new(interval.at, message)
        })?,
    };
    let place = Place {
        in_restart: true,
        ..place.within(scope)
    };
    let (inner, backoff) = scope.take_after("backoff", || parse_nested(inner, place))?;
    Ok(composite(TransportKind::Restart {
        seconds,
        backoff: backoff.map(|o| o.duration_or_off()).transpose()?.flatten(),
        inner: Box::new(inner),
    }))
}

/// Its options went to the transports within.
fn composite(kind: TransportKind) -> TransportExpr {
    TransportExpr::new(kind, TransportOptions::default())
}

fn parse_stdio(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    if !params.text.is_empty() {
        let message = format!("`stdio:` takes no parameters, {}", found(params.text));
        return Err(Wrong::new(params.at, message));
    }
    Ok(TransportKind::Stdio {
        guard: take(scope, "guard", |o| o.flag())?.unwrap_or(true),
    })
}

fn parse_tcp(shorthand: &str, params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    let tls = shorthand == "tls";
    let name = if tls { "tls" } else { "tcp" };
    let (host, port) = parse_host_and_port(params, &format!("{name}:<host>:<port>"))?;
    if host.text.is_empty() {
        return Err(Wrong::new(host.at, "expected a host, found nothing"));
    }
    Ok(TransportKind::Tcp {
        host: host.text.to_owned(),
        port,
        tls: tls.then(|| ClientTls::take(scope)).transpose()?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
}

fn parse_tcp_server(
    shorthand: &str,
    params: Piece<'_>,
    scope: &Scope<'_, '_>,
) -> Parsed<TransportKind> {
    let form = format!("{shorthand}:<interface>:<port>");
    let (interface, port) = parse_host_and_port(params, &form)?;
    check_interface(interface, shorthand)?;
    let tls = shorthand == "tlsserv";
    Ok(TransportKind::TcpServer {
        interface: interface.text.to_owned(),
        port,
        tls: tls
            .then(|| ServerTls::take(scope, params.end(), shorthand))
            .transpose()?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
}

fn parse_udp(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    Ok(TransportKind::Udp {
        port: parse_port(params)?,
        bind: take(scope, "bind", |o| o.ip())?,
        broadcast: take(scope, "broadcast", |o| o.ip())?,
        multicast: take(scope, "multicast", |o| o.multicast())?,
        echo: take(scope, "echo", |o| o.flag())?,
    })
}

fn parse_internal(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    let mut parts = params.split(':');
    let mut part = |key| match parts.next().filter(|part| !part.text.is_empty()) {
        Some(part) => Ok(Some(part.text.to_owned())),
        None => {
            let text = take(scope, key, |o| o.text())?;
            Ok(text.filter(|text| !text.is_empty()))
        }
    };
    let (bus, name) = (part("bus")?, part("name")?);
    if let Some(stray) = parts.next() {
        let message = format!(
            "expected the end after `<bus>:<name>`, {}",
            found(stray.text)
        );
        return Err(Wrong::new(stray.at, message));
    }
    Ok(TransportKind::Internal { bus, name })
}

fn parse_process(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    if params.text.is_empty()
        && let Some(command) = take(scope, "command", |o| o.text())?
    {
        return parse_child(command, scope);
    }
    let (command, rest) = take_parenthesised(params, "a command line in parentheses")?;
    if command.text.trim().is_empty() {
        return Err(Wrong::new(
            command.at,
            "expected a command line, found nothing",
        ));
    }
    expect_end(rest)?;
    parse_child(command.text.to_owned(), scope)
}

/// How a child runs.
fn parse_child(command: String, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    let name = take(scope, "name", |o| match o.text()? {
        name if name.is_empty() => Err(o.expected("a name")),
        name => Ok(name),
    })?;
    let cwd = take(scope, "cwd", |o| o.path("a directory"))?;
    let mut env = Vec::new();
    for (key, option) in scope.take_all("env.") {
        let value = option.text()?;
        if value.contains('\0') {
            return Err(option.expected("a value without NUL"));
        }
        env.push((key.to_owned(), Hidden::new(value)));
    }
    Ok(TransportKind::Process {
        command,
        name,
        cwd,
        env,
    })
}

fn parse_unix_server(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    let path = parse_path(params, scope)?;
    let mode = parse_mode(&path, scope)?;
    Ok(TransportKind::UnixServer { path, mode })
}

/// The permissions of a server's socket at this path.
pub(super) fn parse_mode(path: &str, scope: &Scope<'_, '_>) -> Parsed<Option<u32>> {
    take(scope, "mode", |o| match path.starts_with('@') {
        true => Err(o.out_of_place("a name behind `@` has no file, so that it has no permissions")),
        false => o.mode(),
    })
}

pub(super) fn parse_path(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<String> {
    let given = match params.text {
        "" => take(scope, "path", |o| o.text())?,
        text => Some(text.to_owned()),
    };
    let path = given.unwrap_or_default();
    if path.is_empty() {
        return Err(Wrong::new(params.at, "expected a path, found nothing"));
    }
    if path.contains('\0') {
        return Err(Wrong::new(params.at, "a path cannot contain NUL"));
    }
    if path == "@" {
        return Err(Wrong::new(
            params.end(),
            "expected a name after `@`, found nothing",
        ));
    }
    Ok(path)
}

/// A plug-in gets all options that no other part around it knows.
fn parse_custom<'a>(
    shorthand: &str,
    params: Piece<'a>,
    scope: &Scope<'_, 'a>,
    place: Place<'_, 'a>,
) -> Parsed<TransportExpr> {
    let given = match params.text {
        "" => take(scope, TEXT_OPTION, |o| o.text())?,
        _ => None,
    };
    let limits = LimitOverrides::take(scope)?;
    let not_ours = |key: &str| {
        LimitOverrides::NAMES.contains(&key)
            || (given.is_some() && key == TEXT_OPTION)
            || (place.in_restart && key == "backoff")
    };
    let mut options = Vec::new();
    for option in scope.take_rest(not_ours) {
        options.push((option.key.to_owned(), option.text()?));
    }
    let custom = CustomExpr {
        shorthand: shorthand.to_owned(),
        text: given.unwrap_or_else(|| params.text.to_owned()),
        options,
    };
    Ok(TransportExpr::new(
        TransportKind::Custom(custom),
        TransportOptions {
            limits,
            ..TransportOptions::default()
        },
    ))
}

/// The names of all options that some part of the expression knows, the special first.
fn known_options(expr: &TransportExpr) -> Vec<&'static str> {
    let mut known = Vec::new();
    collect_known(expr, &mut known);
    if expr.links().iter().any(|link| link.leaf.kind().is_stream()) {
        known.extend(["keepalive", "spin", "hold"]);
    }
    if !expr.links().is_empty() {
        known.extend(LimitOverrides::NAMES);
    }
    known
}

/// What an option belongs to that one of these transports would have over TLS.
fn over_tls(expr: &TransportExpr, key: &str) -> Option<&'static str> {
    let mut links = expr.links().into_iter();
    links.find_map(|link| {
        let (shorthand, options) = link.leaf.kind().over_tls()?;
        options.contains(&key).then_some(shorthand)
    })
}

fn collect_known(expr: &TransportExpr, known: &mut Vec<&'static str>) {
    match expr.kind() {
        TransportKind::Mux(parts) => parts.iter().for_each(|part| collect_known(part, known)),
        TransportKind::Restart { inner, .. } => collect_known(inner, known),
        _ => {}
    }
    for option in expr.kind().own_options() {
        if !known.contains(&option) {
            known.push(option);
        }
    }
}

/// As in the original.
const RESTART: Duration = Duration::from_secs(10);
/// Levels of nesting; nobody needs more, and the parser recurses.
const DEEPEST: usize = 32;
