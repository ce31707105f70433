//! The handshake of WebSocket (RFC 6455), in HTTP: a greeter, so that a connection is a peer only
//! behind it. The frames that follow are in `wire/websocket`.

mod access;
mod client;
mod files;
mod headers;
mod inspect;
mod reading;
mod server;

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind};
use crate::wire::security::Tokens;
use crate::wire::websocket::Side;

use super::greeter::Greeting;
use super::tcp;

/// What comes before a connection is a peer, and which end of it we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Side);

/// What a transport needs for WebSocket, if it needs it. `usual` is the path where its expression
/// has none; `posts` says whether messages may be posted to it as well. `keys` is the file of the wire's
/// security provider, which is never served.
///
/// # Errors
///
/// If the folder of a server is not there, or its page could not speak to it.
pub(crate) fn bind(
    expr: &TransportExpr,
    usual: &str,
    posts: bool,
    keys: Option<PathBuf>,
) -> Result<Option<Bound>, Error> {
    let path_of = |path: &str| match path {
        "/" => usual.to_owned(),
        path => path.to_owned(),
    };
    let bound: Bound = match expr.kind() {
        TransportKind::WebSocket {
            host,
            port,
            tls,
            login,
            path,
            query,
            header_file,
            subprotocol,
            ..
        } => {
            // The zone of an address means nothing elsewhere.
            let host = host.split('%').next().unwrap_or_default();
            // A browser leaves the usual one out, too.
            let usual = if tls.is_some() { 443 } else { 80 };
            let authority = match *port {
                port if port == usual => tcp::host_name(host),
                port => tcp::client_name(host, port),
            };
            let headers = headers::Headers::new(login.as_ref(), header_file.as_deref());
            let target = client::Target {
                authority,
                path: path_of(path),
                query: query.clone(),
                subprotocol: subprotocol.clone(),
                headers,
            };
            let client = client::Client::new(target);
            (Arc::new(client), Side::Client)
        }
        TransportKind::WebSocketServer {
            interface,
            tls,
            path,
            files,
            origins,
            inspect,
            keys: users,
            subprotocol,
            ..
        } => {
            let secrets = tls.iter().map(|tls| &tls.identity.key).chain(users);
            let secrets = secrets.map(PathBuf::from).chain(keys).collect();
            let folder = files.as_deref();
            let folder = folder
                .map(|name| files::Folder::open(name, secrets))
                .transpose();
            let folder = folder.map_err(|why| Error::Config(format!("`{expr}`: {why}").into()))?;
            if *inspect && !posts {
                let text = format!(
                    "`{expr}`: the page of `inspect` speaks `jrpc`, without a security provider; \
                     bind a wire of that codec for it"
                );
                return Err(Error::Config(text.into()));
            }
            let path = path_of(path);
            let access = access::Access::new(interface, origins);
            let tokens = users.as_deref().map(Tokens::open).transpose()?;
            let server = server::Server::new(server::Served {
                inspect: inspect.then(|| inspect::Page::new(&path)),
                path,
                folder,
                access,
                tokens,
                posts,
                subprotocol: subprotocol.clone(),
            });
            (Arc::new(server), Side::Server)
        }
        _ => return Ok(None),
    };
    Ok(Some(bound))
}
