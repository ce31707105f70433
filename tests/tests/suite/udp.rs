//! Datagrams: addresses instead of peers, broadcasts, and what fits.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use quickrpc::{CallError, Error, Limits, Processing, Promise};
use quickrpc_tests::{
    BROADCAST, DatagramPort, Inbox, Lab, LabInverse, OwnHost, Served, eventually, inbox, serve,
};

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

#[test]
fn a_datagram_holds_several_messages_and_no_half() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let raw = port.raw(2);
    raw.send(
        1,
        "notify text:\"a\"\nnotify text:\"b\"\nadd[7] a:1 b:2\nnotify te",
    );
    assert_eq!(served.notes.next().1, "a");
    assert_eq!(served.notes.next().1, "b");
    assert_eq!(raw.receive(), "[7]:3\n");
    let (sender, error) = errors.next();
    assert_eq!(sender, "127.0.0.2");
    assert!(matches!(error, Error::Decode(_)), "{error:?}");
    // Not joined with what comes next.
    raw.send(1, "xt:\"c\"\nnotify text:\"d\"\n");
    assert!(matches!(errors.next().1, Error::Call(_) | Error::Decode(_)));
    assert_eq!(served.notes.next().1, "d");
    // Nothing at all is nothing.
    raw.send(1, "");
    raw.send(1, "\n\r\n");
    raw.send(1, [0xff, b'\n']);
    assert!(errors.next().1.to_string().contains("UTF-8"));
}

#[test]
fn a_message_has_to_fit() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let raw = port.raw(2);
    // With everything that belongs to it, the delimiter included.
    let around = "notified text:\"\"\n".len();
    let text = "x".repeat(2048 - around);
    lab.to("127.0.0.2").notified(&text).unwrap();
    assert_eq!(raw.receive().len(), 2048);
    let error = lab
        .to("127.0.0.2")
        .notified(&format!("{text}x"))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::MessageTooLarge {
                size: 2049,
                limit: 2048
            }
        ),
        "{error:?}"
    );
    // On the way in: one of 2,048 is read, a larger one is not.
    let around = "notify text:\"\"\n".len();
    let text = "y".repeat(2048 - around);
    raw.send(1, format!("notify text:\"{text}y\"\n"));
    raw.send(1, format!("notify text:\"{text}\"\n"));
    assert_eq!(served.notes.next().1, text);
    let error = errors.next().1;
    assert!(
        matches!(
            error,
            Error::MessageTooLarge {
                size: 2049,
                limit: 2048
            }
        ),
        "{error:?}"
    );
}

#[test]
fn an_answer_that_does_not_fit_is_an_error() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    lab.echo
        .connect(|_sender, text| "x".repeat(text.parse().unwrap_or(0)));
    lab.start().unwrap();
    let raw = port.raw(2);
    // `[1]:"..."` and a newline around it.
    for (length, fits) in [(2041, true), (2042, false), (2043, false), (100_000, false)] {
        raw.send(1, format!("echo[1] text:\"{length}\"\n"));
        let answer = raw.receive();
        if fits {
            assert_eq!(answer.len(), 2048);
        } else {
            assert!(
                answer.starts_with("[1]! message:\"the result of"),
                "{answer}"
            );
        }
    }
}

#[test]
fn larger_messages_where_the_expression_says_so() {
    let port = DatagramPort::new();
    let large = |host| format!("{}&message_size=60000", port.wire(host));
    let lab = Lab::bind("jrpc", large(1)).unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let caller = LabInverse::bind("jrpc", large(2)).unwrap();
    caller.start().unwrap();
    let text = "x".repeat(50_000);
    assert_eq!(settled(caller.to("127.0.0.1").echo(&text)).unwrap(), text);
    // More than a datagram holds is never tried.
    let boundless = Lab::bind("jrpc", format!("{}&message_size=1M", port.wire(3))).unwrap();
    boundless.start().unwrap();
    let error = boundless.to("127.0.0.1").notified(&"x".repeat(66_000));
    assert!(
        matches!(error, Err(Error::MessageTooLarge { .. })),
        "{error:?}"
    );
}

#[test]
fn the_security_header_is_in_the_same_datagram() {
    let port = DatagramPort::new();
    let lab = Lab::builder()
        .security("blindly_believe_everything:lab")
        .transport(port.wire(1))
        .build()
        .unwrap();
    let errors = errors_of(&lab);
    let (seen, users) = inbox();
    lab.echo.connect(move |sender, text| {
        seen.send(sender.secinfo().get("user").cloned()).unwrap();
        text.to_owned()
    });
    lab.start().unwrap();
    let caller = LabInverse::builder()
        .security("blindly_believe_everything:john")
        .transport(port.wire(2))
        .build()
        .unwrap();
    caller.start().unwrap();
    assert_eq!(settled(caller.to("127.0.0.1").echo("x")).unwrap(), "x");
    assert_eq!(users.next().as_deref(), Some("john"));
    // The header counts too.
    let raw = port.raw(3);
    lab.to("127.0.0.3").notified("x").unwrap();
    let most = 2048 - raw.receive().len() + 1;
    lab.to("127.0.0.3").notified(&"x".repeat(most)).unwrap();
    assert_eq!(raw.receive().len(), 2048);
    let error = lab.to("127.0.0.3").notified(&"x".repeat(most + 1));
    assert!(
        matches!(error, Err(Error::MessageTooLarge { .. })),
        "{error:?}"
    );
    // A header of one datagram is not for the message of the next.
    raw.send(
        1,
        "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.secinfo\",\"params\":{\"user\":\"eve\"}}\0",
    );
    raw.send(
        1,
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{},\"id\":1}\0",
    );
    assert_eq!(users.next(), None);
    assert!(errors.so_far().is_empty());
}

#[test]
fn beside_other_wires() {
    let (first, second) = (DatagramPort::new(), DatagramPort::new());
    let transport = format!(
        "mux:(tcpserv:127.0.0.1:0)({})({})",
        first.wire(1),
        second.wire(1)
    );
    let lab = Lab::bind("terse", transport).unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    assert_eq!(lab.local_addrs().len(), 3);
    let client = quickrpc_tests::client("terse", lab.local_addrs()[0]);
    let (seen, heard) = inbox();
    client
        .notified
        .connect(move |_sender, text| seen.send(text.len()).unwrap());
    client.all().notify("x").unwrap();
    assert_eq!(served.notes.next().1, "x");
    assert_eq!(heard.next(), 1);
    assert_eq!(lab.peers().len(), 1);
    // An address is sent to on each wire that has addresses.
    let (raw, other) = (first.raw(2), second.raw(2));
    lab.to("127.0.0.2").notified("both").unwrap();
    assert_eq!(raw.receive(), "notified text:\"both\"\n");
    assert_eq!(other.receive(), "notified text:\"both\"\n");
    // Either may answer; the first result counts.
    let promise = lab.to("127.0.0.2").question("?");
    assert_eq!(raw.receive(), other.receive());
    raw.send(1, "[1]! message:\"no\"\n");
    other.send(1, "[1]:\"yes\"\n");
    assert_eq!(settled(promise).unwrap(), "yes");
    // What does not fit a datagram still gets to the others.
    let error = lab.all().notified(&"x".repeat(3000)).unwrap_err();
    match error {
        Error::Partial(list) => assert_eq!(list.len(), 2, "{list:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(heard.next(), 3000);
}

#[test]
fn a_connected_peer_is_meant_first() {
    let port = DatagramPort::new();
    let bus = quickrpc_tests::own_bus();
    let lab = Lab::bind(
        "terse",
        format!("mux:({})(internal:{bus}:lab)", port.wire(1)),
    )
    .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let member = LabInverse::bind("terse", format!("internal:{bus}:127.0.0.2")).unwrap();
    member.question.connect(|_sender, text| format!("{text}!"));
    member.start().unwrap();
    assert_eq!(settled(lab.to("127.0.0.2").question("it")).unwrap(), "it!");
}

#[test]
fn a_flood_has_a_limit() {
    let port = DatagramPort::new();
    let limits = Limits {
        waiting_messages: 3,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .codec("terse")
        .transport(port.wire(1))
        .processing(Processing::Manual)
        .limits(limits)
        .build()
        .unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let flood = |count: u8, message: &str| {
        for host in 2..2 + count {
            let raw = port.raw(host);
            for _ in 0..5 {
                raw.send(1, message);
            }
        }
        // Answers are read nevertheless; this one comes after all of that.
        let raw = port.raw(100);
        let promise = lab.to("127.0.0.100").question("?");
        let call = raw.receive();
        let id = call.strip_prefix("question").unwrap();
        let id = id.split_once(' ').unwrap().0;
        raw.send(1, format!("{id}:\"!\"\n"));
        assert_eq!(settled(promise).unwrap(), "!");
    };
    flood(1, "notify text:\"x\"\n");
    lab.process_pending();
    assert_eq!(served.notes.so_far().len(), 3);
    // Made-up addresses do not help: the wire has four times the share of one.
    flood(20, "notify text:\"x\"\n");
    lab.process_pending();
    assert_eq!(served.notes.so_far().len(), 12);
    flood(20, "no message\n");
    lab.process_pending();
    assert_eq!(errors.so_far().len(), 12);
    // With room again, everything goes on.
    flood(1, "notify text:\"x\"\n");
    lab.process_pending();
    assert_eq!(served.notes.so_far().len(), 3);
}

#[test]
fn in_every_mode_of_processing() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(3)] {
        let port = DatagramPort::new();
        let lab = Lab::builder()
            .codec("terse")
            .transport(port.wire(1))
            .processing(processing)
            .build()
            .unwrap();
        let served = serve(&lab);
        lab.start().unwrap();
        let caller = caller_at(&port, 2);
        let one = caller.to("127.0.0.1");
        for number in 0..100 {
            one.notify(&number.to_string()).unwrap();
            assert_eq!(settled(one.add(number, 1)).unwrap(), number + 1);
        }
        let texts: Vec<_> = served.notes.take(100).into_iter().map(|(_, t)| t).collect();
        let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(texts, expected);
    }
}

#[test]
fn a_start_that_fails_names_the_transport_and_the_address() {
    // An address for documentation, which nobody has.
    for transport in [
        "udp:8888?bind=203.0.113.7",
        "udp:8888?bind=127.0.0.1&broadcast=203.0.113.7",
    ] {
        let lab = Lab::bind("terse", transport).unwrap();
        let error = lab.start().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(transport), "{text}");
        assert!(text.contains("203.0.113.7:8888"), "{text}");
        assert!(text.contains("no such address"), "{text}");
        assert!(
            matches!(
                error,
                Error::Start {
                    kind: Some(ErrorKind::AddrNotAvailable),
                    ..
                }
            ),
            "{error:?}"
        );
    }
    let lab = Lab::bind("terse", "udp:0?bind=127.0.0.1&broadcast=::1").unwrap();
    lab.start().unwrap_err();
    // A port that somebody does not share.
    let host = OwnHost::new().ip();
    let taken = UdpSocket::bind((host, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let lab = Lab::bind("terse", format!("udp:{port}?bind={host}")).unwrap();
    let error = lab.start().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Start {
                kind: Some(ErrorKind::AddrInUse),
                ..
            }
        ),
        "{error:?}"
    );
    drop(taken);
    // A child that is just being started has a copy of it for a moment.
    eventually("the port is free", || lab.start().is_ok());
}

#[test]
fn nothing_is_open_after_the_stop() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let (waiting, owed) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        let _ = waiting.send(resolver);
        promise
    });
    let raw = port.raw(2);
    for _ in 0..3 {
        lab.start().unwrap();
        raw.send(1, "echo[2] \n");
        let late = owed.next();
        let pending = lab.to("127.0.0.2").question("?");
        lab.stop().unwrap();
        let error = settled(pending).unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error:?}");
        let error = lab.to("127.0.0.2").notified("x").unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error:?}");
        // Though an answer is still owed, so that the address is still known.
        eventually("the port is free", || {
            UdpSocket::bind(("127.0.0.1", port.number())).is_ok()
        });
        late.set_result(String::from("too late")).unwrap();
        assert!(raw.receive().starts_with("question["));
    }
    lab.start().unwrap();
    lab.to("127.0.0.2").notified("on").unwrap();
    assert_eq!(raw.receive(), "notified text:\"on\"\n");
}

#[test]
fn a_wire_that_restarts() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", format!("restart:1:{}", port.wire(1))).unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    port.raw(2).send(1, "notify text:\"x\"\n");
    assert_eq!(served.notes.next().1, "x");
}

#[test]
fn a_wire_that_is_added_and_removed() {
    let port = DatagramPort::new();
    let (lab, _addr, served) = quickrpc_tests::server("terse");
    let added = lab.add_transport(port.wire(1)).unwrap();
    let raw = port.raw(2);
    raw.send(1, "notify text:\"x\"\n");
    assert_eq!(served.notes.next().1, "x");
    assert_eq!(lab.local_addrs().len(), 2);
    let pending = lab.to("127.0.0.2").question("?");
    lab.remove_transport(added).unwrap();
    let error = settled(pending).unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
    let error = lab.to("127.0.0.2").notified("x").unwrap_err();
    assert!(matches!(error, Error::UnknownPeer { .. }), "{error:?}");
    eventually("the port is free", || {
        UdpSocket::bind(("127.0.0.1", port.number())).is_ok()
    });
    assert_eq!(lab.local_addrs().len(), 1);
}

#[test]
fn both_kinds_of_addresses_at_once() {
    let port = DatagramPort::new();
    let wire = format!("udp:{}?bind=::&broadcast={BROADCAST}", port.number());
    let lab = Lab::bind("terse", wire).unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let (raw, everybody) = (port.raw(2), port.overhear());
    raw.send(1, "add[1] a:1 b:2\n");
    assert_eq!(raw.receive(), "[1]:3\n");
    raw.send(1, "notify text:\"x\"\n");
    // Not `::ffff:127.0.0.2`.
    assert_eq!(served.notes.next().0, "127.0.0.2");
    assert_eq!(everybody.receive(), "notified text:\"x\"\n");
    // That was not heard.
    raw.send(1, "other \n");
    assert!(errors.next().1.to_string().contains("other"));
    let lab = Lab::bind("terse", "udp:0?bind=::1").unwrap();
    lab.start().unwrap();
    assert!(lab.local_addrs()[0].ip().is_loopback());
}

#[test]
fn a_flood_on_one_wire_leaves_the_others_working() {
    let port = DatagramPort::new();
    let lab = Lab::bind(
        "terse",
        format!("mux:({})(tcpserv:127.0.0.1:0)", port.wire(1)),
    )
    .unwrap();
    lab.add.connect(|_sender, a, b| a + b);
    lab.notify.connect(|_sender, _text| ());
    lab.start().unwrap();
    let client = quickrpc_tests::client("terse", lab.local_addrs()[1]);
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flooding = over.clone();
    let raw = port.raw(2);
    let flood = std::thread::spawn(move || {
        while !flooding.load(std::sync::atomic::Ordering::Relaxed) {
            raw.send(1, "notify text:\"x\"\n");
        }
    });
    for number in 0..200 {
        assert_eq!(settled(client.all().add(number, 1)).unwrap(), number + 1);
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    flood.join().unwrap();
}

/// Over TCP it ends the connection, and with it the calls that wait for an answer. Here anybody
/// could have sent it under another's address.
#[test]
fn a_datagram_that_looks_like_http_ends_no_call() {
    let port = DatagramPort::new();
    let caller = caller_at(&port, 1);
    let raw = port.raw(2);
    let sum = caller.to("127.0.0.2").add(2, 3);
    assert_eq!(raw.receive(), "add[1] a:2 b:3\n");
    raw.send(1, "POST / HTTP/1.1\r\n");
    raw.send(1, "[1]:5\n");
    assert_eq!(settled(sum).unwrap(), 5);
}
