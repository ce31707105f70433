//! WebSocket (RFC 6455): a handshake in HTTP, and after it messages in frames.
//!
//! The handshake is a greeter, so that a connection is a peer only behind it. Frames are
//! stateless on the way out, and belong to the wire; on the way in, a peer has a [`Reader`].

mod access;
mod client;
mod files;
mod frame;
mod http;
mod reader;
mod server;
#[cfg(test)]
mod test_reader;

use std::sync::Arc;

use crate::error::Error;
use crate::expr::{TransportExpr, TransportKind};

use super::greeter::Greeting;
use super::tcp;

pub(crate) use frame::Side;
pub(crate) use reader::{Event, Reader};

/// What comes before a connection is a peer, and which end of it we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Side);

/// What a transport needs for WebSocket, if it needs it.
///
/// # Errors
///
/// If the folder of a server is not there.
pub(crate) fn bind(expr: &TransportExpr) -> Result<Option<Bound>, Error> {
    let bound: Bound = match expr.kind() {
        TransportKind::WebSocket {
            host,
            port,
            tls,
            path,
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
            let client = client::Client::new(authority, path, subprotocol.as_deref());
            (Arc::new(client), Side::Client)
        }
        TransportKind::WebSocketServer {
            interface,
            path,
            files,
            origins,
            subprotocol,
            ..
        } => {
            let folder = files.as_deref().map(files::Folder::open).transpose();
            let folder = folder.map_err(|why| Error::Config(format!("`{expr}`: {why}").into()))?;
            let access = access::Access::new(interface, origins);
            let server = server::Server::new(path, folder, access, subprotocol.as_deref());
            (Arc::new(server), Side::Server)
        }
        _ => return Ok(None),
    };
    Ok(Some(bound))
}
