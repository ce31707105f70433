//! Sockets, as descriptors.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};
use socket2::SockRef;

use super::super::system::survive_broken_socket;
use super::fd::{self, Wake};

pub(crate) use std::net::UdpSocket;

pub(crate) use mio::net::{TcpStream, UnixStream as LocalStream};

/// A connected socket of any kind.
pub(crate) type Socket<'a> = BorrowedFd<'a>;

/// A port can be bound again at once after a stop, by which two servers do not get it.
pub(crate) const SHARES_LISTENING_PORTS: bool = true;

/// What the system gave as a connection is one.
pub(crate) fn connected(stream: TcpStream) -> io::Result<TcpStream> {
    survive_broken_socket(&stream);
    Ok(stream)
}

/// The options of a connection.
pub(crate) fn with_options(stream: &TcpStream, set: impl FnOnce(&SockRef<'_>)) {
    set(&SockRef::from(stream));
}

/// Whether the next event of room is one.
#[inline]
pub(crate) fn waits_for_room(_socket: Socket<'_>) -> bool {
    true
}

/// A thread that waits for an answer reads by itself.
pub(crate) const WAITERS_READ: bool = true;

/// What comes after a read is told, even if that read did not find the end of what was there
/// (epoll(7), questions and answers, 9).
pub(crate) const READS_TO_THE_END: bool = false;

/// A socket that is bound to an address hears nothing that is sent to others.
pub(crate) const HEARS_BROADCASTS: bool = false;

#[inline]
pub(crate) fn socket(stream: &impl AsFd) -> Socket<'_> {
    stream.as_fd()
}

/// Two ends of a connection within this machine.
pub(crate) fn pair() -> io::Result<(LocalStream, LocalStream)> {
    let pair = LocalStream::pair()?;
    survive_broken_socket(&pair.0);
    survive_broken_socket(&pair.1);
    Ok(pair)
}

// ---- what is watched, always edge-triggered

/// By descriptor, since the socket is shared with those who write.
pub(crate) fn register(
    socket: Socket<'_>,
    registry: &Registry,
    token: Token,
    interest: Interest,
) -> io::Result<()> {
    registry.register(&mut SourceFd(&socket.as_raw_fd()), token, interest)
}

pub(crate) fn reregister(
    socket: Socket<'_>,
    registry: &Registry,
    token: Token,
    interest: Interest,
) -> io::Result<()> {
    registry.reregister(&mut SourceFd(&socket.as_raw_fd()), token, interest)
}

pub(crate) fn deregister(socket: Socket<'_>, registry: &Registry) {
    // Closing the descriptor would do the same.
    registry.deregister(&mut SourceFd(&socket.as_raw_fd())).ok();
}

/// A bound socket, not blocking.
pub(crate) fn datagrams(socket: socket2::Socket) -> io::Result<UdpSocket> {
    Ok(socket.into())
}

pub(crate) fn register_datagrams(
    socket: &UdpSocket,
    registry: &Registry,
    token: Token,
) -> io::Result<()> {
    register(socket.as_fd(), registry, token, Interest::READABLE)
}

pub(crate) fn deregister_datagrams(socket: &UdpSocket, registry: &Registry) {
    deregister(socket.as_fd(), registry);
}

// ---- listening

/// Ends listening, whoever still holds the descriptor: a child process that is being
/// spawned has it until it runs its program, and the port would be taken for so long.
pub(crate) fn end_listening(listener: &TcpListener) {
    shutdown(listener, Shutdown::Both).ok();
}

/// Whether the machine has no such address, or none of its kind.
pub(crate) fn is_lacking(error: &io::Error) -> bool {
    let lacking = [
        Errno::ADDRNOTAVAIL,
        Errno::AFNOSUPPORT,
        Errno::PROTONOSUPPORT,
        // Of a network that the machine is not in.
        Errno::INVAL,
        Errno::NODEV,
    ];
    Errno::from_io_error(error).is_some_and(|error| lacking.contains(&error))
}

pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    // They have no stable kind.
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NFILE | Errno::MFILE)
    )
}

// ---- datagrams

/// As in the original: several programs of a machine hear broadcasts of one port.
pub(crate) fn share_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)
}

/// Messages to a group leave where the address is.
pub(crate) fn send_groups_from(socket: &UdpSocket, address: Ipv4Addr) -> io::Result<()> {
    SockRef::from(socket).set_multicast_if_v4(&address)
}

/// Whether the address is one of this machine's: no others can be bound.
pub(crate) fn is_here(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Sleeps until the socket takes more, or the time is over.
pub(crate) fn wait_for_room_of_datagrams(socket: &UdpSocket, left: Duration) -> io::Result<()> {
    let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&left)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

// ---- waiting for room

/// Wakes threads that wait for room, once: when it is dropped.
pub(crate) struct Bell {
    _ring: Wake,
    rung: Arc<OwnedFd>,
}

/// What hears a bell, for as long as it is kept.
pub(crate) struct Rung(Arc<OwnedFd>);

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let (ring, rung) = fd::waker()?;
        Ok(Bell { _ring: ring, rung })
    }

    pub(crate) fn rung(&self) -> Rung {
        Rung(Arc::clone(&self.rung))
    }
}

/// Waits until the socket takes more, the bell rings, or until then.
pub(crate) fn wait_for_room(
    socket: Socket<'_>,
    rung: Option<&Rung>,
    until: Instant,
) -> io::Result<()> {
    let socket = PollFd::new(&socket, PollFlags::OUT);
    match rung {
        Some(Rung(rung)) => {
            let rung = PollFd::new(rung, PollFlags::IN);
            fd::wait(&mut [socket, rung], Some(until))
        }
        None => fd::wait(&mut [socket], Some(until)),
    }
}

/// Waits until something that is registered here is ready, but not longer: for times that are
/// shorter than what `mio` counts in.
pub(crate) fn wait_for_events(registry: &Registry, limit: Duration) -> io::Result<()> {
    let events = PollFd::new(registry, PollFlags::IN);
    fd::wait(&mut [events], Some(Instant::now() + limit))
}
