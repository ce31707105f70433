//! The same cases over every codec and carrier.

use std::time::Instant;

use quickrpc::{CallError, Error, Value};
use quickrpc_tests::{SOON, bounded, inbox, value};

use crate::wires::{Carrier, Wire, refusal};
use crate::{call_error, settled};

/// One module for each wire, with all cases in it.
macro_rules! matrix {
    ($($name:ident: $codec:literal over $carrier:ident;)*) => {$(
        mod $name {
            use super::*;

            const WIRE: Wire = Wire { codec: $codec, carrier: Carrier::$carrier };

            cases!(calls errors notifications broadcasts big_messages values
                byte_strings questions_back peer_loss stopping order);
        }
    )*};
}

macro_rules! cases {
    ($($case:ident)*) => {$(
        #[test]
        fn $case() {
            super::$case(WIRE);
        }
    )*};
}

matrix! {
    jrpc_tcp: "jrpc" over Tcp;
    jrpc_lines_tcp: "jrpc:\\n" over Tcp;
    terse_tcp: "terse" over Tcp;
    jrpc_unix: "jrpc" over Unix;
    terse_unix: "terse" over Unix;
    jrpc_internal: "jrpc" over Internal;
    jrpc_lines_internal: "jrpc:\\n" over Internal;
    terse_internal: "terse" over Internal;
}

fn calls(wire: Wire) {
    let wired = wire.connect(1);
    let hub = wired.ask(0);
    assert_eq!(settled(hub.add(2, 3)).unwrap(), 5);
    assert_eq!(settled(hub.add(i64::MIN, i64::MAX)).unwrap(), -1);
    for text in [
        "",
        "text",
        "ä\u{1f600}",
        "\"\\\n\r\t\u{0}",
        "[1]:2",
        "ends in \\",
    ] {
        assert_eq!(settled(hub.echo(text)).unwrap(), text);
    }
    let promises: Vec<_> = (0..500).map(|n| hub.add(n, n)).collect();
    for (n, promise) in (0..).zip(promises) {
        assert_eq!(settled(promise).unwrap(), 2 * n);
    }
}

fn errors(wire: Wire) {
    let wired = wire.connect(1);
    let hub = wired.ask(0);
    let error = call_error(settled(hub.fail("no \"luck\"\n")));
    assert_eq!(
        (error.code, &*error.message),
        (CallError::HANDLER_ERROR, "no \"luck\"\n")
    );
    let error = call_error(settled(wired.hub.all().question("fail")));
    assert_eq!(error, refusal());
    assert_eq!(settled(hub.add(1, 2)).unwrap(), 3);
}

fn notifications(wire: Wire) {
    let wired = wire.connect(1);
    wired.ask(0).notify("first").unwrap();
    wired.ask(0).notify("second").unwrap();
    let notes = wired.served.notes.take(2);
    assert_eq!((&*notes[0].1, &*notes[1].1), ("first", "second"));
}

fn broadcasts(wire: Wire) {
    let wired = wire.connect(3);
    let (seen, log) = inbox();
    for (number, guest) in wired.guests.iter().enumerate() {
        let seen = seen.clone();
        guest.notified.connect(move |_sender, text| {
            let _ = seen.send((number, text.to_owned()));
        });
    }
    wired.ask(1).notify("for all").unwrap();
    let mut heard = log.take(3);
    heard.sort();
    let expected: Vec<_> = (0..3).map(|n| (n, String::from("for all"))).collect();
    assert_eq!(heard, expected);
}

fn big_messages(wire: Wire) {
    let wired = wire.connect(1);
    let hub = wired.ask(0);
    let text = "0123456789abcde\n".repeat(1 << 16);
    assert_eq!(text.len(), 1 << 20);
    assert!(settled(hub.echo(&text)).unwrap() == text);
    let data: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    assert!(settled(hub.blob(&data)).unwrap() == data);
    assert_eq!(settled(hub.add(1, 2)).unwrap(), 3);
}

fn values(wire: Wire) {
    let wired = wire.connect(1);
    let hub = wired.ask(0);
    let mut nested = value(serde_json::json!({
        "": null, "a b": [true, false, [[]], {}], "n": [0, -1, 1.0, 0.1, 1e300, -5e-324],
        "\"quoted\"": "a:1 b:[2]",
    }));
    if let Value::Map(map) = &mut nested {
        map.insert("big".into(), Value::Integer(-(1 << 100)));
        map.insert("bytes".into(), Value::Bytes(vec![0, 1, 255]));
    }
    assert_eq!(settled(hub.nested(nested.clone())).unwrap(), nested);
    assert_eq!(settled(hub.nested(Value::Null)).unwrap(), Value::Null);
}

fn byte_strings(wire: Wire) {
    let wired = wire.connect(1);
    for data in [&b""[..], b"\0", b"\xff\xfe\n\0'\""] {
        assert_eq!(settled(wired.ask(0).blob(data)).unwrap(), data);
    }
}

fn questions_back(wire: Wire) {
    let wired = wire.connect(2);
    let results = wired.hub.all().each().question("abc");
    let answers: Vec<_> = results.results().map(|(_peer, answer)| answer).collect();
    assert_eq!(answers.len(), 2);
    for answer in answers {
        assert_eq!(answer.unwrap(), "cba");
    }
}

fn peer_loss(wire: Wire) {
    let mut wired = wire.connect(2);
    let (gone, ended) = inbox();
    wired.hub.on_disconnect(move |peer, _reason| {
        let _ = gone.send(peer.clone());
    });
    let promises = wired.hub.all().each().question("wait").into_iter();
    let mut promises: Vec<_> = promises.collect();
    let owed = wired.owed.take(2);
    let started = Instant::now();
    let leaving = wired.guests.remove(0);
    bounded("drop", move || drop(leaving));
    let lost = ended.next();
    let found = promises.iter().position(|(peer, _)| *peer == lost);
    let (_, promise) = promises.remove(found.expect("the lost peer was asked"));
    let disconnected = |result: quickrpc::Result<String>| {
        assert!(
            matches!(result, Err(Error::Disconnected { .. })),
            "{result:?}"
        );
    };
    disconnected(settled(promise));
    disconnected(settled(wired.hub.to(&lost).question("abc")));
    assert!(started.elapsed() < SOON / 2);
    drop(owed);
    call_error(settled(promises.remove(0).1));
    // The one who stays is unharmed.
    assert_eq!(settled(wired.ask(0).add(2, 3)).unwrap(), 5);
    assert_eq!(settled(wired.hub.all().question("abc")).unwrap(), "cba");
}

fn stopping(wire: Wire) {
    let wired = wire.connect(1);
    let (gone, ended) = inbox();
    let hub = wired.hub.clone();
    wired.guests[0].on_disconnect(move |_peer, _reason| {
        let _ = gone.send(());
    });
    bounded("stop", move || hub.stop()).unwrap();
    ended.next();
    assert!(settled(wired.guests[0].all().add(1, 2)).is_err());
    let guest = wired.guests[0].clone();
    bounded("stop", move || guest.stop()).unwrap();
}

fn order(wire: Wire) {
    let wired = wire.connect(1);
    let hub = wired.ask(0);
    let expected: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    for text in &expected {
        hub.notify(text).unwrap();
    }
    let notes = wired.served.notes.take(300);
    let texts: Vec<String> = notes.into_iter().map(|note| note.1).collect();
    assert_eq!(texts, expected);
}
