//! What `tcp` and `tcpserv` need beside the poll thread.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{Domain, SockRef, Socket, Type};

/// Connections that the system holds until they are accepted.
const BACKLOG: i32 = 1024;

/// Listens; an empty interface means all of them, IPv6 included where there is such.
pub(crate) fn listen(interface: &str, port: u16) -> io::Result<TcpListener> {
    if interface.is_empty() {
        let all = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        return bind(all).or_else(|error| match error.kind() {
            // Only without IPv6 is IPv4 alone meant.
            io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => Err(error),
            _ => bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)),
        });
    }
    let mut last = None;
    for address in (interface, port).to_socket_addrs()? {
        match bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("the interface has no address")))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        let all = address.ip().is_unspecified();
        socket.set_only_v6(!all)?;
    }
    // A port can be bound again at once after a stop; not by two servers at a time.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Options of every TCP connection.
pub(crate) fn prepare(stream: &TcpStream, nodelay: bool, keepalive: Option<Duration>) {
    // None is needed for working; failing means that the connection is gone already.
    stream.set_nodelay(nodelay).ok();
    let socket = SockRef::from(stream);
    socket.set_keepalive(true).ok();
    // Something is sent in every interval: if nobody confirms it within most of another
    // one, the link is cut. So that is noticed within two intervals, the system's delays
    // included. (RFC 5482; the system's own keepalive takes two hours.)
    #[cfg(target_os = "linux")]
    if let Some(interval) = keepalive {
        socket.set_tcp_user_timeout(Some(interval * 3 / 4)).ok();
    }
}

/// The name of a server as its client sees it: as written in the expression.
pub(crate) fn client_name(host: &str, port: u16) -> String {
    format!("{}:{port}", host_name(host))
}

/// The same without a port.
pub(crate) fn host_name(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}
