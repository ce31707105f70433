//! Calls that wait for their answers: who was asked, and until when. No I/O in it.

use std::collections::hash_map;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::base::numbers::NumberMap;

use super::deadlines::Deadlines;
use super::owed::{Look, Owed};

/// Where many calls wait, a look at the deadlines that has found some is followed by the next one so
/// much later at the earliest: where one call is over after the other, a look at each would wake a
/// thread for each, on both sides.
const PAUSE: Duration = Duration::from_millis(10);

/// So many calls are many. Where fewer wait, each fails when it is due.
const MANY: usize = 64;

/// A peer that was asked, as far as this table needs to know it.
pub(crate) trait Peer {
    /// Its number, which no other has.
    fn id(&self) -> u64;

    /// Whether an answer of this one is one to what the other was asked.
    fn answers_for(&self, other: &Self) -> bool;

    /// How many may answer what it is asked, where it stands for several and that is known.
    fn answerers(&self) -> Option<usize> {
        None
    }

    /// Whether it stands for all on a wire, of whom it is known how many there are.
    fn is_all(&self) -> bool {
        false
    }

    /// Whether it is an address on a wire that has such, so that another one may stand for it.
    fn is_addressed(&self) -> bool {
        false
    }

    /// How many calls of ours it may be asked at once.
    fn limit(&self) -> usize;

    /// How many it is asked now.
    fn asked(&self) -> usize;

    /// It is asked one more, with this id.
    fn ask(&self, id: u64);

    /// The id that it was asked last.
    fn last_asked(&self) -> u64;

    /// It is asked one less, for which somebody waited without reading by itself, or a thread.
    fn unask(&self, attended: bool, asleep: bool);

    /// It has not answered in time.
    fn missed(&self);

    /// Somebody begins to wait without reading by itself, and it is a thread. Gives whether
    /// nobody reads the peer.
    fn attend(&self, first: bool, sleeps: bool) -> bool;
}

/// The calls `C` that wait for answers of peers `P`.
pub(crate) struct PendingTable<C: ?Sized, P> {
    calls: NumberMap<u64, Entry<C, P>>,
    deadlines: Deadlines,
    /// Somebody will look at the deadlines by then.
    looked_at: Option<Instant>,
    /// Nobody has to look before.
    rests_until: Option<Instant>,
    /// Who owes what, while peers are lost.
    owed: Owed,
    /// No call is accepted any more.
    closed: bool,
}

impl<C: ?Sized, P> Default for PendingTable<C, P> {
    fn default() -> Self {
        PendingTable {
            calls: NumberMap::default(),
            deadlines: Deadlines::default(),
            looked_at: None,
            rests_until: None,
            owed: Owed::default(),
            closed: false,
        }
    }
}

struct Entry<C: ?Sized, P> {
    call: Arc<C>,
    asked: Asked<P>,
    /// It has a deadline.
    timed: bool,
    /// Somebody waits for it without reading by itself,
    attended: bool,
    /// and that is a thread.
    asleep: bool,
    /// How many of those have failed whom one of the asked stands for.
    failures: usize,
}

/// Those who were asked; nearly always one.
pub(crate) enum Asked<P> {
    One(Arc<P>),
    Many(Vec<Arc<P>>),
}

/// A call that is given up, and those who do not know of it.
pub(crate) struct Withdrawn<C: ?Sized, P> {
    pub(crate) id: u64,
    pub(crate) call: Arc<C>,
    pub(crate) asked: Asked<P>,
}

impl<P> Asked<P> {
    pub(crate) fn as_slice(&self) -> &[Arc<P>] {
        match self {
            Asked::One(conn) => std::slice::from_ref(conn),
            Asked::Many(conns) => conns,
        }
    }
}

/// What an answer means for the call.
pub(crate) enum Answered<C: ?Sized> {
    /// Settle it: it is out of the table.
    Settle(Arc<C>),
    /// Others were asked too: settle it if the result can be read, and then remove it; a
    /// result that cannot be read is a failure of this peer.
    Offer(Arc<C>),
    /// Others may still answer.
    Wait,
    /// Nobody waits for an answer of this peer with this id.
    Unknown,
}

/// Whether something was asked of all whom a peer is one of, and so much as is known of them.
fn is_one_of<P: Peer>(conn: &P, asked: &P) -> bool {
    conn.is_addressed() && conn.id() != asked.id() && conn.answers_for(asked) && asked.is_all()
}

impl<C: ?Sized, P: Peer> PendingTable<C, P> {
    /// Accepts a call, unless too many are pending or the API stops. Gives the time at which
    /// somebody has to look at the deadlines who would not otherwise.
    ///
    /// # Errors
    ///
    /// The limit that is reached, or that it stops.
    pub(crate) fn insert(
        &mut self,
        id: u64,
        call: Arc<C>,
        asked: &[Arc<P>],
        deadline: Option<Instant>,
        limit: usize,
    ) -> Result<Option<Instant>, Error> {
        if self.closed {
            return Err(Error::Stopped);
        }
        if self.calls.len() >= limit {
            return Err(Error::TooManyPending { limit });
        }
        for conn in asked {
            let limit = conn.limit();
            if conn.asked() >= limit {
                return Err(Error::TooManyPending { limit });
            }
        }
        for conn in asked {
            conn.ask(id);
        }
        let asked = match asked {
            [conn] => Asked::One(Arc::clone(conn)),
            several => Asked::Many(several.to_vec()),
        };
        let entry = Entry {
            call,
            asked,
            timed: deadline.is_some(),
            attended: false,
            asleep: false,
            failures: 0,
        };
        self.calls.insert(id, entry);
        let Some(deadline) = deadline else {
            return Ok(None);
        };
        self.deadlines.begin(deadline, id);
        if self.looked_at.is_some_and(|look| look <= deadline) {
            return Ok(None);
        }
        let look = self.rested(deadline);
        let earlier = self.looked_at.is_none_or(|before| look < before);
        if earlier {
            self.looked_at = Some(look);
        }
        Ok(earlier.then_some(look))
    }

    /// When somebody has to look for a deadline.
    fn rested(&self, deadline: Instant) -> Instant {
        self.rests_until.map_or(deadline, |rest| rest.max(deadline))
    }

    /// Peers are asked in a call that was accepted without any. Gives those that nobody reads,
    /// though somebody waits.
    ///
    /// # Errors
    ///
    /// That one of them is asked too much, or nobody waits for the call any more.
    pub(crate) fn ask(&mut self, id: u64, peers: &[Arc<P>]) -> Result<Vec<Arc<P>>, Error> {
        let Some(entry) = self.calls.get_mut(&id) else {
            return Err(Error::Cancelled);
        };
        for conn in peers {
            let limit = conn.limit();
            if conn.asked() >= limit {
                return Err(Error::TooManyPending { limit });
            }
        }
        let mut unread = Vec::new();
        for conn in peers {
            conn.ask(id);
            if entry.attended && conn.attend(true, entry.asleep) {
                unread.push(Arc::clone(conn));
            }
        }
        entry.asked = match peers {
            [conn] => Asked::One(Arc::clone(conn)),
            several => Asked::Many(several.to_vec()),
        };
        Ok(unread)
    }

    /// A peer answered: with a result, or with a failure, which counts only when it is
    /// the last one's.
    pub(crate) fn answered(&mut self, id: u64, conn: &P, failed: bool) -> Answered<C> {
        let hash_map::Entry::Occupied(mut found) = self.calls.entry(id) else {
            return Answered::Unknown;
        };
        // As nearly always: it was asked alone.
        if let Asked::One(asked) = &found.get().asked
            && asked.id() == conn.id()
        {
            let entry = found.remove();
            return Answered::Settle(self.removed(id, entry));
        }
        let entry = found.get_mut();
        let asked = entry.asked.as_slice();
        if !asked.iter().any(|one| one.id() == conn.id()) {
            let Some(all) = asked.iter().find(|one| conn.answers_for(one)) else {
                return Answered::Unknown;
            };
            // It was broadcast: anybody may answer, and one who fails decides nothing, unless he is
            // the last of those who are known.
            if !failed && (asked.len() > 1 || all.answerers() != Some(1)) {
                return Answered::Offer(Arc::clone(&entry.call));
            }
            entry.failures += 1;
            let decides = |several| entry.failures >= several && asked.len() == 1;
            if !all.answerers().is_some_and(decides) {
                return Answered::Wait;
            }
            return match self.remove(id) {
                Some(call) => Answered::Settle(call),
                None => Answered::Unknown,
            };
        }
        if failed && asked.len() > 1 {
            if let Asked::Many(asked) = &mut entry.asked {
                asked.retain(|one| one.id() != conn.id());
                conn.unask(entry.attended, entry.asleep);
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

    /// Whether a call waits for answers, or for somebody to be asked.
    pub(crate) fn holds(&self, id: u64) -> bool {
        self.calls.contains_key(&id)
    }

    /// Whether this peer may answer a call.
    pub(crate) fn awaits(&self, id: u64, conn: &P) -> bool {
        self.calls.get(&id).is_some_and(|entry| {
            let mut asked = entry.asked.as_slice().iter();
            asked.any(|one| one.id() == conn.id() || conn.answers_for(one))
        })
    }

    /// Whether a call waits for an answer of this peer, of one whom it stands for, or of all whom it
    /// is one of.
    pub(crate) fn is_open(&self, id: u64, conn: &P) -> bool {
        self.calls.get(&id).is_some_and(|entry| {
            let mut asked = entry.asked.as_slice().iter();
            asked.any(|one| conn.answers_for(one) || one.answers_for(conn))
        })
    }

    /// What one of several was asked is answered by this one of them.
    pub(crate) fn hand_over(&mut self, id: u64, from: &P, by: &Arc<P>) {
        let Some(entry) = self.calls.get_mut(&id) else {
            return;
        };
        let Asked::One(asked) = &mut entry.asked else {
            return;
        };
        if asked.id() != from.id() || by.id() == from.id() {
            return;
        }
        asked.unask(entry.attended, entry.asleep);
        by.ask(id);
        if entry.attended {
            by.attend(true, entry.asleep);
        }
        *asked = Arc::clone(by);
    }

    /// A call of this peer.
    pub(crate) fn of(&mut self, id: u64, conn: &Arc<P>) -> Option<Arc<C>> {
        if conn.is_addressed()
            && let Asked::One(asked) = &self.calls.get(&id)?.asked
            && asked.id() != conn.id()
            && conn.answers_for(asked)
            && asked.answerers() == Some(1)
        {
            let asked = Arc::clone(asked);
            self.hand_over(id, &asked, conn);
        }
        let entry = self.calls.get(&id)?;
        let mut asked = entry.asked.as_slice().iter();
        let is_asked = asked.any(|one| one.id() == conn.id());
        is_asked.then(|| Arc::clone(&entry.call))
    }

    /// The peer that was asked, if it was a single one.
    pub(crate) fn only_asked(&self, id: u64) -> Option<Arc<P>> {
        match &self.calls.get(&id)?.asked {
            Asked::One(conn) => Some(Arc::clone(conn)),
            Asked::Many(_) => None,
        }
    }

    /// Somebody waits for a call without reading by itself, perhaps a thread. Gives the
    /// peers that nobody reads.
    pub(crate) fn attend(&mut self, id: u64, thread: bool) -> Vec<Arc<P>> {
        let Some(entry) = self.calls.get_mut(&id) else {
            return Vec::new();
        };
        let first = !std::mem::replace(&mut entry.attended, true);
        let sleeps = thread && !std::mem::replace(&mut entry.asleep, true);
        let asked = entry.asked.as_slice().iter();
        asked
            .filter(|conn| conn.attend(first, sleeps))
            .cloned()
            .collect()
    }

    /// Forgets a call whose deadline has passed.
    pub(crate) fn late(&mut self, id: u64) -> Option<Withdrawn<C, P>> {
        let entry = self.calls.get(&id)?;
        entry.asked.as_slice().iter().for_each(|conn| conn.missed());
        self.withdraw(id)
    }

    /// Forgets a call.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Arc<C>> {
        let entry = self.calls.remove(&id)?;
        Some(self.removed(id, entry))
    }

    #[inline]
    fn removed(&mut self, id: u64, entry: Entry<C, P>) -> Arc<C> {
        for conn in entry.asked.as_slice() {
            conn.unask(entry.attended, entry.asleep);
        }
        if entry.timed {
            let calls = &self.calls;
            self.deadlines.end(id, |id| calls.contains_key(&id));
        }
        entry.call
    }

    /// Forgets a call of which those who were asked do not know yet.
    pub(crate) fn withdraw(&mut self, id: u64) -> Option<Withdrawn<C, P>> {
        let Entry {
            call, asked, timed, ..
        } = self.forget(id)?;
        if timed {
            let calls = &self.calls;
            self.deadlines.end(id, |id| calls.contains_key(&id));
        }
        Some(Withdrawn { id, call, asked })
    }

    fn forget(&mut self, id: u64) -> Option<Entry<C, P>> {
        let entry = self.calls.remove(&id)?;
        for conn in entry.asked.as_slice() {
            conn.unask(entry.attended, entry.asleep);
        }
        Some(entry)
    }

    /// A peer is gone: the calls that now nobody can answer.
    pub(crate) fn lost(&mut self, conn: &P) -> Vec<Arc<C>> {
        if conn.asked() == 0 && !conn.is_addressed() {
            return Vec::new();
        }
        self.owing(conn)
            .into_iter()
            .filter_map(|id| match self.answered(id, conn, true) {
                Answered::Settle(call) => Some(call),
                Answered::Offer(_) | Answered::Wait | Answered::Unknown => None,
            })
            .collect()
    }

    /// The calls that a peer was asked, or all whom it is one of.
    fn owing(&mut self, conn: &P) -> Vec<u64> {
        let PendingTable { calls, owed, .. } = self;
        let asks = |entry: &Entry<C, P>| {
            let mut asked = entry.asked.as_slice().iter();
            asked.any(|one| one.id() == conn.id() || is_one_of(conn, one))
        };
        if !conn.is_addressed() {
            let look = owed.look(conn.last_asked(), calls.len());
            let mut enter = |(id, entry): (&u64, &Entry<C, P>)| {
                for peer in entry.asked.as_slice() {
                    owed.enter(peer.id(), *id);
                }
            };
            match look {
                Look::Once => {}
                Look::All => calls.iter().for_each(&mut enter),
                Look::New(ids) => ids
                    .filter_map(|id| calls.get_key_value(&id))
                    .for_each(&mut enter),
            }
            let mut ids = owed.of(conn.id());
            ids.retain(|id| calls.get(id).is_some_and(asks));
            if ids.len() >= conn.asked() {
                return ids;
            }
            // Such as one that had waited for a peer to be asked.
            owed.forget();
        }
        let asked = calls.iter().filter(|(_, entry)| asks(entry));
        asked.map(|(id, _)| *id).collect()
    }

    /// The calls whose deadline has passed, and when somebody has to look again. A call that has got
    /// more time meanwhile says so.
    pub(crate) fn expired(
        &mut self,
        now: Instant,
        deadline: impl Fn(&C) -> Option<Instant>,
    ) -> (Vec<Withdrawn<C, P>>, Option<Instant>) {
        let mut late = Vec::new();
        loop {
            let calls = &self.calls;
            let Some(id) = self.deadlines.due(now, |id| calls.contains_key(&id)) else {
                break;
            };
            let later = calls.get(&id).and_then(|entry| deadline(&entry.call));
            if let Some(later) = later.filter(|later| *later > now) {
                self.deadlines.begin(later, id);
                continue;
            }
            late.extend(self.forget(id).map(|Entry { call, asked, .. }| {
                asked.as_slice().iter().for_each(|conn| conn.missed());
                Withdrawn { id, call, asked }
            }));
        }
        if !late.is_empty() && self.calls.len() >= MANY {
            self.rests_until = now.checked_add(PAUSE);
        }
        let calls = &self.calls;
        let next = self.deadlines.next(|id| calls.contains_key(&id));
        self.looked_at = next.map(|next| self.rested(next));
        (late, self.looked_at)
    }

    /// Accepts calls again.
    pub(crate) fn open(&mut self) {
        self.closed = false;
    }

    /// Forgets everything, and accepts nothing more.
    pub(crate) fn close(&mut self) -> Vec<Withdrawn<C, P>> {
        self.closed = true;
        self.deadlines.clear();
        (self.looked_at, self.rests_until) = (None, None);
        self.owed = Owed::default();
        let ids: Vec<u64> = self.calls.keys().copied().collect();
        let withdrawn = ids.into_iter().filter_map(|id| {
            let Entry { call, asked, .. } = self.forget(id)?;
            Some(Withdrawn { id, call, asked })
        });
        withdrawn.collect()
    }
}

impl<C: ?Sized, P> fmt::Debug for PendingTable<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingTable({})", self.calls.len())
    }
}

#[cfg(test)]
#[path = "test_pending.rs"]
mod tests;
