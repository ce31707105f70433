//! Calls that are given up: ours, of which the peers are told, and those of peers, which are
//! noticed by whoever reads, and not when their turn comes.
//!
//! A call of a peer is in one of three places. One that is *answered later* is in the table here.
//! One that *waits* or *runs* is behind it, in the peer's lane, and in no table: a cancelled one is
//! marked, and the mark goes with an item that is put at the end of the lane. Since a lane is one
//! after the other, all calls that came before the cancelling are over when that item comes, and
//! those behind it are not meant, whatever their ids. So a cancel of something unknown, of
//! something that is answered, and ten thousand of them, leave nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use crate::base::current::{CallKey, Mark, Over};
use crate::base::error::CallError;
use crate::base::here;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::net::conn::{Conn, Wait};
use crate::net::reactor::Command;
use crate::wire::session::About;

use super::calls::Calls;
use super::promise::wish::{self, Callback, Unwanted};

/// The calls of peers that are answered later, by promises.
#[derive(Default)]
pub(crate) struct LateCalls {
    /// Comes before the marks in the lock order.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that are wanted. The number tells calls of one id apart.
    wanted: BTreeMap<(CallKey, u64), Weak<dyn Unwanted>>,
    next: u64,
}

/// The place of one of them.
pub(crate) struct LateCall {
    calls: Arc<Calls>,
    /// `None` for what wants no answer.
    place: Option<(CallKey, u64)>,
}

impl LateCalls {
    /// A call will be answered later; `unwanted` hears when nobody wants that. Gives true if
    /// nobody does already.
    fn enter(&self, key: CallKey, unwanted: Weak<dyn Unwanted>) -> (u64, bool) {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        // Under this lock, or a cancel could fall between running and answering later.
        let is_cancelled = key.is_marked();
        if !is_cancelled {
            state.wanted.insert((key, number), unwanted);
        }
        (number, is_cancelled)
    }

    /// Whether somebody wants it.
    fn is_wanted(&self, place: (CallKey, u64)) -> bool {
        lock(&self.state).wanted.contains_key(&place)
    }

    /// It is answered.
    fn leave(&self, place: (CallKey, u64)) {
        let left = lock(&self.state).wanted.remove(&place);
        drop(left);
    }

    /// Takes out what is told of a cancel, or marks what waits or runs.
    fn cancel(&self, key: CallKey) -> Result<Vec<Weak<dyn Unwanted>>, Mark> {
        let mut state = lock(&self.state);
        let range = (key, 0)..=(key, u64::MAX);
        let places: Vec<_> = state.wanted.range(range).map(|(place, _)| *place).collect();
        if places.is_empty() {
            return Err(Mark::new(key));
        }
        let take = |place| state.wanted.remove(place);
        Ok(places.iter().filter_map(take).collect())
    }

    /// Takes out all of a peer, and marks what waits or runs.
    fn lose(&self, peer: u64) -> (Vec<Weak<dyn Unwanted>>, Mark) {
        let mut state = lock(&self.state);
        let first = (CallKey::all_of(peer), 0);
        let mut lost = state.wanted.split_off(&first);
        let mut others = lost.split_off(&(CallKey::all_of(peer.saturating_add(1)), 0));
        state.wanted.append(&mut others);
        (lost.into_values().collect(), Mark::new(first.0))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.state).wanted.len()
    }
}

impl LateCall {
    /// A call, given by its id, will be answered later. Who gives the answer hears at once if
    /// nobody wants it.
    pub(crate) fn enter(
        calls: &Arc<Calls>,
        conn: &Conn,
        id: Option<&str>,
        unwanted: Weak<dyn Unwanted>,
    ) -> Self {
        calls.mailbox.owe();
        let mut late = LateCall {
            calls: Arc::clone(calls),
            place: None,
        };
        if let Some(id) = id {
            let key = CallKey::new(conn.id(), id);
            let (number, is_cancelled) = calls.late.enter(key, Weak::clone(&unwanted));
            late.place = Some((key, number));
            if is_cancelled {
                calls.tell_unwanted(vec![unwanted]);
            }
        }
        late
    }

    /// Whether nobody wants the answer.
    pub(crate) fn is_cancelled(&self) -> bool {
        let late = &self.calls.late;
        self.place.is_some_and(|place| !late.is_wanted(place))
    }
}

impl Drop for LateCall {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.calls.late.leave(place);
        }
        self.calls.mailbox.paid();
    }
}

impl Calls {
    // ---- calls of ours

    /// Tells the peers that were asked that nobody waits for their answers.
    pub(crate) fn tell_cancelled(&self, id: u64, asked: &[Arc<Conn>]) {
        for conn in asked {
            if conn.is_closed() {
                continue;
            }
            with_scratch(|out| {
                let Some(method) = conn.wire.codec.encode_cancel(out, id) else {
                    return;
                };
                let about = About::Call { method, id: None };
                // Like an answer, it never waits.
                let told = conn
                    .frame(out, method)
                    .and_then(|()| self.net.transmit(conn, out, about, Wait::Answer));
                if let Err(error) = told {
                    crate::base::log::debug!(peer = %conn.peer(), id, "not told of a cancel: {error}");
                }
            });
        }
    }

    // ---- calls of peers

    /// A peer gives up its call with this id. Gives true if something waits behind its calls now.
    pub(crate) fn cancel(&self, conn: &Conn, id: &str) -> bool {
        match self.late.cancel(CallKey::new(conn.id(), id)) {
            Ok(told) => {
                self.tell_unwanted(told);
                false
            }
            Err(mark) => self
                .mailbox
                .push_behind(conn.id(), Box::new(move || drop(mark))),
        }
    }

    /// A peer is gone: nobody wants what it has called.
    pub(crate) fn cancel_all(&self, conn: &Conn) {
        let (told, mark) = self.late.lose(conn.id());
        self.mailbox
            .push_behind(conn.id(), Box::new(move || drop(mark)));
        self.tell_unwanted(told);
    }

    /// The API stops: nobody wants what is running, until it has ended.
    pub(crate) fn cancel_running(&self) -> Vec<Mark> {
        let lanes = self.mailbox.running().into_iter();
        lanes.map(|lane| Mark::new(CallKey::all_of(lane))).collect()
    }

    fn tell_unwanted(&self, unwanted: Vec<Weak<dyn Unwanted>>) {
        let callbacks: Vec<Callback> = unwanted
            .iter()
            .filter_map(Weak::upgrade)
            .flat_map(|one| one.unwanted())
            .collect();
        if callbacks.is_empty() {
            return;
        }
        // A thread of the program may hold locks of the program; and what a handler causes on its
        // own thread does not interrupt it.
        let here = here::reads(self.net.id) && !here::is_inside();
        match self.net.reactor() {
            Some(reactor) if !here => {
                reactor.ask(Command::Call(Box::new(move || wish::run(callbacks))));
            }
            _ => wish::run(callbacks),
        }
    }
}

/// What the caller of a call is answered that is over before it was begun.
pub(crate) fn not_begun(over: Over) -> CallError {
    match over {
        Over::Cancelled => CallError::new(
            CallError::CANCELLED,
            "the call was cancelled before it was begun",
        ),
        Over::Late => {
            let text = "the call waited beyond its deadline, and was not begun";
            CallError::new(CallError::TOO_LATE, text)
        }
    }
}

impl fmt::Debug for LateCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LateCalls({})", lock(&self.state).wanted.len())
    }
}

impl fmt::Debug for LateCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LateCall({:?})", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::sender::next_id;

    struct Nobody;

    impl Unwanted for Nobody {
        fn unwanted(&self) -> Vec<Callback> {
            Vec::new()
        }
    }

    fn nobody() -> Weak<dyn Unwanted> {
        Weak::<Nobody>::new()
    }

    #[test]
    fn what_is_answered_later_is_found_until_it_is_answered() {
        let (late, peer) = (LateCalls::default(), next_id());
        let key = CallKey::new(peer, "7");
        let enter = || (key, late.enter(key, nobody()).0);
        let (one, other) = (enter(), enter());
        assert!(late.is_wanted(one) && late.is_wanted(other));
        late.leave(one);
        assert_eq!(late.cancel(key).unwrap().len(), 1, "the second of that id");
        assert!(!late.is_wanted(other));
        assert!(late.cancel(key).is_err(), "and no more");
        late.leave(other);
        assert_eq!(late.len(), 0);
    }

    #[test]
    fn what_was_cancelled_while_it_ran_is_so_when_it_is_answered_later() {
        let (late, peer) = (LateCalls::default(), next_id());
        let key = CallKey::new(peer, "7");
        let mark = late.cancel(key).unwrap_err();
        let (number, is_cancelled) = late.enter(key, nobody());
        assert!(is_cancelled && !late.is_wanted((key, number)));
        drop(mark);
        assert!(
            !late.enter(key, nobody()).1,
            "the next of that id is not meant"
        );
    }

    #[test]
    fn a_peer_that_goes_takes_its_own_calls_only() {
        let late = LateCalls::default();
        let mut peers = [next_id(), next_id(), next_id()];
        peers.sort_unstable();
        for peer in peers {
            for id in ["1", "2", "a long id of a peer"] {
                late.enter(CallKey::new(peer, id), nobody());
            }
        }
        let (lost, mark) = late.lose(peers[1]);
        assert_eq!((lost.len(), late.len()), (3, 6));
        assert!(CallKey::new(peers[1], "x").is_marked());
        assert!(!CallKey::new(peers[0], "x").is_marked());
        drop(mark);
        assert_eq!(late.lose(peers[2]).0.len(), 3);
        assert_eq!(late.lose(peers[0]).0.len(), 3);
        assert_eq!(late.len(), 0);
    }
}
