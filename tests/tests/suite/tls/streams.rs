//! What is promised over TLS as over every stream: nothing lost, nothing without limit.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use quickrpc::{DisconnectReason, Limits};
use quickrpc_tests::{Authority, LabInverse, TlsStream, bounded, inbox};

use super::{Person, client_of, connected, reasons, server};
use crate::settled;

/// Many threads at once, with answers that are shorter and longer than a record and than a
/// buffer: whoever reads, and whenever it leaves the reading to another, nothing is left behind.
#[test]
fn nothing_is_left_behind_when_readers_change() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("jrpc", &authority, "");
    for spin in ["", "&spin=50us"] {
        let client = connected("jrpc", &(client_of(&authority, addr) + spin));
        let threads: Vec<_> = (0..4_usize)
            .map(|number| {
                let hub = client.all();
                thread::spawn(move || {
                    for round in 0..36 {
                        let length = [0, 10, 5000, 17_000, 70_000, 200_000][(number + round) % 6];
                        let text = "x".repeat(length);
                        if round % 3 == 0 {
                            let (done, answers) = inbox();
                            hub.echo(&text).then(
                                move |answer| done.send(answer).unwrap(),
                                |error| panic!("{error}"),
                            );
                            assert_eq!(answers.next().len(), length);
                        } else {
                            assert_eq!(hub.echo(&text).result().unwrap().len(), length);
                        }
                    }
                })
            })
            .collect();
        bounded("the callers", move || {
            threads.into_iter().for_each(|one| one.join().unwrap())
        });
    }
}

/// A server may send much that is nothing to read, and others have their turn meanwhile. What is
/// behind it arrives, whoever reads.
#[test]
fn many_tickets_are_nothing_to_read_and_lose_nothing() {
    // With more, rustls takes them for one message that is too large.
    const TICKETS: usize = 800;
    let authority = Authority::new("lab");
    let identity = authority.server();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&authority, listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        for _ in 0..2 {
            let stream = listener.accept().unwrap().0;
            let mut server = TlsStream::server_that_gives(TICKETS, stream, &identity, None);
            server.handshake().unwrap();
            let mut line = String::new();
            let mut lines = BufReader::new(server.clone());
            lines.read_line(&mut line).unwrap();
            let id = line.split(['[', ']']).nth(1).unwrap();
            server.write_all(format!("[{id}]:3\n").as_bytes()).unwrap();
            server.flush().unwrap();
            while lines.read_line(&mut line).is_ok_and(|count| count > 0) {}
        }
    });
    let one = connected("terse", &client);
    assert_eq!(one.all().add(1, 2).result().unwrap(), 3);
    drop(one);
    let two = connected("terse", &client);
    let (done, answers) = inbox();
    two.all().add(1, 2).then(
        move |sum| done.send(sum).unwrap(),
        |error| panic!("{error}"),
    );
    assert_eq!(answers.next(), 3);
    drop(two);
    bounded("the server", || serving.join()).unwrap();
}

/// What is written while the other side does not read is encrypted in part already: nothing of
/// it may be lost, doubled, or sent in another order.
#[test]
fn a_peer_that_reads_late_reads_everything() {
    const NOTES: usize = 600;
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "&peer_queue=64M&stall=60");
    let mut person = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    assert_eq!(person.line(), "[1]:3");
    let threads: Vec<_> = (0..3)
        .map(|number| {
            let all = api.all();
            thread::spawn(move || {
                for round in 0..NOTES / 3 {
                    let filling = "x".repeat(30_000 + round % 7);
                    all.notified(&format!("{number} {round} {filling}"))
                        .unwrap();
                }
            })
        })
        .collect();
    bounded("the senders", move || {
        threads.into_iter().for_each(|one| one.join().unwrap())
    });
    let mut next = [0; 3];
    let mut reader = BufReader::new(person.0.clone());
    for _ in 0..NOTES {
        let mut line = String::new();
        BufRead::read_line(&mut reader, &mut line).unwrap();
        let text = line.strip_prefix("notified text:\"").expect("a note");
        let mut parts = text.trim_end().trim_end_matches('"').split(' ');
        let mut number = || parts.next().unwrap().parse::<usize>().unwrap();
        let (sender, round) = (number(), number());
        assert_eq!(round, next[sender]);
        assert_eq!(parts.next().unwrap().len(), 30_000 + round % 7);
        next[sender] += 1;
    }
    assert_eq!(next, [NOTES / 3; 3]);
}

#[test]
fn a_peer_that_never_reads_is_given_up() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "&peer_queue=64k&stall=0.2");
    let ends = reasons(&api);
    let mut person = Person::connect(addr, &authority);
    let mut other = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    other.say("add[1] a:1 b:2");
    assert_eq!(
        (person.line(), other.line()),
        (String::from("[1]:3"), String::from("[1]:3"))
    );
    let deaf = person.0.below().local_addr().unwrap().to_string();
    let (to_deaf, note) = (api.to(deaf), "x".repeat(8 << 10));
    bounded(
        "the sender",
        move || while to_deaf.notified(&note).is_ok() {},
    );
    let reason = ends.next();
    assert!(
        matches!(reason, DisconnectReason::SlowConsumer { .. }),
        "{reason:?}"
    );
    other.say("add[2] a:1 b:2");
    assert_eq!(other.line(), "[2]:3");
}

#[test]
fn keys_are_changed_under_way() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "");
    let ends = reasons(&api);
    let mut person = Person::connect(addr, &authority);
    for id in 0..50 {
        person.0.update_keys();
        person.say(&format!("add[{id}] a:1 b:{id}"));
        assert_eq!(person.line(), format!("[{id}]:{}", id + 1));
    }
    // Who does nothing else is not borne for long.
    for _ in 0..200 {
        person.0.update_keys();
    }
    let _ = person.0.write_all(b"add[x] a:1 b:2\n");
    let reason = ends.next();
    assert!(matches!(reason, DisconnectReason::Lost(_)), "{reason:?}");
}

#[test]
fn a_large_message_has_its_limit_over_tls_too() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "&message_size=64k");
    let ends = reasons(&api);
    let limits = Limits {
        message_size: 1 << 20,
        ..Limits::default()
    };
    let client = LabInverse::builder()
        .codec("terse")
        .transport(client_of(&authority, addr))
        .limits(limits)
        .build()
        .unwrap();
    client.start().unwrap();
    settled(client.all().echo(&"x".repeat(100_000))).unwrap_err();
    assert!(matches!(
        ends.next(),
        DisconnectReason::MessageTooLarge { .. }
    ));
}

#[test]
fn messages_that_come_with_the_end_of_the_handshake_are_read() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("terse", &authority, "");
    for calls in [1, 3000] {
        // The first write sends the rest of the handshake along.
        let mut stream = TlsStream::connect(addr, &authority.file());
        let lines: String = (0..calls)
            .map(|id| format!("add[{id}] a:1 b:2\n"))
            .collect();
        stream.write_all(lines.as_bytes()).unwrap();
        let mut person = Person(stream);
        for id in 0..calls {
            assert_eq!(person.line(), format!("[{id}]:3"));
        }
    }
}
