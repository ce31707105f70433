//! What `unix` and `unixserv` need beside the poll thread.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mio::net::{UnixListener, UnixStream};
use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::receivers::Credentials;

/// Connections that the system holds until they are accepted.
const BACKLOG: i32 = 1024;

/// A listening socket, and its file.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(super) socket: UnixListener,
    /// Removed before the socket is closed.
    _file: SocketFile,
}

impl Listener {
    /// The next connection, and a name for it that no other has in this process.
    pub(super) fn accept(&self) -> io::Result<(UnixStream, String)> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let (stream, _) = self.socket.accept()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Ok((stream, format!("unix:{number}")))
    }
}

/// Listens at a path. What is left there of a server that has crashed is removed.
pub(crate) fn listen(path: &Path, mode: Option<u32>) -> io::Result<Listener> {
    // The directory may be changed until it is removed.
    let path = std::path::absolute(path)?;
    match bind(&path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            clear(&path)?;
            bind(&path, mode).map_err(|error| explain_bind(&error))
        }
        other => other.map_err(|error| explain_bind(&error)),
    }
}

fn bind(path: &Path, mode: Option<u32>) -> io::Result<Listener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if let Some(mode) = mode {
        // On Linux, the file gets no more permissions than its socket has. Elsewhere this
        // may fail; but nobody can connect before it listens, which comes last.
        rustix::fs::fchmod(&socket, Mode::from_raw_mode(mode)).ok();
    }
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: Identity::of(path)?,
    };
    if let Some(mode) = mode {
        // Adds what the umask took away.
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    socket.listen(BACKLOG)?;
    // Before it listened it could be taken for one that a crashed server had left.
    if !file.is_ours() {
        let text = "another program that starts now took its place";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    Ok(Listener {
        socket: UnixListener::from_std(OwnedFd::from(socket).into()),
        _file: file,
    })
}

/// Removes a socket at which nobody listens. Anything else is left alone, with an error.
fn clear(path: &Path) -> io::Result<()> {
    let found = match Identity::of(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(explain_bind(&error)),
    };
    if !found.is_socket {
        let text = "something else than a socket is there, and is left alone: remove it, or \
                    choose another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    if !is_stale(path)? {
        return Err(in_use());
    }
    let aside = aside(path);
    match fs::rename(path, &aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| explain_bind(&error))?,
    }
    // Between the look and the renaming, another server may have put its own there.
    if Identity::of(&aside)? == found && is_stale(&aside)? {
        tracing::info!(path = %path.display(), "removed a socket at which nobody listens");
        return fs::remove_file(&aside);
    }
    if fs::hard_link(&aside, path).is_ok() {
        fs::remove_file(&aside)?;
    }
    Err(in_use())
}

fn in_use() -> io::Error {
    let text = "another program listens there; stop it, or choose another path";
    io::Error::new(io::ErrorKind::AddrInUse, text)
}

/// Whether connecting is refused.
fn is_stale(path: &Path) -> io::Result<bool> {
    match UnixStream::connect(path) {
        Ok(_) => Ok(false),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Ok(true),
            // It is full; or gone meanwhile, which another attempt to bind finds out.
            io::ErrorKind::WouldBlock => Ok(false),
            io::ErrorKind::PermissionDenied => {
                let text = format!(
                    "a socket of another user is there, and whether it is in use cannot be \
                     told: {error}"
                );
                Err(io::Error::new(error.kind(), text))
            }
            // Another type of socket is in use there.
            _ if error.raw_os_error() == Some(WRONG_TYPE) => Ok(false),
            _ => Err(error),
        },
    }
}

/// EPROTOTYPE, which has no stable kind.
const WRONG_TYPE: i32 = rustix::io::Errno::PROTOTYPE.raw_os_error();

/// A name in the same directory that nobody has.
fn aside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".quickrpc-{}-{number}", std::process::id()))
}

fn explain_bind(error: &io::Error) -> io::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program listens there: stop it, or choose another path"
        }
        io::ErrorKind::NotFound => "; its directory does not exist: create it first",
        io::ErrorKind::PermissionDenied => "; its directory must be writable",
        io::ErrorKind::InvalidInput => "; a socket's path can have 107 bytes",
        _ => "",
    };
    io::Error::new(error.kind(), format!("{error}{hint}"))
}

/// Connects, which needs no waiting.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; start the server first, or check the path",
            io::ErrorKind::ConnectionRefused => "; nobody listens there: start the server first",
            io::ErrorKind::PermissionDenied => "; the server's `mode` decides who may connect",
            io::ErrorKind::WouldBlock => {
                "; too many connections wait for the server to accept them"
            }
            io::ErrorKind::InvalidInput => "; a socket's path can have 107 bytes",
            _ => "",
        };
        io::Error::new(error.kind(), format!("{error}{hint}"))
    })
}

/// Who is at the other end, as the system says.
pub(crate) fn credentials(stream: &UnixStream) -> Option<Credentials> {
    let peer = rustix::net::sockopt::socket_peercred(stream).ok()?;
    Some(Credentials {
        pid: peer.pid.as_raw_nonzero().get().unsigned_abs(),
        uid: peer.uid.as_raw(),
        gid: peer.gid.as_raw(),
    })
}

/// The file of a socket; it ends with the socket.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

impl SocketFile {
    /// Whether it still is what was bound, and not somebody else's.
    fn is_ours(&self) -> bool {
        Identity::of(&self.path).is_ok_and(|now| now == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_ours()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), "the socket is left behind: {error}");
        }
    }
}

/// Tells a file from another one that has taken its place. The time is there since the
/// number of a removed file is soon given to a new one.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
    modified: (i64, i64),
    is_socket: bool,
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(Identity {
            device: found.dev(),
            number: found.ino(),
            modified: (found.mtime(), found.mtime_nsec()),
            is_socket: found.file_type().is_socket(),
        })
    }
}
