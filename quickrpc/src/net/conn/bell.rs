//! What wakes threads that wait for a socket.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::carrier::fd::{self, Wake};

/// Wakes threads that wait for a descriptor, once: when it is dropped.
pub(crate) struct Bell {
    _ring: Wake,
    rung: Arc<OwnedFd>,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (ring, rung) = fd::waker()?;
        Ok(Bell { _ring: ring, rung })
    }

    /// What is readable when it has rung.
    pub(super) fn rung(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.rung)
    }
}
