//! What waits to be sent to one peer.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::time::Instant;

use crate::carrier::stream::Stream;

use crate::base::reason::DisconnectReason;
use crate::base::spare;
use crate::wire::session::Speaking;

/// What waits to be sent.
pub(crate) struct Tx {
    pub(crate) buf: Vec<u8>,
    /// So many bytes of `buf` are sent.
    pub(crate) head: usize,
    /// Bytes that have left `buf` since the beginning.
    pub(crate) gone: u64,
    /// Where in the stream of all bytes the answers lie that are not sent yet.
    pub(crate) answers: VecDeque<Range<u64>>,
    /// How many bytes that are.
    pub(crate) answer_bytes: usize,
    /// Bytes that the writer thread has taken, and not written yet.
    pub(crate) taken: usize,
    /// Threads that wait for a change of any kind.
    pub(crate) waiting: usize,
    /// The socket took less than it was given; the poll thread goes on.
    pub(crate) blocked: bool,
    /// What puts its envelope around what is said, where the protocol has sessions.
    pub(crate) speaking: Option<Box<dyn Speaking>>,
    /// The thread that collects, and has this peer in its list.
    pub(crate) listed: Option<u64>,
    /// Nothing is accepted any more.
    pub(crate) closed: Option<DisconnectReason>,
    /// When the peer last accepted something, or the queue began.
    pub(crate) progress: Instant,
}

/// What came of putting bytes into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queued {
    /// All sent, or somebody sends it.
    Fine,
    /// Over its limit: the peer is to be watched.
    Over,
    /// For the list of the collecting thread.
    Listed,
}

/// An empty queue keeps no more memory than this.
const KEEP: usize = 16 << 10;

impl Tx {
    /// What has not left for certain.
    pub(crate) fn queued(&self) -> usize {
        self.unsent() + self.taken
    }

    /// Nothing of it is sent any more.
    pub(crate) fn clear(&mut self) {
        self.buf = Vec::new();
        self.head = 0;
        self.taken = 0;
        self.answers.clear();
        self.answer_bytes = 0;
    }

    pub(crate) fn unsent(&self) -> usize {
        self.buf.len() - self.head
    }

    /// So many bytes have left the buffer.
    pub(crate) fn advance(&mut self, count: usize) {
        let from = self.gone;
        self.gone += count as u64;
        while let Some(answer) = self.answers.front() {
            let sent = answer
                .end
                .min(self.gone)
                .saturating_sub(answer.start.max(from));
            self.answer_bytes = self.answer_bytes.saturating_sub(sent as usize);
            if answer.end > self.gone {
                break;
            }
            self.answers.pop_front();
        }
        self.head += count;
        if self.head == self.buf.len() {
            self.head = 0;
            self.buf.clear();
            if self.buf.capacity() > KEEP {
                spare::give(std::mem::take(&mut self.buf));
            }
        }
    }

    pub(crate) fn state(&self, limit: usize) -> Queued {
        if self.queued() < limit {
            Queued::Fine
        } else {
            Queued::Over
        }
    }

    pub(crate) fn append(&mut self, bytes: &[u8], answer: bool) {
        if self.queued() == 0 {
            self.progress = Instant::now();
        }
        if self.head > 0 && self.head >= self.buf.len() / 2 {
            self.buf.drain(..self.head);
            self.head = 0;
        }
        if answer {
            let start = self.gone + self.unsent() as u64;
            let end = start + bytes.len() as u64;
            match self.answers.back_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => self.answers.push_back(start..end),
            }
            self.answer_bytes += bytes.len();
        }
        if bytes.len() >= spare::LARGE && self.buf.capacity() == 0 {
            self.buf = spare::take();
        }
        self.buf.extend_from_slice(bytes);
    }

    /// Writes what the socket takes; gives the number of bytes.
    pub(crate) fn flush(&mut self, stream: &Stream) -> io::Result<usize> {
        let (sent, blocked) = write(stream, &self.buf[self.head..])?;
        self.advance(sent);
        self.blocked = blocked;
        if sent > 0 {
            self.progress = Instant::now();
        }
        Ok(sent)
    }
}

/// Writes until all is sent or the socket takes no more (then the second part is true).
pub(crate) fn write(stream: &Stream, mut bytes: &[u8]) -> io::Result<(usize, bool)> {
    let all = bytes.len();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok((all - bytes.len(), true));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((all, false))
}
