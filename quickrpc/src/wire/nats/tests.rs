//! What a broker says, whole, in pieces, and wrong; and what subjects mean.

use super::handshake::{Handshake, Step, Tls};
use super::login::Login;
use super::reader::{Delivery, Event, Reader};
use super::service::{rfc3339, service_name};
use super::verbs::{publish, subscribe, unsubscribe};

/// All that is found in some bytes, as text, where they come in pieces of this size.
fn found(bytes: &[u8], piece: usize, limit: usize) -> Result<Vec<String>, String> {
    let (mut reader, mut input, mut found) = (Reader::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            let (taken, event) = reader.next(&input, limit)?;
            match event {
                Event::Incomplete => break,
                Event::Part | Event::Nothing => {}
                event => found.push(format!("{event:?}")),
            }
            input.drain(..taken);
        }
    }
    Ok(found)
}

#[test]
fn verbs_are_found_wherever_they_are_split() {
    let bytes =
        b"INFO {\"max_payload\":7,\"headers\":true,\"connect_urls\":[\"h:1\"]}\r\n+OK\r\nPING\r\n\
        MSG lab.all.add 1 5\r\nhello\r\nmsg lab.to.me.add 12 _INBOX.x 0\r\n\r\n\
        HMSG in.1 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n\
        HMSG in.1 2 re.ply 12 14\r\nNATS/1.0\r\n\r\nab\r\nPONG\r\n\
        -ERR 'Permissions Violation for Publish to \"a\"'\r\n";
    let whole = found(bytes, bytes.len(), 100).unwrap();
    assert_eq!(whole.len(), 8, "{whole:#?}");
    for piece in 1..40 {
        assert_eq!(found(bytes, piece, 100).unwrap(), whole, "{piece}");
    }
    let (_, event) = Reader::default()
        .next(
            b"HMSG in.1 2 re.ply 16 18\r\nNATS/1.0 503\r\n\r\nab\r\n",
            100,
        )
        .unwrap();
    let delivery = Delivery {
        subject: "in.1",
        reply: "re.ply",
        status: Some(503),
        payload: b"ab",
    };
    assert_eq!(event, Event::Message(delivery));
}

#[test]
fn a_subject_that_is_no_text_is_passed_over() {
    let bytes = b"MSG a.\xff 1 9\r\n123456789\r\nMSG a 1 \xfe 2\r\nPI\r\nPING\r\n";
    for piece in 1..bytes.len() {
        let found = found(bytes, piece, 100).unwrap();
        assert_eq!(found, ["Ping"], "{piece}");
    }
}

#[test]
fn a_message_that_is_too_large_is_passed_over() {
    let bytes = b"MSG a 1 9\r\n123456789\r\nPING\r\nMSG a 1 8\r\n12345678\r\n";
    for piece in 1..bytes.len() {
        let found = found(bytes, piece, 8).unwrap();
        assert!(
            found[0].contains("TooLarge") && found[0].contains('9'),
            "{found:?}"
        );
        assert_eq!(found.len(), 3, "{found:?}");
    }
}

#[test]
fn what_is_no_broker_is_told() {
    let long = "x".repeat(8000);
    for bytes in [
        "HTTP/1.1 200 OK\r\n",
        "MSG a\r\n",
        "MSG a 1\r\n",
        "MSG a 1 b c d\r\n",
        "MSG a 1 -1\r\n",
        "MSG a 1 99999999999999999999999\r\n",
        "HMSG a 1 5\r\n",
        "HMSG a 1 6 5\r\n",
        "MSG a 1 2\r\nabcd",
        "MSG a 1 18446744073709551615\r\n",
        "INFO {\r\n",
        "INFO 5\r\n",
        &long,
    ] {
        assert!(found(bytes.as_bytes(), 3, 100).is_err(), "{bytes}");
    }
}

#[test]
fn a_connection_begins() {
    let login = Login::User {
        user: "hub \"x\"".into(),
        password: "secret".into(),
    };
    let mut handshake = Handshake::new(login, Tls::Never, "me");
    let mut input = b"INFO {\"headers\":true,\"max_payload\":1234}\r\n".to_vec();
    let Step::Say(connect) = handshake.advance(&mut input) else {
        panic!("nothing is said");
    };
    let connect = String::from_utf8(connect).unwrap();
    for part in [
        r#""user":"hub \"x\"""#,
        r#""pass":"secret""#,
        r#""echo":false"#,
        r#""no_responders":true"#,
        "}\r\nPING\r\n",
    ] {
        assert!(connect.contains(part), "{connect}");
    }
    assert_eq!(handshake.advance(&mut input), Step::Wait);
    // A server pings at once, and may tell more of itself.
    input.extend_from_slice(b"PING\r\nINFO {\"headers\":true,\"max_payload\":99}\r\nPONG\r\nMSG");
    assert_eq!(
        handshake.advance(&mut input),
        Step::Say(b"PONG\r\n".to_vec())
    );
    let Step::Done(info) = handshake.advance(&mut input) else {
        panic!("it is not done");
    };
    assert_eq!(info.max_payload, 99);
    assert_eq!(input, b"MSG");
}

#[test]
fn a_connection_is_refused() {
    for (said, why) in [
        (
            "INFO {\"headers\":true}\r\n-ERR 'Authorization Violation'\r\n",
            "refuses this login",
        ),
        ("INFO {\"headers\":true,\"tls_required\":true}\r\n", "TLS"),
        ("INFO {\"version\":\"2.1.0\"}\r\n", "2.1.0"),
        ("PONG\r\n", "before it was asked"),
        ("+OK\r\nMSG a 1 0\r\n\r\n", "before it is asked"),
        ("220 smtp\r\n", "no NATS server"),
    ] {
        let mut handshake = Handshake::new(Login::None, Tls::Never, "me");
        let mut input = said.as_bytes().to_vec();
        let refused = loop {
            match handshake.advance(&mut input) {
                Step::Say(_) => {}
                Step::Refused(why) => break why,
                other => panic!("{said}: {other:?}"),
            }
        };
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(format!("{:?}", Login::Token("secret".into())), "Login");
}

#[test]
fn verbs_are_written() {
    let mut out = Vec::new();
    publish(&mut out, &["a", ".b"], &["re.", "ply"], b"xyz");
    publish(&mut out, &["a.b"], &[""], b"");
    subscribe(&mut out, "a.>", None, 1);
    subscribe(&mut out, "a.>", Some("workers"), 2);
    unsubscribe(&mut out, 2);
    let written = "PUB a.b re.ply 3\r\nxyz\r\nPUB a.b 0\r\n\r\nSUB a.> 1\r\nSUB a.> workers 2\r\n\
                   UNSUB 2\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), written);
}

#[test]
fn services_have_names_and_times() {
    assert_eq!(service_name("a.lab_1"), "a-lab_1");
    assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
    assert_eq!(rfc3339(1_796_000_000), "2026-11-30T00:53:20Z");
}
