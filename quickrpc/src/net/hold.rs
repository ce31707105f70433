//! Calls that are held back, so that several leave with one write.
//!
//! A call to a peer that owes us answers already has to wait behind those anyway. It goes into the
//! queue of the peer, where whatever is sent to that peer next takes it along; so the order is the
//! one in which things were sent. It leaves with the first of these: a thread waits for an answer of
//! this API, an answer of that peer is read, its queue is long enough, the time is over, or anything
//! else goes to the peer. A call that is alone is never held back, nor what is no call.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::base::here;
use crate::base::sync::{after, lock};
use crate::wire::session::About;

use super::conn::{Conn, Outlet, Wait};
use super::held::Pause;
use super::net::Net;

/// A peer that owes us fewer answers is sent the next call at once: to have the poll thread see to
/// it in time costs as much as a write.
const FEW: usize = 3;

/// A call that may last less than so many times its hold is in a hurry.
const HURRY: u32 = 20;

impl Net {
    /// Whether what is about to be sent may wait for what comes behind it.
    #[inline]
    pub(super) fn may_hold(&self, conn: &Conn, about: Option<&About<'_>>, wait: Wait) -> bool {
        conn.flow.asked() > FEW && self.may_hold_call(conn, about, wait)
    }

    #[inline(never)]
    fn may_hold_call(&self, conn: &Conn, about: Option<&About<'_>>, wait: Wait) -> bool {
        let Some(About::Call {
            id: Some(_), way, ..
        }) = about
        else {
            return false;
        };
        let hold = conn.wire.hold;
        // A thread that delivers waits for no room, and collects anyway.
        hold > Duration::ZERO
            && self.held.paused.load(Ordering::Acquire) == 0
            && wait.is_patient()
            && matches!(conn.outlet, Outlet::Socket(_) | Outlet::Broker(_))
            && way.within.is_none_or(|within| within > hold * HURRY)
    }

    /// A call waits in the queue of this peer.
    pub(super) fn hold(&self, conn: &Arc<Conn>) {
        if conn.holds.load(Ordering::Relaxed) || conn.holds.swap(true, Ordering::AcqRel) {
            return;
        }
        lock(&self.held.peers).push(Arc::clone(conn));
        self.held.any.store(true, Ordering::Release);
        if self.alarm.set_earlier(after(conn.wire.hold))
            && let Some(reactor) = self.reactor()
        {
            reactor.wake();
        }
    }

    /// Something slow begins on this thread: if that is the poll thread, nothing is held back
    /// meanwhile.
    pub(crate) fn hold_nothing(&self) -> Option<Pause<'_>> {
        if !here::reads(self.id) {
            return None;
        }
        self.held.paused.fetch_add(1, Ordering::AcqRel);
        self.send_held();
        Some(Pause(&self.held))
    }

    /// Sends what is held back.
    #[inline]
    pub(crate) fn send_held(&self) {
        if self.held.any.load(Ordering::Acquire) {
            self.send_all_held();
        }
    }

    #[inline(never)]
    fn send_all_held(&self) {
        self.held.any.store(false, Ordering::Release);
        let peers = std::mem::take(&mut *lock(&self.held.peers));
        for conn in peers {
            // First this: who adds a call after the flush enters the peer again.
            conn.holds.store(false, Ordering::Release);
            conn.flush(false);
        }
    }

    /// Has the poll thread send what is held back. A task that waits for its answer comes here, and
    /// behind it others of the same thread, whose calls leave with it.
    #[inline]
    pub(crate) fn ask_to_send_held(&self) {
        if self.held.any.load(Ordering::Acquire)
            && !self.held.asked.swap(true, Ordering::AcqRel)
            && let Some(reactor) = self.reactor()
        {
            reactor.wake();
        }
    }

    /// The poll thread has been woken, perhaps for that.
    #[inline]
    pub(super) fn send_held_if_asked(&self) {
        if self.held.asked.load(Ordering::Relaxed) {
            self.held.asked.store(false, Ordering::SeqCst);
            self.send_held();
        }
    }
}
