//! What `tcp` and `tcpserv` need beside the poll thread.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::sys::{self, TcpStream, is_lacking};

/// Connections that the system holds until they are accepted.
const BACKLOG: i32 = 1024;

/// Listens at all addresses of the machine, IPv6 included where there is such.
pub(crate) fn listen_everywhere(port: u16) -> io::Result<TcpListener> {
    let all = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    bind(all).or_else(|error| match is_lacking(&error) {
        // Only without IPv6 is IPv4 alone meant.
        true => bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)),
        false => Err(error),
    })
}

/// Listens at all of these addresses, at the same port, whatever theirs is. Those that the
/// machine lacks are left out, as long as it has another one.
pub(crate) fn listen(addresses: &[SocketAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let mut tries = 0;
    loop {
        match listen_once(addresses, port) {
            // The port that the system gave for one address is taken at another one.
            Err(error)
                if port == 0 && error.kind() == io::ErrorKind::AddrInUse && tries < PORTS =>
            {
                tries += 1;
            }
            other => return other,
        }
    }
}

/// So many ports that are free at one address are tried at the others.
const PORTS: u32 = 100;

fn listen_once(addresses: &[SocketAddr], mut port: u16) -> io::Result<Vec<TcpListener>> {
    let (mut listeners, mut lacking) = (Vec::new(), None);
    for (place, address) in addresses.iter().enumerate() {
        let mut address = *address;
        if addresses.iter().take(place).any(|one| *one == address) {
            continue;
        }
        address.set_port(port);
        match bind(address) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(error) => {
                let is_lacking = is_lacking(&error);
                let error = explain(address, error, addresses.len() > 1);
                if !is_lacking {
                    return Err(error);
                }
                crate::base::log::debug!("not listened at: {error}");
                lacking.get_or_insert(error);
            }
        }
    }
    match lacking {
        Some(error) if listeners.is_empty() => Err(error),
        None if listeners.is_empty() => Err(io::Error::other("the interface has no address")),
        _ => Ok(listeners),
    }
}

/// The same error, with the address where there are several, and what is wrong with it.
pub(crate) fn explain(address: SocketAddr, error: io::Error, one_of_several: bool) -> io::Error {
    let hint = match address {
        SocketAddr::V6(address)
            if address.ip().is_unicast_link_local() && address.scope_id() == 0 =>
        {
            "; it is a link-local address, which each network of the machine may have: say which \
             one is meant, as in `[fe80::1%eth0]`"
        }
        _ => "",
    };
    match (one_of_several, hint) {
        (true, _) => io::Error::new(error.kind(), format!("{address}: {error}{hint}")),
        (false, "") => error,
        (false, _) => io::Error::new(error.kind(), format!("{error}{hint}")),
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        let all = address.ip().is_unspecified();
        socket.set_only_v6(!all)?;
    }
    // A port can be bound again at once after a stop; not by two servers at a time.
    if sys::SHARES_LISTENING_PORTS {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Options of every TCP connection.
pub(crate) fn prepare(stream: &TcpStream, nodelay: bool, keepalive: Option<Duration>) {
    sys::with_options(stream, |socket| {
        // None is needed for working; failing means that the connection is gone already.
        socket.set_tcp_nodelay(nodelay).ok();
        socket.set_keepalive(true).ok();
        // Something is sent in every interval: if nobody confirms it within most of another
        // one, the link is cut. So that is noticed within two intervals, the system's delays
        // included. (The system's own keepalive takes two hours.)
        if let Some(interval) = keepalive {
            sys::cut_when_silent(socket, interval);
        }
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_needs_its_network() {
        for (address, is_wrong) in [
            ("[fe80::1]:80", true),
            ("[fe80::1%3]:80", false),
            ("[2001:db8::1]:80", false),
            ("169.254.0.1:80", false),
        ] {
            let error = io::ErrorKind::InvalidInput.into();
            let text = explain(address.parse().unwrap(), error, false).to_string();
            assert_eq!(text.contains("[fe80::1%eth0]"), is_wrong, "{text}");
        }
    }
}
