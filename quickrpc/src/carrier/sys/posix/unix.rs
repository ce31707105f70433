//! What `unix` and `unixserv` need beside the poll thread.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::base::sender::Credentials;

use super::super::system::{self, TOO_LONG, abstract_address, survive_broken_socket};

/// Why there are none.
pub(crate) const REFUSED: Option<&str> = None;

/// Connections that the system holds until they are accepted.
const BACKLOG: i32 = 1024;

/// A listening socket, and its file where it has one.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Removed before the socket is closed, which keeps its number from being given to
    /// another file.
    _file: Option<SocketFile>,
    socket: UnixListener,
}

impl Listener {
    /// Registers for connections, edge-triggered.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    /// The next connection, and a name for it that no other has in this process.
    pub(crate) fn accept(&self) -> io::Result<(UnixStream, String)> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let (stream, _) = self.socket.accept()?;
        survive_broken_socket(&stream);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Ok((stream, format!("unix:{number}")))
    }
}

/// Listens at a path. What is left there of a server that has crashed is removed.
///
/// Servers that start at the same time take turns by a lock on the directory: none of them
/// sees a socket of another that does not listen yet, and none removes what has just
/// replaced what it looked at.
pub(crate) fn listen(path: &Path, mode: Option<u32>) -> io::Result<Listener> {
    if let Some(name) = abstract_name(path) {
        return listen_without_file(name);
    }
    // The working directory may be another one when the socket is removed.
    let path = std::path::absolute(path)?;
    let _turn = lock_directory(&path);
    match bind(&path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            clear(&path)?;
            bind(&path, mode).map_err(|error| explain_bind(&error))
        }
        other => other.map_err(|error| explain_bind(&error)),
    }
}

/// The name behind `@`: one in the abstract namespace of Linux. It ends with its socket, so that
/// nothing is left behind, and there is nothing to take turns for.
fn abstract_name(path: &Path) -> Option<&[u8]> {
    path.as_os_str().as_bytes().strip_prefix(b"@")
}

fn listen_without_file(name: &[u8]) -> io::Result<Listener> {
    let address = abstract_address(name)?;
    let socket = net::UnixListener::bind_addr(&address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let text = "another program listens there: stop it, or choose another name";
            io::Error::new(error.kind(), text)
        }
        _ => error,
    })?;
    socket.set_nonblocking(true)?;
    Ok(Listener {
        _file: None,
        socket: UnixListener::from_std(socket),
    })
}

/// Locks the directory of a socket until the file is closed. Without the lock, where the
/// directory cannot be read or others keep it locked, servers must not start at once.
fn lock_directory(path: &Path) -> Option<File> {
    let directory = File::open(path.parent()?).ok()?;
    let deadline = Instant::now() + TURN;
    loop {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(directory),
            // There is no lock to wait for with a time limit; the others need microseconds.
            Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => {
                crate::base::log::debug!(path = %path.display(), "listening without a lock: {error}");
                return None;
            }
        }
    }
}

/// How long to wait for servers that start at the same time.
const TURN: Duration = Duration::from_millis(500);

fn bind(path: &Path, mode: Option<u32>) -> io::Result<Listener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if let Some(mode) = mode {
        // On Linux, the file gets no more permissions than its socket has. Elsewhere this
        // may fail; but nobody can connect before it listens, which comes last.
        rustix::fs::fchmod(&socket, system::mode(mode)).ok();
    }
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile {
        path: path.to_owned(),
        number: file_number(&fs::symlink_metadata(path)?),
    };
    if let Some(mode) = mode {
        // Adds what the umask took away.
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    socket.listen(BACKLOG)?;
    Ok(Listener {
        _file: Some(file),
        socket: UnixListener::from_std(OwnedFd::from(socket).into()),
    })
}

/// Removes a socket at which nobody listens. Anything else is left alone, with an error.
fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(explain_bind(&error)),
    };
    if !found.file_type().is_socket() {
        let text = "something else than a socket is there, and is left alone: remove it, or \
                    choose another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    match UnixStream::connect(path).map_err(|error| error.kind()) {
        Err(io::ErrorKind::ConnectionRefused) => {
            crate::base::log::info!(path = %path.display(), "removed a socket at which nobody listens");
            fs::remove_file(path).map_err(|error| explain_bind(&error))
        }
        Err(io::ErrorKind::NotFound) => Ok(()),
        Err(io::ErrorKind::PermissionDenied) => {
            let text = "a socket is there, and whether somebody listens cannot be told, since \
                        its permissions do not allow to connect: remove it, or choose another \
                        path";
            Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
        }
        // Somebody listens; or does not accept, or is of another type.
        _ => {
            let text = "another program listens there: stop it, or choose another path";
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
    }
}

fn explain_bind(error: &io::Error) -> io::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => "; another program took it at this moment: try again",
        io::ErrorKind::NotFound => "; its directory does not exist: create it first",
        io::ErrorKind::PermissionDenied => "; its directory must be writable",
        io::ErrorKind::InvalidInput => TOO_LONG,
        _ => "",
    };
    io::Error::new(error.kind(), format!("{error}{hint}"))
}

/// Connects, which needs no waiting.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let connected = match abstract_name(path) {
        Some(name) => UnixStream::connect_addr(&abstract_address(name)?),
        None => UnixStream::connect(path),
    };
    if let Ok(stream) = &connected {
        survive_broken_socket(stream);
    }
    connected.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; start the server first, or check the path",
            io::ErrorKind::ConnectionRefused => "; nobody listens there: start the server first",
            io::ErrorKind::PermissionDenied => "; the server's `mode` decides who may connect",
            io::ErrorKind::WouldBlock => {
                "; too many connections wait for the server to accept them"
            }
            io::ErrorKind::InvalidInput => TOO_LONG,
            _ => "",
        };
        io::Error::new(error.kind(), format!("{error}{hint}"))
    })
}

/// Who is at the other end, as the system says.
pub(crate) fn credentials(stream: &UnixStream) -> Option<Credentials> {
    system::credentials(stream)
}

/// Where our end is.
pub(crate) fn path(stream: &UnixStream) -> Option<PathBuf> {
    let address = stream.local_addr().ok()?;
    Some(address.as_pathname()?.to_owned())
}

/// The file of a socket; it ends with the socket.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    number: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put another one there.
        let ours = |found: Metadata| file_number(&found) == self.number;
        if fs::symlink_metadata(&self.path).is_ok_and(ours)
            && let Err(error) = fs::remove_file(&self.path)
        {
            crate::base::log::warn!(path = %self.path.display(), "the socket is left behind: {error}");
        }
    }
}

/// Tells a file from all others that exist.
fn file_number(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
