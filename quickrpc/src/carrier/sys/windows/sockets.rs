//! Sockets. What `mio` watches here is kept in its socket, which has to be told of each call that
//! would have waited: so all reading and writing goes through it, and who changes what is watched
//! has it alone meanwhile.

use std::io::{self, IoSlice, Read, Write};
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{SockRef, TcpKeepalive};

use super::super::wait::Wait;

/// A connection.
#[derive(Debug)]
pub(crate) struct TcpStream {
    /// Locked alone while it is registered, and never while somebody waits; a leaf in the lock
    /// order.
    watched: RwLock<mio::net::TcpStream>,
    /// The same socket, for what needs no watching.
    plain: net::TcpStream,
    /// A write would have waited.
    is_full: AtomicBool,
}

/// Within this machine they are no others.
pub(crate) type LocalStream = TcpStream;

/// A connected socket of any kind.
pub(crate) type Socket<'a> = &'a TcpStream;

/// Here that would mean that any program can take another one's port.
pub(crate) const SHARES_LISTENING_PORTS: bool = false;

/// A thread that waits for an answer leaves reading to the poll thread: nothing could wake it
/// out of a socket for certain.
pub(crate) const WAITERS_READ: bool = false;

/// What is ready is told once, and again only after a call that would have waited.
pub(crate) const READS_TO_THE_END: bool = true;

/// A socket hears broadcasts and groups wherever it is bound.
pub(crate) const HEARS_BROADCASTS: bool = true;

impl TcpStream {
    fn read(&self) -> RwLockReadGuard<'_, mio::net::TcpStream> {
        self.watched.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, mio::net::TcpStream> {
        self.watched.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.plain.peer_addr()
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.plain.local_addr()
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.plain.shutdown(how)
    }

    /// Remembers whether it is full.
    fn written(&self, result: io::Result<usize>) -> io::Result<usize> {
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.is_full.store(true, Ordering::Release);
        }
        result
    }
}

/// What the system gave as a connection is one.
pub(crate) fn connected(stream: mio::net::TcpStream) -> io::Result<TcpStream> {
    let stream = net::TcpStream::from(stream);
    let plain = stream.try_clone()?;
    Ok(TcpStream {
        watched: RwLock::new(mio::net::TcpStream::from_std(stream)),
        plain,
        // Of a new one, the first event is that there is room.
        is_full: AtomicBool::new(true),
    })
}

pub(crate) fn socket(stream: &TcpStream) -> Socket<'_> {
    stream
}

/// The options of a connection.
pub(crate) fn with_options(stream: &TcpStream, set: impl FnOnce(&SockRef<'_>)) {
    set(&SockRef::from(&stream.plain));
}

/// Two ends of a connection within this machine.
pub(crate) fn pair() -> io::Result<(LocalStream, LocalStream)> {
    let listener = net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let here = net::TcpStream::connect(listener.local_addr()?)?;
    let name = here.local_addr()?;
    let there = loop {
        // Others may connect to that port.
        let (there, from) = listener.accept()?;
        if from == name {
            break there;
        }
    };
    let made = |stream: net::TcpStream| {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        connected(mio::net::TcpStream::from_std(stream))
    };
    Ok((made(here)?, made(there)?))
}

/// From now on the socket is a peer's.
pub(crate) fn adopt(_socket: Socket<'_>) -> io::Result<()> {
    Ok(())
}

// ---- reading and writing

/// Reads into a buffer.
pub(crate) fn receive(socket: Socket<'_>, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
    if let Wait::Until(until) = wait {
        wait_for_input(socket, until)?;
    }
    (&*socket.read()).read(buffer)
}

/// Reads behind what a vector has, as far as it has room.
pub(crate) fn receive_behind(
    socket: Socket<'_>,
    vector: &mut Vec<u8>,
    wait: Wait,
) -> io::Result<usize> {
    let start = vector.len();
    vector.resize(vector.capacity(), 0);
    let room = vector.get_mut(start..).unwrap_or_default();
    let read = receive(socket, room, wait);
    vector.truncate(start + *read.as_ref().unwrap_or(&0));
    read
}

/// Each wait has its own limit.
pub(crate) fn limit_waits(
    _socket: Socket<'_>,
    _set: &mut Option<Duration>,
    _until: Option<Instant>,
) -> io::Result<()> {
    Ok(())
}

/// Waits for input and leaves it there.
///
/// # Errors
///
/// Of kind [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none by then.
pub(crate) fn wait_for_input(socket: Socket<'_>, until: Option<Instant>) -> io::Result<()> {
    let mut socket = [PollFd::new(&socket.plain, PollFlags::IN)];
    wait(&mut socket, until)?;
    match socket.iter().any(|one| !one.revents().is_empty()) {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Writes what the socket takes at once.
pub(crate) fn send_now(socket: Socket<'_>, bytes: &[u8]) -> io::Result<usize> {
    socket.written((&*socket.read()).write(bytes))
}

/// The same for several pieces.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS has them"))]
pub(crate) fn send_parts_now(socket: Socket<'_>, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.written((&*socket.read()).write_vectored(parts))
}

/// Whether the next event of room is one: whatever would have waited renews the interest in
/// both, and there is room as a rule.
pub(crate) fn waits_for_room(socket: Socket<'_>) -> bool {
    socket.is_full.swap(false, Ordering::AcqRel)
}

/// Cuts the link if nothing is heard of it. What is on its way is sent again a few times only,
/// by the system's own rules.
pub(crate) fn cut_when_silent(socket: &SockRef<'_>, interval: Duration) {
    /// Seconds are the least that can be said.
    const LEAST: Duration = Duration::from_secs(1);
    let probes = TcpKeepalive::new()
        .with_time(interval.max(LEAST))
        .with_interval((interval / 4).max(LEAST))
        .with_retries(3);
    socket.set_tcp_keepalive(&probes).ok();
}

// ---- what is watched

pub(crate) fn register(
    socket: Socket<'_>,
    registry: &Registry,
    token: Token,
    interest: Interest,
) -> io::Result<()> {
    registry.register(&mut *socket.write(), token, interest)
}

pub(crate) fn reregister(
    socket: Socket<'_>,
    registry: &Registry,
    token: Token,
    interest: Interest,
) -> io::Result<()> {
    registry.reregister(&mut *socket.write(), token, interest)
}

pub(crate) fn deregister(socket: Socket<'_>, registry: &Registry) {
    // Closing the socket would do the same.
    registry.deregister(&mut *socket.write()).ok();
}

// ---- listening

/// No child has a copy of a socket.
pub(crate) fn end_listening(_listener: &TcpListener) {}

/// Whether the machine has no such address, or none of its kind.
pub(crate) fn is_lacking(error: &io::Error) -> bool {
    let lacking = [
        Errno::ADDRNOTAVAIL,
        Errno::AFNOSUPPORT,
        Errno::PROTONOSUPPORT,
        // Of a network that the machine is not in.
        Errno::INVAL,
    ];
    Errno::from_io_error(error).is_some_and(|error| lacking.contains(&error))
}

pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    /// `WSAENOBUFS`.
    const NO_BUFFERS: i32 = 10055;
    Errno::from_io_error(error) == Some(Errno::MFILE) || error.raw_os_error() == Some(NO_BUFFERS)
}

// ---- datagrams

/// A socket of datagrams, in two as a connection is.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    watched: RwLock<mio::net::UdpSocket>,
    plain: net::UdpSocket,
}

impl UdpSocket {
    fn read(&self) -> RwLockReadGuard<'_, mio::net::UdpSocket> {
        self.watched.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, mio::net::UdpSocket> {
        self.watched.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.plain.local_addr()
    }

    pub(crate) fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.read().send_to(bytes, to)
    }

    pub(crate) fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read().recv_from(buffer)
    }

    pub(crate) fn join_multicast_v4(&self, group: &Ipv4Addr, at: &Ipv4Addr) -> io::Result<()> {
        self.plain.join_multicast_v4(group, at)
    }

    pub(crate) fn join_multicast_v6(&self, group: &Ipv6Addr, at: u32) -> io::Result<()> {
        self.plain.join_multicast_v6(group, at)
    }
}

/// A bound socket, not blocking.
pub(crate) fn datagrams(socket: socket2::Socket) -> io::Result<UdpSocket> {
    let socket = net::UdpSocket::from(socket);
    let plain = socket.try_clone()?;
    Ok(UdpSocket {
        watched: RwLock::new(mio::net::UdpSocket::from_std(socket)),
        plain,
    })
}

pub(crate) fn register_datagrams(
    socket: &UdpSocket,
    registry: &Registry,
    token: Token,
) -> io::Result<()> {
    registry.register(&mut *socket.write(), token, Interest::READABLE)
}

pub(crate) fn deregister_datagrams(socket: &UdpSocket, registry: &Registry) {
    registry.deregister(&mut *socket.write()).ok();
}

/// As in the original: several programs of a machine hear broadcasts of one port.
pub(crate) fn share_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Whether two sockets for datagrams are bound to this very address: nobody asks the system.
pub(crate) fn is_bound_twice(_address: SocketAddr) -> bool {
    false
}

/// Messages to a group leave where the address is.
pub(crate) fn send_groups_from(socket: &UdpSocket, address: Ipv4Addr) -> io::Result<()> {
    SockRef::from(&socket.plain).set_multicast_if_v4(&address)
}

/// Whether the address is one of this machine's: no others can be bound.
pub(crate) fn is_here(address: IpAddr) -> bool {
    net::UdpSocket::bind((address, 0)).is_ok()
}

/// Sleeps until the socket takes more, or the time is over.
pub(crate) fn wait_for_room_of_datagrams(socket: &UdpSocket, left: Duration) -> io::Result<()> {
    let socket = PollFd::new(&socket.plain, PollFlags::OUT);
    wait(&mut [socket], Some(Instant::now() + left))
}

// ---- waiting

/// Wakes threads that wait for room, once: when it is dropped. It is a socket that is connected
/// to itself, so that nobody else can ring it, and rings for ever, since nobody reads it.
pub(crate) struct Bell(Arc<net::UdpSocket>);

/// What hears a bell, for as long as it is kept.
pub(crate) struct Rung(Arc<net::UdpSocket>);

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        bell.connect(bell.local_addr()?)?;
        Ok(Bell(Arc::new(bell)))
    }

    pub(crate) fn rung(&self) -> Rung {
        Rung(Arc::clone(&self.0))
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.send(&[0]).ok();
    }
}

/// Waits until the socket takes more, the bell rings, or until then.
pub(crate) fn wait_for_room(
    socket: Socket<'_>,
    rung: Option<&Rung>,
    until: Instant,
) -> io::Result<()> {
    let socket = PollFd::new(&socket.plain, PollFlags::OUT);
    match rung {
        Some(Rung(rung)) => {
            let rung = PollFd::new(&**rung, PollFlags::IN);
            wait(&mut [socket, rung], Some(until))
        }
        None => wait(&mut [socket], Some(until)),
    }
}

/// A port of completion cannot be waited for in another way than `mio` does it.
pub(crate) fn wait_for_events(_registry: &Registry, _limit: Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Waits until one of the sockets is ready, or the deadline has passed; then none is.
fn wait(sockets: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    /// The system counts so far.
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let some = left.unwrap_or(LONGEST).min(LONGEST);
        let time = Timespec::try_from(some).map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(sockets, Some(&time)) {
            // The time of one look is over, and perhaps not all of it.
            Ok(0) if left.is_none_or(|left| left > some) => {}
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(()),
        }
    }
}
