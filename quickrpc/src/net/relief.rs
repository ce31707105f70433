//! Keeping what all peers hold together within its limit.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;

use super::conn::Conn;
use super::net::Net;

impl Net {
    /// Input of a peer waits for its rest. Makes room if all hold too much; false if that
    /// has cost this peer its connection.
    pub(crate) fn holds_input(&self, conn: &Conn, now: usize) -> bool {
        if !conn.held.input(now) {
            return true;
        }
        self.relieve();
        // Whoever closed it meanwhile may have looked before this was counted.
        let open = !conn.is_closed();
        if !open {
            conn.held.input(0);
        }
        open
    }

    /// Disconnects the largest holders while all peers together hold more than they may.
    pub(crate) fn relieve(&self) {
        let budget = &self.budget;
        while budget.is_exceeded() && !budget.relieving.swap(true, Ordering::AcqRel) {
            let mut ended = true;
            while ended && budget.is_exceeded() {
                ended = self.end_largest();
            }
            budget.relieving.store(false, Ordering::Release);
            if !ended {
                return;
            }
        }
    }

    fn end_largest(&self) -> bool {
        let mut peers: Vec<Arc<Conn>> = lock(&self.peers).with_strangers().cloned().collect();
        peers.extend(lock(&self.ending).iter().filter_map(Weak::upgrade));
        let Some(largest) = peers.into_iter().max_by_key(|conn| conn.held.all()) else {
            return false;
        };
        let held = largest.held.all();
        if held == 0 {
            return false;
        }
        let limit = self.budget.limit();
        crate::base::log::warn_often!(
            "a peer holds too much", &largest.peer.origin;
            peer = %largest.peer, held, "all peers hold more than {limit} bytes"
        );
        if !largest.close(DisconnectReason::OutOfMemory { held, limit }) {
            // Closed before; now it does not get the rest either.
            largest.drop_output();
        }
        largest.held.input(0);
        largest.held.no_values();
        true
    }

    /// A peer was closed, and still gets what is queued for it.
    pub(crate) fn is_ending(&self, conn: &Arc<Conn>) {
        let mut ending = lock(&self.ending);
        if ending.len() == ending.capacity() {
            ending.retain(|one| one.strong_count() > 0);
        }
        ending.push(Arc::downgrade(conn));
    }
}
