//! A listening socket of any kind.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};

use super::stream::Stream;
use super::sys::{self, unix};

/// A listening socket, not blocking.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(unix::Listener),
}

impl Listener {
    /// The next connection, and the name of its peer.
    pub(crate) fn accept(&self) -> io::Result<(Stream, String)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                Ok((Stream::Tcp(sys::connected(stream)?), address.to_string()))
            }
            Listener::Unix(listener) => {
                let (stream, name) = listener.accept()?;
                Ok((Stream::Unix(stream), name))
            }
        }
    }

    /// Where it listens, if that is an address.
    pub(crate) fn address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map(Some),
            Listener::Unix(_) => Ok(None),
        }
    }

    /// Registers for connections, edge-triggered.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Listener::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Listener::Unix(listener) => listener.register(registry, token),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Listener::Tcp(listener) = self {
            sys::end_listening(listener);
        }
    }
}
