//! What moves bytes: sockets, pipes, processes. It knows nothing of what they mean.

#[cfg(any(feature = "mqtt", feature = "nats"))]
pub(crate) mod broker;
#[cfg(not(any(feature = "mqtt", feature = "nats")))]
#[path = "no_broker.rs"]
pub(crate) mod broker;
mod child_log;
pub(crate) mod features;
#[cfg_attr(
    not(any(feature = "websocket", feature = "zmq")),
    allow(dead_code, reason = "nothing else says so much")
)]
pub(crate) mod greeter;
#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(not(feature = "http"))]
#[path = "no_http.rs"]
pub(crate) mod http;
pub(crate) mod listener;
pub(crate) mod names;
pub(crate) mod pipe;
pub(crate) mod process;
pub(crate) mod stdio;
pub(crate) mod stream;
pub(crate) mod sys;
pub(crate) mod tcp;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub(crate) mod tls;
pub mod transport;
pub(crate) mod udp;
#[cfg(feature = "websocket")]
pub(crate) mod websocket;
#[cfg(not(feature = "websocket"))]
#[path = "no_websocket.rs"]
pub(crate) mod websocket;
mod words;
#[cfg(feature = "zmq")]
pub(crate) mod zmq;
#[cfg(not(feature = "zmq"))]
#[path = "no_zmq.rs"]
pub(crate) mod zmq;
