//! Addresses that no other test can take away.

use std::net::{Ipv4Addr, SocketAddr};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Socket, Type};

static COUNT: AtomicU32 = AtomicU32::new(1);

/// A loopback address of a test's own, for ports that must be free a second time.
///
/// Elsewhere the system may give a port that has just become free to another test.
#[derive(Debug, Clone, Copy)]
pub struct OwnHost(Ipv4Addr);

impl OwnHost {
    /// An address that nobody else in this process uses.
    pub fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let [.., high, low] = number.to_be_bytes();
        // The second byte keeps test programs that run side by side apart.
        let program = 1 + (process::id() % 250) as u8;
        OwnHost(Ipv4Addr::new(127, program, high, low))
    }

    /// The address itself.
    pub fn ip(&self) -> Ipv4Addr {
        self.0
    }

    /// A server's expression on this address.
    pub fn server(&self, port: u16) -> String {
        format!("tcpserv:{}:{port}", self.0)
    }
}

impl Default for OwnHost {
    fn default() -> Self {
        OwnHost::new()
    }
}

/// A port to listen on again and again, on an address of its own.
///
/// It is taken without listening, so that others can share it and nobody else gets it.
#[derive(Debug)]
pub struct OwnPort {
    addr: SocketAddr,
    /// On Windows nobody shares a port to listen at; there the address is all that is its own.
    _socket: Option<Socket>,
}

impl OwnPort {
    /// Takes a port.
    ///
    /// # Panics
    ///
    /// If the system has none.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("an option");
        let any = SocketAddr::from((OwnHost::new().ip(), 0));
        socket.bind(&any.into()).expect("a free port");
        OwnPort {
            addr: addr_of(&socket),
            _socket: cfg!(unix).then_some(socket),
        }
    }

    /// The port's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Default for OwnPort {
    fn default() -> Self {
        OwnPort::new()
    }
}

/// A port that stays taken but on which nobody listens: connecting to it is refused.
#[derive(Debug)]
pub struct RefusingPort {
    socket: Socket,
}

impl RefusingPort {
    /// Takes a port.
    ///
    /// # Panics
    ///
    /// If the system has none.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).expect("a free port");
        RefusingPort { socket }
    }

    /// The port's address.
    ///
    /// # Panics
    ///
    /// If the system does not tell it.
    pub fn addr(&self) -> SocketAddr {
        addr_of(&self.socket)
    }
}

impl Default for RefusingPort {
    fn default() -> Self {
        RefusingPort::new()
    }
}

fn addr_of(socket: &Socket) -> SocketAddr {
    let addr = socket.local_addr().expect("the address of a socket");
    addr.as_socket().expect("an internet address")
}

/// The name of an in-process bus that no other test uses.
pub fn own_bus() -> String {
    format!("bus{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
