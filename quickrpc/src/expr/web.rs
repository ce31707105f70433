//! The parameters of `ws:` and `wsserv:`, `wss:` and `wssserv:`.

use super::hidden::Hidden;
use super::host::{check_host, check_interface, parse_host_and_port};
use super::options::{OptionText, Scope, take};
use super::overrides::LimitOverrides;
use super::parse::{Parsed, Piece};
use super::tls::{ClientTls, ServerTls};
use super::transport::TransportKind;
use crate::base::expr_error::{Wrong, found};

/// `ws:<host>:<port>/<path>`, or a URL: `ws://<host>:<port>/<path>`; and likewise `wss`.
pub(super) fn parse_client(
    shorthand: &str,
    params: Piece<'_>,
    scope: &Scope<'_, '_>,
) -> Parsed<TransportKind> {
    let tls = shorthand == "wss";
    let other = if tls { "ws" } else { "wss" };
    if params.text.starts_with(&format!("{other}://")) {
        let message =
            format!("for a URL with `{other}:`, write it without `{shorthand}:` before it");
        return Err(Wrong::new(params.at, message));
    }
    let params = params.split_at(slashes(shorthand, params.text)).1;
    let end = params.text.find(['/', '?', '#']);
    let (authority, target) = params.split_at(end.unwrap_or(params.text.len()));
    let (login, authority) = match authority.text.rfind('@') {
        Some(at) => {
            let (login, host) = authority.split_at(at);
            (Some(parse_login(login)?), host.split_at(1).1)
        }
        None => (None, authority),
    };
    let (host, port) = parse_authority(shorthand, authority, tls)
        // What was found may be a part of a password.
        .map_err(|wrong| match params.text.contains('@') {
            true => Wrong::new(params.at, LOGIN),
            false => wrong,
        })?;
    let (path, query) = split_query(parse_path(target, scope)?);
    Ok(TransportKind::WebSocket {
        host: host.text.to_owned(),
        port,
        tls: tls.then(|| ClientTls::take(scope)).transpose()?,
        login,
        path,
        query,
        header_file: take(scope, "header_file", |o| o.path("the name of a file"))?,
        subprotocol: take(scope, "subprotocol", OptionText::token)?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
}

/// The options that only a client of WebSocket has.
pub(super) const CLIENT: [&str; 4] = ["subprotocol", "path", "header_file", "nodelay"];

const LOGIN: &str = "expected `<user>:<password>@<host>:<port>` here; of the user and the \
                     password, all but letters, digits and `-._~` are written as in `%2F`";

/// How much of the parameters says only that it is a URL.
pub(super) fn slashes(shorthand: &str, params: &str) -> usize {
    let whole = format!("{shorthand}://");
    let url = [whole.as_str(), "//"]
        .into_iter()
        .find(|url| params.starts_with(*url));
    url.map_or(0, str::len)
}

pub(super) fn parse_authority<'a>(
    shorthand: &str,
    authority: Piece<'a>,
    tls: bool,
) -> Parsed<(Piece<'a>, u16)> {
    let (host, port) = match has_port(authority.text) {
        true => parse_host_and_port(authority, &format!("{shorthand}:<host>:<port>/<path>"))?,
        false => (check_host(authority)?, if tls { HTTPS } else { HTTP }),
    };
    match host.text.is_empty() {
        true => Err(Wrong::new(host.at, "expected a host, found nothing")),
        false => Ok((host, port)),
    }
}

/// Who we say we are, as RFC 3986 writes it (section 3.2.1), and RFC 7617 sends it.
fn parse_login(login: Piece<'_>) -> Parsed<Hidden> {
    let (user, password) = login.text.split_once(':').unwrap_or((login.text, ""));
    match (decode_percent(user), decode_percent(password)) {
        (Some(user), Some(password)) if !user.contains(':') => {
            let plain = |text: &str| !text.contains(char::is_control);
            match plain(&user) && plain(&password) {
                true => Ok(Hidden::new(format!(
                    "{}:{}",
                    encode_percent(&user),
                    encode_percent(&password)
                ))),
                false => Err(Wrong::new(login.at, LOGIN)),
            }
        }
        _ => Err(Wrong::new(login.at, LOGIN)),
    }
}

/// A text with `%20` and the like, as it is meant.
pub(crate) fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
                let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
                bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| hex)?);
                rest = tail.get(2..)?;
            }
            first => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

fn encode_percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// What is asked for, without and with what comes behind the `?`.
pub(super) fn split_query(path: String) -> (String, Option<Hidden>) {
    match path.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(Hidden::new(query))),
        None => (path, None),
    }
}

/// Whether what looks like options at the end of an expression is the query of its URL. It is,
/// unless a part of the expression knows the keys.
///
/// # Errors
///
/// If some are known and others are not.
pub(super) fn is_query(body: Piece<'_>, in_restart: bool, options: Piece<'_>) -> Parsed<bool> {
    let Some((shorthand, in_restart)) = url_at_end(body.text, in_restart) else {
        return Ok(false);
    };
    let is_known = |pair: &Piece<'_>| {
        let key = pair.text.split_once('=').map_or("", |(key, _)| key);
        is_option(key, &[shorthand], in_restart)
    };
    let (known, unknown): (Vec<_>, Vec<_>) = options.split('&').partition(is_known);
    match (known.first(), unknown.first()) {
        (None, _) => Ok(true),
        (Some(_), None) => Ok(false),
        (Some(known), Some(unknown)) => {
            let key = |pair: &Piece<'_>| pair.text.split('=').next().unwrap_or_default().to_owned();
            let what = match unknown.text.contains('=') {
                true => found(&key(unknown)),
                false => String::from("found something else"),
            };
            let message = format!(
                "`{}` is an option, so that all here have to be, {what}; what belongs to the URL \
                 stands before another `?`, as in `ws://<host>/<path>?token=..?keepalive=10`",
                key(known)
            );
            Err(Wrong::new(unknown.at, message))
        }
    }
}

/// Whether the expression ends with the URL of a client, of which shorthand, and whether there is a
/// `restart:` around it.
fn url_at_end(mut body: &str, mut in_restart: bool) -> Option<(&str, bool)> {
    while let Some((_, inner)) = body
        .strip_prefix("restart:")
        .and_then(|b| b.split_once(':'))
    {
        body = inner;
        in_restart = true;
    }
    let (shorthand, params) = body.split_once(':')?;
    let is_client = CLIENTS.contains(&shorthand);
    (is_client && slashes(shorthand, params) > 0).then_some((shorthand, in_restart))
}

/// Those who take URLs.
const CLIENTS: [&str; 4] = ["ws", "wss", "http", "https"];

/// Whether one of these clients has an option of this name.
fn is_option(key: &str, clients: &[&str], in_restart: bool) -> bool {
    let own = |client: &&str| match *client {
        "ws" => CLIENT.contains(&key),
        "wss" => CLIENT.contains(&key) || super::tls::CLIENT.contains(&key),
        "http" => super::http::CLIENT.contains(&key),
        _ => super::http::CLIENT.contains(&key) || super::tls::CLIENT.contains(&key),
    };
    clients.iter().any(own)
        || (in_restart && key == "backoff")
        || ["keepalive", "spin", "hold"].contains(&key)
        || LimitOverrides::NAMES.contains(&key)
}

/// Whether the value of an option of this name tells nothing in an error. A query may have keys
/// like these, and a path a query.
pub(super) fn is_harmless(key: &str) -> bool {
    is_option(key, &CLIENTS, true) && !["key", "name", "path"].contains(&key)
}

/// `wsserv:<interface>:<port>/<path>`, and likewise `wssserv`.
pub(super) fn parse_server(
    shorthand: &str,
    params: Piece<'_>,
    scope: &Scope<'_, '_>,
) -> Parsed<TransportKind> {
    let (authority, path) = split_path(params);
    let form = format!("{shorthand}:<interface>:<port>/<path>");
    let (interface, port) = parse_host_and_port(authority, &form)?;
    check_interface(interface, shorthand)?;
    let path_at = path.at;
    let path = parse_path(path, scope)?;
    if path.contains('?') {
        let message = "clients may add any query to the path, so it has none here";
        return Err(Wrong::new(path_at, message));
    }
    let tls = shorthand == "wssserv";
    let origins = take(scope, "origins", OptionText::origins)?.unwrap_or_default();
    let for_all = origins
        .iter()
        .any(|origin| matches!(origin.as_str(), "*" | "null"));
    let inspect = take(scope, "inspect", |option| match option.flag()? {
        true if for_all => Err(Wrong::new(option.value.at, FOR_ALL)),
        inspect => Ok(inspect),
    })?;
    Ok(TransportKind::WebSocketServer {
        interface: interface.text.to_owned(),
        port,
        tls: tls
            .then(|| ServerTls::take(scope, params.end(), shorthand))
            .transpose()?,
        path,
        files: take(scope, "files", |o| o.path("a folder"))?,
        origins,
        inspect: inspect.unwrap_or_default(),
        keys: take(scope, "keys", |o| o.path("the name of a file"))?,
        subprotocol: take(scope, "subprotocol", OptionText::token)?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
}

const FOR_ALL: &str = "`inspect` shows a page that makes calls, which pages of everybody \
                       (`origins=*` and `null`) could make too; list the origins that may";

/// Host and port, and the path with its slash.
fn split_path(params: Piece<'_>) -> (Piece<'_>, Piece<'_>) {
    let at = params.text.find('/').unwrap_or(params.text.len());
    params.split_at(at)
}

/// Whether something follows the host, even if it is no port.
fn has_port(authority: &str) -> bool {
    match authority.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .is_none_or(|(_, rest)| !rest.is_empty()),
        None => authority.is_empty() || authority.contains(':'),
    }
}

pub(super) fn parse_path(path: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<String> {
    let given = match path.text {
        "" => take(scope, "path", |o| o.text())?,
        // A URL may have a query and no path.
        text if text.starts_with('?') => Some(format!("/{text}")),
        text => Some(text.to_owned()),
    };
    let text = given.unwrap_or_else(|| String::from("/"));
    if !text.starts_with('/') {
        let shown = text.split('?').next().unwrap_or_default();
        let message = format!("expected a path that begins with `/`, {}", found(shown));
        return Err(Wrong::new(path.at, message));
    }
    // RFC 3986, section 3.3, and what others write there too.
    let stray = |c: char| {
        !c.is_ascii_graphic()
            || matches!(
                c,
                '#' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'
            )
    };
    let Some((at, c)) = text.char_indices().find(|(_, c)| stray(*c)) else {
        return Ok(text);
    };
    let message = format!(
        "expected a path as in a URL, with `%20` for a space and the like, {}",
        found(c.encode_utf8(&mut [0; 4]))
    );
    let at = match path.text.chars().next() {
        None => 0,
        Some('?') => at - 1,
        Some(_) => at,
    };
    Err(Wrong::new(path.at + at, message))
}

/// The port of HTTP (RFC 6455, section 3).
const HTTP: u16 = 80;
/// And of the same with TLS.
const HTTPS: u16 = 443;
