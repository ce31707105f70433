//! The side of a call's promise that the runtime sees.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::{Shared, Turn};
use crate::base::error::{Error, Result};
use crate::base::foreign::catch;
use crate::net::conn::Conn;
use crate::wire::codec::{AnyCodec, Payload, Script};

/// What the promise of a call asks of the API that the call belongs to.
///
/// Nothing of the promise is locked while these run.
pub(crate) trait Context: Send + Sync {
    /// Called before a thread waits for, or polls, a promise that is pending. Flushes what
    /// the thread has batched, since the answer would wait for that.
    ///
    /// # Errors
    ///
    /// `Error::Deadlock` if the answer has to wait for this thread.
    fn before_wait(&self) -> Result<()>;

    /// The same before a promise is only polled: what waits to be sent need not leave on this thread.
    ///
    /// # Errors
    ///
    /// As there.
    fn before_poll(&self) -> Result<()> {
        self.before_wait()
    }

    /// Called by a thread that is about to wait, so that it can do the reading by itself.
    /// Returns when `done` says so, `until` has passed, or somebody else does the work; the
    /// thread then sleeps until the promise is settled.
    fn drive(&self, call: u64, done: &dyn Fn() -> bool, until: Option<Instant>) {
        let _ = (call, done, until);
    }

    /// Somebody waits for this call without a thread that could read by itself.
    fn attend(&self, call: u64) {
        let _ = call;
    }

    /// The deadline of a call has passed: it fails on this thread, after those who look at it have
    /// heard of that, unless somebody has taken it out of the table of pending calls just before. Then
    /// this gives `false`, and the call is settled in a moment.
    fn expire(&self, id: u64) -> bool;

    /// Nobody wants the result of a call any more: its entry in the table of pending calls goes,
    /// and whoever was asked is told. Does nothing for a call that is pending no longer.
    fn cancel(&self, id: u64);

    /// Runs a `then` callback when it is its turn; it does not panic.
    fn run(&self, lane: u64, callback: Box<dyn FnOnce() + Send>);

    /// Whether the program runs callbacks where it wants to.
    fn is_manual(&self) -> bool {
        false
    }

    /// Runs a callback of a call that is pending, in the turn of the peer that was asked; it does
    /// not panic.
    fn run_for(&self, call: u64, callback: Box<dyn FnOnce() + Send>) {
        let _ = call;
        callback();
    }

    /// The peer that was asked may send so many more items.
    fn grant(&self, call: u64, items: u64) {
        let _ = (call, items);
    }
}

/// What is known about a call that waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct CallInfo {
    /// Its id in the table of pending calls; 0 of one that never comes there.
    pub(crate) id: u64,
    pub(crate) method: Cow<'static, str>,
    /// Who was asked, if it was a single peer.
    pub(crate) peer: Option<Arc<str>>,
    pub(crate) deadline: Option<Instant>,
    /// What the deadline was made of; for the error's text.
    pub(crate) timeout: Duration,
}

/// Reads the result out of a message: telegram, payload, and the depth of nesting allowed.
pub(crate) type Decode<T> = fn(&AnyCodec, &Script<'_>, &Payload, usize) -> Result<T, String>;

/// The entry of a call in the table of pending calls.
///
/// Whatever settles it first counts; later attempts do nothing. The `lane` is the one in
/// which a `then` callback takes its turn.
pub(crate) trait PendingCall: Send + Sync {
    /// Settles the call with the result in a message, if it can be read.
    ///
    /// # Errors
    ///
    /// `Error::BadResult` if it cannot; the call is still pending then, as somebody else
    /// may have been asked too. If not, pass the error to [`fail`](PendingCall::fail).
    fn offer(
        &self,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
        lane: u64,
    ) -> Result<()>;

    /// Settles the call with an error.
    fn fail(&self, error: Error, lane: u64);

    /// Settles the call with `Error::Timeout`, as its deadline has passed; perhaps before it was sent.
    fn time_out(&self, sent: bool, lane: u64);

    /// Nobody waits for it any more, for this reason; whoever did has settled it by himself.
    fn given_up(&self, error: Error) {
        let _ = error;
    }

    /// Whether there may be somebody for the result.
    fn is_wanted(&self) -> bool;

    /// When it has to be settled, as far as is known now.
    fn deadline(&self) -> Option<Instant>;

    /// It has waited for a peer, and goes to these now.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    fn asks(&self, peers: &[Arc<Conn>]) -> Result<()> {
        let _ = peers;
        Ok(())
    }

    /// A peer has sent an item of it; the payload are the arguments of that message.
    fn item(
        &self,
        conn: &Arc<Conn>,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
    ) -> ItemOutcome {
        let _ = (conn, codec, telegram, payload, depth);
        ItemOutcome::NoStream
    }
}

/// What became of an item.
#[derive(Debug)]
pub(crate) enum ItemOutcome {
    /// The call has no items.
    NoStream,
    Taken,
    /// The same, and what all peers hold together is more than before.
    TakenMore,
    /// It is not what it should be: the call fails.
    Bad(Error),
}

impl<T: Send + 'static> PendingCall for Shared<T> {
    fn offer(
        &self,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
        lane: u64,
    ) -> Result<()> {
        let Some(call) = self.call() else {
            return Ok(());
        };
        if !self.is_wanted() {
            return Ok(());
        }
        // Deserialising is user code too, fed with what a peer sent.
        let decoded = catch("reading a result", || {
            (call.decode)(codec, telegram, payload, depth)
        });
        match decoded.unwrap_or_else(|| Err("reading it panicked".into())) {
            Ok(value) => {
                self.settle(Ok(value), Turn::Lane(lane));
                Ok(())
            }
            Err(reason) => Err(Error::BadResult {
                method: call.info.method.as_ref().into(),
                reason: reason.into(),
            }),
        }
    }

    fn fail(&self, error: Error, lane: u64) {
        self.settle(Err(error), Turn::Lane(lane));
    }

    fn time_out(&self, sent: bool, lane: u64) {
        self.settle(Err(self.deadline_error(sent)), Turn::Lane(lane));
    }

    fn is_wanted(&self) -> bool {
        Shared::is_wanted(self)
    }

    fn deadline(&self) -> Option<Instant> {
        self.call()?.info.deadline
    }
}
