//! TLS 1.2 and 1.3 (RFC 8446) over TCP, by rustls.
//!
//! The encryption is within [`Stream`], so that nobody who reads and writes has to know of it.
//! The handshake is a greeter, so that a connection is a peer only behind it; the one of
//! HTTP may follow.

mod explain;
mod files;
#[cfg(feature = "http")]
mod given;
mod handshake;
mod session;
mod subject;

use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind};

use super::greeter::Greeting;
#[cfg(doc)]
use super::stream::Stream;

#[cfg(feature = "http")]
pub(crate) use files::Reloaded;
#[cfg(feature = "http")]
pub(crate) use given::{Given, explained};
pub(crate) use session::Tls;

/// The protocol that is named in the handshake, where HTTP follows (RFC 7301, section 6).
const HTTP: &[u8] = b"http/1.1";

/// What comes before a connection is a peer: the handshake, and then what is within.
///
/// # Errors
///
/// If certificates and keys are not there, or not right.
pub(crate) fn bind(
    expr: &TransportExpr,
    within: Option<Arc<dyn Greeting>>,
) -> Result<Option<Arc<dyn Greeting>>, Error> {
    let wrong = |why: String| Error::Config(format!("`{expr}`: {why}").into());
    let kind = expr.kind();
    let protocols: &[&[u8]] = match kind {
        TransportKind::WebSocket { .. } | TransportKind::WebSocketServer { .. } => &[HTTP],
        _ => &[],
    };
    let greeting: Arc<dyn Greeting> = match (kind.client_tls(), kind.server_tls()) {
        (Some(tls), _) => {
            let host = match kind {
                TransportKind::Tcp { host, .. } | TransportKind::WebSocket { host, .. } => host,
                TransportKind::Nats(nats) => &nats.host,
                TransportKind::Mqtt(mqtt) => &mqtt.host,
                _ => "",
            };
            let client = handshake::Client::new(host, tls, protocols, within);
            Arc::new(client.map_err(wrong)?)
        }
        (None, Some(tls)) => {
            let server = handshake::Server::new(tls, protocols, within);
            Arc::new(server.map_err(wrong)?)
        }
        (None, None) => return Ok(within),
    };
    Ok(Some(greeting))
}
