//! Sending: at once, or into the queue.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::wire::met::Met;

use super::queue::{Collects, Queued, Tx, Wait, write};
use super::speak::{Content, Speech};
use super::{Conn, Outlet};

/// A collecting thread flushes when so much is queued for one peer, or its queue would be full.
const FLUSH_AT: usize = 64 << 10;

/// Calls are held back while less than this is queued.
const HELD: usize = 16 << 10;

impl Conn {
    /// Says what is queued to those who look without the lock, and has the poll thread look
    /// after a peer whose queue is full. The only place where that is decided.
    pub(super) fn note(&self, tx: &mut Tx) {
        let queued = tx.queued();
        self.flow.note(queued, tx.answer_bytes);
        self.held.output(queued);
        if tx.told_blocked != tx.blocked {
            tx.told_blocked = tx.blocked;
            self.watch_room(tx.blocked);
        }
        if queued >= self.wire.limits.peer_queue {
            self.is_full(queued);
        }
        if tx.awaited && tx.has_room(self.wire.limits.peer_queue) {
            tx.awaited = false;
            self.tell_room();
        }
    }

    #[cold]
    fn tell_room(&self) {
        if let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade()) {
            keeper.room(me);
        }
    }

    /// Has the session say in time what it has kept.
    fn say_later(&self, tx: &mut Tx) {
        if let Some(at) = tx.speaking.as_mut().and_then(|speaking| speaking.later())
            && let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade())
        {
            keeper.say_later(me, at);
        }
    }

    /// Has the session say in time what it has to say of what it has heard.
    pub(crate) fn look_at_kept(&self) {
        self.say_later(&mut lock(&self.tx));
    }

    /// The call of the peer with this id is about to be handled. False if its session has said
    /// already that it never will be.
    pub(crate) fn begins(&self, id: &str) -> bool {
        let mut tx = lock(&self.tx);
        let Some(speaking) = &mut tx.speaking else {
            return true;
        };
        let begins = speaking.begins(id);
        self.say_later(&mut tx);
        begins
    }

    #[cold]
    fn is_full(&self, queued: usize) {
        // A queue without any room is not full of anything.
        if queued > 0
            && !self.is_closed()
            && self.flow.look_after()
            && let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade())
        {
            keeper.look_after(me);
        }
    }

    #[cold]
    fn watch_room(&self, blocked: bool) {
        if let Some(keeper) = self.keeper.upgrade() {
            keeper.blocked(self, blocked);
        }
    }

    /// Sends something, or queues what cannot be sent at once, or what `collects` says that
    /// somebody sends later.
    ///
    /// The bytes are accepted while less than the limit is queued; beyond it the call waits
    /// as `wait` says. With four times the limit, what nobody waits for is refused; whether the
    /// peer reads at all is not decided here, but by the poll thread and in its time. Answers are
    /// owed, and go on as long as the peer takes something.
    #[inline]
    pub(crate) fn send(
        &self,
        content: Content<'_>,
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        let is_made = match content {
            Content::Framed(_) => true,
            // It is made already, but for where it goes.
            Content::Said(..) => matches!(self.speech, Speech::Addressed),
            Content::Payload(..) | Content::Plain(..) | Content::Nothing => false,
        };
        match is_made {
            true => self.send_made_in(&mut Vec::new(), content, wait, collects),
            false => with_scratch(|out| self.send_made_in(out, content, wait, collects)),
        }
    }

    /// The same, with memory for what is still to be put around it.
    fn send_made_in(
        &self,
        out: &mut Vec<u8>,
        content: Content<'_>,
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        self.check_guest()?;
        if let Outlet::Datagram(outlet) = &self.outlet {
            let finished = self.finish(content, None, out);
            let bytes = finished.inspect_err(|error| self.refuse_broken(error))?;
            self.send_datagram(outlet, bytes, wait)?;
            return Ok(Queued::Fine);
        }
        if let Outlet::Broker(outlet) = &self.outlet {
            return self.send_by_broker(outlet, out, content, wait, collects);
        }
        let limit = self.wire.limits.peer_queue;
        let mut deadline = None;
        let mut tx = lock(&self.tx);
        loop {
            if self.is_closed() || tx.broken.is_some() {
                return Err(self.takes_nothing(&tx));
            }
            if matches!(wait, Wait::Offered) && !tx.has_room(limit) {
                tx.awaited = true;
                return Ok(Queued::NoRoom);
            }
            let mut queued = tx.queued();
            if queued >= limit
                && let Outlet::Socket(stream) = &self.outlet
            {
                // It may only have been collected. And a socket that was full may have room
                // again, of which the poll thread knows nothing while it runs a handler.
                match tx.flush(|bytes| stream.write(bytes)) {
                    Ok(0) => {}
                    Ok(_) => self.changed(&mut tx),
                    Err(error) => return Err(self.lost(tx, error)),
                }
                self.note(&mut tx);
                queued = tx.queued();
            }
            if queued < limit {
                break;
            }
            match wait {
                Wait::Never | Wait::Answer | Wait::Offered if queued < limit.saturating_mul(4) => {
                    break;
                }
                Wait::Never | Wait::Offered => {
                    return Err(Error::QueueFull {
                        peer: Arc::clone(&self.peer().name),
                        queued,
                    });
                }
                Wait::Answer if tx.progress.elapsed() < self.wire.limits.stall => break,
                Wait::Answer => {
                    let reason = DisconnectReason::SlowConsumer { queued };
                    let error = self.gone(&reason);
                    drop(tx);
                    self.close(reason);
                    return Err(error);
                }
                Wait::UpTo(_) | Wait::Call { .. } => {
                    let now = Instant::now();
                    let deadline = *deadline.get_or_insert_with(|| wait.deadline().unwrap_or(now));
                    if now >= deadline {
                        return Err(Error::QueueFull {
                            peer: Arc::clone(&self.peer().name),
                            queued,
                        });
                    }
                    tx = match &self.outlet {
                        Outlet::Socket(stream) => self
                            .wait_writable(stream, tx, deadline)
                            .map_err(|error| Error::io("cannot wait for room", error))?,
                        _ => self.wait_changed(tx, Some(deadline - now)),
                    };
                }
            }
        }
        if let Wait::Call { id, until } = wait
            && id <= tx.withdrawn
            && Instant::now() >= until
        {
            // The peer has been told that it is given up, perhaps, and would run it in vain. Whoever waits for
            // it has been told, too.
            return Err(Error::Cancelled);
        }
        tx.sent = true;
        let answer = matches!(wait, Wait::Answer);
        let bytes = match content {
            Content::Framed(bytes) => bytes,
            _ => {
                let bytes = match self.finish(content, tx.speaking.as_deref_mut(), out) {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        drop(tx);
                        self.refuse_broken(&error);
                        return Err(error);
                    }
                };
                if let Content::Said(about, _) = content
                    && about.may_be_kept()
                {
                    self.say_later(&mut tx);
                    if bytes.is_empty() {
                        return Ok(Queued::Fine);
                    }
                }
                bytes
            }
        };
        if bytes.is_empty() {
            // The peer does not want it.
            return Ok(Queued::Fine);
        }
        let mut rest = bytes;
        let Outlet::Socket(stream) = &self.outlet else {
            if tx.queued() == 0
                && let Outlet::Writer(writer) = &self.outlet
                && writer.at_once.as_ref().is_some_and(|take| take(rest))
            {
                return Ok(Queued::Fine);
            }
            tx.append(rest, answer);
            self.note(&mut tx);
            self.changed_and_free(tx);
            return Ok(Queued::Fine);
        };
        match collects {
            Collects::Thread(thread) if tx.queued() + rest.len() < FLUSH_AT.min(limit) => {
                tx.append(rest, answer);
                self.note(&mut tx);
                // In another thread's list it might wait for longer than this thread collects.
                if tx.listed == Some(thread) {
                    return Ok(Queued::Fine);
                }
                tx.listed = Some(thread);
                return Ok(Queued::Listed);
            }
            Collects::Held if tx.queued() + rest.len() < HELD.min(limit) => {
                tx.append(rest, answer);
                self.note(&mut tx);
                return Ok(Queued::Held);
            }
            _ => {}
        }
        if tx.queued() == 0 && !tx.blocked {
            match write(|bytes| stream.write(bytes), rest) {
                Ok((0, false)) => {}
                Ok((sent, blocked)) => {
                    tx.blocked = blocked;
                    rest = &rest[sent..];
                }
                Err(error) => return Err(self.lost(tx, error)),
            }
            if rest.is_empty() {
                return Ok(Queued::Fine);
            }
        }
        tx.append(rest, answer);
        if !tx.blocked
            && let Err(error) = tx.flush(|bytes| stream.write(bytes))
        {
            return Err(self.lost(tx, error));
        }
        self.note(&mut tx);
        Ok(Queued::Fine)
    }

    /// Sends what is queued, as far as the socket takes it. `writable` says that the
    /// system reported room. Gives what is left.
    pub(crate) fn flush(&self, writable: bool) -> usize {
        let stream = match &self.outlet {
            Outlet::Socket(stream) => stream,
            Outlet::Broker(outlet) => {
                let by = outlet.by.upgrade();
                return by.map_or(0, |by| by.flush(writable));
            }
            Outlet::Writer(_) | Outlet::Datagram(_) => return self.backlog(),
        };
        let mut tx = lock(&self.tx);
        tx.listed = None;
        if writable {
            tx.blocked = false;
        }
        if tx.blocked || tx.queued() == 0 {
            return tx.queued();
        }
        match tx.flush(|bytes| stream.write(bytes)) {
            Ok(0) => {}
            Ok(_) => self.changed(&mut tx),
            Err(error) => {
                self.lost(tx, error);
                return 0;
            }
        }
        self.note(&mut tx);
        let left = tx.queued();
        drop(tx);
        self.resume_with_room();
        left
    }

    /// Why a peer that is closed or broken is sent nothing.
    #[cold]
    fn takes_nothing(&self, tx: &Tx) -> Error {
        let reason = self.closed().or_else(|| tx.broken.clone());
        self.gone(&reason.unwrap_or(DisconnectReason::EndOfInput))
    }

    /// The peer is about to be told that a call is given up: it is not sent after that.
    pub(crate) fn withdraw(&self, id: u64) {
        let mut tx = lock(&self.tx);
        tx.withdrawn = tx.withdrawn.max(id);
    }

    /// Sends bytes without meaning, unless something was sent since the last call.
    pub(crate) fn keep_alive(&self, bytes: &[u8]) {
        let idle = {
            let mut tx = lock(&self.tx);
            !std::mem::take(&mut tx.sent) && tx.queued() == 0
        };
        if idle {
            // A peer that cannot be sent to is found out by that.
            self.send(Content::Framed(bytes), Wait::Never, Collects::Nobody)
                .ok();
            lock(&self.tx).sent = false;
        }
    }

    /// Has the system find out whether the peer still takes what it is sent, where there is
    /// something to be sent that means nothing. One that does not is gone: the system says so at
    /// once, or when that has come back. Gives false where there is nothing to be sent.
    pub(crate) fn probe(&self) -> bool {
        let Outlet::Socket(_) = &self.outlet else {
            return false;
        };
        let idle = self.wire.idle();
        let content = match (&idle, &self.speech) {
            (Some(bytes), _) => Content::Framed(bytes),
            (None, Speech::Framed(Met::Posts(caller))) if caller.takes_interim() => {
                Content::Nothing
            }
            (None, _) => return false,
        };
        // What is queued finds it out as well.
        if lock(&self.tx).queued() == 0 {
            self.send(content, Wait::Never, Collects::Nobody).ok();
        }
        true
    }

    /// When the peer last accepted something, or the queue began.
    pub(crate) fn progress(&self) -> Instant {
        lock(&self.tx).progress
    }

    /// Whether the peer has been stalled with a full queue since before `since`.
    ///
    /// A system that has reported a socket as full reports room again when a good part of it is
    /// free, which takes a slow reader minutes; but it takes what fits before. So it is asked.
    pub(crate) fn stalled_since(&self, since: Instant, limit: usize) -> bool {
        let mut tx = lock(&self.tx);
        if tx.queued() < limit || tx.progress > since {
            return false;
        }
        let Outlet::Socket(stream) = &self.outlet else {
            return true;
        };
        match tx.flush(|bytes| stream.write(bytes)) {
            Ok(0) => return true,
            Ok(_) => self.changed(&mut tx),
            Err(error) => {
                self.lost(tx, error);
                return false;
            }
        }
        self.note(&mut tx);
        drop(tx);
        self.resume_with_room();
        false
    }

    /// The system takes nothing more for this peer. It may have ended in good order, and not have read what came
    /// too late; what has arrived of it is read before it is closed ([`close_broken`](Self::close_broken)).
    #[cold]
    fn lost(&self, mut tx: MutexGuard<'_, Tx>, error: io::Error) -> Error {
        let reason = DisconnectReason::Lost(Arc::new(error));
        let gone = self.gone(&reason);
        tx.clear();
        tx.blocked = false;
        let is_new = tx.broken.is_none();
        tx.broken.get_or_insert(reason);
        self.note(&mut tx);
        self.changed_and_free(tx);
        match (self.keeper.upgrade(), self.me.upgrade()) {
            _ if self.end.is_over() || self.is_line() => self.close_broken(),
            (Some(keeper), Some(me)) if is_new => keeper.broken(me),
            _ => {}
        }
        gone
    }
}
