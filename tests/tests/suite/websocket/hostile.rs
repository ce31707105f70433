//! Bytes that nobody should send over a WebSocket, and those who take their time.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use quickrpc::DisconnectReason;
use quickrpc_tests::{
    Inbox, Lab, LabInverse, SOON, Telnet, bounded, eventually, frame, inbox, press, read_frame,
    server_on,
};
use serde_json::Value;

use super::{Other, SERVER, echo, other_server, reply, server};

const MASK: Option<[u8; 4]> = Some([0x12, 0xff, 0x00, 0x77]);

/// A client that sends bytes.
struct Raw(TcpStream);

impl Raw {
    #[track_caller]
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server accepts");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let copy = stream.try_clone().unwrap();
        tungstenite::client(format!("ws://{addr}/"), copy).expect("a handshake");
        Raw(stream)
    }

    #[track_caller]
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("the server reads");
    }

    #[track_caller]
    fn call(&mut self, id: i64) {
        self.send(frame(0x81, echo("x", id).as_bytes(), MASK));
    }

    #[track_caller]
    fn next(&mut self) -> (u8, Vec<u8>) {
        read_frame(&mut self.0).expect("a frame")
    }

    #[track_caller]
    fn answered(&mut self, id: i64) {
        let (first, payload) = self.next();
        assert_eq!(first, 0x81);
        let answer: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(answer, reply("x", id));
    }

    /// The code and the text of the last frame, behind which nothing comes.
    #[track_caller]
    fn closed(&mut self) -> (u16, String) {
        let (first, payload) = self.next();
        assert_eq!(first, 0x88, "{}", String::from_utf8_lossy(&payload));
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
        assert_eq!(rest, b"");
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        (code, String::from_utf8(payload[2..].to_vec()).unwrap())
    }
}

fn reasons(api: &Lab) -> Inbox<DisconnectReason> {
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.clone());
    });
    ends
}

#[test]
fn frames_against_the_protocol_end_the_connection_with_their_code() {
    let (api, addr, _served) = server();
    let ends = reasons(&api);
    let mut bystander = Raw::connect(addr);
    let long = [b'x'; 126];
    let cases: [(&str, Vec<u8>, u16); 21] = [
        ("no mask", frame(0x81, b"{}", None), 1002),
        ("reserved bit 1", frame(0xc1, b"{}", MASK), 1002),
        ("reserved bit 2", frame(0xa1, b"{}", MASK), 1002),
        ("reserved bit 3", frame(0x91, b"{}", MASK), 1002),
        ("reserved data opcode", frame(0x83, b"{}", MASK), 1002),
        ("reserved control opcode", frame(0x8b, b"{}", MASK), 1002),
        ("control frame in parts", frame(0x09, b"", MASK), 1002),
        ("long ping", frame(0x89, &long, MASK), 1002),
        ("long close", frame(0x88, &long, MASK), 1002),
        ("continuation of nothing", frame(0x80, b"{}", MASK), 1002),
        (
            "message within a message",
            [frame(0x01, b"{", MASK), frame(0x81, b"{}", MASK)].concat(),
            1002,
        ),
        (
            "huge length",
            vec![
                0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4,
            ],
            1009,
        ),
        (
            "negative length",
            vec![
                0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4,
            ],
            1009,
        ),
        (
            "over the limit by one",
            vec![0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 1, 1, 2, 3, 4],
            1009,
        ),
        ("no text", frame(0x81, b"\xff", MASK), 1007),
        ("half a character", frame(0x81, b"\xc3", MASK), 1007),
        (
            "no text in parts",
            [frame(0x01, b"\xc3", MASK), frame(0x80, b"x", MASK)].concat(),
            1007,
        ),
        ("half a code", frame(0x88, b"\x03", MASK), 1002),
        (
            "code 1005",
            frame(0x88, &1005_u16.to_be_bytes(), MASK),
            1002,
        ),
        ("code 0", frame(0x88, &0_u16.to_be_bytes(), MASK), 1002),
        (
            "close without text",
            frame(0x88, b"\x03\xe8\xff", MASK),
            1007,
        ),
    ];
    for (what, bytes, code) in cases {
        let mut raw = Raw::connect(addr);
        // What came before is answered.
        raw.call(1);
        raw.send(bytes);
        raw.answered(1);
        let (found, text) = raw.closed();
        assert_eq!(found, code, "{what}: {text}");
        assert!(!text.is_empty(), "{what}");
        let reason = ends.next();
        match reason {
            DisconnectReason::MessageTooLarge { .. } => assert_eq!(code, 1009, "{what}"),
            DisconnectReason::Violation { code: told, .. } => assert_eq!(told, code, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    bystander.call(2);
    bystander.answered(2);
}

#[test]
fn any_close_frame_is_answered() {
    let (api, addr, _served) = server();
    let ends = reasons(&api);
    for (payload, expected, code) in [
        (&b""[..], &b""[..], 1005),
        (b"\x03\xe8", b"\x03\xe8", 1000),
        (b"\x0f\xa0bye", b"\x0f\xa0", 4000),
    ] {
        let mut raw = Raw::connect(addr);
        // Nothing behind it is read.
        raw.send(
            [
                frame(0x88, payload, MASK),
                frame(0x81, echo("x", 1).as_bytes(), MASK),
            ]
            .concat(),
        );
        assert_eq!(raw.next(), (0x88, expected.to_vec()));
        let mut rest = Vec::new();
        let _ = raw.0.read_to_end(&mut rest);
        assert_eq!(rest, b"");
        let reason = ends.next();
        assert!(
            matches!(reason, DisconnectReason::Closed { code: told, .. } if told == code),
            "{reason:?}"
        );
    }
}

#[test]
fn the_input_may_end_without_a_close_frame() {
    let (api, addr, _served) = server();
    let ends = reasons(&api);
    let (seen, errors) = inbox();
    api.on_error(move |_peer, error, _| {
        let _ = seen.send(error.to_string());
    });
    let mut raw = Raw::connect(addr);
    raw.call(1);
    raw.0.shutdown(Shutdown::Write).unwrap();
    raw.answered(1);
    assert_eq!(raw.closed().0, 1000);
    assert!(matches!(ends.next(), DisconnectReason::EndOfInput));
    // Within a frame, a header, and between the frames of a message.
    let whole = frame(0x81, echo("x", 1).as_bytes(), MASK);
    for part in [&whole[..20], &whole[..1], &frame(0x01, b"{", MASK)] {
        let mut raw = Raw::connect(addr);
        raw.send(part);
        raw.0.shutdown(Shutdown::Write).unwrap();
        raw.closed();
        assert!(matches!(ends.next(), DisconnectReason::EndOfInput));
        let error = errors.next();
        assert!(
            error.contains(
                "the input ended within a message; every message ends with a final frame"
            ),
            "{error}"
        );
    }
}

#[test]
fn byte_by_byte() {
    let (_api, addr, _served) = server();
    let mut raw = Raw::connect(addr);
    let bytes = [
        frame(0x01, &echo("x", 1).as_bytes()[..10], MASK),
        frame(0x89, b"ping", MASK),
        frame(0x80, &echo("x", 1).as_bytes()[10..], MASK),
    ];
    for byte in bytes.concat() {
        raw.send([byte]);
    }
    assert_eq!(raw.next(), (0x8a, b"ping".to_vec()));
    raw.answered(1);
}

#[test]
fn a_message_that_never_ends_takes_no_memory_beyond_the_limit() {
    let (api, addr, _served) = server_on("jrpc", &format!("{SERVER}?message_size=64k"));
    let ends = reasons(&api);
    let mut raw = Raw::connect(addr);
    raw.send(frame(0x01, b"x", MASK));
    // Empty ones may come for ever, and others are served meanwhile.
    let empty = frame(0x00, b"", MASK).repeat(10_000);
    raw.send(&empty);
    let mut bystander = Raw::connect(addr);
    bystander.call(1);
    bystander.answered(1);
    let part = frame(0x00, &[b'x'; 1000], MASK);
    bounded("its end", move || while raw.0.write_all(&part).is_ok() {});
    assert!(matches!(
        ends.next(),
        DisconnectReason::MessageTooLarge { limit: 65_536 }
    ));
}

#[test]
fn who_does_not_read_pongs_is_not_read() {
    let (_api, addr, _served) = server();
    let mut raw = Raw::connect(addr);
    let ping = frame(0x89, &[b'x'; 125], MASK);
    // What the system has room for, twice, and a megabyte of answers.
    let pings = ping.repeat((64 << 20) / ping.len());
    let sent = press(&raw.0, &pings, Duration::from_millis(300));
    assert!(sent < pings.len(), "it is read and read");
    let mut bystander = Raw::connect(addr);
    bystander.call(1);
    bystander.answered(1);
    // It goes on where it was.
    let mut reader = Raw(raw.0.try_clone().unwrap());
    let whole = sent.div_ceil(ping.len());
    let reading = thread::spawn(move || {
        for _ in 0..whole {
            assert_eq!(reader.next().0, 0x8a);
        }
        reader.answered(2);
    });
    raw.0.set_write_timeout(Some(SOON)).unwrap();
    let rest = sent.next_multiple_of(ping.len()) - sent;
    raw.send(&ping[ping.len() - rest..]);
    raw.call(2);
    bounded("all pongs", || reading.join()).unwrap();
}

#[test]
fn servers_that_are_wrong_end_a_client_too() {
    let cases: [(Vec<u8>, u16); 4] = [
        (frame(0x81, b"{}", MASK), 1002),
        (frame(0xc1, b"{}", None), 1002),
        (frame(0x81, b"\xff", None), 1007),
        (
            vec![0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            1009,
        ),
    ];
    for (bytes, code) in cases {
        let (addr, serving) = other_server(move |stream| {
            let copy = stream.try_clone().unwrap();
            let _socket = tungstenite::accept(copy).unwrap();
            let mut raw = Raw(stream);
            raw.send(bytes);
            assert_eq!(raw.closed().0, code);
        });
        let client = LabInverse::bind("jrpc", format!("ws:{addr}")).unwrap();
        let (gone, ends) = inbox();
        client.on_disconnect(move |_peer, reason| {
            let _ = gone.send(reason.clone());
        });
        client.start().unwrap();
        ends.next();
        bounded("the server", || serving.join()).unwrap();
    }
}

#[test]
fn what_follows_the_handshake_at_once_is_read() {
    // With the client's frames right behind its request.
    let (_api, addr, _served) = server();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut bytes = request.as_bytes().to_vec();
    bytes.extend(frame(0x81, echo("x", 1).as_bytes(), MASK));
    stream.write_all(&bytes).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    // The example of RFC 6455, section 1.3.
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    Raw(stream).answered(1);
    // And with the server's behind its answer.
    let (addr, serving) = other_server(|stream| {
        let mut raw = Raw(stream);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            raw.0.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        let key = request.split("Sec-WebSocket-Key: ").nth(1).unwrap();
        let key = key.split("\r\n").next().unwrap();
        let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, \
             Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let note = br#"{"jsonrpc":"2.0","method":"notified","params":{"text":"early"}}"#;
        raw.send([answer.as_bytes(), &frame(0x81, note, None)].concat());
        let _ = raw.closed();
    });
    let client = LabInverse::bind("jrpc", format!("ws:{addr}")).unwrap();
    let notes = client.notified.subscribe();
    client.start().unwrap();
    let (_, text) = notes.recv_timeout(SOON).expect("the note");
    assert_eq!(text, "early");
    client.stop().unwrap();
    serving.join().unwrap();
}

#[test]
fn handshakes_that_never_finish_harm_nobody() {
    let (api, addr, _served) = server_on("jrpc", &format!("{SERVER}?greeting=1&connections=600"));
    let mut slow: Vec<Telnet> = (0..500).map(|_| Telnet::connect(addr)).collect();
    for one in &mut slow {
        one.send("GET / HTTP/1.1\r\nHost:");
    }
    let mut client = Other::connect(addr);
    client.say(echo("x", 1));
    assert_eq!(client.json(), reply("x", 1));
    assert_eq!(api.peers().len(), 1);
    for mut one in slow {
        one.expect_closed();
    }
    client.say(echo("x", 2));
    assert_eq!(client.json(), reply("x", 2));
}

#[test]
fn handshakes_count_as_connections() {
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?connections=2"));
    let mut one = Telnet::connect(addr);
    one.send("GET / HTTP/1.1\r\n");
    let mut two = Other::connect(addr);
    two.say(echo("x", 1));
    assert_eq!(two.json(), reply("x", 1));
    Telnet::connect(addr).expect_closed();
    // A handshake that is over makes room.
    drop(one);
    eventually("room", || {
        let stream = TcpStream::connect(addr).unwrap();
        tungstenite::client(format!("ws://{addr}/"), stream).is_ok()
    });
}

#[test]
fn headers_have_a_limit() {
    let (_api, addr, _served) = server();
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20 << 10));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    for request in [long, many] {
        let mut client = Telnet::connect(addr);
        client.send(request);
        let answer = client.rest();
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    for request in [
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "GET / HTTP/1.1\r\nX: \x01\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03",
        "{\"jsonrpc\": \"2.0\"}\0",
    ] {
        let mut client = Telnet::connect(addr);
        client.send(request);
        let answer = client.rest();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
}

#[test]
fn upgrades_that_are_wrong_are_refused() {
    let (_api, addr, _served) = server();
    let good = [
        ("Host", "x"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let status = |first: &str, without: &str, instead: Option<&str>| {
        let mut request = format!("{first}\r\n");
        for (name, value) in good {
            let value = if name == without {
                instead
            } else {
                Some(value)
            };
            if let Some(value) = value {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let mut client = Telnet::connect(addr);
        client.send(request + "\r\n");
        client.line().split(' ').nth(1).unwrap().to_owned()
    };
    let get = "GET / HTTP/1.1";
    assert_eq!(status(get, "", None), "101");
    assert_eq!(status(get, "Host", None), "101");
    assert_eq!(status("GET /?token=1 HTTP/1.1", "", None), "101");
    assert_eq!(status("GET /other HTTP/1.1", "", None), "404");
    assert_eq!(status("GET / HTTP/1.0", "", None), "400");
    assert_eq!(status("POST / HTTP/1.1", "", None), "400");
    assert_eq!(status(get, "Connection", None), "400");
    assert_eq!(status(get, "Upgrade", Some("h2c")), "426");
    assert_eq!(status(get, "Sec-WebSocket-Version", Some("8")), "426");
    assert_eq!(status(get, "Sec-WebSocket-Key", None), "400");
    assert_eq!(status(get, "Sec-WebSocket-Key", Some("short")), "400");
}
