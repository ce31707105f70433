//! Against the real programs of others, in both roles: the Python original, and those that
//! speak JSON-RPC.

mod announcer;
mod anvil;
mod cancelling;
mod certificates;
mod child;
mod garbage;
mod hmac;
#[cfg(unix)] // half of it is over Unix sockets
mod hololinked;
mod jayson;
mod juggler;
mod juggler_state;
mod language_servers;
mod methods;
mod msgpack;
#[cfg(unix)] // it is reached over a Unix socket
mod neovim;
mod openssl;
mod posted;
mod properties;
mod python_client;
mod python_server;
mod rpc_over_websocket;
mod snapserver;
mod ssl;
mod subscriptions;
mod terse;
#[cfg(unix)] // Neovim is reached over a Unix socket
mod tool;
mod udp;
mod websockets;
mod zmq;
mod zonis;

use quickrpc_tests::{Jsonrpsee, Node, Python};

/// Node.js with the packages of others, or `None` where this machine can have none.
fn node() -> Option<&'static Node> {
    Node::find(env!("CARGO_TARGET_TMPDIR"))
}

/// The library jsonrpsee, or `None` where this machine can have none.
fn jsonrpsee() -> Option<&'static Jsonrpsee> {
    Jsonrpsee::find(env!("CARGO_TARGET_TMPDIR"))
}

/// The installation of the original, or `None` where this machine can have none.
fn python() -> Option<&'static Python> {
    Python::find(env!("CARGO_TARGET_TMPDIR"))
}

/// A promise's result, or a failed test if it is never settled.
#[track_caller]
fn settled<T: Send + 'static>(promise: quickrpc::Promise<T>) -> quickrpc::Result<T> {
    quickrpc_tests::bounded("the promise", move || promise.result())
}
