//! The standard error of a child, line by line to the log.

use std::sync::Arc;

/// Longer lines are logged in pieces.
const LINE: usize = 8 << 10;

/// The log of one child.
pub(super) struct ChildLog {
    name: Arc<str>,
    pid: u32,
    /// The line that has begun.
    line: Vec<u8>,
}

impl ChildLog {
    pub(super) fn new(name: &Arc<str>, pid: u32) -> Self {
        ChildLog {
            name: Arc::clone(name),
            pid,
            line: Vec::new(),
        }
    }

    /// What has come.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
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

    /// Nothing more will come.
    pub(super) fn finish(mut self) {
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
