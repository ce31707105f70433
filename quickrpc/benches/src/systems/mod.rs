//! What is measured.

use std::sync::{Arc, OnceLock};

use crate::plan::Scale;
use crate::system::AnySystem;

#[cfg(any(feature = "nats", feature = "mqtt"))]
pub(crate) mod brokers;
pub(crate) mod floor;
#[cfg(feature = "jsonrpsee")]
mod jsonrpsee;
#[cfg(feature = "websocket")]
mod juggler;
mod python;
pub(crate) mod quickrpc;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "security")]
mod secured;
#[cfg(feature = "tarpc")]
mod tarpc;
mod tasks;
#[cfg(feature = "tonic")]
mod tonic;

pub(crate) use floor::Floor;
pub(crate) use quickrpc::QuickRpc;

/// Longer than any message here, this library's default being 16 MiB with everything.
pub(crate) const MESSAGE_SIZE: usize = 64 << 20;

/// More than any table has.
pub(crate) const CONNECTIONS: usize = 100_000;

/// The floor, this library, and the peers, in this order.
pub(crate) fn all(scale: &Scale) -> Vec<AnySystem> {
    let mut systems = floor::all();
    systems.extend(quickrpc::all(scale));
    systems.extend(peers(scale));
    systems
}

/// The other libraries.
pub(crate) fn peers(scale: &Scale) -> Vec<AnySystem> {
    vec![
        #[cfg(feature = "tarpc")]
        Arc::new(tarpc::Tarpc::Bincode),
        #[cfg(feature = "tarpc")]
        Arc::new(tarpc::Tarpc::Json),
        #[cfg(feature = "jsonrpsee")]
        Arc::new(jsonrpsee::Jsonrpsee::WebSocket),
        #[cfg(feature = "tonic")]
        Arc::new(tonic::Tonic),
        Arc::new(python::Python::new(scale.python.clone())),
    ]
}

/// What is spoken over a WebSocket: the first is what the others are compared with.
#[cfg(feature = "websocket")]
pub(crate) fn over_websocket(scale: &Scale) -> Vec<AnySystem> {
    vec![
        Arc::new(QuickRpc::websocket("jrpc")),
        Arc::new(QuickRpc::websocket("zonis")),
        Arc::new(python::Python::zonis(scale.zonis.clone())),
        Arc::new(juggler::Juggler),
        Arc::new(python::Python::juggler(scale.juggler.clone())),
    ]
}

/// What is posted over HTTP: the first is what the others are compared with.
#[cfg(feature = "http")]
pub(crate) fn over_http() -> Vec<AnySystem> {
    vec![
        Arc::new(QuickRpc::http()),
        #[cfg(feature = "jsonrpsee")]
        Arc::new(jsonrpsee::Jsonrpsee::Http),
    ]
}

/// Messages that are protected, behind those that are not.
#[cfg(feature = "security")]
pub(crate) fn secured() -> Vec<AnySystem> {
    use secured::{Secured, Way};
    let ways = [Way::Tls, Way::Hmac, Way::Seal].map(|way| QuickRpc::secured(Secured::new(way)));
    let all = std::iter::once(QuickRpc::jrpc()).chain(ways);
    all.flat_map(|system| {
        [
            Arc::new(system.clone()) as AnySystem,
            Arc::new(system.batched()),
        ]
    })
    .collect()
}

/// The system of this name, in a child process.
pub(crate) fn named(name: &str) -> Option<AnySystem> {
    let scale = Scale::default();
    let mut systems = all(&scale);
    systems.push(Arc::new(Floor::typed().epoll()));
    systems.into_iter().find(|system| system.name() == name)
}

/// A text of this size, without anything to escape.
pub(crate) fn sample_text(size: usize) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    &TEXT.get_or_init(|| "abcdefgh".repeat(1 << 21))[..size]
}
