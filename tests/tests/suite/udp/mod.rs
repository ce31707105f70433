//! Datagrams: addresses instead of peers, and broadcasts.

mod beside;
mod life;
mod messages;

use std::time::Duration;

use quickrpc::{CallError, Error, Promise};
use quickrpc_tests::{BROADCAST, DatagramPort, Inbox, Lab, LabInverse, Served, inbox, serve};

use crate::{call_error, settled};

/// A started API with the handlers of `serve`, at 127.0.0.`host`.
fn lab_at(port: &DatagramPort, host: u8) -> (Lab, Served) {
    let lab = Lab::bind("terse", port.wire(host)).unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    (lab, served)
}

/// A started caller at 127.0.0.`host`.
fn caller_at(port: &DatagramPort, host: u8) -> LabInverse {
    let caller = LabInverse::bind("terse", port.wire(host)).unwrap();
    caller.start().unwrap();
    caller
}

/// What `on_error` is told.
fn errors_of(lab: &Lab) -> Inbox<(String, Error)> {
    let (seen, errors) = inbox();
    lab.on_error(move |sender, error, _in_reply_to| {
        let _ = seen.send((sender.to_string(), error.clone()));
    });
    errors
}

#[test]
fn a_call_to_an_address_is_answered_by_it() {
    let port = DatagramPort::new();
    let (lab, served) = lab_at(&port, 1);
    let caller = caller_at(&port, 2);
    let one = caller.to("127.0.0.1");
    assert_eq!(settled(one.add(2, 3)).unwrap(), 5);
    assert_eq!(call_error(settled(one.fail("no"))).message, "no");
    one.notify("hello").unwrap();
    // The sender is an address without port.
    let note = (String::from("127.0.0.2"), String::from("hello"));
    assert_eq!(served.notes.next(), note);
    assert!(lab.peers().is_empty());
    assert!(caller.peers().is_empty());
    let addrs = lab.local_addrs();
    assert_eq!(
        addrs,
        [format!("127.0.0.1:{}", port.number()).parse().unwrap()]
    );
}

#[test]
fn nobody_connects() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let (seen, log) = inbox();
    let connect = seen.clone();
    lab.on_connect(move |peer| connect.send(format!("+{peer}")).unwrap());
    let disconnect = seen.clone();
    lab.on_disconnect(move |peer, _| disconnect.send(format!("-{peer}")).unwrap());
    lab.notify
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    lab.start().unwrap();
    port.raw(2).send(1, "notify text:\"only this\"\n");
    assert_eq!(log.next(), "only this");
    lab.stop().unwrap();
    assert!(log.so_far().is_empty());
}

#[test]
fn a_sender_is_an_address_on_its_wire() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let calls = lab.notify.subscribe();
    lab.start().unwrap();
    let raw = port.raw(2);
    raw.send(1, "notify text:\"a\"\n");
    let (sender, _) = calls.recv_timeout(quickrpc_tests::SOON).unwrap();
    raw.send(1, "notify text:\"b\"\n");
    let (again, _) = calls.recv_timeout(quickrpc_tests::SOON).unwrap();
    assert_eq!(sender, again);
    lab.to(&sender).notified("back").unwrap();
    assert_eq!(raw.receive(), "notified text:\"back\"\n");
    let error = lab.disconnect(&sender).unwrap_err();
    assert!(error.to_string().contains("never connected"), "{error}");
    // It means this wire, and not one that is opened later.
    lab.stop().unwrap();
    lab.start().unwrap();
    let error = lab.to(&sender).notified("late").unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
}

#[test]
fn only_addresses_are_sent_to() {
    let port = DatagramPort::new();
    let (lab, _served) = lab_at(&port, 1);
    let error = lab.to("localhost").notified("x").unwrap_err();
    assert!(matches!(error, Error::UnknownPeer { .. }), "{error:?}");
    // Of the other kind, so out of reach.
    let error = lab.to("::1").notified("x").unwrap_err();
    assert!(matches!(error, Error::UnknownPeer { .. }), "{error:?}");
    let raw = port.raw(2);
    let error = lab
        .to(["127.0.0.2", "localhost"])
        .notified("x")
        .unwrap_err();
    assert!(matches!(error, Error::Partial(list) if list.len() == 1));
    assert_eq!(raw.receive(), "notified text:\"x\"\n");
    // The same address, however it is written.
    lab.to("::ffff:127.0.0.2").notified("y").unwrap();
    assert_eq!(raw.receive(), "notified text:\"y\"\n");
}

#[test]
fn a_broadcast_reaches_all_but_the_sender() {
    let port = DatagramPort::new();
    let (one, one_served) = lab_at(&port, 1);
    let (_two, two_served) = lab_at(&port, 2);
    let both = Lab::bind("terse", port.wire(3)).unwrap();
    let errors = errors_of(&both);
    let notes = serve(&both).notes;
    both.start().unwrap();
    let inverse = LabInverse::bind("terse", port.wire(4)).unwrap();
    let (seen, heard) = inbox();
    inverse
        .notified
        .connect(move |sender, text| seen.send((sender.to_string(), text.to_owned())).unwrap());
    inverse.start().unwrap();
    inverse.all().notify("to all").unwrap();
    for notes in [&one_served.notes, &two_served.notes, &notes] {
        assert_eq!(notes.next().1, "to all");
    }
    // Each has passed it on by a broadcast of its own, which only the caller can read.
    let mut names: Vec<_> = heard.take(3).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    // It was heard twice by the third, which has not heard itself.
    one.to("127.0.0.3").notified("the last").unwrap();
    let names: Vec<_> = errors.take(3).into_iter().map(|(name, _)| name).collect();
    assert!(!names.contains(&String::from("127.0.0.3")), "{names:?}");
}

#[test]
fn with_echo_the_sender_hears_itself() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", format!("{}&echo=on", port.wire(1))).unwrap();
    let errors = errors_of(&lab);
    lab.start().unwrap();
    lab.all().notified("x").unwrap();
    let (sender, error) = errors.next();
    assert_eq!(sender, "127.0.0.1");
    assert!(matches!(error, Error::Call(error) if error.code == CallError::METHOD_NOT_FOUND));
}

#[test]
fn what_another_says_like_us_is_heard() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let errors = errors_of(&lab);
    lab.start().unwrap();
    let raw = port.raw(2);
    // Before and after ours, which is not heard.
    raw.broadcast("notified text:\"x\"\n");
    assert_eq!(errors.next().0, "127.0.0.2");
    lab.all().notified("x").unwrap();
    raw.broadcast("notified text:\"x\"\n");
    assert_eq!(errors.next().0, "127.0.0.2");
    raw.send(1, "other \n");
    assert_eq!(errors.next().0, "127.0.0.2");
}

#[test]
fn a_wire_bound_to_everything_hears_broadcasts_too() {
    let port = DatagramPort::new();
    let wire = format!("udp:{}?broadcast={BROADCAST}", port.number());
    let lab = Lab::bind("terse", wire).unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let raw = port.raw(2);
    raw.broadcast("notify text:\"x\"\n");
    assert_eq!(
        served.notes.next(),
        (String::from("127.0.0.2"), String::from("x"))
    );
    // What it passed on came back, and was no call.
    raw.broadcast("other \n");
    let (sender, error) = errors.next();
    assert_eq!(sender, "127.0.0.2");
    assert!(error.to_string().contains("other"), "{error}");
}

#[test]
fn a_group_is_heard() {
    let port = DatagramPort::new();
    let wire = |host: u8| {
        let number = port.number();
        format!("udp:{number}?bind=127.0.0.{host}&multicast=239.255.77.1")
    };
    let lab = Lab::bind("terse", wire(1)).unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    let caller = LabInverse::bind("terse", wire(2)).unwrap();
    let (seen, heard) = inbox();
    caller
        .notified
        .connect(move |sender, text| seen.send((sender.to_string(), text.to_owned())).unwrap());
    caller.start().unwrap();
    caller.all().notify("group").unwrap();
    let from = |host: &str| (String::from(host), String::from("group"));
    assert_eq!(served.notes.next(), from("127.0.0.2"));
    assert_eq!(heard.next(), from("127.0.0.1"));
    assert_eq!(settled(caller.all().add(1, 2)).unwrap(), 3);
}

#[test]
fn the_first_result_of_a_broadcast_wins() {
    let port = DatagramPort::new();
    let fails = Lab::bind("terse", port.wire(1)).unwrap();
    let everybody = fails.all();
    fails.echo.connect(move |sender, _text| {
        // Follows the failure, on the same way.
        let everybody = everybody.to(sender);
        std::thread::spawn(move || everybody.notified("failed"));
        Err::<String, _>("not me")
    });
    fails.start().unwrap();
    let works = Lab::bind("terse", port.wire(2)).unwrap();
    let (waiting, owed) = inbox();
    works.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        let _ = waiting.send(resolver);
        promise
    });
    works.start().unwrap();
    let caller = LabInverse::bind("terse", port.wire(3)).unwrap();
    let (seen, failed) = inbox();
    caller
        .notified
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    caller.start().unwrap();
    let promise = caller.all().echo("who?");
    assert_eq!(failed.next(), "failed");
    owed.next().set_result(String::from("I")).unwrap();
    assert_eq!(settled(promise).unwrap(), "I");
}

#[test]
fn failures_alone_leave_a_broadcast_to_its_deadline() {
    let port = DatagramPort::new();
    let (_one, _) = lab_at(&port, 1);
    let caller = caller_at(&port, 2);
    let calls = caller.all().timeout(Duration::from_millis(200));
    let error = settled(calls.fail("no")).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    // Nobody there is no error that can be known.
    let empty = DatagramPort::new();
    let caller = caller_at(&empty, 1);
    caller.all().notify("hello?").unwrap();
    let calls = caller.all().timeout(Duration::from_millis(10));
    let error = settled(calls.add(1, 2)).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[test]
fn a_directed_call_is_answered_by_that_address_alone() {
    let port = DatagramPort::new();
    let (asked, other) = (port.raw(1), port.raw(2));
    let caller = caller_at(&port, 3);
    let promise = caller.to("127.0.0.1").add(2, 3);
    let call = asked.receive();
    assert_eq!(call, "add[1] a:2 b:3\n");
    other.send(3, "[1]:99\n");
    other.send(3, "[1]! message:\"forged\"\n");
    // An answer that comes after these shows that they had no effect.
    let later = caller.to("127.0.0.2").add(1, 1);
    assert_eq!(other.receive(), "add[2] a:1 b:1\n");
    other.send(3, "[2]:2\n");
    assert_eq!(settled(later).unwrap(), 2);
    asked.send(3, "[1]:5\n");
    assert_eq!(settled(promise).unwrap(), 5);
}

#[test]
fn each_is_for_addresses_that_are_named() {
    let port = DatagramPort::new();
    let (_one, _) = lab_at(&port, 1);
    let (_two, _) = lab_at(&port, 2);
    let caller = caller_at(&port, 3);
    assert_eq!(caller.all().each().add(1, 2).results().count(), 0);
    let both = caller.to(["127.0.0.1", "127.0.0.2", "127.0.0.1"]);
    let sums: Vec<_> = both.each().add(1, 2).results().collect();
    assert_eq!(sums.len(), 2);
    assert!(sums.iter().all(|(_, sum)| matches!(sum, Ok(3))), "{sums:?}");
}
