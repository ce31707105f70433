//! The streams that are fed to peers: who has credit for more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::telegrams::CallId;
use crate::base::sync::lock;
use crate::call::task::Task;

/// The streams that peers get.
#[derive(Default)]
pub(crate) struct Feeds {
    /// How many there are, so that nothing is locked where there are none.
    count: AtomicUsize,
    /// By peer and call; a leaf in the lock order.
    table: Mutex<HashMap<u64, HashMap<CallId, Arc<Fed>>>>,
    /// Of calls that run beside others: a peer may take items before there is a stream. Comes before the
    /// table in the lock order.
    expected: Mutex<HashMap<(u64, CallId), Expected>>,
    /// How many arguments of ours were streams.
    arguments: AtomicI64,
    /// How many subscriptions there were, and what hides that.
    subscriptions: AtomicU64,
    spread: RandomState,
}

/// A stream that may come.
#[derive(Default)]
struct Expected {
    /// So many calls of this id run.
    calls: usize,
    /// The peer has taken so many items.
    items: u64,
}

/// A stream that a peer gets.
pub(crate) struct Fed {
    kind: Kind,
    account: Mutex<Account>,
    task: Mutex<Option<Arc<Task>>>,
}

/// What a stream that a peer gets is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The result of a call of the peer.
    Result,
    /// An argument of a call of ours.
    Argument,
    /// A subscription in the convention of others, which this call ends.
    Subscription(&'static str),
}

struct Account {
    credit: Credit,
    /// When the peer has said something of it, or it has ended.
    heard: Instant,
    /// Whether it was looked what the peer has said, since the last items that were counted for it.
    look: Look,
    /// The peer has ended its side, and says nothing more of it.
    is_silent: bool,
}

/// A look at what the peer has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Due,
    Asked,
    Done,
}

/// Whether an item may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum May {
    Send,
    /// Not before the peer says so.
    Wait,
    /// When whoever reads the peer has had its turn: the peer may have said how much it takes.
    Look,
    /// Never again: all that can still be said is that the stream is over, if it is.
    Conclude,
}

/// So many items go to a peer before it is looked whether it has said how many it takes.
const UNASKED: u64 = 16;

/// What a peer takes of a stream.
#[derive(Debug)]
enum Credit {
    /// It knows nothing of credit, and gets all.
    Free,
    /// It has said nothing of it, and gets all; so many so far.
    Unlimited(u64),
    /// So many more.
    Left(u64),
    /// Nothing before it asks: it may not know what a stream is.
    Unasked,
    /// The stream has ended.
    Over,
}

impl Fed {
    fn new(kind: Kind) -> Arc<Self> {
        let credit = match kind {
            Kind::Argument => Credit::Unasked,
            Kind::Result => Credit::Unlimited(0),
            Kind::Subscription(_) => Credit::Free,
        };
        let heard = Instant::now();
        Arc::new(Fed {
            kind,
            account: Mutex::new(Account {
                credit,
                heard,
                look: Look::Due,
                is_silent: false,
            }),
            task: Mutex::default(),
        })
    }

    /// Takes the credit for one item, if there is.
    pub(crate) fn may_send(&self) -> May {
        let account = &mut *lock(&self.account);
        match &mut account.credit {
            Credit::Free => {}
            Credit::Unlimited(sent) => {
                if *sent > 0 && *sent % UNASKED == 0 {
                    // What wakes the stream meanwhile is no look.
                    match std::mem::replace(&mut account.look, Look::Asked) {
                        Look::Due => return May::Look,
                        Look::Asked => return May::Wait,
                        Look::Done => account.look = Look::Due,
                    }
                }
                *sent += 1;
            }
            Credit::Left(0) if account.is_silent => return May::Conclude,
            Credit::Left(0) | Credit::Unasked | Credit::Over => return May::Wait,
            Credit::Left(left) => *left -= 1,
        }
        May::Send
    }

    /// Whoever reads the peer has had its turn since it was said to look.
    pub(super) fn looked(&self) {
        lock(&self.account).look = Look::Done;
        self.wake();
    }

    /// An item for which credit was taken was not sent.
    pub(crate) fn unsent(&self) {
        match &mut lock(&self.account).credit {
            Credit::Unlimited(sent) => *sent -= 1,
            // It may have been given as much as there can be.
            Credit::Left(left) => *left = left.saturating_add(1),
            Credit::Free | Credit::Unasked | Credit::Over => {}
        }
    }

    /// It takes so many more. The first time, they count from the beginning: the call may have
    /// been begun before this was read, though both came at once.
    fn grant(&self, items: u64) {
        let mut account = lock(&self.account);
        account.heard = Instant::now();
        account.credit = Credit::Left(match &account.credit {
            Credit::Unlimited(sent) => items.saturating_sub(*sent),
            Credit::Left(left) => left.saturating_add(items),
            Credit::Unasked => items,
            Credit::Free | Credit::Over => return,
        });
        drop(account);
        self.wake();
    }

    /// The peer says nothing more of it, and takes no more than it has said.
    pub(super) fn is_silent(&self) {
        lock(&self.account).is_silent = true;
        self.wake();
    }

    /// Whether the peer has said that it takes it.
    pub(crate) fn is_asked_for(&self) -> bool {
        !matches!(lock(&self.account).credit, Credit::Unasked)
    }

    /// Since when the peer is silent. As long as it has credit, the silence is ours.
    pub(crate) fn silent_since(&self) -> Instant {
        let account = lock(&self.account);
        match account.credit {
            Credit::Left(1..) => Instant::now(),
            _ => account.heard,
        }
    }

    fn is_over(&self) {
        let mut account = lock(&self.account);
        account.credit = Credit::Over;
        account.heard = Instant::now();
    }

    /// It goes on.
    pub(crate) fn wake(&self) {
        let task = lock(&self.task).clone();
        if let Some(task) = task {
            std::task::Wake::wake(task);
        }
    }

    /// It is given up.
    pub(crate) fn end(&self) {
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.end();
        }
    }
}

impl Feeds {
    /// A stream begins. `None`: another one of this peer has this id.
    pub(crate) fn begin(&self, peer: u64, id: &CallId) -> Option<Arc<Fed>> {
        let fed = self.enter(peer, id, Kind::Result, usize::MAX)?;
        let mut expected = lock(&self.expected);
        if let Some(one) = expected.get_mut(&(peer, id.clone())) {
            let items = std::mem::take(&mut one.items);
            drop(expected);
            if items > 0 {
                fed.grant(items);
            }
        }
        Some(fed)
    }

    /// A call is begun that is in no lane of its peer, and may give a stream.
    pub(crate) fn expect(&self, peer: u64, id: CallId) {
        lock(&self.expected).entry((peer, id)).or_default().calls += 1;
    }

    /// It is over, or its stream has begun.
    pub(crate) fn expect_no_more(&self, peer: u64, id: CallId) {
        let mut expected = lock(&self.expected);
        if let Entry::Occupied(mut one) = expected.entry((peer, id)) {
            one.get_mut().calls -= 1;
            if one.get().calls == 0 {
                one.remove();
            }
        }
    }

    /// The same for an argument of a call of ours.
    pub(crate) fn begin_argument(&self, peer: u64, id: &CallId) -> Option<Arc<Fed>> {
        self.enter(peer, id, Kind::Argument, usize::MAX)
    }

    /// A number for a stream that is an argument. Below zero, so that on a connection it is none of
    /// a call, whichever side that comes from.
    pub(crate) fn next_argument(&self) -> i64 {
        -1 - self.arguments.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether this was the number of a stream of ours.
    pub(crate) fn was_argument(&self, id: &CallId) -> bool {
        let given = self.arguments.load(Ordering::Relaxed);
        matches!(id, CallId::Number(number) if (-given..0).contains(number))
    }

    /// The argument with this id, which a peer takes no longer.
    pub(crate) fn unwanted_argument(&self, peer: u64, id: &str) -> Option<Arc<Fed>> {
        if self.count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let table = lock(&self.table);
        let fed = table.get(&peer)?.get(&CallId::of(id))?;
        (fed.kind == Kind::Argument).then(|| Arc::clone(fed))
    }

    /// `None`: another one has this id, or there are so many already.
    pub(super) fn enter(
        &self,
        peer: u64,
        id: &CallId,
        kind: Kind,
        limit: usize,
    ) -> Option<Arc<Fed>> {
        let mut table = lock(&self.table);
        let streams = table.entry(peer).or_default();
        if streams.contains_key(id) || streams.len() >= limit {
            return None;
        }
        let fed = Fed::new(kind);
        streams.insert(id.clone(), Arc::clone(&fed));
        self.count.fetch_add(1, Ordering::SeqCst);
        Some(fed)
    }

    /// An id for a subscription, which nobody guesses.
    pub(super) fn next_subscription(&self) -> CallId {
        let number = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        let id = self.spread.hash_one(number);
        CallId::Text(format!("0x{id:016x}").into())
    }

    /// The subscription with this id, if this is what ends it.
    pub(super) fn subscription(&self, peer: u64, id: &CallId, cancel: &str) -> Option<Arc<Fed>> {
        let table = lock(&self.table);
        let fed = table.get(&peer)?.get(id)?;
        let ends = matches!(fed.kind, Kind::Subscription(by) if by == cancel);
        ends.then(|| Arc::clone(fed))
    }

    /// What feeds it, which begins now, or when it is asked for.
    pub(crate) fn run(&self, fed: &Fed, task: Arc<Task>) {
        *lock(&fed.task) = Some(task);
        if fed.is_asked_for() {
            fed.wake();
        }
    }

    /// A stream has ended, if it is there still.
    pub(crate) fn ended(&self, peer: u64, id: &CallId, ended: &Arc<Fed>) {
        ended.is_over();
        let mut table = lock(&self.table);
        let Some(streams) = table.get_mut(&peer) else {
            return;
        };
        let is_there = streams.get(id).is_some_and(|fed| Arc::ptr_eq(fed, ended));
        let fed = is_there.then(|| streams.remove(id)).flatten();
        if streams.is_empty() {
            table.remove(&peer);
        }
        if fed.is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
        drop(table);
        drop(fed);
    }

    /// A peer takes so many more. False: there is no such stream, nor is one expected.
    pub(crate) fn more(&self, peer: u64, id: &CallId, items: u64) -> bool {
        let mut expected = lock(&self.expected);
        let table = lock(&self.table);
        let fed = table.get(&peer).and_then(|streams| streams.get(id));
        let fed = fed.cloned();
        drop(table);
        if let Some(fed) = fed {
            drop(expected);
            fed.grant(items);
            return true;
        }
        let one = expected.get_mut(&(peer, id.clone()));
        one.map(|one| one.items = one.items.saturating_add(items))
            .is_some()
    }

    /// The queue of a peer has room.
    pub(crate) fn room(&self, peer: u64) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let streams: Vec<_> = match lock(&self.table).get(&peer) {
            Some(streams) => streams.values().cloned().collect(),
            None => return,
        };
        for fed in streams {
            fed.wake();
        }
    }

    /// A peer has ended its side, and may still take what it has asked for: the results of its calls. The others
    /// are dropped, as nobody waits for those calls any more, or no answer is owed.
    pub(crate) fn ended_side(&self, peer: u64) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let (mut results, mut others) = (Vec::new(), HashMap::new());
        let mut table = lock(&self.table);
        let Some(streams) = table.get_mut(&peer) else {
            return;
        };
        for (id, fed) in std::mem::take(streams) {
            match fed.kind {
                Kind::Result => {
                    results.push(Arc::clone(&fed));
                    streams.insert(id, fed);
                }
                Kind::Argument | Kind::Subscription(_) => drop(others.insert(id, fed)),
            }
        }
        if streams.is_empty() {
            table.remove(&peer);
        }
        drop(table);
        for fed in results {
            fed.is_silent();
        }
        self.end(std::iter::once(others));
    }

    /// A peer is gone: its streams are dropped.
    pub(crate) fn lost(&self, peer: u64) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let streams = lock(&self.table).remove(&peer);
        self.end(streams.into_iter());
    }

    /// All are dropped.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *lock(&self.table));
        self.end(all.into_values());
    }

    fn end(&self, all: impl Iterator<Item = HashMap<CallId, Arc<Fed>>>) {
        for fed in all.flat_map(HashMap::into_values) {
            self.count.fetch_sub(1, Ordering::SeqCst);
            fed.end();
        }
    }
}

impl fmt::Debug for Feeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feeds({})", self.count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_look_is_a_look() {
        let feeds = Feeds::default();
        let id = CallId::Number(1);
        let fed = feeds.begin(1, &id).unwrap();
        for _ in 0..UNASKED {
            assert_eq!(fed.may_send(), May::Send);
        }
        assert_eq!(fed.may_send(), May::Look);
        // As when an item comes, which wakes the stream.
        assert_eq!(fed.may_send(), May::Wait);
        fed.looked();
        for _ in 0..UNASKED {
            assert_eq!(fed.may_send(), May::Send);
        }
        assert_eq!(fed.may_send(), May::Look);
        // That counts from the beginning.
        assert!(feeds.more(1, &id, 2 * UNASKED + 1));
        assert_eq!(fed.may_send(), May::Send);
        assert_eq!(fed.may_send(), May::Wait);
        fed.looked();
        assert_eq!(fed.may_send(), May::Wait);
    }
}
