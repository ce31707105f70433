//! The parameters of `ws:` and `wsserv:`, `wss:` and `wssserv:`.

use super::options::{OptionText, Scope};
use super::parse::{Parsed, Piece};
use super::tls::{ClientTls, ServerTls};
use super::transport::TransportKind;
use super::transport_parse::{check_host, check_interface, parse_host_and_port, take};
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
    let prefix = format!("{shorthand}://");
    let url = [prefix.as_str(), "//"]
        .into_iter()
        .find(|url| params.text.starts_with(*url));
    let params = params.split_at(url.map_or(0, str::len)).1;
    let (authority, path) = split_path(params);
    let (host, port) = match has_port(authority.text) {
        true => parse_host_and_port(authority, &format!("{shorthand}:<host>:<port>/<path>"))?,
        false => (check_host(authority)?, if tls { HTTPS } else { HTTP }),
    };
    if host.text.is_empty() {
        return Err(Wrong::new(host.at, "expected a host, found nothing"));
    }
    Ok(TransportKind::WebSocket {
        host: host.text.to_owned(),
        port,
        tls: tls.then(|| ClientTls::take(scope)).transpose()?,
        path: parse_path(path, scope)?,
        subprotocol: take(scope, "subprotocol", OptionText::token)?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
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
    Ok(TransportKind::WebSocketServer {
        interface: interface.text.to_owned(),
        port,
        tls: tls
            .then(|| ServerTls::take(scope, params.end(), shorthand))
            .transpose()?,
        path,
        files: take(scope, "files", |o| o.path("a folder"))?,
        origins: take(scope, "origins", OptionText::origins)?.unwrap_or_default(),
        subprotocol: take(scope, "subprotocol", OptionText::token)?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
}

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
        None => authority.is_empty() || authority.contains([':', '?']),
    }
}

fn parse_path(path: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<String> {
    let given = match path.text {
        "" => take(scope, "path", |o| o.text())?,
        text => Some(text.to_owned()),
    };
    let text = given.unwrap_or_else(|| String::from("/"));
    if !text.starts_with('/') {
        let message = format!("expected a path that begins with `/`, {}", found(&text));
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
    let at = if path.text.is_empty() { 0 } else { at };
    Err(Wrong::new(path.at + at, message))
}

/// The port of HTTP (RFC 6455, section 3).
const HTTP: u16 = 80;
/// And of the same with TLS.
const HTTPS: u16 = 443;
