//! macOS and the BSDs. Sockets are never in blocking mode; who waits asks `poll` first.

use std::io::{self, IoSlice};
use std::net;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::SocketAddr;
use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use nix::sys::select::{FD_SETSIZE, FdSet};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, RawMode};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use rustix::process::{Pid, Signal, kill_process};
use socket2::{SockRef, TcpKeepalive};

use crate::base::sender::Credentials;
use crate::base::sync::lock;

use super::posix::fd;
use super::wait::Wait;

// ---- sockets

/// Whether two sockets for datagrams are bound to this very address: nobody asks the system.
pub(crate) fn is_bound_twice(_address: net::SocketAddr) -> bool {
    false
}

/// From now on the socket is a peer's.
pub(crate) fn adopt(_socket: BorrowedFd<'_>) -> io::Result<()> {
    Ok(())
}

/// Reads into a buffer.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
    if let Wait::Until(until) = wait {
        wait_for_input(socket, until)?;
    }
    let (_, count) = recv(socket, buffer, RecvFlags::empty())?;
    Ok(count)
}

/// Reads behind what a vector has, as far as it has room.
pub(crate) fn receive_behind(
    socket: BorrowedFd<'_>,
    vector: &mut Vec<u8>,
    wait: Wait,
) -> io::Result<usize> {
    if let Wait::Until(until) = wait {
        wait_for_input(socket, until)?;
    }
    let (_, count) = recv(socket, spare_capacity(vector), RecvFlags::empty())?;
    Ok(count)
}

/// Each wait has its own limit.
pub(crate) fn limit_waits(
    _socket: BorrowedFd<'_>,
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
pub(crate) fn wait_for_input(socket: BorrowedFd<'_>, until: Option<Instant>) -> io::Result<()> {
    let mut socket = [PollFd::new(&socket, PollFlags::IN)];
    fd::wait(&mut socket, until)?;
    match socket.iter().any(fd::is_ready) {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// A write to a socket that nobody reads is an error, and no signal.
#[cfg(target_vendor = "apple")]
pub(super) fn survive_broken_socket(stream: &impl AsFd) {
    // Fails where the connection is gone already.
    SockRef::from(stream).set_nosigpipe(true).ok();
}

#[cfg(target_vendor = "apple")]
const WRITING: SendFlags = SendFlags::empty();

/// Each write says so.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn survive_broken_socket(_stream: &impl AsFd) {}

#[cfg(not(target_vendor = "apple"))]
const WRITING: SendFlags = SendFlags::NOSIGNAL;

/// Writes what the socket takes at once.
pub(crate) fn send_now(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(socket, bytes, WRITING)?)
}

/// The same for several pieces.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS has them"))]
pub(crate) fn send_parts_now(socket: BorrowedFd<'_>, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut nothing = SendAncillaryBuffer::default();
    Ok(sendmsg(socket, parts, &mut nothing, WRITING)?)
}

/// Cuts the link if nothing is heard of it. These systems probe whatever is on its way, and give
/// up by when they last heard anything; something is sent in every interval, and confirmed.
pub(crate) fn cut_when_silent(socket: &SockRef<'_>, interval: Duration) {
    /// Seconds are the least that can be said.
    const LEAST: Duration = Duration::from_secs(1);
    let probes = TcpKeepalive::new().with_time(interval.max(LEAST));
    #[cfg(not(target_os = "openbsd"))]
    let probes = probes
        .with_interval((interval / 4).max(LEAST))
        .with_retries(3);
    socket.set_tcp_keepalive(&probes).ok();
}

// ---- pipes and processes

/// Held while a pipe is made, and while a child is: there is no way on every system to make a
/// pipe that the child of another thread does not inherit. A leaf in the lock order.
static FORKING: Mutex<()> = Mutex::new(());

/// A pipe that no child of ours inherits: its reading and its writing end.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let _forking = lock(&FORKING);
    let (reading, writing) = rustix::pipe::pipe()?;
    for end in [&reading, &writing] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok((reading, writing))
}

/// Makes a child.
pub(super) fn fork(spawn: impl FnOnce() -> io::Result<Child>) -> io::Result<Child> {
    let _forking = lock(&FORKING);
    spawn()
}

/// Waits until one of the descriptors is readable, in the place of `poll`, which on macOS "does not
/// support devices" (poll(2)): `/dev/tty`, and in older versions each terminal.
pub(super) fn select(fds: [BorrowedFd<'_>; 3]) -> io::Result<[bool; 3]> {
    if fds.iter().any(|fd| fd.as_raw_fd() >= FD_SETSIZE as RawFd) {
        let text = "this system can wait for a device only where few files are open";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    loop {
        let mut set = FdSet::new();
        fds.iter().for_each(|fd| set.insert(*fd));
        match nix::sys::select::select(None, &mut set, None, None, None) {
            Ok(_) => return Ok(fds.map(|fd| set.contains(fd))),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is ready for writing takes so much without blocking.
pub(super) const PIPE_BUF: usize = 512;

/// A descriptor that is readable once the child has exited, and for ever: a queue whose one
/// event nobody takes out. Nobody has waited for the child yet, so that its number is still its
/// own.
pub(super) fn watch_exit(child: &Child) -> rustix::io::Result<OwnedFd> {
    let exit = KEvent::new(
        usize::try_from(child.id()).unwrap_or(usize::MAX),
        EventFilter::EVFILT_PROC,
        EvFlags::EV_ADD,
        FilterFlag::NOTE_EXIT,
        0,
        0,
    );
    let watched = Kqueue::new().and_then(|queue| {
        queue.kevent(&[exit], &mut [], None)?;
        Ok(queue)
    });
    match watched {
        Ok(queue) => Ok(queue.into()),
        // It has exited already.
        Err(nix::errno::Errno::ESRCH) => match pipe() {
            Ok((at_end, _)) => Ok(at_end),
            Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        },
        Err(error) => Err(Errno::from_raw_os_error(error as i32)),
    }
}

/// Asks a child to end.
pub(super) fn ask_to_end(child: &Mutex<Child>, _exit: &OwnedFd) {
    let mut child = lock(child);
    // As long as nobody has waited for it, its number is its own.
    if let Ok(None) = child.try_wait() {
        kill_process(Pid::from_child(&child), Signal::TERM).ok();
    }
}

/// What a system that cannot watch children lacks.
pub(super) fn why_not_watched(_error: Errno) -> &'static str {
    ""
}

// ---- Unix sockets

pub(super) fn abstract_address(_name: &[u8]) -> io::Result<SocketAddr> {
    let text = "names behind `@` are of Linux: give a path (`./@..` for a file of such a name)";
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// The permissions of a file.
pub(super) fn mode(mode: u32) -> Mode {
    Mode::from_raw_mode(RawMode::try_from(mode).unwrap_or_default())
}

/// What is wrong with a path that is no right one.
pub(super) const TOO_LONG: &str = "; a socket's path can have 103 bytes";

/// Who is at the other end.
pub(super) fn credentials(stream: &impl AsFd) -> Option<Credentials> {
    let (uid, gid) = nix::unistd::getpeereid(stream).ok()?;
    Some(Credentials {
        pid: process_of(stream).unwrap_or(0),
        uid: uid.as_raw(),
        gid: gid.as_raw(),
    })
}

#[cfg(target_vendor = "apple")]
fn process_of(stream: &impl AsFd) -> Option<u32> {
    let pid = nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::LocalPeerPid);
    u32::try_from(pid.ok()?).ok()
}

/// Not all of them tell.
#[cfg(not(target_vendor = "apple"))]
fn process_of(_stream: &impl AsFd) -> Option<u32> {
    None
}
