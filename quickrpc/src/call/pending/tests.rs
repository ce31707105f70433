use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A peer without anything behind it.
#[derive(Debug, Default)]
struct Fake {
    id: u64,
    /// It answers what this one was asked.
    speaks_for: Option<u64>,
    limit: Option<usize>,
    pending: AtomicUsize,
    attended: AtomicUsize,
    sleepers: AtomicUsize,
    parked: bool,
}

impl Askable for Fake {
    fn id(&self) -> u64 {
        self.id
    }

    fn answers_for(&self, other: &Self) -> bool {
        self.id == other.id || self.speaks_for == Some(other.id)
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    fn pending(&self) -> &AtomicUsize {
        &self.pending
    }

    fn attended(&self) -> &AtomicUsize {
        &self.attended
    }

    fn sleepers(&self) -> &AtomicUsize {
        &self.sleepers
    }

    fn is_parked(&self) -> bool {
        self.parked
    }
}

impl Fake {
    fn counts(&self) -> [usize; 3] {
        [&self.pending, &self.attended, &self.sleepers].map(|count| count.load(Ordering::SeqCst))
    }
}

type Table = PendingTable<&'static str, Fake>;

fn fakes<const N: usize>() -> [Arc<Fake>; N] {
    std::array::from_fn(|place| {
        Arc::new(Fake {
            id: place as u64 + 1,
            ..Fake::default()
        })
    })
}

fn insert(table: &mut Table, id: u64, call: &'static str, asked: &[Arc<Fake>]) {
    table.insert(id, call, None, asked, 100).unwrap();
}

#[test]
fn the_answer_of_the_one_who_was_asked_settles() {
    let ([one, other], mut table) = (fakes(), Table::default());
    insert(&mut table, 1, "a", &[Arc::clone(&one)]);
    insert(&mut table, 2, "b", &[Arc::clone(&one)]);
    assert_eq!(one.counts(), [2, 0, 0]);
    assert_eq!(table.only_asked(1).unwrap().id, 1);
    assert_eq!(table.answered(1, &other, false), Answered::Unknown);
    assert_eq!(table.answered(1, &one, false), Answered::Settle("a"));
    assert_eq!(table.answered(1, &one, false), Answered::Unknown);
    assert_eq!(table.answered(2, &one, true), Answered::Settle("b"));
    assert_eq!(table.answered(3, &one, true), Answered::Unknown);
    assert_eq!(one.counts(), [0; 3]);
}

#[test]
fn of_several_the_first_result_or_the_last_failure_counts() {
    let (all, mut table) = (fakes::<3>(), Table::default());
    insert(&mut table, 1, "a", &all);
    assert!(table.only_asked(1).is_none());
    assert_eq!(table.answered(1, &all[0], true), Answered::Wait);
    assert_eq!(all[0].counts(), [0; 3]);
    // One who has failed already was asked no longer.
    assert_eq!(table.answered(1, &all[0], false), Answered::Unknown);
    assert_eq!(table.answered(1, &all[1], false), Answered::Offer("a"));
    // It could not be read.
    assert_eq!(table.answered(1, &all[1], true), Answered::Wait);
    assert_eq!(table.answered(1, &all[2], true), Answered::Settle("a"));
    assert!(all.iter().all(|fake| fake.counts() == [0; 3]));
}

#[test]
fn anybody_answers_a_broadcast_and_nobody_can_fail_it() {
    let ([everyone], mut table) = (fakes(), Table::default());
    let one = Fake {
        id: 7,
        speaks_for: Some(1),
        ..Fake::default()
    };
    insert(&mut table, 1, "a", &[Arc::clone(&everyone)]);
    assert_eq!(table.answered(1, &one, true), Answered::Wait);
    assert_eq!(table.answered(1, &one, false), Answered::Offer("a"));
    assert_eq!(table.remove(1), Some("a"));
    assert_eq!(everyone.counts(), [0; 3]);
}

#[test]
fn a_lost_peer_ends_the_calls_that_only_it_could_answer() {
    let ([one, other], mut table) = (fakes(), Table::default());
    insert(&mut table, 1, "one", &[Arc::clone(&one)]);
    insert(
        &mut table,
        2,
        "both",
        &[Arc::clone(&one), Arc::clone(&other)],
    );
    insert(&mut table, 3, "other", &[Arc::clone(&other)]);
    assert_eq!(table.lost(&one), ["one"]);
    assert_eq!(table.lost(&one), [""; 0]);
    let mut rest = table.lost(&other);
    rest.sort_unstable();
    assert_eq!(rest, ["both", "other"]);
    assert_eq!((one.counts(), other.counts()), ([0; 3], [0; 3]));
}

#[test]
fn limits_are_those_of_the_table_and_of_each_peer() {
    let mut table = Table::default();
    let narrow = Arc::new(Fake {
        id: 1,
        limit: Some(1),
        ..Fake::default()
    });
    let [_, wide] = fakes();
    let both = [Arc::clone(&wide), Arc::clone(&narrow)];
    table.insert(1, "a", None, &both, 2).unwrap();
    let error = table.insert(2, "b", None, &both, 2).unwrap_err();
    assert!(matches!(error, Error::TooManyPending { limit: 1 }));
    // Who was refused has left nothing.
    assert_eq!(wide.counts(), [1, 0, 0]);
    let wide = [wide];
    table.insert(3, "c", None, &wide, 2).unwrap();
    let error = table.insert(4, "d", None, &wide, 2).unwrap_err();
    assert!(matches!(error, Error::TooManyPending { limit: 2 }));
}

#[test]
fn what_is_late_goes_and_the_next_deadline_is_told() {
    let ([one], mut table) = (fakes(), Table::default());
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let one = [one];
    for (id, call, seconds) in [(1, "5", 5), (2, "3", 3), (3, "9", 9), (4, "7", 7)] {
        table
            .insert(id, call, Some(at(seconds)), &one, 100)
            .unwrap();
    }
    table.insert(5, "never", None, &one, 100).unwrap();
    assert_eq!(table.expired(at(2)), (vec![], Some(at(3))));
    assert_eq!(table.expired(at(5)), (vec!["3", "5"], Some(at(7))));
    // What was answered has no deadline any more.
    assert_eq!(table.answered(4, &one[0], false), Answered::Settle("7"));
    assert_eq!(table.expired(at(8)), (vec![], Some(at(9))));
    assert_eq!(table.expired(at(100)), (vec!["9"], None));
    assert_eq!(one[0].counts(), [1, 0, 0]);
    assert_eq!(table.deadlines.len(), 0);
}

#[test]
fn who_waits_is_counted_once_and_those_who_are_parked_are_told() {
    let mut table = Table::default();
    let parked = Arc::new(Fake {
        id: 1,
        parked: true,
        ..Fake::default()
    });
    let [_, read] = fakes();
    insert(
        &mut table,
        1,
        "a",
        &[Arc::clone(&parked), Arc::clone(&read)],
    );
    let told = table.attend(1, false);
    assert_eq!(told.iter().map(|one| one.id).collect::<Vec<_>>(), [1]);
    assert_eq!(read.counts(), [1, 1, 0]);
    table.attend(1, true);
    table.attend(1, true);
    assert_eq!(read.counts(), [1, 1, 1]);
    assert!(table.attend(2, true).is_empty());
    assert_eq!(table.remove(1), Some("a"));
    assert_eq!((parked.counts(), read.counts()), ([0; 3], [0; 3]));
}

/// As somebody does whose failure is not the last: what was counted for it has to go too.
#[test]
fn one_of_several_who_fails_is_not_waited_for() {
    let (all, mut table) = (fakes::<2>(), Table::default());
    insert(&mut table, 1, "a", &all);
    table.attend(1, true);
    assert_eq!(table.answered(1, &all[0], true), Answered::Wait);
    assert_eq!(all[0].counts(), [0; 3]);
    assert_eq!(all[1].counts(), [1; 3]);
    assert_eq!(table.answered(1, &all[1], true), Answered::Settle("a"));
    assert_eq!(all[1].counts(), [0; 3]);
}

#[test]
fn closed_it_forgets_all_and_accepts_nothing_until_it_is_opened() {
    let ([one], mut table) = (fakes(), Table::default());
    let one = [one];
    let deadline = Some(Instant::now());
    table.insert(1, "a", deadline, &one, 100).unwrap();
    table.insert(2, "b", deadline, &one, 100).unwrap();
    assert_eq!(table.close().len(), 2);
    assert_eq!((one[0].counts(), table.deadlines.len()), ([0; 3], 0));
    let refused = table.insert(3, "c", deadline, &one, 100);
    assert!(matches!(refused, Err(Error::Stopped)));
    table.open();
    table.insert(3, "c", deadline, &one, 100).unwrap();
    assert_eq!(table.remove(3), Some("c"));
}

#[test]
fn calls_that_are_answered_long_before_their_deadlines_leave_nothing() {
    let ([one], mut table) = (fakes(), Table::default());
    let one = [one];
    let start = Instant::now();
    let hour = Duration::from_secs(3600);
    let mut most = 0;
    // Ten in flight, with deadlines that go up, that go down, and both.
    for id in 0..1_000_000_u64 {
        let shift = Duration::from_micros(match id / 250_000 {
            0 => id,
            1 => 1_000_000 - id,
            2 => id.wrapping_mul(0x9e37_79b9) % 1_000_000,
            _ => 0,
        });
        let deadline = Some(start + hour + shift);
        table.insert(id, "a", deadline, &one, 100).unwrap();
        if id >= 10 {
            let answered = id - 10 + (id % 2);
            table.remove(answered);
            table.remove(id.saturating_sub(11));
        }
        most = most.max(table.deadlines.len());
    }
    assert!(most <= 200, "{most}");
}

#[derive(Debug, Clone)]
enum Step {
    Insert { asked: Vec<usize>, deadline: u8 },
    Answer { id: u64, peer: usize, failed: bool },
    Remove(u64),
    Attend(u64, bool),
    Lose(usize),
    Expire(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (id, peer) = (0..60_u64, 0..4_usize);
    prop_oneof![
        20 => (proptest::sample::subsequence(vec![0, 1, 2, 3], 1..4), any::<u8>())
            .prop_map(|(asked, deadline)| Step::Insert { asked, deadline }),
        12 => (id.clone(), peer.clone(), any::<bool>())
            .prop_map(|(id, peer, failed)| Step::Answer { id, peer, failed }),
        4 => id.clone().prop_map(Step::Remove),
        8 => (id, any::<bool>()).prop_map(|(id, thread)| Step::Attend(id, thread)),
        1 => peer.prop_map(Step::Lose),
        2 => any::<u8>().prop_map(Step::Expire),
        1 => Just(Step::Reopen),
    ]
}

/// What the model knows of a call: who was asked, its deadline, whether somebody waits.
#[derive(Debug)]
struct Known {
    asked: Vec<usize>,
    deadline: u8,
    attended: bool,
    asleep: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    /// 10,000 operations, and the same done in the plainest way.
    #[test]
    fn it_does_what_a_plain_list_does(steps in proptest::collection::vec(step(), 200)) {
        let (peers, start) = (fakes::<4>(), Instant::now());
        let at = |deadline: u8| start + Duration::from_secs(deadline.into());
        let mut table = PendingTable::<u64, Fake>::default();
        let mut model = BTreeMap::<u64, Known>::new();
        let mut next = 0;
        // The calls that steps name are the latest.
        let latest = |id: u64, next: u64| next.saturating_sub(id);
        for step in steps {
            match step {
                Step::Insert { asked, deadline } => {
                    let to: Vec<_> = asked.iter().map(|one| Arc::clone(&peers[*one])).collect();
                    table.insert(next, next, Some(at(deadline)), &to, 1000).unwrap();
                    let known = Known { asked, deadline, attended: false, asleep: false };
                    model.insert(next, known);
                    next += 1;
                }
                Step::Answer { id, peer, failed } => {
                    let id = latest(id, next);
                    let answered = table.answered(id, &peers[peer], failed);
                    let expected = match model.get_mut(&id) {
                        Some(known) if known.asked.contains(&peer) => {
                            match (known.asked.len(), failed) {
                                (1, _) => {
                                    model.remove(&id);
                                    Answered::Settle(id)
                                }
                                (_, true) => {
                                    known.asked.retain(|one| *one != peer);
                                    Answered::Wait
                                }
                                (_, false) => Answered::Offer(id),
                            }
                        }
                        _ => Answered::Unknown,
                    };
                    prop_assert_eq!(answered, expected);
                }
                Step::Remove(id) => {
                    let id = latest(id, next);
                    prop_assert_eq!(table.remove(id).is_some(), model.remove(&id).is_some());
                }
                Step::Attend(id, thread) => {
                    let id = latest(id, next);
                    table.attend(id, thread);
                    if let Some(known) = model.get_mut(&id) {
                        known.attended = true;
                        known.asleep |= thread;
                    }
                }
                Step::Lose(peer) => {
                    let mut lost = table.lost(&peers[peer]);
                    lost.sort_unstable();
                    let mut expected = Vec::new();
                    model.retain(|id, known| {
                        known.asked.retain(|one| *one != peer);
                        let over = known.asked.is_empty();
                        expected.extend(over.then_some(*id));
                        !over
                    });
                    prop_assert_eq!(lost, expected);
                }
                Step::Expire(now) => {
                    let (mut late, next) = table.expired(at(now));
                    late.sort_unstable();
                    let mut expected = Vec::new();
                    model.retain(|id, known| {
                        let over = known.deadline <= now;
                        expected.extend(over.then_some(*id));
                        !over
                    });
                    prop_assert_eq!(late, expected);
                    let deadlines = model.values().map(|known| at(known.deadline));
                    prop_assert_eq!(next, deadlines.min());
                }
                Step::Reopen => {
                    prop_assert_eq!(table.close().len(), model.len());
                    model.clear();
                    table.open();
                }
            }
            for (place, peer) in peers.iter().enumerate() {
                let count = |which: fn(&Known) -> bool| {
                    let asked = model.values().filter(|known| known.asked.contains(&place));
                    asked.filter(|known| which(known)).count()
                };
                let expected = [count(|_| true), count(|one| one.attended), count(|one| one.asleep)];
                prop_assert_eq!(peer.counts(), expected);
            }
            prop_assert_eq!(table.calls.len(), model.len());
            prop_assert!(table.deadlines.len() <= 2 * 200 + 64);
        }
        table.close();
        prop_assert!(peers.iter().all(|peer| peer.counts() == [0; 3]));
        prop_assert!(table.calls.is_empty());
    }
}
