//! Datagrams on the loopback interface: a port of a test's own, and a peer without the
//! library.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, SockRef, Socket, Type};

use crate::wait::SOON;

/// Where broadcasts on the loopback interface go.
pub const BROADCAST: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

/// Where ports are taken, and nothing is sent to.
const RESERVED: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 1);

/// A UDP port that no other test gets. Peers of one machine need addresses of their own,
/// which here are 127.0.0.1 and so on.
#[derive(Debug)]
pub struct DatagramPort {
    socket: UdpSocket,
}

impl DatagramPort {
    /// Takes a port, at an address that nobody sends to.
    ///
    /// It is the same address for all, and nothing is shared while the system chooses:
    /// otherwise two tests could have the same port.
    ///
    /// # Panics
    ///
    /// If the system has none.
    pub fn new() -> Self {
        let socket = UdpSocket::bind((RESERVED, 0)).expect("a free port");
        share(&SockRef::from(&socket));
        DatagramPort { socket }
    }

    /// Its number.
    ///
    /// # Panics
    ///
    /// If the system does not tell it.
    pub fn number(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket").port()
    }

    /// The transport of the peer 127.0.0.`host`.
    pub fn wire(&self, host: u8) -> String {
        let number = self.number();
        format!("udp:{number}?bind=127.0.0.{host}&broadcast={BROADCAST}")
    }

    /// A peer 127.0.0.`host` without the library.
    ///
    /// # Panics
    ///
    /// If the address is taken.
    pub fn raw(&self, host: u8) -> RawPeer {
        self.raw_at(Ipv4Addr::new(127, 0, 0, host))
    }

    /// Something that hears all broadcasts.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    pub fn overhear(&self) -> RawPeer {
        self.raw_at(BROADCAST)
    }

    fn raw_at(&self, ip: Ipv4Addr) -> RawPeer {
        let port = self.number();
        let socket = sharing(SocketAddr::from((ip, port)));
        socket.set_read_timeout(Some(SOON)).expect("a time limit");
        RawPeer { socket, port }
    }
}

impl Default for DatagramPort {
    fn default() -> Self {
        DatagramPort::new()
    }
}

fn sharing(address: SocketAddr) -> UdpSocket {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None).expect("a socket");
    share(&socket);
    socket.set_broadcast(true).expect("an option");
    socket.bind(&address.into()).expect("a free port");
    socket.into()
}

fn share(socket: &Socket) {
    socket.set_reuse_address(true).expect("an option");
    #[cfg(unix)]
    socket.set_reuse_port(true).expect("an option");
}

/// A plain socket, which every wait on is bounded.
#[derive(Debug)]
pub struct RawPeer {
    socket: UdpSocket,
    port: u16,
}

impl RawPeer {
    /// Sends one datagram to 127.0.0.`host`.
    ///
    /// # Panics
    ///
    /// If the system does not take it.
    #[track_caller]
    pub fn send(&self, host: u8, bytes: impl AsRef<[u8]>) {
        let to = (Ipv4Addr::new(127, 0, 0, host), self.port);
        self.socket.send_to(bytes.as_ref(), to).expect("sent");
    }

    /// Sends one datagram to all.
    ///
    /// # Panics
    ///
    /// If the system does not take it.
    #[track_caller]
    pub fn broadcast(&self, bytes: impl AsRef<[u8]>) {
        let to = (BROADCAST, self.port);
        self.socket.send_to(bytes.as_ref(), to).expect("sent");
    }

    /// The next datagram, as text.
    ///
    /// # Panics
    ///
    /// If none comes in time, or it is no text.
    #[track_caller]
    pub fn receive(&self) -> String {
        let mut buffer = vec![0; 1 << 16];
        let count = self.socket.recv(&mut buffer).expect("a datagram");
        buffer.truncate(count);
        String::from_utf8(buffer).expect("text")
    }
}
