//! Cases in which everybody stays.

use quickrpc::{CallError, Error, Value};
use quickrpc_tests::{SOON, value};

use super::wire::{LARGEST, Wire, refusal};
use crate::{call_error, settled};

pub(super) fn calls(wire: Wire) {
    let wired = wire.connect();
    for guest in &wired.guests {
        let hub = guest.ask();
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
        let numbers: Vec<i64> = (0..500).collect();
        for numbers in numbers.chunks(guest.carrier.abilities().at_once) {
            let promises: Vec<_> = numbers.iter().map(|n| hub.add(*n, *n)).collect();
            for (n, promise) in numbers.iter().zip(promises) {
                assert_eq!(settled(promise).unwrap(), 2 * n);
            }
        }
    }
}

pub(super) fn errors(wire: Wire) {
    let wired = wire.connect();
    for guest in &wired.guests {
        let hub = guest.ask();
        let error = call_error(settled(hub.fail("no \"luck\"\n")));
        assert_eq!(
            (error.code, &*error.message),
            (CallError::HANDLER_ERROR, "no \"luck\"\n")
        );
        // It comes from the guest, and goes back to it.
        assert_eq!(call_error(settled(hub.ask("fail"))), refusal());
        assert_eq!(settled(hub.add(1, 2)).unwrap(), 3);
    }
}

/// They are heard in order, by the hub and by those to whom it passes them on.
pub(super) fn notifications(wire: Wire) {
    let wired = wire.connect();
    for guest in &wired.guests {
        let texts: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let least = wired.guests.iter().map(|g| g.carrier.abilities().at_once);
        for texts in texts.chunks(least.min().unwrap()) {
            for text in texts {
                guest.ask().notify(text).unwrap();
            }
            for listener in &wired.guests {
                assert_eq!(listener.heard.take(texts.len()), texts);
            }
        }
        if let Some(hub) = &wired.hub {
            let notes = hub.served.notes.take(300).into_iter();
            assert!(notes.map(|(_, text)| text).eq(texts));
        }
    }
}

pub(super) fn broadcasts(wire: Wire) {
    let wired = wire.connect();
    wired.guests[0].ask().notify("for all").unwrap();
    for guest in &wired.guests {
        assert_eq!(guest.heard.next(), "for all");
    }
    let Some(hub) = &wired.hub else {
        return;
    };
    for guest in &wired.guests {
        hub.to(guest).notified("for you").unwrap();
        // Datagrams to one and to all come by two sockets, so one after the other.
        assert_eq!(guest.heard.next(), "for you");
        hub.api.all().notified("and for all").unwrap();
        for guest in &wired.guests {
            assert_eq!(guest.heard.next(), "and for all");
        }
    }
}

pub(super) fn big_messages(wire: Wire) {
    let wired = wire.connect();
    for guest in &wired.guests {
        // A busy machine takes long for them, sealed by a library that is not optimized.
        let hub = guest.ask().timeout(SOON);
        let size = guest.carrier.abilities().carries;
        let text = format!("\n{}", "x".repeat(size - 1));
        assert!(settled(hub.echo(&text)).unwrap() == text);
        // Written as text, bytes are larger.
        let data: Vec<u8> = (0..=255).cycle().take(size / 4).collect();
        assert!(settled(hub.blob(&data)).unwrap() == data);
        let text = "x".repeat(if size < 2048 { 2048 } else { LARGEST });
        let error = settled(hub.echo(&text)).unwrap_err();
        assert!(matches!(error, Error::MessageTooLarge { .. }), "{error:?}");
        assert_eq!(settled(hub.add(1, 2)).unwrap(), 3);
    }
}

pub(super) fn values(wire: Wire) {
    let nested = value(serde_json::json!({
        "": null, "a b": [true, false, [[]], {}], "n": [0, -1, 1.0, 0.1, 1e300, -5e-324],
        "\"quoted\"": "a:1 b:[2]", "64": [i64::MIN, u64::MAX],
    }));
    come_back(wire, &nested);
    come_back(wire, &Value::Null);
}

pub(super) fn values_beyond_json(wire: Wire) {
    let big = [Value::Integer(-(1 << 100)), Value::Integer(i128::MAX)];
    let bytes = Value::Bytes(vec![0, 1, 255]);
    come_back(wire, &Value::List([&big[..], &[bytes]].concat()));
}

fn come_back(wire: Wire, value: &Value) {
    let wired = wire.connect();
    for guest in &wired.guests {
        let same = settled(guest.ask().nested(value.clone()));
        assert_eq!(same.unwrap(), *value);
    }
}

pub(super) fn byte_strings(wire: Wire) {
    let wired = wire.connect();
    for guest in &wired.guests {
        for data in [&b""[..], b"\0", b"\xff\xfe\n\0'\""] {
            assert_eq!(settled(guest.ask().blob(data)).unwrap(), data);
        }
    }
}

pub(super) fn questions_back(wire: Wire) {
    let wired = wire.connect();
    for guest in &wired.guests {
        // The hub asks while it is asked.
        assert_eq!(settled(guest.ask().ask("abc")).unwrap(), "cba");
    }
    let Some(hub) = &wired.hub else {
        return;
    };
    for guest in &wired.guests {
        assert_eq!(settled(hub.to(guest).question("abc")).unwrap(), "cba");
        assert_eq!(
            call_error(settled(hub.to(guest).question("fail"))),
            refusal()
        );
    }
    // Those without peers are not among them.
    let results = hub.api.all().each().question("abc");
    let answers: Vec<_> = results.results().map(|(_peer, answer)| answer).collect();
    let peers = wired.guests.iter().filter(|guest| guest.has_peers());
    assert_eq!(answers.len(), peers.count());
    for answer in answers {
        assert_eq!(answer.unwrap(), "cba");
    }
}
