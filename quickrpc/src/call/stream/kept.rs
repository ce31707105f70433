//! The memory that items of a peer take while they wait.

use std::sync::{Arc, Weak};

use crate::net::conn::Conn;

/// So much of a peer's share of the memory, until it is dropped.
pub(crate) struct Kept {
    conn: Weak<Conn>,
    bytes: usize,
}

impl Kept {
    /// Gives whether all peers together hold more than before, to be looked at when no lock is
    /// held.
    pub(crate) fn of(conn: &Arc<Conn>, bytes: usize) -> (Self, bool) {
        let more = conn.held.value(0, bytes);
        let conn = Arc::downgrade(conn);
        (Kept { conn, bytes }, more)
    }

    /// It is so much from now on; gives the same.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let conn = self.conn.upgrade();
        conn.is_some_and(|conn| conn.held.value(before, bytes))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.upgrade() {
            conn.held.value(self.bytes, 0);
        }
    }
}
