//! A connected socket of any kind.

use std::io::{self, BufRead};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};

use crate::base::often::Origin;
use crate::base::security::SecInfo;

use crate::wire::session::Here;

use super::sys::{self, LocalStream, Rung, Socket, TcpStream, Wait, unix};
use super::tls::Tls;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    /// Within this machine.
    Unix(LocalStream),
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "there is none"))]
    /// In a box, since it is large, and most streams are none.
    Tls(Box<Tls>),
}

/// Where input goes: into a slice, or behind what a vector has, as far as it has room.
pub(crate) trait Room {
    /// From a socket.
    fn receive(self, socket: Socket<'_>, wait: Wait) -> io::Result<usize>;
    /// From what has come already.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nothing has"))]
    fn copy(self, input: impl BufRead) -> io::Result<usize>;
}

impl Room for &mut [u8] {
    #[inline]
    fn receive(self, socket: Socket<'_>, wait: Wait) -> io::Result<usize> {
        sys::receive(socket, self, wait)
    }

    fn copy(self, mut input: impl BufRead) -> io::Result<usize> {
        input.read(self)
    }
}

/// The spare capacity of a vector.
struct Spare<'a>(&'a mut Vec<u8>);

impl Room for Spare<'_> {
    #[inline]
    fn receive(self, socket: Socket<'_>, wait: Wait) -> io::Result<usize> {
        sys::receive_behind(socket, self.0, wait)
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
    fn receive(self, socket: Socket<'_>, wait: Wait) -> io::Result<usize> {
        match self {
            Place::Slice(slice) => slice.receive(socket, wait),
            Place::Behind(vector) => Spare(vector).receive(socket, wait),
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
            _ => room.receive(self.socket(), Wait::Never),
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
        sys::limit_waits(self.socket(), timeout, until)?;
        match self {
            Stream::Tls(tls) => tls.read_waiting(room, until),
            _ => room.receive(self.socket(), Wait::Until(until)),
        }
    }

    /// Reads what is there as it is, though the stream may be one that will be encrypted.
    #[cfg_attr(
        not(any(feature = "mqtt", feature = "nats")),
        allow(dead_code, reason = "only brokers greet before TLS")
    )]
    pub(crate) fn read_plain(&self, chunk: &mut [u8]) -> io::Result<usize> {
        chunk.receive(self.socket(), Wait::Never)
    }

    /// Throws away what has come, without looking at it.
    pub(crate) fn discard(&self, scratch: &mut [u8]) -> io::Result<usize> {
        scratch.receive(self.socket(), Wait::Never)
    }

    /// Whether a read may give less than what has come, so that only
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) says that there is no more.
    pub(crate) fn reads_in_parts(&self) -> bool {
        sys::READS_TO_THE_END || matches!(self, Stream::Tls(_))
    }

    /// Whether the next event of room is one.
    pub(crate) fn waits_for_room(&self) -> bool {
        sys::waits_for_room(self.socket())
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
            _ => sys::send_now(self.socket(), bytes),
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

    /// Where our end is.
    pub(crate) fn here(&self) -> Option<Here> {
        match self {
            Stream::Tcp(stream) => stream.local_addr().ok().map(Here::Tcp),
            Stream::Tls(tls) => tls.socket().local_addr().ok().map(Here::Tcp),
            Stream::Unix(stream) => unix::path(stream).map(|path| Here::Unix(path.into())),
        }
    }

    /// What is known of the other side from the handshake.
    pub(crate) fn secinfo(&self) -> Option<SecInfo> {
        match self {
            Stream::Tls(tls) => tls.secinfo(),
            _ => None,
        }
    }

    /// From now on it is a peer's.
    pub(crate) fn adopt(&self) -> io::Result<()> {
        sys::adopt(self.socket())
    }

    /// Waits until it takes more, the bell rings, or until then.
    pub(crate) fn wait_for_room(&self, rung: Option<&Rung>, until: Instant) -> io::Result<()> {
        sys::wait_for_room(self.socket(), rung, until)
    }

    #[inline]
    fn socket(&self) -> Socket<'_> {
        match self {
            Stream::Tcp(stream) => sys::socket(stream),
            Stream::Unix(stream) => sys::socket(stream),
            Stream::Tls(tls) => sys::socket(tls.socket()),
        }
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

    /// Registers, edge-triggered.
    pub(crate) fn register(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        sys::register(self.socket(), registry, token, interest)
    }

    pub(crate) fn reregister(
        &self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        sys::reregister(self.socket(), registry, token, interest)
    }

    pub(crate) fn deregister(&self, registry: &Registry) {
        sys::deregister(self.socket(), registry);
    }
}
