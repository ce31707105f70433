//! The standard error of a child, line by line to the log.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use super::fd;

/// Longer lines are logged in pieces.
const LINE: usize = 8 << 10;

/// The log of one child.
pub(super) struct ChildLog {
    input: OwnedFd,
    name: Arc<str>,
    pid: u32,
    /// The line that has begun.
    line: Vec<u8>,
}

impl ChildLog {
    pub(super) fn new(input: OwnedFd, name: &Arc<str>, pid: u32) -> Self {
        ChildLog {
            input,
            name: Arc::clone(name),
            pid,
            line: Vec::new(),
        }
    }

    /// Reads some, once there is something. `None`: it was closed.
    pub(super) fn read(mut self) -> Option<Self> {
        match self.read_up_to(usize::MAX) {
            Some(_) => Some(self),
            None => {
                self.finish_line();
                None
            }
        }
    }

    /// The child has exited. Others may still hold its standard error, so only what is
    /// there is logged.
    pub(super) fn finish(mut self) {
        let mut left = fd::there(&self.input).unwrap_or(0);
        while left > 0 {
            match self.read_up_to(left) {
                None | Some(0) => break,
                Some(count) => left = left.saturating_sub(count),
            }
        }
        self.finish_line();
    }

    /// Gives the number of bytes; `None` at the end.
    fn read_up_to(&mut self, most: usize) -> Option<usize> {
        let mut buffer = [0; 4096];
        let most = most.min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        match rustix::io::read(&self.input, &mut *buffer) {
            Ok(0) => None,
            Ok(count) => {
                self.take(buffer.get(..count).unwrap_or_default());
                Some(count)
            }
            Err(Errno::INTR | Errno::AGAIN) => Some(0),
            Err(_) => None,
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.begin_line(line);
            self.log();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.begin_line(bytes);
    }

    fn begin_line(&mut self, mut bytes: &[u8]) {
        while let Some((piece, rest)) = bytes.split_at_checked(LINE - self.line.len())
            && !rest.is_empty()
        {
            self.line.extend_from_slice(piece);
            self.log();
            bytes = rest;
        }
        self.line.extend_from_slice(bytes);
    }

    fn finish_line(&mut self) {
        if !self.line.is_empty() {
            self.log();
        }
    }

    fn log(&mut self) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        crate::base::log::info!(target: "quickrpc::child", child = %self.name, pid = self.pid, "{text}");
        self.line.clear();
    }
}

impl AsFd for ChildLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}
