//! On which thread handlers run, how many at once, and in which order.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use quickrpc::{Processing, Promise};
use quickrpc_tests::{Inbox, Lab, LabInverse, bounded, client, inbox};

use crate::settled;

fn lab(processing: Processing) -> (Lab, impl Fn() -> SocketAddr) {
    let lab = Lab::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .processing(processing)
        .build()
        .unwrap();
    let same = lab.clone();
    (lab, move || {
        same.start().unwrap();
        same.local_addrs()[0]
    })
}

/// Checks that the notes of two clients arrive in order, and how many handlers ran at once.
fn order_and_concurrency(processing: Processing) -> usize {
    let (lab, start) = lab(processing);
    let (seen, log) = inbox();
    let (running, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let highest = Arc::clone(&most);
    lab.notify.connect(move |sender, text| {
        highest.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        thread::yield_now();
        running.fetch_sub(1, Ordering::SeqCst);
        let number: usize = text.parse().unwrap();
        seen.send((sender.to_string(), number)).unwrap();
    });
    let addr = start();
    let clients = [client("jrpc", addr), client("jrpc", addr)];
    let senders: Vec<_> = clients
        .iter()
        .map(|client| {
            let hub = client.all();
            thread::spawn(move || {
                for number in 0..200 {
                    hub.notify(&number.to_string()).unwrap();
                }
            })
        })
        .collect();
    let notes = log.take(400);
    for sender in senders {
        sender.join().unwrap();
    }
    let first = notes[0].0.clone();
    for is_first in [true, false] {
        let of_one = notes.iter().filter(|note| (note.0 == first) == is_first);
        let numbers: Vec<usize> = of_one.map(|note| note.1).collect();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    }
    most.load(Ordering::SeqCst)
}

#[test]
fn inline_keeps_the_order_and_runs_one() {
    assert_eq!(order_and_concurrency(Processing::Inline), 1);
}

#[test]
fn a_queue_keeps_the_order_and_runs_one() {
    assert_eq!(order_and_concurrency(Processing::Queue), 1);
}

#[test]
fn a_pool_keeps_the_order_of_each_peer() {
    assert!(order_and_concurrency(Processing::Pool(4)) <= 2);
}

#[test]
fn a_pool_runs_several_at_once() {
    let (lab, start) = lab(Processing::Pool(2));
    let meeting = Barrier::new(2);
    lab.add.connect(move |_sender, a, b| {
        meeting.wait();
        a + b
    });
    let addr = start();
    let (one, other) = (client("jrpc", addr), client("jrpc", addr));
    let (first, second) = (one.all().add(1, 1), other.all().add(2, 2));
    assert_eq!(settled(first).unwrap(), 2);
    assert_eq!(settled(second).unwrap(), 4);
}

/// A handler that asks its caller back, and waits for the answer.
fn asks_back(processing: Processing) {
    let (lab, start) = lab(processing);
    let hub = lab.all();
    lab.echo
        .connect(move |sender, text| hub.to(sender).question(text).result());
    let caller = client("jrpc", start());
    caller.question.connect(|_sender, text| text.to_uppercase());
    assert_eq!(settled(caller.all().echo("why")).unwrap(), "WHY");
    assert_eq!(settled(caller.all().echo("how")).unwrap(), "HOW");
}

#[test]
fn a_handler_may_wait_under_queue() {
    asks_back(Processing::Queue);
}

#[test]
fn a_handler_may_wait_under_pool() {
    asks_back(Processing::Pool(2));
}

#[test]
fn a_slow_handler_does_not_hold_up_replies_under_queue() {
    let (lab, start) = lab(Processing::Queue);
    let (entered, entries) = inbox();
    let (open, gate) = inbox::<()>();
    lab.notify.connect(move |_sender, _text| {
        entered.send(()).unwrap();
        gate.next();
    });
    let caller = client("jrpc", start());
    caller
        .question
        .connect(|_sender, _text| String::from("yes"));
    caller.all().notify("").unwrap();
    entries.next();
    assert_eq!(settled(lab.all().question("there?")).unwrap(), "yes");
    open.send(()).unwrap();
}

/// A lab under `Manual`, and the signals that something is pending.
fn manual_lab() -> (Lab, LabInverse, Inbox<()>) {
    let (lab, start) = lab(Processing::Manual);
    let (wake, pending) = inbox();
    lab.on_pending(move || {
        let _ = wake.send(());
    });
    let caller = client("jrpc", start());
    (lab, caller, pending)
}

/// The host program's own loop, until something has happened.
#[track_caller]
fn run_until(lab: &Lab, pending: &Inbox<()>, done: impl Fn() -> bool) {
    while !done() {
        pending.next();
        lab.process_pending();
    }
}

#[test]
fn manual_runs_handlers_on_the_thread_of_the_host() {
    let (lab, caller, pending) = manual_lab();
    let seen = Rc::new(Cell::new(0));
    let here = thread::current().id();
    // Not `Send`: a window, say.
    let window = Rc::clone(&seen);
    lab.notify.connect_local(move |_sender, text| {
        assert_eq!(thread::current().id(), here);
        window.set(window.get() + text.len());
    });
    caller.all().notify("four").unwrap();
    run_until(&lab, &pending, || seen.get() == 4);
    caller.all().notify("two").unwrap();
    run_until(&lab, &pending, || seen.get() == 7);
}

#[test]
fn manual_runs_nothing_of_its_own_accord() {
    let (lab, caller, pending) = manual_lab();
    let (seen, log) = inbox();
    lab.notify.connect(move |_sender, _text| {
        seen.send(thread::current().id()).unwrap();
    });
    caller.all().notify("").unwrap();
    pending.next();
    // Whatever waits is settled from a thread of its own, and runs no handler.
    caller.question.connect(|_sender, _text| String::from("ok"));
    assert_eq!(settled(lab.all().question("")).unwrap(), "ok");
    assert!(log.so_far().is_empty());
    let seen_any = Cell::new(false);
    lab.process_pending();
    run_until(&lab, &pending, || {
        let ids = log.so_far();
        assert!(ids.iter().all(|id| *id == thread::current().id()));
        seen_any.set(seen_any.get() || !ids.is_empty());
        seen_any.get()
    });
}

#[test]
fn manual_answers_calls_and_runs_events_in_turn() {
    let (lab, start) = lab(Processing::Manual);
    let (wake, pending) = inbox();
    lab.on_pending(move || {
        let _ = wake.send(());
    });
    let (seen, log) = inbox();
    let also = seen.clone();
    lab.on_connect(move |_peer| seen.send("connect").unwrap());
    lab.add.connect(move |_sender, a, b| {
        also.send("add").unwrap();
        a + b
    });
    let caller = client("jrpc", start());
    let answer = caller.all().add(1, 2);
    let steps = Cell::new(Vec::new());
    run_until(&lab, &pending, || {
        let mut all = steps.take();
        all.extend(log.so_far());
        let done = all.len() == 2;
        steps.set(all);
        done
    });
    assert_eq!(steps.take(), ["connect", "add"]);
    assert_eq!(settled(answer).unwrap(), 3);
}

#[test]
fn stopping_ends_a_queue_whose_handler_is_busy() {
    let (lab, start) = lab(Processing::Queue);
    let (entered, entries) = inbox();
    let (open, gate) = inbox::<()>();
    lab.notify.connect(move |_sender, _text| {
        entered.send(()).unwrap();
        gate.next();
    });
    let caller = client("jrpc", start());
    caller.all().notify("").unwrap();
    entries.next();
    let stopping = lab.clone();
    let stopper = thread::spawn(move || stopping.stop());
    open.send(()).unwrap();
    let stopped = bounded("stop", move || stopper.join().unwrap());
    stopped.unwrap();
}

#[test]
fn a_promise_of_a_handler_is_answered_in_every_mode() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let (lab, start) = lab(processing);
        lab.echo
            .connect(|_sender, text| Promise::ready(text.to_owned()));
        let caller = client("jrpc", start());
        assert_eq!(settled(caller.all().echo("now")).unwrap(), "now");
    }
}
