//! A listening socket of any kind.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::net::{Shutdown, shutdown};

use super::stream::Stream;
use super::unix;

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
                Ok((Stream::Tcp(stream), address.to_string()))
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
    pub(crate) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.as_raw_fd()), token, Interest::READABLE)
    }
}

/// Ends listening, whoever still holds the descriptor: a child process that is being
/// spawned has it until it runs its program, and the port would be taken for so long.
impl Drop for Listener {
    fn drop(&mut self) {
        if let Listener::Tcp(listener) = self {
            shutdown(listener, Shutdown::Both).ok();
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Listener::Tcp(listener) => listener.as_raw_fd(),
            Listener::Unix(listener) => listener.socket.as_raw_fd(),
        }
    }
}
