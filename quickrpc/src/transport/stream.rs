//! A connected socket of any kind.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use mio::net::{TcpStream, UnixStream};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::buffer::Buffer;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// A wait may be longer than asked for by so much.
const SLACK: Duration = Duration::from_millis(1);

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Reads what is there; into a slice, or into the `spare_capacity` of a vector.
    pub(crate) fn read(&self, buffer: impl Buffer<u8>) -> io::Result<usize> {
        let (_, count) = recv(self, buffer, RecvFlags::DONTWAIT)?;
        Ok(count)
    }

    /// Reads what is there, and waits for it until then. `timeout` is the one that was set
    /// last; setting it again and again would cost a system call with each read.
    pub(crate) fn read_waiting(
        &self,
        buffer: impl Buffer<u8>,
        timeout: &mut Option<Duration>,
        until: Option<Instant>,
    ) -> io::Result<usize> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let fits = match (*timeout, left) {
            (None, None) => true,
            (Some(set), Some(left)) => set <= left + SLACK && set + set >= left,
            _ => false,
        };
        if !fits {
            // Zero would mean for ever.
            let left = left.map(|left| left.max(SLACK));
            set_socket_timeout(self, Timeout::Recv, left)?;
            *timeout = left;
        }
        let (_, count) = recv(self, buffer, RecvFlags::empty())?;
        Ok(count)
    }

    /// Writes what the socket takes.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(send(self, bytes, flags)?)
    }

    /// From now on only calls that say so do not block.
    pub(crate) fn set_blocking(&self) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(self, false)?)
    }

    /// Wakes a thread that waits for input; there will be none.
    pub(crate) fn shutdown_read(&self) {
        self.end(Shutdown::Read);
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

    /// Registers, edge-triggered. By descriptor, since the socket is shared with those who
    /// write.
    pub(crate) fn register(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.as_raw_fd()), token, interest)
    }

    pub(crate) fn reregister(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        registry.reregister(&mut SourceFd(&self.as_raw_fd()), token, interest)
    }

    pub(crate) fn deregister(&self, registry: &Registry) {
        // Closing the descriptor would do the same.
        registry.deregister(&mut SourceFd(&self.as_raw_fd())).ok();
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
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
