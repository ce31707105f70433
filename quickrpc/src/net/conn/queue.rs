//! What waits to be sent to one peer. Without I/O: what takes the bytes is handed in.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::base::reason::DisconnectReason;
use crate::base::spare;
use crate::base::sync::after;
use crate::carrier::sys::Bell;
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
    /// What wakes those that wait for the socket, too.
    pub(crate) bell: Option<Box<Bell>>,
    /// The socket took less than it was given; the poll thread goes on.
    pub(crate) blocked: bool,
    /// What puts its envelope around what is said, where the protocol has sessions.
    pub(crate) speaking: Option<Box<dyn Speaking>>,
    /// The thread that collects, and has this peer in its list.
    pub(crate) listed: Option<NonZeroU64>,
    /// Something was sent since the last look; for keeping connections alive.
    pub(crate) sent: bool,
    /// What the poll thread was told of `blocked`.
    pub(crate) told_blocked: bool,
    /// When the peer last accepted something, or the queue began.
    pub(crate) progress: Instant,
    /// Somebody has something for the peer for which there was no room.
    pub(crate) awaited: bool,
    /// The system takes nothing more, for this reason.
    pub(crate) broken: Option<DisconnectReason>,
    /// The highest id of a call of ours that the peer was told to be given up, perhaps before it was sent.
    pub(crate) withdrawn: u64,
}

/// Whether a send waits for room.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    Never,
    /// Never, and the message is an answer, of which a peer may have only so many unread.
    Answer,
    /// So long; the clock is looked at only where there is no room.
    UpTo(Duration),
    /// Until then, which is the deadline of the call with this id, and that is the message.
    Call {
        id: u64,
        until: Instant,
    },
    /// Not at all: without room it is not sent. Who offered it is told when there is some.
    Offered,
}

impl Wait {
    /// Whether it waits where there is no room.
    #[inline]
    pub(crate) fn is_patient(self) -> bool {
        matches!(self, Wait::UpTo(_) | Wait::Call { .. })
    }

    /// Until when, if so, where it begins now.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Wait::Never | Wait::Answer | Wait::Offered => None,
            Wait::UpTo(limit) => Some(after(limit)),
            Wait::Call { until, .. } => Some(until),
        }
    }
}

/// Whether somebody sends later what is put into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collects {
    Nobody,
    /// This thread, which collects.
    Thread(NonZeroU64),
    /// Whoever comes first, since it is a call that is held back.
    Held,
}

/// What came of putting bytes into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queued {
    /// All sent, or somebody sends it.
    Fine,
    /// For the list of the collecting thread.
    Listed,
    /// For the list of those for which calls are held back.
    Held,
    /// There was no room for what was offered.
    NoRoom,
}

/// What is collected, or on its way to a writer thread, makes no queue of one that flows.
const ROOM: usize = 16 << 10;

/// An empty queue keeps no more memory than this.
const KEEP: usize = 16 << 10;

impl Tx {
    pub(crate) fn new(speaking: Option<Box<dyn Speaking>>) -> Self {
        Tx {
            buf: Vec::new(),
            head: 0,
            gone: 0,
            answers: VecDeque::new(),
            answer_bytes: 0,
            taken: 0,
            waiting: 0,
            bell: None,
            blocked: false,
            speaking,
            listed: None,
            sent: false,
            told_blocked: false,
            progress: Instant::now(),
            awaited: false,
            broken: None,
            withdrawn: 0,
        }
    }

    /// Whether the peer takes what it is given, as far as can be seen: for what had better wait
    /// than become old in the queue.
    pub(crate) fn has_room(&self, limit: usize) -> bool {
        !self.blocked && self.queued() < ROOM.min(limit)
    }

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
    pub(crate) fn flush(
        &mut self,
        socket: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let (sent, blocked) = write(socket, &self.buf[self.head..])?;
        self.advance(sent);
        self.blocked = blocked;
        if sent > 0 {
            self.progress = Instant::now();
        }
        Ok(sent)
    }
}

/// Writes until all is sent or the socket takes no more (then the second part is true).
pub(crate) fn write(
    mut socket: impl FnMut(&[u8]) -> io::Result<usize>,
    mut bytes: &[u8],
) -> io::Result<(usize, bool)> {
    let all = bytes.len();
    while !bytes.is_empty() {
        match socket(bytes) {
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    /// A socket that takes so many bytes, then no more.
    fn takes(out: &mut Vec<u8>, mut room: usize) -> impl FnMut(&[u8]) -> io::Result<usize> {
        move |bytes| {
            let count = bytes.len().min(room).min(3);
            room -= count;
            out.extend_from_slice(&bytes[..count]);
            match count {
                0 => Err(ErrorKind::WouldBlock.into()),
                _ => Ok(count),
            }
        }
    }

    #[test]
    fn leaves_in_order_and_in_parts() {
        let mut tx = Tx::new(None);
        let mut out = Vec::new();
        tx.append(b"hello ", false);
        tx.append(b"world", false);
        assert_eq!(tx.queued(), 11);
        assert_eq!(tx.flush(takes(&mut out, 4)).unwrap(), 4);
        assert!(tx.blocked);
        assert_eq!(tx.queued(), 7);
        tx.append(b"!", false);
        assert_eq!(tx.flush(takes(&mut out, 100)).unwrap(), 8);
        assert!(!tx.blocked);
        assert_eq!((tx.queued(), &*out), (0, &b"hello world!"[..]));
    }

    #[test]
    fn answers_are_counted_until_they_have_left() {
        let mut tx = Tx::new(None);
        tx.append(b"ours", false);
        tx.append(b"answer", true);
        tx.append(b"answer", true);
        tx.append(b"ours", false);
        tx.append(b"last", true);
        assert_eq!(tx.answer_bytes, 16);
        assert_eq!(tx.answers.len(), 2, "what is side by side is one");
        let expected = [(4, 16), (3, 13), (9, 4), (4, 4), (1, 3), (3, 0)];
        for (sent, left) in expected {
            tx.advance(sent);
            assert_eq!(tx.answer_bytes, left);
        }
        assert_eq!(tx.queued(), 0);
        assert!(tx.answers.is_empty());
    }

    #[test]
    fn what_is_taken_counts_until_it_is_written() {
        let mut tx = Tx::new(None);
        tx.append(b"12345", false);
        tx.taken = 3;
        tx.advance(3);
        assert_eq!((tx.unsent(), tx.queued()), (2, 5));
        tx.clear();
        assert_eq!((tx.unsent(), tx.queued()), (0, 0));
    }

    #[test]
    fn the_sent_part_is_reclaimed() {
        let mut tx = Tx::new(None);
        tx.append(&[1; 100], false);
        tx.advance(60);
        tx.append(&[2; 10], false);
        assert_eq!((tx.head, tx.buf.len()), (0, 50));
        tx.advance(50);
        assert_eq!((tx.head, tx.buf.len()), (0, 0));
    }

    #[test]
    fn an_empty_queue_keeps_little_memory() {
        let mut tx = Tx::new(None);
        tx.append(&vec![0; KEEP + 1], false);
        tx.advance(KEEP + 1);
        assert!(tx.buf.capacity() <= KEEP);
    }

    #[test]
    fn progress_is_what_the_peer_takes() {
        let mut tx = Tx::new(None);
        tx.append(b"12345", false);
        let began = tx.progress;
        tx.append(b"6", false);
        assert_eq!(tx.progress, began, "more of ours is none");
        assert_eq!(tx.flush(takes(&mut Vec::new(), 0)).unwrap(), 0);
        assert_eq!(tx.progress, began, "and nothing taken is none");
        assert_eq!(tx.flush(takes(&mut Vec::new(), 1)).unwrap(), 1);
        assert!(tx.progress >= began);
    }

    #[test]
    fn interruptions_are_no_errors_and_an_end_is() {
        let mut interrupted = false;
        let socket = |bytes: &[u8]| match std::mem::replace(&mut interrupted, true) {
            false => Err(ErrorKind::Interrupted.into()),
            true => Ok(bytes.len()),
        };
        assert_eq!(write(socket, b"123").unwrap(), (3, false));
        let ended = write(|_| Ok(0), b"123").unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::WriteZero);
        let broken = write(|_| Err(ErrorKind::BrokenPipe.into()), b"123").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
    }
}
