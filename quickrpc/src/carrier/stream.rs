//! A connected socket of any kind.

use std::io::{self, BufRead};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use mio::net::{TcpStream, UnixStream};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::buffer::spare_capacity;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::base::often::Origin;
use crate::base::security::SecInfo;

use super::tls::Tls;

/// A wait may be longer than asked for by so much.
const SLACK: Duration = Duration::from_millis(1);

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "there is none"))]
    /// In a box, since it is large, and most streams are none.
    Tls(Box<Tls>),
}

/// Where input goes: into a slice, or behind what a vector has, as far as it has room.
pub(crate) trait Room {
    /// From a socket.
    fn receive(self, socket: impl AsFd, flags: RecvFlags) -> io::Result<usize>;
    /// From what has come already.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nothing has"))]
    fn copy(self, input: impl BufRead) -> io::Result<usize>;
}

impl Room for &mut [u8] {
    fn receive(self, socket: impl AsFd, flags: RecvFlags) -> io::Result<usize> {
        let (_, count) = recv(socket, self, flags)?;
        Ok(count)
    }

    fn copy(self, mut input: impl BufRead) -> io::Result<usize> {
        input.read(self)
    }
}

/// The spare capacity of a vector.
struct Spare<'a>(&'a mut Vec<u8>);

impl Room for Spare<'_> {
    fn receive(self, socket: impl AsFd, flags: RecvFlags) -> io::Result<usize> {
        let (_, count) = recv(socket, spare_capacity(self.0), flags)?;
        Ok(count)
    }

    fn copy(self, mut input: impl BufRead) -> io::Result<usize> {
        let chunk = input.fill_buf()?;
        let count = chunk.len().min(self.0.capacity() - self.0.len());
        let chunk = chunk.get(..count).unwrap_or_default();
        self.0.extend_from_slice(chunk);
        input.consume(count);
        Ok(count)
    }
}

/// One of the two.
pub(crate) enum Place<'a> {
    /// Into a slice.
    Slice(&'a mut [u8]),
    /// Behind what a vector has.
    Behind(&'a mut Vec<u8>),
}

impl Place<'_> {
    /// The same once more.
    pub(crate) fn again(&mut self) -> Place<'_> {
        match self {
            Place::Slice(slice) => Place::Slice(slice),
            Place::Behind(vector) => Place::Behind(vector),
        }
    }

    /// From something that reads into slices only.
    pub(crate) fn fill(self, mut reader: impl io::Read, most: usize) -> io::Result<usize> {
        match self {
            Place::Slice(slice) => reader.read(slice),
            Place::Behind(vector) => {
                let start = vector.len();
                vector.resize(start + most, 0);
                let read = reader.read(vector.get_mut(start..).unwrap_or_default());
                vector.truncate(start + *read.as_ref().unwrap_or(&0));
                read
            }
        }
    }
}

impl Room for Place<'_> {
    #[inline]
    fn receive(self, socket: impl AsFd, flags: RecvFlags) -> io::Result<usize> {
        match self {
            Place::Slice(slice) => slice.receive(socket, flags),
            Place::Behind(vector) => Spare(vector).receive(socket, flags),
        }
    }

    fn copy(self, input: impl BufRead) -> io::Result<usize> {
        match self {
            Place::Slice(slice) => slice.copy(input),
            Place::Behind(vector) => Spare(vector).copy(input),
        }
    }
}

impl Stream {
    /// Reads what is there.
    #[inline]
    pub(crate) fn read(&self, room: impl Room) -> io::Result<usize> {
        match self {
            Stream::Tls(tls) => tls.read(room),
            _ => room.receive(self, RecvFlags::DONTWAIT),
        }
    }

    /// Reads what is there, and waits for it until then. `timeout` is the one that was set
    /// last; setting it again and again would cost a system call with each read.
    pub(crate) fn read_waiting(
        &self,
        room: impl Room,
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
        match self {
            Stream::Tls(tls) => tls.read_waiting(room),
            _ => room.receive(self, RecvFlags::empty()),
        }
    }

    /// Throws away what has come, without looking at it.
    pub(crate) fn discard(&self, scratch: &mut [u8]) -> io::Result<usize> {
        scratch.receive(self, RecvFlags::DONTWAIT)
    }

    /// Whether a read may give less than what has come, so that only
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) says that there is no more.
    pub(crate) fn reads_in_parts(&self) -> bool {
        matches!(self, Stream::Tls(_))
    }

    /// Whether input has come out of the socket already, of which the system says nothing
    /// any more.
    pub(crate) fn has_unread(&self) -> bool {
        match self {
            Stream::Tls(tls) => tls.has_unread(),
            _ => false,
        }
    }

    /// Writes what the socket takes. What was not taken has to be the beginning of what is
    /// written next: some of it may be encrypted already.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tls(tls) => tls.write(bytes),
            _ => send_now(self, bytes),
        }
    }

    /// From where it comes.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "nobody asks"))]
    pub(crate) fn origin(&self) -> Origin {
        let address = match self {
            Stream::Tcp(stream) => stream.peer_addr(),
            Stream::Tls(tls) => tls.socket().peer_addr(),
            Stream::Unix(_) => return Origin::Anybody,
        };
        address.map_or(Origin::Anybody, |address| {
            Origin::Address(address.ip().to_canonical())
        })
    }

    /// What is known of the other side from the handshake.
    pub(crate) fn secinfo(&self) -> Option<SecInfo> {
        match self {
            Stream::Tls(tls) => tls.secinfo(),
            _ => None,
        }
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
        if let Stream::Tls(tls) = self {
            tls.say_end();
        }
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
            Stream::Tls(tls) => tls.socket().shutdown(how).ok(),
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

/// Writes what the socket takes at once.
pub(super) fn send_now(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(send(socket, bytes, flags)?)
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Tls(tls) => tls.socket().as_fd(),
        }
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
            Stream::Tls(tls) => tls.socket().as_raw_fd(),
        }
    }
}
