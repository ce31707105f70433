//! Calls that wait for their answers: who was asked, and until when. No I/O in it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::call::promise::PendingCall;

use crate::net::conn::Conn;

/// Spreads the ids of calls. They are our own and count up, so that nobody can choose them
/// to make them collide, and a hash that is safe from that would cost more than the rest.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing: 2^64 divided by the golden ratio.
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }
}

#[derive(Default)]
pub(crate) struct PendingTable {
    calls: HashMap<u64, Entry, BuildHasherDefault<IdHasher>>,
    /// No call is accepted any more.
    closed: bool,
}

struct Entry {
    call: Arc<dyn PendingCall>,
    asked: Asked,
    /// Somebody waits for it without reading by itself,
    attended: bool,
    /// and that is a thread.
    asleep: bool,
}

/// Those who were asked; nearly always one.
enum Asked {
    One(Arc<Conn>),
    Many(Vec<Arc<Conn>>),
}

impl Asked {
    fn as_slice(&self) -> &[Arc<Conn>] {
        match self {
            Asked::One(conn) => std::slice::from_ref(conn),
            Asked::Many(conns) => conns,
        }
    }
}

/// What an answer means for the call.
pub(crate) enum Answered {
    /// Settle it: it is out of the table.
    Settle(Arc<dyn PendingCall>),
    /// Others were asked too: settle it if the result can be read, and then remove it; a
    /// result that cannot be read is a failure of this peer.
    Offer(Arc<dyn PendingCall>),
    /// Others may still answer.
    Wait,
    /// Nobody waits for an answer of this peer with this id.
    Unknown,
}

impl PendingTable {
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Accepts a call, unless too many are pending or the API stops.
    ///
    /// # Errors
    ///
    /// The limit that is reached, or that it stops.
    pub(crate) fn insert(
        &mut self,
        id: u64,
        call: Arc<dyn PendingCall>,
        asked: &[Arc<Conn>],
        limit: usize,
    ) -> Result<(), Error> {
        if self.closed {
            return Err(Error::Stopped);
        }
        if self.calls.len() >= limit {
            return Err(Error::TooManyPending { limit });
        }
        for conn in asked {
            let limit = conn.wire.limits.pending_calls_per_peer;
            if conn.flow.asked() >= limit {
                return Err(Error::TooManyPending { limit });
            }
        }
        for conn in asked {
            conn.flow.ask();
        }
        let asked = match asked {
            [conn] => Asked::One(Arc::clone(conn)),
            several => Asked::Many(several.to_vec()),
        };
        let entry = Entry {
            call,
            asked,
            attended: false,
            asleep: false,
        };
        self.calls.insert(id, entry);
        Ok(())
    }

    /// A peer answered: with a result, or with a failure, which counts only when it is
    /// the last one's.
    pub(crate) fn answered(&mut self, id: u64, conn: &Conn, failed: bool) -> Answered {
        let Some(entry) = self.calls.get_mut(&id) else {
            return Answered::Unknown;
        };
        let asked = entry.asked.as_slice();
        if !asked.iter().any(|one| one.id() == conn.id()) {
            if !asked.iter().any(|one| conn.answers_for(one)) {
                return Answered::Unknown;
            }
            // It was broadcast: anybody may answer, and one who fails decides nothing.
            return match failed {
                true => Answered::Wait,
                false => Answered::Offer(Arc::clone(&entry.call)),
            };
        }
        if failed && asked.len() > 1 {
            if let Asked::Many(asked) = &mut entry.asked {
                asked.retain(|one| one.id() != conn.id());
                conn.flow.answered();
            }
            return Answered::Wait;
        }
        if asked.len() > 1 {
            return Answered::Offer(Arc::clone(&entry.call));
        }
        match self.remove(id) {
            Some(call) => Answered::Settle(call),
            None => Answered::Unknown,
        }
    }

    /// The peer that was asked, if it was a single one.
    pub(crate) fn only_asked(&self, id: u64) -> Option<Arc<Conn>> {
        match &self.calls.get(&id)?.asked {
            Asked::One(conn) => Some(Arc::clone(conn)),
            Asked::Many(_) => None,
        }
    }

    /// Somebody waits for a call without reading by itself, perhaps a thread. Gives the
    /// peers that nobody reads.
    pub(crate) fn attend(&mut self, id: u64, thread: bool) -> Vec<Arc<Conn>> {
        let Some(entry) = self.calls.get_mut(&id) else {
            return Vec::new();
        };
        let first = !std::mem::replace(&mut entry.attended, true);
        let sleeps = thread && !std::mem::replace(&mut entry.asleep, true);
        let asked = entry.asked.as_slice().iter();
        asked
            .filter(|conn| {
                if sleeps {
                    conn.reading.sleep();
                }
                match first {
                    true => conn.reading.attend(),
                    false => conn.reading.is_parked(),
                }
            })
            .cloned()
            .collect()
    }

    /// Forgets a call.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Arc<dyn PendingCall>> {
        let entry = self.calls.remove(&id)?;
        for conn in entry.asked.as_slice() {
            conn.flow.answered();
            if entry.attended {
                conn.reading.neglect();
            }
            if entry.asleep {
                conn.reading.awake();
            }
        }
        Some(entry.call)
    }

    /// A peer is gone: the calls that now nobody can answer.
    pub(crate) fn lost(&mut self, conn: &Conn) -> Vec<Arc<dyn PendingCall>> {
        if !conn.flow.is_awaited() {
            return Vec::new();
        }
        let ids: Vec<u64> = self
            .calls
            .iter()
            .filter(|(_, entry)| {
                entry
                    .asked
                    .as_slice()
                    .iter()
                    .any(|one| one.id() == conn.id())
            })
            .map(|(id, _)| *id)
            .collect();
        ids.into_iter()
            .filter_map(|id| match self.answered(id, conn, true) {
                Answered::Settle(call) => Some(call),
                Answered::Offer(_) | Answered::Wait | Answered::Unknown => None,
            })
            .collect()
    }

    /// The calls whose deadline has passed, and the next deadline.
    pub(crate) fn expired(&mut self, now: Instant) -> (Vec<Arc<dyn PendingCall>>, Option<Instant>) {
        let mut next = None;
        let mut late = Vec::new();
        for (id, entry) in &self.calls {
            match entry.call.deadline() {
                Some(deadline) if deadline <= now => late.push(*id),
                Some(deadline) => next = Some(next.map_or(deadline, |n: Instant| n.min(deadline))),
                None => {}
            }
        }
        let late = late.into_iter().filter_map(|id| self.remove(id)).collect();
        (late, next)
    }

    /// Accepts calls again.
    pub(crate) fn open(&mut self) {
        self.closed = false;
    }

    /// Forgets everything, and accepts nothing more.
    pub(crate) fn close(&mut self) -> Vec<Arc<dyn PendingCall>> {
        self.closed = true;
        let ids: Vec<u64> = self.calls.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }
}

impl fmt::Debug for PendingTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingTable({})", self.len())
    }
}
