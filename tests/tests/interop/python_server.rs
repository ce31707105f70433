//! A Rust client of a Python server.

use quickrpc::{Error, Value};
use quickrpc_tests::{LabInverse, Peer, inbox, value};
use serde_json::json;

use crate::{python, settled};

/// A Python server, and a Rust client of it.
fn connected(codec: &str) -> Option<(Peer, LabInverse)> {
    let python = python()?;
    let (peer, addr) = python.server(&[], codec);
    let caller = LabInverse::bind(codec, format!("tcp:{addr}").as_str()).unwrap();
    caller.start().unwrap();
    Some((peer, caller))
}

#[test]
fn calls() {
    for codec in ["jrpc", "jrpc:\n"] {
        let Some((peer, caller)) = connected(codec) else {
            return;
        };
        let all = caller.all();
        assert_eq!(settled(all.add(2, 3)).unwrap(), 5);
        assert_eq!(peer.expect("call")["method"], "add");
        for text in ["", "hello", "h\u{e4}\u{1f600}", "\"\\\r\t\u{1}\u{7f}"] {
            assert_eq!(settled(all.echo(text)).unwrap(), text);
        }
        assert_eq!(settled(all.add(i64::MIN, i64::MAX)).unwrap(), -1);
    }
}

#[test]
fn many_calls_at_once() {
    let Some((_peer, caller)) = connected("jrpc") else {
        return;
    };
    let promises: Vec<_> = (0..200).map(|n| caller.all().add(n, n)).collect();
    for (n, promise) in (0..).zip(promises) {
        assert_eq!(settled(promise).unwrap(), 2 * n);
    }
}

#[test]
fn errors_carry_the_traceback() {
    let Some((_peer, caller)) = connected("jrpc") else {
        return;
    };
    let Err(Error::Call(error)) = settled(caller.all().fail("no luck")) else {
        panic!("an error was asked for");
    };
    assert_eq!((error.code, &*error.message), (0, "no luck"));
    let traceback = error.data.unwrap_or_default();
    assert!(traceback.as_str().unwrap().contains("ValueError"));
    assert_eq!(settled(caller.all().add(1, 1)).unwrap(), 2);
}

#[test]
fn a_notification_and_its_broadcast() {
    let Some((peer, caller)) = connected("jrpc") else {
        return;
    };
    let (seen, log) = inbox();
    caller
        .notified
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    caller.all().notify("h\u{e4}").unwrap();
    assert_eq!(peer.expect("call")["text"], "h\u{e4}");
    assert_eq!(log.next(), "h\u{e4}");
}

#[test]
fn questions_from_the_server() {
    let Some((peer, caller)) = connected("jrpc") else {
        return;
    };
    caller.question.connect(|_sender, text| text.to_uppercase());
    caller.all().notify("ask why").unwrap();
    assert_eq!(peer.expect("answer")["value"], "WHY");
}

#[test]
fn bytes() {
    let Some((peer, caller)) = connected("jrpc") else {
        return;
    };
    for data in [&b""[..], b"\0", b"\x00\x01\xff\xfe"] {
        assert_eq!(settled(caller.all().blob(data)).unwrap(), data);
    }
    // As bytes, not as a map with a strange key.
    assert_eq!(peer.expect("call")["data"], json!({"__bytes": ""}));
}

#[test]
fn nested_values_and_large_integers() {
    let Some((_peer, caller)) = connected("jrpc") else {
        return;
    };
    let mut nested = value(json!({
        "a": [1, -1, 1.5, 1.0, true, null, "t"], "b b": {"": []}, "c": 9_007_199_254_740_993_i64
    }));
    if let Value::Map(map) = &mut nested {
        map.insert("big".into(), Value::Integer((1 << 100) + 1));
        map.insert("bytes".into(), Value::Bytes(vec![0, 255]));
    }
    assert_eq!(
        settled(caller.all().nested(nested.clone())).unwrap(),
        nested
    );
    let not_a_number = settled(caller.all().nested(Value::Float(f64::NAN))).unwrap();
    assert!(not_a_number.as_f64().unwrap().is_nan());
    let infinite = Value::Float(f64::NEG_INFINITY);
    assert_eq!(
        settled(caller.all().nested(infinite.clone())).unwrap(),
        infinite
    );
}

#[test]
fn a_string_of_a_mebibyte() {
    let Some((_peer, caller)) = connected("jrpc") else {
        return;
    };
    let text = "0123456789abcdef".repeat(1 << 16);
    assert!(settled(caller.all().echo(&text)).unwrap() == text);
}

#[test]
fn the_security_header() {
    let Some(python) = python() else { return };
    let provider = "blindly_believe_everything";
    let options = ["--security", provider, "--user", "server"];
    let (peer, addr) = python.server(&options, "jrpc");
    let caller = LabInverse::builder()
        .security(format!("{provider}:john").as_str())
        .transport(format!("tcp:{addr}").as_str())
        .build()
        .unwrap();
    caller.start().unwrap();
    assert_eq!(settled(caller.all().echo("x")).unwrap(), "x");
    assert_eq!(peer.expect("call")["secinfo"], json!({"user": "john"}));
}

#[test]
fn a_killed_server_fails_what_it_owes() {
    let Some((mut peer, caller)) = connected("jrpc") else {
        return;
    };
    assert_eq!(settled(caller.all().add(1, 1)).unwrap(), 2);
    let (gone, ended) = inbox();
    caller.on_disconnect(move |_peer, _reason| gone.send(()).unwrap());
    peer.kill();
    ended.next();
    assert!(settled(caller.all().add(1, 1)).is_err());
}
