//! What `udp` needs beside the poll thread: the sockets of a port, and the memory of what
//! was broadcast.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::base::sync::lock;

use super::sys::{self, UdpSocket};

/// More does not fit a datagram (IPv4).
pub(crate) const LARGEST: usize = 65_507;

/// What the expression says.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The port of all peers; 0 picks one.
    pub(crate) port: u16,
    pub(crate) bind: Option<IpAddr>,
    pub(crate) broadcast: Option<IpAddr>,
    pub(crate) multicast: Option<IpAddr>,
    /// Whether our own broadcasts are heard.
    pub(crate) echo: bool,
}

/// The open port of a wire.
pub(crate) struct UdpPort {
    /// What everything is sent from. Guards `None` once closed, so that nobody who still
    /// has the port keeps its descriptor open; a leaf in the lock order.
    socket: Mutex<Option<Arc<UdpSocket>>>,
    local: SocketAddr,
    /// Where messages to all go.
    to_all: IpAddr,
    /// `None`: what we broadcast is heard like anything else. Guards its list; a leaf in
    /// the lock order.
    own: Option<Mutex<OwnBroadcasts>>,
}

/// Opens a port; gives the sockets to read from as well.
///
/// On most systems, a socket that is bound to an address hears nothing that is sent to a
/// broadcast or multicast address, so that there are further ones for these.
pub(crate) fn open(settings: &Settings) -> io::Result<(UdpPort, Vec<Arc<UdpSocket>>)> {
    let Settings {
        bind,
        broadcast,
        multicast,
        ..
    } = *settings;
    let address = bind.unwrap_or_else(|| match multicast.or(broadcast) {
        Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    });
    let socket = Arc::new(bound(address, settings.port)?);
    let local = socket.local_addr()?;
    let to_all = broadcast.or(multicast).unwrap_or(match address {
        // IPv6 has no broadcast; this is the group of all on the link.
        IpAddr::V6(ip) if !ip.is_unspecified() => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
        _ => Ipv4Addr::BROADCAST.into(),
    });
    let mut sockets = vec![Arc::clone(&socket)];
    if address.is_unspecified() {
        if let Some(group) = multicast {
            join(&socket, group, address).map_err(|error| at(group, local.port(), &error))?;
        }
    } else {
        let mut heard = vec![to_all];
        heard.extend(multicast.filter(|group| *group != to_all));
        for other in heard {
            match overhear(&socket, other, local.port(), address) {
                Ok(further) => sockets.extend(further.map(Arc::new)),
                Err(error) if broadcast.or(multicast).is_some() => return Err(error),
                // Nobody asked for broadcasts by name.
                Err(error) => crate::base::log::debug!("broadcasts are not heard: {error}"),
            }
        }
        if to_all.is_multicast() {
            send_groups_from(&socket, address)?;
        }
    }
    let port = UdpPort {
        socket: Mutex::new(Some(socket)),
        local,
        to_all,
        own: (!settings.echo).then(Mutex::default),
    };
    Ok((port, sockets))
}

impl UdpPort {
    /// What it is bound to.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether another socket has the same address, so that only one of them hears what is sent to it.
    /// (Sockets that are bound to all addresses hear broadcasts beside each other.)
    pub(crate) fn is_shared(&self) -> bool {
        !self.local.ip().is_unspecified() && sys::is_bound_twice(self.local)
    }

    /// Where messages to all go.
    pub(crate) fn to_all(&self) -> IpAddr {
        self.to_all
    }

    /// Where to send for an address: always the same port. `None`: it cannot be reached
    /// from here, being of the other kind.
    pub(crate) fn target(&self, ip: IpAddr, scope: u32) -> Option<SocketAddr> {
        let port = self.local.port();
        match (self.local.ip(), ip) {
            (IpAddr::V4(_), IpAddr::V4(_)) => Some(SocketAddr::new(ip, port)),
            (IpAddr::V4(_), IpAddr::V6(_)) => None,
            (IpAddr::V6(_), IpAddr::V6(ip)) => Some(SocketAddrV6::new(ip, port, 0, scope).into()),
            (IpAddr::V6(local), IpAddr::V4(ip)) => local
                .is_unspecified()
                .then(|| SocketAddr::new(ip.to_ipv6_mapped().into(), port)),
        }
    }

    /// Sends one datagram, on this thread. With a deadline it waits for room in the
    /// system's buffer. `None`: the port is closed.
    pub(crate) fn send(
        &self,
        bytes: &[u8],
        to: SocketAddr,
        deadline: Option<Instant>,
    ) -> Option<io::Result<()>> {
        let socket = lock(&self.socket).clone()?;
        let own = self
            .own
            .as_ref()
            .filter(|_| to.ip().to_canonical() == self.to_all);
        // Before it is sent, since it may be heard at once.
        let mark = own.map(|own| lock(own).remember(bytes, Instant::now()));
        let sent = send(&socket, bytes, to, deadline);
        if let (Err(_), Some(own), Some(mark)) = (&sent, own, mark) {
            lock(own).take(mark, Instant::now());
        }
        Some(sent)
    }

    /// Whether a received datagram is what we broadcast; says so once for each.
    pub(crate) fn is_own(&self, from: SocketAddr, bytes: &[u8]) -> bool {
        let Some(own) = &self.own else {
            return false;
        };
        if from.port() != self.local.port() {
            return false;
        }
        let now = Instant::now();
        let Some(mark) = lock(own).find(bytes, now) else {
            return false;
        };
        self.is_here(from.ip().to_canonical()) && lock(own).take(mark, now)
    }

    /// Whether what is sent from here has this address.
    pub(crate) fn is_here(&self, ip: IpAddr) -> bool {
        let local = self.local.ip();
        if !local.is_unspecified() {
            return local.to_canonical() == ip;
        }
        sys::is_here(ip)
    }

    /// Nothing can be sent any more.
    pub(crate) fn close(&self) {
        drop(lock(&self.socket).take());
    }
}

impl fmt::Debug for UdpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UdpPort({})", self.local)
    }
}

/// Whether a failure of receiving is about one datagram that was sent, and not about the
/// socket: some host or network said that it cannot be reached.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::Interrupted
    )
}

// ---- sockets

/// A socket bound to an address, which shares its port with others.
fn bound(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let address = SocketAddr::new(address, port);
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        sys::share_port(&socket)?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        sys::datagrams(socket)
    };
    bind().map_err(|error: io::Error| at(address.ip(), port, &error))
}

/// Has what is sent to a broadcast address or a group be heard. Gives the socket for that, where
/// it takes another one.
fn overhear(
    socket: &UdpSocket,
    heard: IpAddr,
    port: u16,
    interface: IpAddr,
) -> io::Result<Option<UdpSocket>> {
    let further = match sys::HEARS_BROADCASTS {
        true => None,
        false => Some(bound(heard, port)?),
    };
    if heard.is_multicast() {
        let socket = further.as_ref().unwrap_or(socket);
        join(socket, heard, interface).map_err(|error| at(heard, port, &error))?;
    }
    Ok(further)
}

fn join(socket: &UdpSocket, group: IpAddr, interface: IpAddr) -> io::Result<()> {
    match (group, interface) {
        (IpAddr::V4(group), IpAddr::V4(interface)) => socket.join_multicast_v4(&group, &interface),
        (IpAddr::V4(group), IpAddr::V6(_)) => {
            socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)
        }
        (IpAddr::V6(group), _) => socket.join_multicast_v6(&group, 0),
    }
}

/// Messages to a group leave where the address is.
fn send_groups_from(socket: &UdpSocket, address: IpAddr) -> io::Result<()> {
    match address {
        IpAddr::V4(ip) => sys::send_groups_from(socket, ip),
        IpAddr::V6(_) => Ok(()),
    }
}

/// The same error, saying where.
fn at(address: IpAddr, port: u16, error: &io::Error) -> io::Error {
    let hint = match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            "; it is a link-local address, which is one of several networks: use another address"
        }
        _ => "",
    };
    let address = SocketAddr::new(address, port);
    io::Error::new(error.kind(), format!("{address}: {error}{hint}"))
}

fn send(
    socket: &UdpSocket,
    bytes: &[u8],
    to: SocketAddr,
    deadline: Option<Instant>,
) -> io::Result<()> {
    loop {
        match socket.send_to(bytes, to) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = deadline.and_then(|at| at.checked_duration_since(Instant::now()));
                let Some(left) = left else {
                    return Err(error);
                };
                sys::wait_for_room_of_datagrams(socket, left)?;
            }
            Err(error) => return Err(error),
        }
    }
}

// ---- what we broadcast

/// What was broadcast lately, to be told from what others broadcast: the system gives it
/// to the sender too.
struct OwnBroadcasts {
    /// Nobody else can find two datagrams that look the same.
    hasher: RandomState,
    /// The oldest first.
    sent: VecDeque<(Mark, Instant)>,
}

type Mark = u64;

/// More were lost before we could hear them: the system's buffer holds fewer.
const REMEMBERED: usize = 1024;
/// What was not heard for so long will not be: a broadcast comes back at once, and waits
/// only for the thread that reads.
const EXPIRY: Duration = Duration::from_secs(10);

impl Default for OwnBroadcasts {
    fn default() -> Self {
        OwnBroadcasts {
            hasher: RandomState::new(),
            sent: VecDeque::new(),
        }
    }
}

impl OwnBroadcasts {
    fn remember(&mut self, bytes: &[u8], now: Instant) -> Mark {
        self.expire(now);
        if self.sent.len() >= REMEMBERED {
            self.sent.pop_front();
        }
        let mark = self.hasher.hash_one(bytes);
        self.sent.push_back((mark, now));
        mark
    }

    fn find(&mut self, bytes: &[u8], now: Instant) -> Option<Mark> {
        self.expire(now);
        if self.sent.is_empty() {
            return None;
        }
        let mark = self.hasher.hash_one(bytes);
        self.sent
            .iter()
            .any(|(one, _)| *one == mark)
            .then_some(mark)
    }

    /// Forgets one of these; gives whether there was one.
    fn take(&mut self, mark: Mark, now: Instant) -> bool {
        self.expire(now);
        let place = self.sent.iter().position(|(one, _)| *one == mark);
        place.is_some_and(|place| self.sent.remove(place).is_some())
    }

    fn expire(&mut self, now: Instant) {
        while let Some((_, at)) = self.sent.front()
            && now.saturating_duration_since(*at) > EXPIRY
        {
            self.sent.pop_front();
        }
        if self.sent.is_empty() {
            self.sent.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_broadcasts_are_known_once_each() {
        let mut own = OwnBroadcasts::default();
        let now = Instant::now();
        assert_eq!(own.find(b"seek", now), None);
        let mark = own.remember(b"seek", now);
        assert_eq!(own.remember(b"seek", now), mark);
        own.remember(b"other", now);
        for _ in 0..2 {
            let found = own.find(b"seek", now).unwrap();
            assert!(own.take(found, now));
        }
        assert_eq!(own.find(b"seek", now), None);
        assert!(!own.take(mark, now));
        assert!(own.find(b"other", now).is_some());
    }

    #[test]
    fn own_broadcasts_are_forgotten_in_time() {
        let mut own = OwnBroadcasts::default();
        let start = Instant::now();
        let mark = own.remember(b"a", start);
        own.remember(b"b", start + EXPIRY);
        assert!(own.find(b"a", start + EXPIRY).is_some());
        let later = start + EXPIRY + Duration::from_millis(1);
        assert_eq!(own.find(b"a", later), None);
        assert!(!own.take(mark, later));
        assert!(own.find(b"b", later).is_some());
    }

    #[test]
    fn own_broadcasts_have_a_limit() {
        let mut own = OwnBroadcasts::default();
        let now = Instant::now();
        for number in 0..=REMEMBERED {
            own.remember(&number.to_be_bytes(), now);
        }
        assert_eq!(own.sent.len(), REMEMBERED);
        assert_eq!(own.find(&0_usize.to_be_bytes(), now), None);
        assert!(own.find(&1_usize.to_be_bytes(), now).is_some());
    }

    fn settings(bind: &str) -> Settings {
        Settings {
            port: 0,
            bind: Some(bind.parse().unwrap()),
            broadcast: Some("127.255.255.255".parse().unwrap()),
            multicast: None,
            echo: false,
        }
    }

    #[test]
    fn only_what_was_sent_to_all_is_our_own() {
        let (port, sockets) = open(&settings("127.0.0.1")).unwrap();
        let further = usize::from(!sys::HEARS_BROADCASTS);
        assert_eq!(sockets.len(), 1 + further);
        let here = port.local();
        let all = port.target(port.to_all(), 0).unwrap();
        port.send(b"one", here, None).unwrap().unwrap();
        assert!(!port.is_own(here, b"one"));
        port.send(b"two", all, None).unwrap().unwrap();
        let elsewhere = SocketAddr::new("127.0.0.2".parse().unwrap(), here.port());
        assert!(!port.is_own(elsewhere, b"two"));
        let another_port = SocketAddr::new(here.ip(), here.port() ^ 1);
        assert!(!port.is_own(another_port, b"two"));
        assert!(port.is_own(here, b"two"));
        assert!(!port.is_own(here, b"two"));
        port.close();
        assert!(port.send(b"three", all, None).is_none());
    }

    #[test]
    fn a_port_that_is_bound_to_all_knows_its_machine() {
        let (port, sockets) = open(&settings("0.0.0.0")).unwrap();
        assert_eq!(sockets.len(), 1);
        assert!(port.is_here("127.0.0.1".parse().unwrap()));
        // An address for documentation, which nobody has.
        assert!(!port.is_here("203.0.113.7".parse().unwrap()));
        assert_eq!(port.target("::1".parse().unwrap(), 0), None);
    }
}
