//! The table without any peer that could answer.

#![allow(
    clippy::arc_with_non_send_sync,
    reason = "the table keeps its peers so, and nothing here is sent"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[derive(Debug)]
struct Asker {
    id: u64,
    limit: usize,
    asked: Cell<usize>,
    attended: Cell<usize>,
    sleepers: Cell<usize>,
    parked: Cell<bool>,
    missed: Cell<usize>,
    last: Cell<u64>,
    /// How often it was looked at.
    looks: Cell<usize>,
}

fn peer(id: u64) -> Arc<Asker> {
    Arc::new(Asker {
        id,
        limit: 100,
        asked: Cell::new(0),
        attended: Cell::new(0),
        sleepers: Cell::new(0),
        parked: Cell::new(false),
        missed: Cell::new(0),
        last: Cell::new(0),
        looks: Cell::new(0),
    })
}

fn add(cell: &Cell<usize>, add: isize) {
    cell.set(cell.get().checked_add_signed(add).unwrap());
}

impl Peer for Asker {
    fn id(&self) -> u64 {
        add(&self.looks, 1);
        self.id
    }

    fn answers_for(&self, other: &Self) -> bool {
        // 100 stands for everybody from 101 on.
        self.id == other.id || (self.id > 100 && other.id == 100)
    }

    fn limit(&self) -> usize {
        self.limit
    }

    fn asked(&self) -> usize {
        self.asked.get()
    }

    fn ask(&self, id: u64) {
        add(&self.asked, 1);
        self.last.set(id);
    }

    fn last_asked(&self) -> u64 {
        self.last.get()
    }

    fn unask(&self, attended: bool, asleep: bool) {
        add(&self.asked, -1);
        add(&self.attended, -isize::from(attended));
        add(&self.sleepers, -isize::from(asleep));
    }

    fn missed(&self) {
        add(&self.missed, 1);
    }

    fn attend(&self, first: bool, sleeps: bool) -> bool {
        add(&self.attended, isize::from(first));
        add(&self.sleepers, isize::from(sleeps));
        self.parked.get()
    }
}

type Table = PendingTable<str, Asker>;

fn call(name: &str) -> Arc<str> {
    name.into()
}

fn insert(table: &mut Table, id: u64, asked: &[&Arc<Asker>]) {
    let asked: Vec<_> = asked.iter().map(|peer| Arc::clone(peer)).collect();
    table
        .insert(id, call(&id.to_string()), &asked, None, 10)
        .unwrap();
}

fn settled(answered: Answered<str>) -> Option<Arc<str>> {
    match answered {
        Answered::Settle(call) => Some(call),
        Answered::Offer(_) | Answered::Wait | Answered::Unknown => None,
    }
}

#[test]
fn only_who_was_asked_answers() {
    let (mut table, alice, bob) = (Table::default(), peer(1), peer(2));
    insert(&mut table, 7, &[&alice]);
    assert!(matches!(table.answered(7, &bob, false), Answered::Unknown));
    assert!(matches!(
        table.answered(8, &alice, false),
        Answered::Unknown
    ));
    assert_eq!(&*settled(table.answered(7, &alice, false)).unwrap(), "7");
    assert!(matches!(
        table.answered(7, &alice, false),
        Answered::Unknown
    ));
    assert_eq!((table.calls.len(), alice.asked()), (0, 0));
}

#[test]
fn the_last_failure_of_several_counts() {
    let (mut table, alice, bob) = (Table::default(), peer(1), peer(2));
    insert(&mut table, 7, &[&alice, &bob]);
    assert!(matches!(
        table.answered(7, &alice, false),
        Answered::Offer(_)
    ));
    assert!(matches!(table.answered(7, &alice, true), Answered::Wait));
    assert_eq!((alice.asked(), bob.asked()), (0, 1));
    assert!(matches!(table.answered(7, &alice, true), Answered::Unknown));
    assert!(settled(table.answered(7, &bob, true)).is_some());
    assert_eq!(bob.asked(), 0);
}

#[test]
fn who_has_not_answered_in_time_is_told_so() {
    let (mut table, alice, bob) = (Table::default(), peer(1), peer(2));
    let start = Instant::now();
    for (id, asked) in [(1, vec![&alice]), (2, vec![&alice, &bob]), (3, vec![&bob])] {
        let asked: Vec<_> = asked.into_iter().cloned().collect();
        let inserted = table.insert(id, call("x"), &asked, Some(start), 9);
        assert!(inserted.is_ok());
    }
    let missed = || (alice.missed.get(), bob.missed.get());
    assert!(settled(table.answered(1, &alice, false)).is_some());
    assert_eq!(missed(), (0, 0));
    assert!(table.late(1).is_none());
    assert!(table.late(3).is_some());
    assert_eq!(missed(), (0, 1));
    assert_eq!(table.expired(start, |_| None).0.len(), 1);
    assert_eq!(missed(), (1, 2));
    assert_eq!((alice.asked(), bob.asked()), (0, 0));
}

#[test]
fn a_peer_that_is_lost_fails_what_only_it_was_asked() {
    let (mut table, alice, bob) = (Table::default(), peer(1), peer(2));
    insert(&mut table, 1, &[&alice]);
    insert(&mut table, 2, &[&alice, &bob]);
    insert(&mut table, 3, &[&bob]);
    let lost: Vec<_> = table
        .lost(&alice)
        .iter()
        .map(|call| call.to_string())
        .collect();
    assert_eq!(lost, ["1"]);
    assert!(table.lost(&alice).is_empty());
    assert!(settled(table.answered(2, &bob, false)).is_some());
}

#[test]
fn anybody_answers_what_was_broadcast() {
    let (mut table, all, one) = (Table::default(), peer(100), peer(101));
    insert(&mut table, 7, &[&all]);
    assert!(matches!(table.answered(7, &one, true), Answered::Wait));
    assert!(matches!(table.answered(7, &one, false), Answered::Offer(_)));
    assert!(table.remove(7).is_some());
    assert_eq!(all.asked(), 0);
}

#[test]
fn limits_and_the_end() {
    let mut table = Table::default();
    let few = Arc::new(Asker {
        limit: 1,
        ..Arc::into_inner(peer(1)).unwrap()
    });
    let asked = [Arc::clone(&few)];
    table.insert(1, call("a"), &asked, None, 2).unwrap();
    let refused = table.insert(2, call("b"), &asked, None, 2);
    assert!(matches!(refused, Err(Error::TooManyPending { limit: 1 })));
    let other = [peer(2)];
    table.insert(2, call("b"), &other, None, 2).unwrap();
    let refused = table.insert(3, call("c"), &other, None, 2);
    assert!(matches!(refused, Err(Error::TooManyPending { limit: 2 })));
    assert_eq!(table.close().len(), 2);
    assert!(matches!(
        table.insert(4, call("d"), &other, None, 2),
        Err(Error::Stopped)
    ));
    table.open();
    table.insert(5, call("e"), &other, None, 2).unwrap();
    assert_eq!((few.asked(), other[0].asked()), (0, 1));
}

#[test]
fn deadlines_that_follow_each_other_are_looked_at_together() {
    let (mut table, asked) = (Table::default(), [peer(1)]);
    let start = Instant::now();
    // A pause has five parts.
    let at = |part| start + PAUSE / 5 * part;
    let begin =
        |table: &mut Table, id, part| table.insert(id, call("a"), &asked, Some(at(part)), 100);
    let late = |(late, next): (Vec<Withdrawn<str, Asker>>, _)| {
        let mut ids: Vec<_> = late.iter().map(|one| one.id).collect();
        ids.sort_unstable();
        (ids, next)
    };
    for id in 1_000..1_000 + MANY as u64 {
        table.insert(id, call("b"), &asked, None, 100).unwrap();
    }
    for (id, part, look) in [
        (1, 100, Some(at(100))),
        (2, 101, None),
        (3, 104, None),
        (4, 120, None),
    ] {
        assert_eq!(begin(&mut table, id, part).unwrap(), look);
    }
    // The first is not late for those behind it, and they are together.
    let pause = at(100) + PAUSE;
    assert_eq!(
        late(table.expired(at(100), |_| None)),
        (vec![1], Some(pause))
    );
    // Nobody has to look earlier for what comes meanwhile, nor twice at that time.
    assert_eq!(begin(&mut table, 5, 102).unwrap(), None);
    // A look for something else finds what is due, and nothing that is not.
    assert_eq!(
        late(table.expired(at(102), |_| None)),
        (vec![2, 5], Some(at(102) + PAUSE))
    );
    assert_eq!(
        late(table.expired(at(103), |_| None)),
        (vec![], Some(at(102) + PAUSE))
    );
    assert_eq!(
        late(table.expired(at(107), |_| None)),
        (vec![3], Some(at(120)))
    );
    // What comes with an earlier deadline than all is told of, but not before the pause is over.
    assert_eq!(begin(&mut table, 6, 108).unwrap(), Some(at(107) + PAUSE));
    assert_eq!(begin(&mut table, 7, 115).unwrap(), None);
    assert_eq!(
        late(table.expired(at(112), |_| None)),
        (vec![6], Some(at(112) + PAUSE))
    );
    assert_eq!(
        late(table.expired(at(117), |_| None)),
        (vec![7], Some(at(117) + PAUSE))
    );
    assert_eq!(late(table.expired(at(122), |_| None)), (vec![4], None));
    // Where few are left, each has its own time.
    table.remove(1_000);
    for (id, part) in [(8, 130), (9, 131)] {
        begin(&mut table, id, part).unwrap();
    }
    assert_eq!(
        late(table.expired(at(130), |_| None)),
        (vec![8], Some(at(135)))
    );
    assert_eq!(late(table.expired(at(135), |_| None)), (vec![9], None));
    begin(&mut table, 10, 140).unwrap();
    begin(&mut table, 11, 141).unwrap();
    table.remove(1_001);
    assert_eq!(
        late(table.expired(at(140), |_| None)),
        (vec![10], Some(at(141)))
    );
}

/// It was all calls for each of them.
#[test]
fn many_that_are_lost_cost_what_they_owe() {
    const PEERS: usize = 500;
    const EACH: usize = 20;
    let mut table = Table::default();
    let peers: Vec<_> = (1..).take(PEERS).map(peer).collect();
    let ask = |table: &mut Table, id: u64, peer: &Arc<Asker>| {
        let peer = std::slice::from_ref(peer);
        let limit = 2 * PEERS * EACH;
        table
            .insert(id, call(&id.to_string()), peer, None, limit)
            .unwrap();
    };
    // They were asked in turn, after a million others.
    let mut ids = 1_000_000..;
    for _ in 0..EACH {
        for (peer, id) in peers.iter().zip(&mut ids) {
            ask(&mut table, id, peer);
        }
    }
    peers.iter().for_each(|peer| peer.looks.set(0));
    for (number, lost) in peers.iter().enumerate() {
        let mut owed = EACH;
        // Meanwhile those that are left are asked more; the next one as well.
        for (peer, id) in peers[number..].iter().take(2).zip(&mut ids) {
            ask(&mut table, id, peer);
            owed += usize::from(peer.id == lost.id);
        }
        owed += usize::from(number > 0);
        assert_eq!(table.lost(lost).len(), owed);
        assert_eq!(lost.asked(), 0);
    }
    assert_eq!(table.calls.len(), 0);
    let looks: usize = peers.iter().map(|peer| peer.looks.get()).sum();
    assert!(looks < 20 * PEERS * EACH, "{looks}");
}

#[test]
fn one_that_waited_for_a_peer_is_owed_as_well() {
    let (mut table, peers) = (Table::default(), [peer(1), peer(2), peer(3)]);
    table.insert(1, call("1"), &[], None, 10).unwrap();
    for (id, peer) in (2..).zip(&peers) {
        insert(&mut table, id, &[peer]);
    }
    assert_eq!(table.lost(&peers[0]).len(), 1);
    // It is older than what has been looked at.
    table.ask(1, &peers[1..2]).unwrap();
    assert_eq!(table.lost(&peers[1]).len(), 2);
    insert(&mut table, 5, &[&peers[2]]);
    assert_eq!(table.lost(&peers[2]).len(), 2);
    assert_eq!(table.calls.len(), 0);
}

#[test]
fn who_waits_is_counted_once_and_finds_whom_nobody_reads() {
    let (mut table, alice, bob) = (Table::default(), peer(1), peer(2));
    bob.parked.set(true);
    insert(&mut table, 7, &[&alice, &bob]);
    assert_eq!(table.attend(7, false).len(), 1);
    assert_eq!((alice.attended.get(), alice.sleepers.get()), (1, 0));
    table.attend(7, true);
    table.attend(7, true);
    assert_eq!((bob.attended.get(), bob.sleepers.get()), (1, 1));
    // Who fails is waited for no longer, though the call is.
    assert!(matches!(table.answered(7, &alice, true), Answered::Wait));
    assert_eq!((alice.attended.get(), alice.sleepers.get()), (0, 0));
    assert!(settled(table.answered(7, &bob, true)).is_some());
    assert_eq!((bob.attended.get(), bob.sleepers.get()), (0, 0));
    assert!(table.attend(7, true).is_empty());
}

proptest! {
    /// Whatever happens, calls end once, and nothing is left of them.
    #[test]
    fn nothing_is_left(steps in prop::collection::vec((0..7_u8, 0..8_u64, 1..8_u8), 0..300)) {
        let (start, mut now) = (Instant::now(), 0);
        let peers: Vec<_> = (0..3).map(peer).collect();
        let (mut table, mut alive) = (Table::default(), BTreeMap::new());
        // When somebody looks, who was told to.
        let mut look = None;
        for (next, (step, number, mask)) in steps.into_iter().enumerate() {
            let id = next as u64;
            let which = &peers[usize::from(mask) % 3];
            let old = alive.keys().nth(number as usize).copied().unwrap_or_default();
            match step {
                0 | 1 => {
                    let asked: Vec<_> = peers.iter().filter(|peer| mask >> peer.id & 1 == 1).cloned().collect();
                    if asked.is_empty() {
                        continue;
                    }
                    let deadline = now + number;
                    let told = table.insert(id, call(&id.to_string()), &asked, Some(start + Duration::from_secs(deadline)), 1_000).unwrap();
                    look = look.into_iter().chain(told).min();
                    alive.insert(id, deadline);
                }
                2 => {
                    if settled(table.answered(old, which, mask > 4)).is_some() {
                        alive.remove(&old);
                    }
                }
                3 => drop(table.attend(old, mask > 4)),
                4 => {
                    for call in table.lost(which) {
                        prop_assert!(alive.remove(&call.parse().unwrap()).is_some());
                    }
                    prop_assert_eq!(which.asked(), 0);
                }
                5 => prop_assert_eq!(table.remove(old).is_some(), alive.remove(&old).is_some()),
                _ => {
                    now += number;
                    let (late, next) = table.expired(start + Duration::from_secs(now), |_| None);
                    for call in late {
                        prop_assert_eq!(&*call.call, call.id.to_string());
                        let due = alive.remove(&call.id);
                        prop_assert!(due.is_some_and(|due| due <= now));
                    }
                    let due = alive.values().min().map(|due| start + Duration::from_secs(*due));
                    prop_assert_eq!(next, due);
                    look = next;
                }
            }
            prop_assert_eq!(table.calls.len(), alive.len());
            for due in alive.values() {
                let latest = start + Duration::from_secs(*due) + PAUSE;
                prop_assert!(look.is_some_and(|look| look <= latest));
            }
        }
        table.close();
        for peer in &peers {
            prop_assert_eq!((peer.asked(), peer.attended.get(), peer.sleepers.get()), (0, 0, 0));
        }
    }
}
