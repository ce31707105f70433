//! Floods, full mailboxes and batches: whoever waits is let through in the end.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use quickrpc::{Limits, Processing, remote_api};
use quickrpc_tests::{Lab, LabInverse, SOON, Telnet, bounded, inbox, own_bus, serve, server};

use crate::settled;

/// Both sides say things, without an answer.
#[remote_api]
trait Talk {
    #[incoming]
    fn there(&self, text: &str);
    #[outgoing]
    fn back(&self, text: &str);
}

#[test]
fn two_peers_that_flood_each_other_both_arrive() {
    const COUNT: usize = 400;
    let (one, other) = Talk::pair();
    let (heard, at_one) = inbox();
    one.there.connect(move |_sender, text| {
        let _ = heard.send(text.len());
    });
    let (heard, at_other) = inbox();
    other.back.connect(move |_sender, text| {
        let _ = heard.send(text.len());
    });
    // The readers are busy until both queues are long.
    let text = "x".repeat(64 << 10);
    let (here, there) = (one.all(), other.all());
    let theirs = text.clone();
    let sending = thread::spawn(move || (0..COUNT).try_for_each(|_| there.there(&theirs)));
    (0..COUNT).try_for_each(|_| here.back(&text)).unwrap();
    bounded("the other side", move || sending.join().unwrap()).unwrap();
    assert_eq!(at_one.take(COUNT).len(), COUNT);
    assert_eq!(at_other.take(COUNT).len(), COUNT);
}

/// A server that asks back before it answers.
#[remote_api]
trait Asking {
    #[incoming]
    fn ask_me(&self) -> String;
    #[outgoing]
    fn name(&self) -> String;
}

#[test]
fn an_answer_passes_the_calls_that_wait_for_handlers() {
    const COUNT: usize = 100;
    let limits = Limits {
        waiting_messages: 40,
        ..Limits::default()
    };
    let server = Asking::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .limits(limits)
        .build()
        .unwrap();
    let out = server.all();
    server
        .ask_me
        .connect(move |sender| out.to(sender).timeout(SOON / 4).name().result());
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let client = AskingInverse::bind("jrpc", format!("tcp:{addr}").as_str()).unwrap();
    client.name.connect(|_sender| String::from("ann"));
    client.start().unwrap();
    // One write, so that all are there when the first one is handled.
    let promises = client.all().timeout(SOON).batch(|server| {
        let promises = (0..COUNT).map(|_| server.ask_me());
        promises.collect::<Vec<_>>()
    });
    for promise in promises {
        assert_eq!(settled(promise).unwrap(), "ann");
    }
}

#[test]
fn a_batch_of_one_thread_keeps_back_nothing_of_another() {
    let (near, far) = Lab::pair();
    let _served = serve(&near);
    let (begun, begins) = mpsc::channel();
    let (end, ends) = mpsc::channel::<()>();
    let slow = far.all();
    let batching = thread::spawn(move || {
        slow.batch(|lab| {
            lab.notify("in the batch").unwrap();
            begun.send(()).unwrap();
            ends.recv().ok();
        });
    });
    begins.recv().unwrap();
    let sum = far
        .all()
        .batch(|lab| lab.timeout(SOON / 4).add(1, 2).result());
    drop(end);
    batching.join().unwrap();
    assert_eq!(sum.unwrap(), 3);
}

#[test]
fn what_a_slow_handler_sends_leaves_before_its_end() {
    for processing in [Processing::Inline, Processing::Queue] {
        let lab = Lab::builder()
            .codec("terse")
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build()
            .unwrap();
        let everybody = lab.all();
        let (end, ends) = mpsc::channel::<()>();
        let ends = Mutex::new(ends);
        let (ended, in_time) = inbox();
        lab.notify.connect(move |_sender, text| {
            everybody.notified(text).unwrap();
            let end = ends.lock().unwrap().recv_timeout(SOON / 2);
            ended.send(end.is_ok()).unwrap();
        });
        lab.start().unwrap();
        let mut person = Telnet::connect(lab.local_addrs()[0]);
        person.send("notify text:\"progress\"\n");
        assert_eq!(person.line(), "notified text:\"progress\"");
        end.send(()).unwrap();
        assert!(in_time.next(), "the handler ended first");
    }
}

#[test]
fn a_batch_larger_than_the_queue_is_sent() {
    let limits = Limits {
        peer_queue: 1000,
        ..Limits::default()
    };
    let bus = own_bus();
    let near = Lab::bind("jrpc", format!("internal:{bus}:near").as_str()).unwrap();
    let far = LabInverse::builder()
        .transport(format!("internal:{bus}:far").as_str())
        .limits(limits)
        .call_timeout(SOON / 4)
        .build()
        .unwrap();
    let served = serve(&near);
    near.start().unwrap();
    far.start().unwrap();
    let text = "x".repeat(300);
    far.all().batch(|lab| {
        for _ in 0..20 {
            lab.notify(&text).unwrap();
        }
    });
    assert_eq!(served.notes.take(20).len(), 20);
}

#[test]
fn a_pool_uses_all_its_workers() {
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Pool(2))
        .build()
        .unwrap();
    let (seen, calls) = inbox();
    let barrier = Arc::new((Mutex::new(0), std::sync::Condvar::new()));
    lab.notify.connect(move |_sender, text| {
        if text == "meet" {
            // Returns when two of it run at once.
            let (count, changed) = &*barrier;
            let mut count = count.lock().unwrap();
            *count += 1;
            changed.notify_all();
            let met = changed
                .wait_timeout_while(count, SOON / 4, |count| *count < 2)
                .unwrap();
            let _ = seen.send(!met.1.timed_out());
        } else {
            let _ = seen.send(true);
        }
    });
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let (mut one, mut two) = (Telnet::connect(addr), Telnet::connect(addr));
    // One worker, which is idle afterwards.
    one.send("notify text:\"first\"\n");
    assert!(calls.next());
    thread::park_timeout(Duration::from_millis(20));
    one.send("notify text:\"meet\"\n");
    two.send("notify text:\"meet\"\n");
    assert_eq!(calls.take(2), [true, true]);
}

#[test]
fn garbage_is_not_hoarded() {
    for (codec, answers) in [("terse?answers=off", 0), ("terse", 10_000)] {
        let (_lab, addr, _served) = server(codec);
        let mut person = Telnet::connect(addr);
        person.send("}{\n".repeat(10_000));
        person.send("add[1] a:1 b:2\n");
        for _ in 0..answers {
            assert!(person.line().starts_with("! "));
        }
        assert_eq!(person.line(), "[1]:3");
    }
}

#[test]
fn nobody_waits_for_one_of_several() {
    let limits = Limits {
        peer_queue: 1 << 20,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .call_timeout(SOON)
        .build()
        .unwrap();
    let (came, connected) = inbox();
    lab.on_connect(move |peer| came.send(peer.clone()).unwrap());
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let _deaf = Telnet::connect(addr);
    let deaf = connected.next();
    let mut other = Telnet::connect(addr);
    connected.next();
    // As much as the system holds, and as the queue may have.
    let text = "x".repeat(1 << 20);
    let full = lab.to(&deaf).timeout(Duration::from_millis(50));
    while full.notified(&text).is_ok() {}
    let everybody = lab.all();
    let sent = bounded("each", move || everybody.each().notified("hello"));
    assert!(sent.iter().all(|(_, result)| result.is_ok()), "{sent:?}");
    assert_eq!(other.json()["params"]["text"], "hello");
}
