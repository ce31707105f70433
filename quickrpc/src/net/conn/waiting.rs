//! Threads that wait for a peer's sending half: for room, for bytes, or for the end.

use std::io;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use crate::base::sync::{lock, wait};
use crate::carrier::stream::Stream;
use crate::carrier::sys::Bell;

use super::Conn;
use super::queue::Tx;

/// A writer thread takes so much at once, so that a slow stream is seen to advance.
const WRITE: usize = 16 << 10;

impl Conn {
    /// For a reader thread: waits while reading has stopped.
    pub(crate) fn wait_resumed(&self) {
        let mut tx = lock(&self.tx);
        while self.flow.is_stalled() && !self.is_closed() {
            tx = self.wait_changed(tx, None);
        }
    }

    /// Waits for [`changed`](Self::changed), with a limit or without.
    pub(crate) fn wait_changed<'a>(
        &self,
        mut tx: MutexGuard<'a, Tx>,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, Tx> {
        tx.waiting += 1;
        let mut tx = match limit {
            Some(limit) => match self.tx_changed.wait_timeout(tx, limit) {
                Ok((tx, _)) => tx,
                Err(poisoned) => poisoned.into_inner().0,
            },
            None => wait(&self.tx_changed, tx),
        };
        tx.waiting -= 1;
        tx
    }

    /// Waits until the socket takes more, for [`changed`](Self::changed), or until then. The
    /// poll thread, which would be told by the system, may be in a handler, which may even wait
    /// for a lock that this thread holds.
    pub(super) fn wait_writable<'a>(
        &'a self,
        stream: &Stream,
        mut tx: MutexGuard<'a, Tx>,
        until: Instant,
    ) -> io::Result<MutexGuard<'a, Tx>> {
        if tx.bell.is_none() {
            tx.bell = Bell::new().map(Box::new).ok();
        }
        let rung = tx.bell.as_ref().map(|bell| bell.rung());
        drop(tx);
        // Without descriptors left for a bell, an end is noticed at the end of the socket.
        stream.wait_for_room(rung.as_ref(), until)?;
        let mut tx = lock(&self.tx);
        // It is for once. Others who still hear it look again, and make another.
        tx.bell = None;
        Ok(tx)
    }

    /// Wakes those who wait for room in the queue, for bytes, or for the end. With nobody
    /// there, which is the rule, the system call is saved.
    pub(crate) fn changed(&self, tx: &mut Tx) {
        if tx.waiting > 0 {
            self.tx_changed.notify_all();
        }
        // The end of its pipe is what is heard.
        tx.bell = None;
    }

    /// The same, once the sending half is let go, as [`wait`] has it.
    pub(crate) fn changed_and_free(&self, mut tx: MutexGuard<'_, Tx>) {
        let waits = tx.waiting > 0;
        tx.bell = None;
        drop(tx);
        if waits {
            self.tx_changed.notify_all();
        }
    }

    /// For a writer thread: waits for bytes, and gives some. They count as queued until
    /// [`written`](Self::written) says more. `None`: closed, and all sent.
    pub(crate) fn take_queued(&self) -> Option<Vec<u8>> {
        let mut tx = lock(&self.tx);
        loop {
            if tx.unsent() > 0 {
                tx.taken = tx.unsent().min(WRITE);
                let end = tx.head + tx.taken;
                let bytes = tx.buf[tx.head..end].to_vec();
                tx.advance(bytes.len());
                return Some(bytes);
            }
            if self.is_closed() {
                return None;
            }
            tx = self.wait_changed(tx, None);
        }
    }

    /// For a writer thread: so many of the bytes that it took are written.
    pub(crate) fn written(&self, count: usize) {
        let mut tx = lock(&self.tx);
        tx.taken = tx.taken.saturating_sub(count);
        tx.progress = Instant::now();
        self.note(&mut tx);
        let drained = tx.queued() == 0;
        self.changed_and_free(tx);
        self.resume_with_room();
        if drained && let Some(keeper) = self.keeper.upgrade() {
            keeper.drained();
        }
    }
}
