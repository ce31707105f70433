//! In the place of TLS, where the feature is off: nothing of it exists.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::expr::TransportExpr;

use super::greeter::Greeting;
use super::stream::Room;
use super::sys::TcpStream;

/// A connection over TLS: there is none.
#[derive(Debug)]
pub(crate) enum Tls {}

/// What a transport needs for TLS, if it needs it.
///
/// # Errors
///
/// None here: it is looked for before (`features.rs`).
pub(crate) fn bind(
    _expr: &TransportExpr,
    within: Option<Arc<dyn Greeting>>,
) -> Result<Option<Arc<dyn Greeting>>, Error> {
    Ok(within)
}

impl Tls {
    pub(crate) fn socket(&self) -> &TcpStream {
        match *self {}
    }

    pub(crate) fn read(&self, _: impl Room) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn read_waiting(&self, _: impl Room, _: Option<Instant>) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn has_unread(&self) -> bool {
        match *self {}
    }

    pub(crate) fn write(&self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn secinfo(&self) -> Option<SecInfo> {
        match *self {}
    }

    pub(crate) fn say_end(&self) {
        match *self {}
    }
}
