//! A connected socket of any kind.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};

use mio::net::{TcpStream, UnixStream};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

/// A connected socket, not blocking.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).read(buffer),
            Stream::Unix(stream) => (&*stream).read(buffer),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            Stream::Unix(stream) => (&*stream).write(bytes),
        }
    }

    /// Says that nothing more will be written; the other side reads the end.
    pub(crate) fn shutdown_write(&self) {
        self.end(Shutdown::Write);
    }

    /// Ends the connection in both directions, whoever still holds the descriptor.
    pub(crate) fn close(&self) {
        self.end(Shutdown::Both);
    }

    fn end(&self, how: Shutdown) {
        // An error means that the connection is gone, which is what was wanted.
        match self {
            Stream::Tcp(stream) => stream.shutdown(how).ok(),
            Stream::Unix(stream) => stream.shutdown(how).ok(),
        };
    }

    /// Registers for both directions, edge-triggered. By descriptor, since the socket is
    /// shared with those who write.
    pub(crate) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&self.as_raw_fd()), token, both)
    }

    pub(crate) fn deregister(&self, registry: &Registry) {
        // Closing the descriptor would do the same.
        registry.deregister(&mut SourceFd(&self.as_raw_fd())).ok();
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        }
    }
}
