//! The parameters of `ws:` and `wsserv:`.

use super::error::{Wrong, found};
use super::options::{OptionText, Scope};
use super::parse::{Parsed, Piece};
use super::transport::TransportKind;
use super::transport_parse::{check_host, check_interface, parse_host_and_port, take};

/// `ws:<host>:<port>/<path>`, or a URL: `ws://<host>:<port>/<path>`.
pub(super) fn parse_client(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    if params.text.starts_with("wss:") {
        return Err(no_tls(params));
    }
    let url = ["ws://", "//"]
        .iter()
        .find(|url| params.text.starts_with(**url));
    let params = params.split_at(url.map_or(0, |url| url.len())).1;
    let (authority, path) = split_path(params);
    let (host, port) = match has_port(authority.text) {
        true => parse_host_and_port(authority, "ws:<host>:<port>/<path>")?,
        false => (check_host(authority)?, HTTP),
    };
    if host.text.is_empty() {
        return Err(Wrong::new(host.at, "expected a host, found nothing"));
    }
    Ok(TransportKind::WebSocket {
        host: host.text.to_owned(),
        port,
        path: parse_path(path, scope)?,
        subprotocol: take(scope, "subprotocol", OptionText::token)?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
}

/// `wsserv:<interface>:<port>/<path>`.
pub(super) fn parse_server(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<TransportKind> {
    let (authority, path) = split_path(params);
    let (interface, port) = parse_host_and_port(authority, "wsserv:<interface>:<port>/<path>")?;
    check_interface(interface, "wsserv")?;
    let path_at = path.at;
    let path = parse_path(path, scope)?;
    if path.contains('?') {
        let message = "clients may add any query to the path, so it has none here";
        return Err(Wrong::new(path_at, message));
    }
    Ok(TransportKind::WebSocketServer {
        interface: interface.text.to_owned(),
        port,
        path,
        files: take(scope, "files", OptionText::folder)?,
        origins: take(scope, "origins", OptionText::origins)?.unwrap_or_default(),
        subprotocol: take(scope, "subprotocol", OptionText::token)?,
        nodelay: take(scope, "nodelay", |o| o.flag())?.unwrap_or(true),
    })
}

/// The error where somebody wants it encrypted.
pub(super) fn no_tls(piece: Piece<'_>) -> Wrong {
    let message = "`wss:` is not available in this version; use `ws:`, or `ws:` to a proxy \
                   that speaks TLS";
    Wrong::new(piece.at, message)
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
