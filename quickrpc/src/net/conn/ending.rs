//! The end of a peer, as far as it is its own business.

use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;

use super::{Conn, Outlet};

impl Conn {
    /// Whether nothing can be sent any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.end.is_closed()
    }

    /// Why nothing can be sent, if so.
    pub(crate) fn closed(&self) -> Option<DisconnectReason> {
        // The rule is that it is not.
        self.is_closed().then(|| self.end.closed()).flatten()
    }

    /// Why no answer will come from this peer, if so.
    pub(crate) fn lost_for_calls(&self) -> Option<DisconnectReason> {
        self.end.is_over().then(|| self.end.reason()).flatten()
    }

    /// The error of a send to this peer after its end.
    pub(crate) fn gone(&self, reason: &DisconnectReason) -> Error {
        if let DisconnectReason::Stopped = reason {
            return Error::Stopped;
        }
        Error::Disconnected {
            peer: Arc::clone(&self.peer().name),
            reason: reason.to_string().into(),
        }
    }

    /// One thing that was owed to the peer is settled: an answer has been sent, or all that it
    /// had sent before its end was handled. The last one closes.
    pub(crate) fn settled(&self) {
        if self.flow.settle() {
            let reason = self.end.reason();
            self.close(reason.unwrap_or(DisconnectReason::EndOfInput));
        }
    }

    /// Waits until what has become of all that was sent is heard, where that is found out without an answer; but not
    /// beyond this time.
    pub(crate) fn await_outcome(&self, deadline: Instant) {
        if let Outlet::Writer(writer) = &self.outlet
            && let Some(outcome) = &writer.outcome
        {
            outcome(deadline);
        }
    }

    /// Accepts nothing more for sending; what is queued may still be flushed. The first
    /// reason counts. Gives false if it was closed before.
    pub(crate) fn close(&self, reason: DisconnectReason) -> bool {
        let mut tx = lock(&self.tx);
        if !self.end.close(&reason) {
            return false;
        }
        if !reason.keeps_queue() {
            tx.clear();
        } else if tx.broken.is_none()
            && let Some(farewell) = self.wire.frames.farewell(&reason)
        {
            tx.append(&farewell, false);
        }
        self.note(&mut tx);
        self.changed_and_free(tx);
        match &self.outlet {
            Outlet::Writer(writer) => (writer.end)(reason.keeps_queue()),
            Outlet::Socket(stream) if self.reading.is_driven() => stream.shutdown_read(),
            _ => {}
        }
        if let (Some(keeper), Some(me)) = (self.keeper.upgrade(), self.me.upgrade()) {
            keeper.closing(&me, reason);
        }
        true
    }

    /// Closes a peer for which the system takes nothing more.
    pub(crate) fn close_broken(&self) {
        let broken = lock(&self.tx).broken.clone();
        if let Some(reason) = broken {
            self.close(reason);
        }
    }

    /// Something was not said, with this error. A peer whose security has panicked meanwhile
    /// goes: it would wait in vain for what is owed to it.
    #[cold]
    pub(crate) fn refuse_broken(&self, error: &Error) {
        if let Error::Security(reason) = error
            && self.speech.is_broken()
        {
            self.close(DisconnectReason::Refused(reason.clone()));
        }
    }

    /// After its end: what is left for the peer is given up, and the connection with it.
    pub(crate) fn drop_output(&self) {
        let mut tx = lock(&self.tx);
        tx.clear();
        self.note(&mut tx);
        drop(tx);
        match &self.outlet {
            Outlet::Socket(stream) => stream.close(),
            Outlet::Writer(writer) => (writer.end)(false),
            Outlet::Datagram(_) | Outlet::Broker(_) => {}
        }
    }

    /// After its end: what it has sent only in part is given up.
    pub(crate) fn drop_input(&self) {
        // Not there while a reader thread has it, which then gives it up by itself.
        self.reading.with_rest(|rx| rx.clear());
        self.held.input(0);
    }
}
