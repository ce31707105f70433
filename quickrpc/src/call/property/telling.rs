//! Who is told what of a property, and when. Without I/O and without a lock.
//!
//! One thread at a time tells, whoever has begun; the others leave what they have to it. So each
//! peer hears changes in the order in which they were made, and all hear the same order. Between
//! two rounds of it no lock is held. A peer that has no room *waits*, and is told the newest value
//! when there is room again: nothing is kept for it but a number.

use std::collections::{BTreeMap, VecDeque};

/// So many changes wait for the thread that tells; with more, only the newest counts.
const WAITING: usize = 16;

/// The newest value of a property, and what peers know of it.
#[derive(Debug)]
pub(super) struct Telling<V, P> {
    /// Counts the values; 0: there was none yet.
    version: u64,
    newest: Option<V>,
    /// Values that are not told yet, the oldest first.
    changes: VecDeque<(u64, V)>,
    peers: BTreeMap<u64, Listener<P>>,
    /// A thread tells.
    busy: bool,
    /// The last version that went to addresses, and whether a thread sends one there.
    aired: u64,
    airing: bool,
    /// Values that nobody needs any more. They may be of the user: to be dropped without a lock.
    gone: Vec<V>,
}

#[derive(Debug)]
struct Listener<P> {
    peer: P,
    /// The last version that it was told, or that it need not be told.
    told: u64,
    /// It has no room.
    waits: bool,
    /// Room has come since this round began.
    room: bool,
}

/// What is to be told next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Round<V, P> {
    pub(super) version: u64,
    pub(super) value: V,
    pub(super) peers: Vec<(u64, P)>,
}

/// What came of telling a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It is on its way, or never will be: there is nothing left to do.
    Done,
    /// The peer has no room.
    NoRoom,
    /// The peer is gone.
    Gone,
}

impl<V: Clone, P: Clone> Telling<V, P> {
    pub(super) fn new() -> Self {
        Telling {
            version: 0,
            newest: None,
            changes: VecDeque::new(),
            peers: BTreeMap::new(),
            busy: false,
            aired: 0,
            airing: false,
            gone: Vec::new(),
        }
    }

    /// What is to be dropped when no lock is held; to be asked for after all of these.
    pub(super) fn gone(&mut self) -> Vec<V> {
        std::mem::take(&mut self.gone)
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn newest(&self) -> Option<V> {
        self.newest.clone()
    }

    /// There is a new value.
    pub(super) fn change(&mut self, value: V) {
        self.version += 1;
        if !self.peers.is_empty() {
            if self.changes.len() >= WAITING {
                // Who is behind is told the newest one.
                self.forget_changes();
            } else {
                self.changes.push_back((self.version, value.clone()));
            }
        }
        self.gone.extend(self.newest.replace(value));
    }

    fn forget_changes(&mut self) {
        let changes = self.changes.drain(..);
        self.gone.extend(changes.map(|(_, value)| value));
    }

    /// A peer wants to be told, of what comes after this version; unless it is told already.
    pub(super) fn listen(&mut self, id: u64, peer: P, told: u64) {
        let listener = Listener {
            peer,
            told,
            waits: false,
            room: false,
        };
        self.peers.entry(id).or_insert(listener);
    }

    /// Whether a peer is told.
    pub(super) fn knows(&self, id: u64) -> bool {
        self.peers.contains_key(&id)
    }

    pub(super) fn forget(&mut self, id: u64) -> Option<P> {
        self.peers.remove(&id).map(|listener| listener.peer)
    }

    /// A peer has room again.
    pub(super) fn room(&mut self, id: u64) {
        if let Some(listener) = self.peers.get_mut(&id) {
            listener.waits = false;
            listener.room = true;
        }
    }

    /// Nobody is told any more.
    pub(super) fn clear(&mut self) -> Vec<P> {
        self.forget_changes();
        let peers = std::mem::take(&mut self.peers).into_values();
        peers.map(|listener| listener.peer).collect()
    }

    /// Whether the calling thread is to tell: nobody else does.
    pub(super) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.busy, true)
    }

    /// What the thread that tells has to tell next. With `None` it has told all, and tells no
    /// longer.
    pub(super) fn next(&mut self) -> Option<Round<V, P>> {
        while let Some((version, value)) = self.changes.pop_front() {
            let peers = self.whoever(|listener| listener.told + 1 == version);
            if !peers.is_empty() {
                return Some(Round {
                    version,
                    value,
                    peers,
                });
            }
            self.gone.push(value);
        }
        let version = self.version;
        if let Some(value) = &self.newest {
            let value = value.clone();
            let peers = self.whoever(|listener| listener.told < version);
            if !peers.is_empty() {
                return Some(Round {
                    version,
                    value,
                    peers,
                });
            }
        }
        self.busy = false;
        None
    }

    /// What is to be sent to addresses, which know nothing of versions: the newest value, where it was not, and
    /// nobody else does so. Whoever gets it says when it is [`aired`](Self::aired).
    pub(super) fn air(&mut self) -> Option<(u64, V)> {
        if self.airing || self.aired == self.version {
            return None;
        }
        let newest = self.newest.clone()?;
        self.airing = true;
        Some((self.version, newest))
    }

    /// It was sent.
    pub(super) fn aired(&mut self, version: u64) {
        self.airing = false;
        self.aired = version;
    }

    fn whoever(&mut self, wanted: impl Fn(&Listener<P>) -> bool) -> Vec<(u64, P)> {
        let mut peers = Vec::new();
        for (id, listener) in &mut self.peers {
            if !listener.waits && wanted(listener) {
                listener.room = false;
                peers.push((*id, listener.peer.clone()));
            }
        }
        peers
    }

    /// What came of a round.
    pub(super) fn told(&mut self, version: u64, outcomes: &[(u64, Told)]) {
        for (id, told) in outcomes {
            let Some(listener) = self.peers.get_mut(id) else {
                continue;
            };
            match told {
                Told::Done => listener.told = version,
                // Unless it has come meanwhile.
                Told::NoRoom => listener.waits = !listener.room,
                Told::Gone => drop(self.peers.remove(id)),
            }
        }
    }

    /// The thread that tells does so no longer, though there may be more to tell. Gives a peer
    /// by which somebody else may be asked to go on, if there is one.
    pub(super) fn leave(&mut self) -> Option<P> {
        self.busy = false;
        let version = self.version;
        let behind = |listener: &&Listener<P>| !listener.waits && listener.told < version;
        self.peers
            .values()
            .find(behind)
            .map(|listener| listener.peer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells all there is to peers that answer so; gives what they were told.
    fn tell(telling: &mut Telling<u32, u64>, answer: impl Fn(u64) -> Told) -> Vec<(u64, Vec<u64>)> {
        assert!(telling.begin());
        let mut all = Vec::new();
        while let Some(round) = telling.next() {
            let outcomes: Vec<_> = round
                .peers
                .iter()
                .map(|(id, _)| (*id, answer(*id)))
                .collect();
            telling.told(round.version, &outcomes);
            all.push((
                u64::from(round.value),
                outcomes.iter().map(|(id, _)| *id).collect(),
            ));
        }
        assert!(telling.begin(), "it has ended");
        telling.busy = false;
        all
    }

    fn two_peers() -> Telling<u32, u64> {
        let mut telling = Telling::new();
        telling.listen(1, 1, 0);
        telling.listen(2, 2, 0);
        telling
    }

    #[test]
    fn each_change_is_told_to_all_in_order() {
        let mut telling = two_peers();
        for value in [10, 11, 12] {
            telling.change(value);
        }
        let told = tell(&mut telling, |_| Told::Done);
        assert_eq!(told, [(10, vec![1, 2]), (11, vec![1, 2]), (12, vec![1, 2])]);
        assert!(tell(&mut telling, |_| Told::Done).is_empty());
    }

    #[test]
    fn who_comes_later_is_told_the_newest() {
        let mut telling = Telling::new();
        telling.change(10);
        telling.change(11);
        telling.listen(1, 1, 0);
        assert_eq!(tell(&mut telling, |_| Told::Done), [(11, vec![1])]);
        telling.listen(2, 2, telling.version());
        assert!(tell(&mut telling, |_| Told::Done).is_empty(), "it knows");
    }

    #[test]
    fn without_room_only_the_newest_counts() {
        let mut telling = two_peers();
        telling.change(10);
        let slow = |id| if id == 1 { Told::NoRoom } else { Told::Done };
        assert_eq!(tell(&mut telling, slow), [(10, vec![1, 2])]);
        telling.change(11);
        telling.change(12);
        assert_eq!(tell(&mut telling, slow), [(11, vec![2]), (12, vec![2])]);
        telling.room(1);
        assert_eq!(tell(&mut telling, |_| Told::Done), [(12, vec![1])]);
    }

    #[test]
    fn room_that_comes_meanwhile_is_not_missed() {
        let mut telling = two_peers();
        telling.change(10);
        assert!(telling.begin());
        let round = telling.next().unwrap();
        assert!(!telling.begin(), "one tells");
        telling.room(1);
        telling.told(round.version, &[(1, Told::NoRoom), (2, Told::NoRoom)]);
        assert_eq!(telling.next().unwrap().peers, [(1, 1)]);
        telling.told(round.version, &[(1, Told::NoRoom)]);
        assert_eq!(telling.next(), None, "the same room is not there twice");
    }

    #[test]
    fn few_changes_wait_for_who_tells() {
        let mut telling = two_peers();
        assert!(telling.begin());
        let mut gone = 0;
        for value in 0..1_000 {
            telling.change(value);
            gone += telling.gone().len();
            assert!(telling.changes.len() <= WAITING);
        }
        assert!(gone > 1_000, "each was the newest, and many waited");
        telling.busy = false;
        let told = tell(&mut telling, |_| Told::Done);
        assert_eq!(told.last(), Some(&(999, vec![1, 2])));
        assert!(told.len() <= WAITING + 1);
    }

    #[test]
    fn who_leaves_finds_somebody_to_go_on() {
        let mut telling = two_peers();
        telling.change(10);
        telling.change(11);
        assert!(telling.begin());
        let round = telling.next().unwrap();
        telling.told(round.version, &[(1, Told::Done), (2, Told::NoRoom)]);
        assert_eq!(telling.leave(), Some(1));
        assert_eq!(tell(&mut telling, |_| Told::Done), [(11, vec![1])]);
        assert!(telling.begin());
        assert_eq!(
            telling.leave(),
            None,
            "who waits is told when there is room"
        );
    }

    #[test]
    fn addresses_get_the_newest_last() {
        let mut telling: Telling<u32, u64> = Telling::new();
        assert_eq!(telling.air(), None);
        telling.change(10);
        assert_eq!(telling.air(), Some((1, 10)));
        telling.change(11);
        telling.change(12);
        assert_eq!(telling.air(), None, "one sends");
        telling.aired(1);
        assert_eq!(telling.air(), Some((3, 12)));
        telling.aired(3);
        assert_eq!(telling.air(), None);
    }

    #[test]
    fn who_is_gone_is_told_nothing() {
        let mut telling = two_peers();
        telling.change(10);
        assert_eq!(telling.forget(1), Some(1));
        assert_eq!(tell(&mut telling, |_| Told::Gone), [(10, vec![2])]);
        telling.change(11);
        assert!(telling.changes.is_empty(), "nothing is kept for nobody");
        assert!(tell(&mut telling, |_| Told::Done).is_empty());
    }
}
