//! In the place of Unix sockets, which `mio` has none of on this system.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use mio::{Registry, Token};

use crate::base::sender::Credentials;

use super::sockets::TcpStream;

/// Why there are none.
pub(crate) const REFUSED: Option<&str> =
    Some("is not available on Windows; use `tcp:127.0.0.1:..` and `tcpserv:127.0.0.1:..`");

/// There is none.
#[derive(Debug)]
pub(crate) struct Listener(Infallible);

impl Listener {
    pub(crate) fn register(&mut self, _: &Registry, _: Token) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn accept(&self) -> io::Result<(TcpStream, String)> {
        match self.0 {}
    }
}

pub(crate) fn listen(_: &Path, _: Option<u32>) -> io::Result<Listener> {
    Err(unsupported())
}

pub(crate) fn connect(_: &Path) -> io::Result<TcpStream> {
    Err(unsupported())
}

/// Nobody is asked: expressions of such transports are refused before.
fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, REFUSED.unwrap_or_default())
}

/// Sockets within the machine do not tell.
pub(crate) fn credentials(_: &TcpStream) -> Option<Credentials> {
    None
}

/// Nor where they are.
pub(crate) fn path(_: &TcpStream) -> Option<std::path::PathBuf> {
    None
}
