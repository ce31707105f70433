//! Linux. Sockets are in blocking mode, and each call that must not wait says so: a thread that
//! waits for an answer then reads with one system call.

use std::fs;
use std::io::{self, IoSlice};
use std::net::{self, IpAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use socket2::SockRef;

use crate::base::sender::Credentials;

use super::wait::Wait;

/// A wait may be longer than asked for by so much.
const SLACK: Duration = Duration::from_millis(1);

// ---- sockets

/// Whether two sockets for datagrams are bound to this very address, of which one alone hears what is
/// sent to it. Where the system does not tell, nobody knows.
pub(crate) fn is_bound_twice(address: net::SocketAddr) -> bool {
    let table = match address {
        net::SocketAddr::V4(_) => "/proc/net/udp",
        net::SocketAddr::V6(_) => "/proc/net/udp6",
    };
    let table = fs::read_to_string(table).unwrap_or_default();
    let mut sockets = table.lines().filter_map(hears_all);
    let key = (address.ip(), address.port());
    // One of them may be listed twice, if others come and go meanwhile.
    let mut first = None;
    sockets.any(|(ip, port, inode)| (ip, port) == key && *first.get_or_insert(inode) != inode)
}

/// What a line of the table of datagram sockets says of one that hears whoever sends to it
/// (proc_pid_net(5)): its address, port and number.
fn hears_all(line: &str) -> Option<(IpAddr, u16, &str)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let &[_, local, _, "07", _, _, _, _, _, inode, ..] = &words[..] else {
        return None;
    };
    let (ip, port) = local.split_once(':')?;
    // Words as they lie in memory.
    let mut bytes = Vec::with_capacity(16);
    for word in ip.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip = match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(ip) => IpAddr::from(ip),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?),
    };
    Some((ip, u16::from_str_radix(port, 16).ok()?, inode))
}

/// From now on only calls that say so do not block.
pub(crate) fn adopt(socket: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(socket, false)?)
}

#[inline]
fn flags(wait: Wait) -> RecvFlags {
    match wait {
        Wait::Never => RecvFlags::DONTWAIT,
        Wait::Until(_) => RecvFlags::empty(),
    }
}

/// Reads into a buffer.
#[inline]
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
    let (_, count) = recv(socket, buffer, flags(wait))?;
    Ok(count)
}

/// Reads behind what a vector has, as far as it has room.
#[inline]
pub(crate) fn receive_behind(
    socket: BorrowedFd<'_>,
    vector: &mut Vec<u8>,
    wait: Wait,
) -> io::Result<usize> {
    let (_, count) = recv(socket, spare_capacity(vector), flags(wait))?;
    Ok(count)
}

/// Limits how long reads wait. `set` is the limit that was set last; setting it again and again
/// would cost a system call with each read.
#[inline]
pub(crate) fn limit_waits(
    socket: BorrowedFd<'_>,
    set: &mut Option<Duration>,
    until: Option<Instant>,
) -> io::Result<()> {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let fits = match (*set, left) {
        (None, None) => true,
        (Some(set), Some(left)) => set <= left + SLACK && set + set >= left,
        _ => false,
    };
    if !fits {
        // Zero would mean for ever.
        let left = left.map(|left| left.max(SLACK));
        set_socket_timeout(socket, Timeout::Recv, left)?;
        *set = left;
    }
    Ok(())
}

/// Waits for input and leaves it there, no longer than [`limit_waits`] allows.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS does"))]
pub(crate) fn wait_for_input(socket: BorrowedFd<'_>, _until: Option<Instant>) -> io::Result<()> {
    recv(socket, &mut [0; 1], RecvFlags::PEEK)?;
    Ok(())
}

/// A write to a socket that nobody reads is an error, and no signal: each write says so.
#[inline]
pub(super) fn survive_broken_socket(_stream: &impl AsFd) {}

/// Writes what the socket takes at once.
#[inline]
pub(crate) fn send_now(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(send(socket, bytes, flags)?)
}

/// The same for several pieces.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS has them"))]
pub(crate) fn send_parts_now(socket: BorrowedFd<'_>, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let mut nothing = SendAncillaryBuffer::default();
    Ok(sendmsg(socket, parts, &mut nothing, flags)?)
}

/// Cuts the link if what was sent is not confirmed for most of an interval (RFC 5482).
pub(crate) fn cut_when_silent(socket: &SockRef<'_>, interval: Duration) {
    socket.set_tcp_user_timeout(Some(interval * 3 / 4)).ok();
}

// ---- pipes and processes

/// A pipe that no child inherits: its reading and its writing end.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

/// Makes a child.
pub(super) fn fork(spawn: impl FnOnce() -> io::Result<Child>) -> io::Result<Child> {
    spawn()
}

/// In the place of `poll`, which here knows each kind of descriptor. Whoever reads sees what is wrong.
pub(super) fn select(_fds: [BorrowedFd<'_>; 3]) -> io::Result<[bool; 3]> {
    Ok([true; 3])
}

/// What is ready for writing takes so much without blocking.
pub(super) const PIPE_BUF: usize = 4096;

/// A descriptor that is readable once the child has exited, and for ever. Nobody has waited for
/// it yet, so that its number is still its own.
pub(super) fn watch_exit(child: &Child) -> rustix::io::Result<OwnedFd> {
    pidfd_open(Pid::from_child(child), PidfdFlags::empty())
}

/// Asks a child to end. `exit` is what tells of its exit.
pub(super) fn ask_to_end(_child: &Mutex<Child>, exit: &OwnedFd) {
    // Fails when it has exited meanwhile, which is what was wanted.
    pidfd_send_signal(exit, Signal::TERM).ok();
}

/// What a system that cannot watch children lacks.
pub(super) fn why_not_watched(error: Errno) -> &'static str {
    match error {
        Errno::NOSYS => "; it takes Linux 5.3 or later",
        _ => "",
    }
}

// ---- Unix sockets

pub(super) fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(name).map_err(|_| {
        let text = "a name behind `@` can have 107 bytes";
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}

/// The permissions of a file.
pub(super) fn mode(mode: u32) -> Mode {
    Mode::from_raw_mode(mode)
}

/// What is wrong with a path that is no right one.
pub(super) const TOO_LONG: &str = "; a socket's path can have 107 bytes";

/// Who is at the other end.
pub(super) fn credentials(stream: &impl AsFd) -> Option<Credentials> {
    let peer = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some(Credentials {
        pid: peer.pid.as_raw_nonzero().get().unsigned_abs(),
        uid: peer.uid.as_raw(),
        gid: peer.gid.as_raw(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::*;

    #[test]
    fn two_datagram_sockets_at_one_address_are_seen() {
        for ip in ["127.0.0.1", "::1"] {
            let Ok(first) = UdpSocket::bind((ip, 0)) else {
                // A machine without IPv6.
                assert_eq!(ip, "::1");
                continue;
            };
            let address = first.local_addr().unwrap();
            assert!(!is_bound_twice(address));
            SockRef::from(&first).set_reuse_address(true).unwrap();
            let sharing = |address: SocketAddr| {
                let domain = socket2::Domain::for_address(address);
                let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None).unwrap();
                socket.set_reuse_address(true).unwrap();
                socket.bind(&address.into()).unwrap();
                UdpSocket::from(socket)
            };
            // One that is bound to all, and one that hears a single peer, are no others.
            let all: IpAddr = match address {
                SocketAddr::V4(_) => [0; 4].into(),
                SocketAddr::V6(_) => [0; 16].into(),
            };
            let _all = sharing(SocketAddr::new(all, address.port()));
            let second = sharing(address);
            assert!(is_bound_twice(address));
            second.connect((ip, 9)).unwrap();
            assert!(!is_bound_twice(address));
        }
    }
}
