use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::*;

/// Far longer than anything takes here.
const BOUND: Duration = Duration::from_secs(20);

fn mailbox(mode: Processing) -> Mailbox {
    mailbox_on(mode, 1)
}

fn mailbox_on(mode: Processing, io_threads: usize) -> Mailbox {
    // No test has the number of another one's mailbox on its thread.
    Mailbox::new(u64::MAX, mode, io_threads)
}

/// An item that says this.
fn says(said: &Sender<&'static str>, what: &'static str) -> Item {
    let said = said.clone();
    Box::new(move || said.send(what).unwrap_or_default())
}

fn all(said: &Receiver<&'static str>) -> Vec<&'static str> {
    said.try_iter().collect()
}

/// Waits until the state is so; whoever waits then has given up the lock.
#[track_caller]
fn until(mailbox: &Mailbox, what: fn(&State) -> bool) {
    let started = Instant::now();
    while !what(&lock(&mailbox.state)) {
        assert!(started.elapsed() < BOUND);
        thread::yield_now();
    }
}

#[test]
fn a_lane_keeps_its_order_and_lanes_take_turns() {
    let mailbox = mailbox(Processing::Manual);
    let (said, hears) = mpsc::channel();
    assert_eq!(mailbox.push(1, says(&said, "1a"), 0), AfterPush::Tell);
    for (lane, what) in [(1, "1b"), (2, "2a"), (1, "1c"), (2, "2b")] {
        let after = mailbox.push(lane, says(&said, what), 0);
        assert_eq!(after, AfterPush::Nothing);
    }
    assert_eq!(mailbox.drain(), 5);
    assert_eq!(all(&hears), ["1a", "2a", "1b", "2b", "1c"]);
    assert_eq!(mailbox.drain(), 0);
    // It is told of again when something comes after that.
    assert_eq!(mailbox.push(2, says(&said, "2c"), 0), AfterPush::Tell);
    assert!(lock(&mailbox.state).lanes.len() == 1);
}

#[test]
fn inline_the_pusher_runs_it_unless_somebody_has_the_turn() {
    let mailbox = mailbox(Processing::Inline);
    let (said, hears) = mpsc::channel();
    assert_eq!(mailbox.push(1, says(&said, "a"), 0), AfterPush::Drain);
    assert!(mailbox.enter(1).is_none());
    mailbox.drain();
    let turn = mailbox.enter(1).unwrap();
    assert!(mailbox.held_here() && mailbox.may_run_here(2));
    assert!(mailbox.enter(1).is_none());
    assert_eq!(mailbox.push(1, says(&said, "b"), 0), AfterPush::Nothing);
    assert_eq!(mailbox.drain(), 0);
    assert_eq!(all(&hears), ["a"]);
    // Who gives the turn back runs what has come meanwhile.
    drop(turn);
    assert_eq!(all(&hears), ["b"]);
    assert!(!mailbox.held_here());
    assert!(mailbox.enter(1).is_some());
}

#[test]
fn as_many_workers_are_asked_for_as_there_are_turns() {
    let (said, _hears) = mpsc::channel();
    let queue = mailbox(Processing::Queue);
    assert_eq!(queue.push(1, says(&said, "a"), 0), AfterPush::Spawn);
    assert_eq!(queue.push(2, says(&said, "b"), 0), AfterPush::Nothing);
    // One that could not be had is asked for again.
    queue.not_spawned();
    assert_eq!(queue.push(3, says(&said, "c"), 0), AfterPush::Spawn);
    let pool = mailbox(Processing::Pool(2));
    assert_eq!(pool.push(1, says(&said, "a"), 0), AfterPush::Spawn);
    // The same lane: one after the other.
    assert_eq!(pool.push(1, says(&said, "b"), 0), AfterPush::Nothing);
    assert_eq!(pool.push(2, says(&said, "c"), 0), AfterPush::Spawn);
    assert_eq!(pool.push(3, says(&said, "d"), 0), AfterPush::Nothing);
}

#[test]
fn a_worker_is_woken_for_each_lane_and_none_twice() {
    let mailbox = mailbox(Processing::Pool(3));
    let (said, _hears) = mpsc::channel();
    let asleep = || {
        let state = lock(&mailbox.state);
        (state.idle, state.woken)
    };
    {
        let mut state = lock(&mailbox.state);
        (state.workers, state.idle) = (3, 3);
    }
    assert_eq!(mailbox.push(1, says(&said, "1a"), 0), AfterPush::Wake);
    assert_eq!(mailbox.push(1, says(&said, "1b"), 0), AfterPush::Nothing);
    assert_eq!(mailbox.push(2, says(&said, "2a"), 0), AfterPush::Wake);
    mailbox.wake();
    assert_eq!(asleep(), (1, 2));
    mailbox.wake();
    assert_eq!(asleep(), (1, 2), "both lanes have one");
    assert_eq!(mailbox.push(3, says(&said, "3a"), 0), AfterPush::Wake);
    // Somebody who is up is faster.
    assert_eq!(mailbox.drain(), 4);
    mailbox.wake();
    assert_eq!(asleep(), (1, 2), "nothing is left");
    assert_eq!(mailbox.push(1, says(&said, "1c"), 0), AfterPush::Nothing);
}

#[test]
fn who_was_woken_in_vain_is_woken_again() {
    let mut mailbox = mailbox(Processing::Pool(2));
    mailbox.linger = BOUND * 10;
    let mailbox = Arc::new(mailbox);
    let (said, hears) = mpsc::channel();
    lock(&mailbox.state).workers += 1;
    let worker = Arc::clone(&mailbox);
    let worker = thread::spawn(move || worker.work());
    for _ in 0..100 {
        until(&mailbox, |state| state.idle == 1);
        assert_eq!(mailbox.push(1, says(&said, "a"), 0), AfterPush::Wake);
        mailbox.wake();
        // Perhaps before the worker.
        mailbox.drain();
        assert_eq!(hears.recv_timeout(BOUND), Ok("a"));
        until(&mailbox, |state| state.idle == 1 && state.woken == 0);
        assert_eq!(mailbox.push(1, says(&said, "b"), 0), AfterPush::Wake);
        mailbox.wake();
        assert_eq!(hears.recv_timeout(BOUND), Ok("b"));
    }
    mailbox.close();
    worker.join().unwrap();
}

#[test]
fn shares_are_what_waits() {
    let mailbox = mailbox(Processing::Manual);
    let (said, _hears) = mpsc::channel();
    let share = |messages, bytes| Share { messages, bytes };
    let _ = mailbox.push(1, says(&said, "a"), 10);
    let _ = mailbox.push(1, says(&said, "b"), 5);
    assert_eq!(mailbox.share(1), share(2, 15));
    assert_eq!(mailbox.share(2), Share::default());
    mailbox.drain();
    assert_eq!(mailbox.share(1), Share::default());
}

#[test]
fn forgetting_calls_keeps_events() {
    let mailbox = mailbox(Processing::Manual);
    let (said, hears) = mpsc::channel();
    for (lane, what, bytes) in [
        (1, "call", 9),
        (1, "event", 0),
        (2, "call", 9),
        (3, "event", 0),
    ] {
        let _ = mailbox.push(lane, says(&said, what), bytes);
    }
    mailbox.forget_calls();
    assert_eq!(mailbox.share(1).bytes, 0);
    assert_eq!(mailbox.drain(), 2);
    assert_eq!(all(&hears), ["event", "event"]);
    assert!(lock(&mailbox.state).lanes.is_empty());
}

#[test]
fn closed_it_drops_all_until_it_is_opened() {
    let mailbox = mailbox(Processing::Manual);
    let (said, hears) = mpsc::channel();
    let _ = mailbox.push(1, says(&said, "a"), 0);
    mailbox.close();
    assert_eq!(mailbox.push(1, says(&said, "b"), 0), AfterPush::Dropped);
    assert_eq!(mailbox.drain(), 0);
    mailbox.open();
    assert_eq!(mailbox.push(1, says(&said, "c"), 0), AfterPush::Tell);
    mailbox.drain();
    assert_eq!(all(&hears), ["c"]);
}

#[test]
fn a_panic_costs_nobody_his_turn() {
    let mailbox = mailbox(Processing::Manual);
    let (said, hears) = mpsc::channel();
    let _ = mailbox.push(1, Box::new(|| panic!("on purpose")), 0);
    let _ = mailbox.push(1, says(&said, "b"), 0);
    assert_eq!(mailbox.drain(), 2);
    assert_eq!(all(&hears), ["b"]);
    assert!(!mailbox.held_here());
    assert_eq!(lock(&mailbox.state).held, 0);
}

#[test]
fn waiting_for_the_last_turn_has_an_end() {
    let mailbox = mailbox(Processing::Pool(1));
    assert!(mailbox.wait_idle(Instant::now()));
    let (said, _hears) = mpsc::channel();
    let _ = mailbox.push(1, says(&said, "a"), 0);
    assert!(!mailbox.wait_idle(Instant::now()));
    mailbox.drain();
    assert!(mailbox.wait_idle(Instant::now()));
}

/// Whoever stops the API waited with the workers, and took the wake-up that was meant for
/// one of them: what it was woken for waited for a second.
#[test]
fn a_worker_is_woken_while_somebody_waits_for_the_end() {
    let mut mailbox = mailbox(Processing::Pool(2));
    // A worker that is not woken comes too late for sure.
    mailbox.linger = BOUND * 10;
    let mailbox = Arc::new(mailbox);
    let (said, hears) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let busy: Item = Box::new(move || held.recv_timeout(BOUND).unwrap_or_default());
    let spawn = |what: fn(&Mailbox)| {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || what(&mailbox))
    };
    assert_eq!(mailbox.push(1, busy, 0), AfterPush::Spawn);
    let mut threads = vec![spawn(Mailbox::work)];
    until(&mailbox, |state| state.held == 1);
    threads.push(spawn(|mailbox| {
        assert!(mailbox.wait_idle(Instant::now() + BOUND));
    }));
    until(&mailbox, |state| state.stopping > 0);
    // It comes to wait after the other.
    lock(&mailbox.state).workers += 1;
    threads.push(spawn(Mailbox::work));
    until(&mailbox, |state| state.idle == 1);
    assert_eq!(mailbox.push(2, says(&said, "a"), 0), AfterPush::Wake);
    mailbox.wake();
    let heard = hears.recv_timeout(BOUND / 2);
    release.send(()).unwrap();
    until(&mailbox, |state| state.stopping == 0 && state.held == 0);
    mailbox.close();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(heard, Ok("a"));
}

#[test]
fn inline_on_several_threads_each_lane_has_one_turn() {
    let mailbox = mailbox_on(Processing::Inline, 2);
    let (said, hears) = mpsc::channel();
    let first = mailbox.enter(1).unwrap();
    assert!(mailbox.may_run_here(1) && !mailbox.may_run_here(2));
    assert!(mailbox.would_interrupt());
    assert_eq!(mailbox.running(), [1]);
    thread::scope(|scope| {
        let beside = scope.spawn(|| {
            assert!(!mailbox.would_interrupt());
            assert!(mailbox.enter(1).is_none(), "it runs");
            let second = mailbox.enter(2).unwrap();
            // There are no more turns.
            assert!(mailbox.enter(3).is_none());
            for (lane, what) in [(1, "1a"), (3, "3a"), (2, "2a"), (1, "1b")] {
                let after = mailbox.push(lane, says(&said, what), 0);
                assert_eq!(after, AfterPush::Nothing);
            }
            // What waits in the lane that runs elsewhere waits on.
            drop(second);
        });
        beside.join().unwrap();
    });
    assert_eq!(all(&hears), ["3a", "2a"]);
    assert_eq!(mailbox.push(4, says(&said, "4a"), 0), AfterPush::Drain);
    drop(first);
    assert_eq!(all(&hears), ["4a", "1a", "1b"]);
    assert!(lock(&mailbox.state).lanes.is_empty());
    assert_eq!(lock(&mailbox.state).held, 0);
    assert!(!mailbox.held_here());
}
