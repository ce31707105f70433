//! Bytes and what they mean, for one peer, without any I/O.

pub mod codec;
pub(crate) mod framing;
pub(crate) mod jrpc;
pub mod security;
pub(crate) mod terse;
#[cfg(feature = "websocket")]
pub(crate) mod websocket;
#[cfg(not(feature = "websocket"))]
#[path = "no_websocket.rs"]
pub(crate) mod websocket;
