//! What a broker says, whole, in pieces, and wrong; and what is under way.

use std::time::Duration;

use super::handshake::{Handshake, Step};
use super::reader::{Event, Reader};
use super::session::{Granted, Session};
use super::{Heard, Login, Outcome};
use crate::base::subject::Style;
use crate::wire::broker::subjects::Subjects;
use crate::wire::broker::{Message, Unsaid};

/// All that is found in some bytes, as text, where they come in pieces of this size.
fn found(bytes: &[u8], piece: usize, limit: usize) -> Result<Vec<String>, String> {
    let (mut reader, mut input, mut found) = (Reader::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            let (taken, event) = reader.next(&input, limit)?;
            match event {
                Event::Incomplete => break,
                Event::Part => {}
                event => found.push(format!("{event:?}")),
            }
            input.drain(..taken);
        }
    }
    Ok(found)
}

fn granted(window: usize, largest: usize) -> Granted {
    Granted {
        window,
        largest,
        keepalive: Duration::from_secs(10),
    }
}

fn message<'a>(subject: &'a [&'a str], reply: &'a [&'a str], payload: &'a [u8]) -> Message<'a> {
    Message {
        subject,
        correlation: b"",
        reply,
        payload,
        kept: false,
    }
}

#[test]
fn packets_are_found_wherever_they_are_split() {
    let mut bytes = b"\xd0\0\x32\x09\0\x03a/b\0\x07\0x\xd0\0".to_vec();
    // Larger than is taken, with a number; then one more.
    let size = 70_000_usize;
    bytes.extend([
        0x32,
        (size & 0x7f) as u8 | 0x80,
        (size >> 7 & 0x7f) as u8 | 0x80,
        (size >> 14) as u8,
    ]);
    bytes.extend(b"\0\x03big\0\x08\0");
    bytes.extend(vec![b'x'; size - 8]);
    bytes.extend(b"\x40\x03\0\x01\x10");
    let whole = found(&bytes, bytes.len(), 100).unwrap();
    assert_eq!(whole.len(), 5, "{whole:#?}");
    assert!(
        whole[3].contains("TooLarge") && whole[3].contains("Some(8)"),
        "{whole:?}"
    );
    for piece in [1, 2, 3, 7, 1000] {
        assert_eq!(found(&bytes, piece, 100).unwrap(), whole, "{piece}");
    }
}

#[test]
fn what_is_no_broker_is_told() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\n"[..],
        b"\x10\x02\0\0",
        b"\x30\xff\xff\xff\xff\x01",
        // No message, and large.
        b"\x90\xff\xff\x7f",
        // A topic that is no text, in a message that is too large.
        b"\x30\xff\xff\x7f\0\x02\xff\xff",
    ] {
        assert!(found(bytes, 3, 100).is_err(), "{bytes:?}");
    }
    let mut session = Session::new(granted(10, 1000));
    for (first, body) in [
        (0x30, &b""[..]),
        (0x30, b"\0\x09a"),
        (0x34, b"\0\x01a\0\x01\0"),
        (0x30, b"\0\0\0x"),
        (0x36, b"\0\x01a\0\x01\0"),
        (0x40, b""),
        (0x40, b"\0\x01\x77"),
        (0x90, b"\0\x01\0\x01"),
        (0xe0, b"\x77"),
        (0xf0, b""),
        (0x60, b"\0\x01"),
    ] {
        assert!(session.hear(first, body).is_err(), "{first:#x} {body:?}");
    }
    // Nothing of ours is acknowledged by that.
    assert_eq!(session.hear(0x40, b"\0\x09"), Ok(Heard::Nothing));
}

#[test]
fn a_message_is_read() {
    let mut session = Session::new(granted(10, 1000));
    let body = b"\0\x03a/b\0\x07\x0b\x08\0\x03r/s\x09\0\x02\0xhello";
    let Ok(Heard::Message(message)) = session.hear(0x32, body) else {
        panic!("it is none");
    };
    assert_eq!(
        (&*message.topic, &*message.reply, &*message.correlation),
        ("a/b", "r/s", &b"\0x"[..])
    );
    assert_eq!(message.payload, b"hello");
    assert_eq!(message.acknowledgement, b"\x40\x02\0\x07");
}

#[test]
fn what_somebody_else_made_wrongly_is_acknowledged_and_no_more() {
    let mut session = Session::new(granted(10, 1000));
    for body in [
        // A payload format indicator of 2, a topic that is no text, and properties that are cut off.
        &b"\0\x03a/b\0\x07\x02\x01\x02hello"[..],
        b"\0\x03a\xff/\0\x07\0hello",
        b"\0\x03a/b\0\x07\x09\x08",
    ] {
        let Ok(Heard::Unreadable(message)) = session.hear(0x32, body) else {
            panic!("it can be read");
        };
        assert_eq!(message.acknowledgement, b"\x40\x02\0\x07");
    }
    // What the broker itself has to say rightly.
    for body in [&b"\0\x03a"[..], b"\0\x03a/b\0", b"\0\0\0\x07\0", b""] {
        assert!(session.hear(0x32, body).is_err(), "{body:?}");
    }
    assert!(session.hear(0x34, b"\0\x03a/b\0\x07\0hello").is_err());
}

#[test]
fn nothing_overtakes_what_is_held() {
    let mut session = Session::new(granted(1, 1000));
    let mut publish = |payload: &[u8]| {
        let leaving = session.publish(
            &message(&["lab/any/", "add"], &[], payload),
            100_000,
            &mut Vec::new(),
        );
        leaving.unwrap()
    };
    let first = publish(b"first").number.unwrap();
    assert!(publish(b"second").is_held);
    let [high, low] = first.to_be_bytes();
    // Mosquitto's word for what is too large for it, which is none of MQTT's for this.
    let heard = session.hear(0x40, &[high, low, 0x95]).unwrap();
    let Heard::Acknowledged { outcome, .. } = heard else {
        panic!("{heard:?}");
    };
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    // There is room again, and somebody else is faster than what lets out what is held.
    let third = session.publish(
        &message(&["lab/any/", "add"], &[], b"third"),
        100_000,
        &mut Vec::new(),
    );
    assert!(third.unwrap().is_held);
    let next = session.next().unwrap();
    assert!(next.ends_with(b"second") && session.next().is_none());
}

#[test]
fn what_the_broker_does_not_take_yet_is_held() {
    let mut session = Session::new(granted(2, 1000));
    let mut numbers = Vec::new();
    for number in 0..4 {
        let reply = format!("lab/in/me/t/{number}-1");
        let leaving = session.publish(
            &message(&["lab/any/", "add"], &[&reply], b"x"),
            100_000,
            &mut Vec::new(),
        );
        let leaving = leaving.unwrap();
        assert_eq!(leaving.is_held, number >= 2, "{number}");
        numbers.push(leaving.number.unwrap());
    }
    assert!(session.is_holding());
    assert!(session.next().is_none());
    let [high, low] = numbers[0].to_be_bytes();
    let heard = session.hear(0x40, &[high, low, 0x10]).unwrap();
    let expected = Heard::Acknowledged {
        subject: "lab/any/add".into(),
        reply: "lab/in/me/t/0-1".into(),
        outcome: Outcome::Nobody,
    };
    assert_eq!(heard, expected);
    assert!(session.next().is_some() && session.next().is_none());
    assert!(!session.has_room());
    let [high, low] = numbers[1].to_be_bytes();
    let heard = session.hear(0x40, &[high, low, 0x87, 0]).unwrap();
    assert!(
        matches!(
            &heard,
            Heard::Acknowledged {
                outcome: Outcome::Forbidden(_),
                ..
            }
        ),
        "{heard:?}"
    );
    assert!(session.next().is_some());
    assert!(session.has_room() && !session.has_room());
    // So much waits, and no more.
    let mut last = Ok(());
    for _ in 0..100 {
        let published = session.publish(
            &message(&["lab/any/", "add"], &[], b"x"),
            200,
            &mut Vec::new(),
        );
        last = published.map(|_| ());
    }
    assert!(matches!(last, Err(Unsaid::Full(_))), "{last:?}");
    let large = session.publish(
        &message(&["lab/any/", "add"], &[], &[0; 1000]),
        100_000,
        &mut Vec::new(),
    );
    assert!(matches!(large, Err(Unsaid::TooLarge(_))), "{large:?}");
}

#[test]
fn a_connection_begins() {
    let login = Login {
        user: Some("hub".into()),
        password: Some(b"secret".to_vec()),
    };
    let mut handshake = Handshake::new(&login, "q1", Duration::from_millis(9500), "lab/here/a/t");
    let mut input = Vec::new();
    let Step::Say(connect) = handshake.advance(&mut input) else {
        panic!("nothing is said");
    };
    let text = String::from_utf8_lossy(&connect);
    for part in [
        "MQTT\u{5}",
        "q1",
        "lab/here/a/t",
        "hub",
        "secret",
        "\0\u{a}",
    ] {
        assert!(text.contains(part), "{part} in {text:?}");
    }
    assert!(matches!(handshake.advance(&mut input), Step::Wait));
    input.extend(b"\x20\x0b\0\0\x08\x21\0\x14\x27\0\0\x08\0\xd0\0");
    let Step::Done(mut session) = handshake.advance(&mut input) else {
        panic!("it is not done");
    };
    assert_eq!(input, b"\xd0\0");
    let large = session.publish(&message(&["a"], &[], &[0; 2048]), 100_000, &mut Vec::new());
    assert!(matches!(large, Err(Unsaid::TooLarge(2015))), "{large:?}");
    let subjects = Subjects::new(Style::Slashes, "lab", "a", "t");
    let entered = session.enter(&subjects).unwrap();
    assert!(String::from_utf8_lossy(&entered).contains("lab/here/#"));
    // Two of the subscriptions are refused.
    let end = 1 + entered
        .iter()
        .skip(1)
        .take_while(|byte| **byte > 0x7f)
        .count();
    let (high, low) = (entered[end + 1], entered[end + 2]);
    let heard = session.hear(0x90, &[high, low, 0, 0x87, 1, 1, 0x97]);
    let Ok(Heard::Subscribed(refused)) = heard else {
        panic!("{heard:?}");
    };
    let refused: Vec<_> = refused.iter().map(|(filter, _)| &**filter).collect();
    assert_eq!(refused, ["lab/in/a/t/#", "lab/here/#"]);
}

#[test]
fn a_connection_is_refused() {
    for (said, why) in [
        (&b"\x20\x03\0\x87\0"[..], "refuses this login"),
        (b"\x20\x02\0\x05", "does not speak MQTT 5"),
        (b"\x20\x03\0\x88\0", "ServerUnavailable"),
        (b"\x20\x05\0\0\x02\x2a\0", "shared subscriptions"),
        (b"\x20\x05\0\0\x02\x25\0", "retained"),
        (b"\xd0\0", "no broker of MQTT 5"),
        (b"220 smtp\r\n", "no broker of MQTT 5"),
        (b"\x20\x01\0", "no broker of MQTT 5"),
    ] {
        let login = Login {
            user: None,
            password: None,
        };
        let mut handshake = Handshake::new(&login, "q", Duration::from_secs(1), "w");
        let mut input = said.to_vec();
        let refused = loop {
            match handshake.advance(&mut input) {
                Step::Say(_) => {}
                Step::Refused(why) => break why,
                other => panic!("{said:?}: {other:?}"),
            }
        };
        assert!(refused.contains(why), "{refused}");
        assert_eq!(format!("{login:?}"), "Login");
    }
}
