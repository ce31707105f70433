//! Peers that say what no honest peer says, in both roles. Whatever they say: they are answered or
//! closed, and nobody else suffers.

use std::thread;
use std::time::Duration;

use super::*;

#[test]
fn what_is_no_greeting_is_closed() {
    let (lab, addr) = server("?greeting=200ms");
    let mut honest = Raw::greeted(addr, "DEALER", b"");
    let mut long = vec![6, 0, 0, 0, 0, 0, 1, 0, 0];
    long.resize(20_000, b'x');
    let then = |bytes: &[u8]| [&greeting(), bytes].concat();
    let with = |place: usize, byte: u8| {
        let mut greeting = greeting();
        greeting[place] = byte;
        greeting
    };
    for (at, hostile) in [
        // Nothing, or not all of it.
        Vec::new(),
        greeting()[..1].to_vec(),
        greeting()[..63].to_vec(),
        greeting(),
        then(&ready("DEALER", b"")[..10]),
        // Something else.
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        br#"{"jsonrpc":"2.0","method":"notify","params":["x"]}"#.to_vec(),
        vec![0xff; 200_000],
        with(9, 0),
        with(10, 2),
        with(12, b'C'),
        then(&frame(0, &call(1))),
        then(&command("HELLO", b"x")),
        then(&command("ERROR", b"\x01x")),
        then(&command("READY", &[0xff; 300])),
        then(&[6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        then(&long),
        then(&ready("PUB", b"")),
        then(&ready("PAIR", b"")),
        then(&ready("", b"")),
        then(&ready("DEALER", b"\0x")),
        then(&ready("DEALER", &[b'x'; 256])),
    ]
    .into_iter()
    .enumerate()
    {
        let mut raw = Raw::connect(addr);
        raw.say(&hostile);
        raw.expect_closed();
        honest.works(at as u64 + 1);
    }
    // Who is of the wrong type is told.
    let mut raw = Raw::connect(addr);
    raw.say(&then(&ready("SUB", b"")));
    let said = raw.expect_closed();
    let text = b"ROUTER talks with REQ, DEALER, ROUTER, and not with SUB";
    assert!(said.ends_with(text), "{}", said.escape_ascii());
    assert_eq!(lab.peers().len(), 1);
}

#[test]
fn what_is_against_the_rules_is_closed() {
    let (lab, addr) = server("?message_size=100000");
    let (go, gone) = inbox();
    lab.on_disconnect(move |peer, reason| {
        go.send((peer.name().to_owned(), reason.clone())).unwrap();
    });
    let mut honest = Raw::greeted(addr, "DEALER", b"honest");
    let huge = |flags: u8| [&[flags][..], &[0xff; 8]].concat();
    let is_large = |reason: &DisconnectReason| {
        matches!(reason, DisconnectReason::MessageTooLarge { limit: 100_000 })
    };
    for (at, (hostile, large)) in [
        (vec![0x80, 0], false),
        (vec![5, 0], false),
        (vec![4, 0], false),
        (vec![4, 2, 9, 9], false),
        (huge(6), false),
        (huge(2), true),
        (huge(3), true),
        (frame(0, &[b'x'; 100_001]), true),
        (frame(1, &[b'x'; 100_001]), true),
    ]
    .into_iter()
    .enumerate()
    {
        let mut raw = Raw::greeted(addr, "DEALER", b"hostile");
        raw.say(&hostile);
        raw.expect_closed();
        let (name, reason) = gone.next();
        assert_eq!(name, "hostile");
        assert_eq!(is_large(&reason), large, "{at}: {reason}");
        honest.works(at as u64 + 1);
    }
}

#[test]
fn endless_parts_take_no_memory() {
    let (lab, addr) = server("");
    let mut honest = Raw::greeted(addr, "DEALER", b"");
    let mut raw = Raw::greeted(addr, "DEALER", b"endless");
    let flood = frame(1, &[b'x'; 1000]).repeat(1000);
    for _ in 0..30 {
        raw.say(&flood);
    }
    honest.works(1);
    // It has sent more than a message may have, and nobody has kept any of it.
    raw.say(&frame(0, b""));
    raw.works(2);
    assert_eq!(lab.peers().len(), 2);
}

#[test]
fn commands_that_nobody_knows_and_floods_of_questions() {
    let (_lab, addr) = server("");
    let mut honest = Raw::greeted(addr, "DEALER", b"");
    let mut raw = Raw::greeted(addr, "DEALER", b"");
    for name in ["WHAT", "READY", "PONG", "SUBSCRIBE", "CANCEL", "HELLO"] {
        raw.say(&command(name, &[b'x'; 100]));
    }
    raw.works(1);
    // Who does not read the answers to its questions is not read, or goes.
    let questions = command("PING", b"\0\x000123456789abcdef").repeat(10_000);
    raw.0
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    for _ in 0..200 {
        if raw.0.write_all(&questions).is_err() {
            break;
        }
    }
    honest.works(2);
}

#[test]
fn a_server_that_is_none_is_named() {
    for (said, why) in [
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            "does not speak ZMTP",
        ),
        (
            vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1],
            "ZMTP 2 or older",
        ),
        (Vec::new(), "closed the connection within the greeting"),
        (greeting(), "closed the connection within the greeting"),
        (
            [greeting(), ready("PUB", b"")].concat(),
            "DEALER talks with",
        ),
        (
            [greeting(), command("ERROR", b"\x04full")].concat(),
            "it refuses: `full`",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut raw = Raw::on(listener.accept().unwrap().0);
            raw.say(&said);
            raw.0.shutdown(std::net::Shutdown::Write).unwrap();
            raw.expect_closed();
        });
        let api = dynamic::Api::bind("jrpc", format!("zmq:{addr}").as_str()).unwrap();
        let error = api.start().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        server.join().unwrap();
    }
    // Silence.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let transport = format!("zmq:{addr}?greeting=100ms");
    let api = dynamic::Api::bind("jrpc", transport.as_str()).unwrap();
    let error = api.start().unwrap_err().to_string();
    assert!(error.contains("did not greet in time"), "{error}");
}

#[test]
fn who_does_not_read_is_given_up() {
    let limits = Limits {
        peer_queue: 100_000,
        stall: Duration::from_millis(500),
        ..Limits::default()
    };
    let api = dynamic::Api::builder()
        .codec("jrpc")
        .transport("zmqserv:127.0.0.1:0?type=pub")
        .limits(limits)
        .build_dynamic()
        .unwrap();
    let ((come, came), (go, gone)) = (inbox(), inbox());
    api.on_connect(move |peer| come.send(peer.clone()).unwrap());
    api.on_disconnect(move |_peer, reason| go.send(reason.clone()).unwrap());
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let mut readers = [
        Raw::greeted(addr, "SUB", b""),
        Raw::greeted(addr, "SUB", b""),
    ];
    for raw in &mut readers {
        came.next();
        raw.say(&command("SUBSCRIBE", b""));
        raw.say(&command("PING", b"\0\0"));
        assert_eq!(raw.frame().1, b"\x04PONG");
    }
    let [mut reads, _stalled] = readers;
    let (tell, heard) = inbox();
    let reader = thread::spawn(move || {
        // Until nobody counts any more.
        while reads.frame().1.len() <= 10_000 || tell.send(()).is_ok() {}
    });
    let text = "x".repeat(10_000);
    let end = std::time::Instant::now() + SOON;
    let reason = loop {
        // One of them may have to be waited for, by its queue.
        api.notify("tick", json!({"text": text})).ok();
        if let Some(reason) = gone.so_far().into_iter().next() {
            break reason;
        }
        assert!(std::time::Instant::now() < end, "it is never given up");
        thread::yield_now();
    };
    assert!(
        matches!(reason, DisconnectReason::SlowConsumer { .. }),
        "{reason}"
    );
    // The other one goes on.
    heard.so_far();
    for _ in 0..100 {
        api.notify("tick", json!({"text": text})).ok();
        heard.next();
    }
    assert!(gone.so_far().is_empty());
    drop(heard);
    while !reader.is_finished() {
        assert!(std::time::Instant::now() < end, "it reads for ever");
        api.notify("tick", json!({"text": text})).ok();
        thread::yield_now();
    }
    reader.join().unwrap();
}

#[test]
fn a_server_that_is_not_there_is_tried_again() {
    let port = OwnPort::new();
    let addr = port.addr();
    let client = dynamic::Api::bind("jrpc", format!("restart:0.02:zmq:{addr}?id=lab").as_str());
    let client = client.unwrap();
    client.start().unwrap();
    assert!(matches!(
        client.notify("x", json!({})),
        Err(Error::NoPeer { .. }) | Ok(())
    ));
    for _ in 0..3 {
        let lab = Lab::bind("jrpc", format!("zmqserv:{addr}").as_str()).unwrap();
        serve(&lab);
        let (come, came) = inbox();
        lab.on_connect(move |peer| come.send(peer.name().to_owned()).unwrap());
        lab.start().unwrap();
        assert_eq!(came.next(), "lab");
        eventually("the server is there", || !client.peers().is_empty());
        drop(lab);
        eventually("the server is gone", || client.peers().is_empty());
    }
}
