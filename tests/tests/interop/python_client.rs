//! A Python client of a Rust server.

use quickrpc::BoxError;
use quickrpc_tests::{Lab, Peer, Served, inbox, server};
use serde_json::json;

use crate::{python, settled};

fn connected(codec: &str) -> Option<(Lab, Served, Peer)> {
    let python = python()?;
    let (lab, addr, served) = server(codec);
    let peer = python.client(&[], &format!("tcp:{addr}"), codec);
    Some((lab, served, peer))
}

#[test]
fn calls() {
    for codec in ["jrpc", "jrpc:\n"] {
        let Some((_lab, _served, mut peer)) = connected(codec) else {
            return;
        };
        assert_eq!(peer.result("add a=2 b=3"), 5);
        assert_eq!(peer.result("echo text=hello"), "hello");
        assert_eq!(peer.result("echo text='h\u{e4}\u{1f600} \"quoted\" \\'"), {
            "h\u{e4}\u{1f600} \"quoted\" \\"
        });
        assert_eq!(peer.result("echo"), "");
    }
}

#[test]
fn errors() {
    let Some((lab, _served, mut peer)) = connected("jrpc") else {
        return;
    };
    let error = peer.outcome("fail message='no luck'");
    assert_eq!(error["event"], "remote_error", "{error}");
    assert_eq!(error["message"], "no luck");
    let error = peer.outcome("add a=text b=1");
    assert_eq!(error["event"], "remote_error", "{error}");
    // A panic is an error like others.
    lab.echo
        .connect(|_sender, text| -> Result<String, BoxError> {
            assert_ne!(text, "panic");
            Err("second answer".into())
        });
    let error = peer.outcome("echo text=panic");
    assert_eq!(error["event"], "remote_error", "{error}");
    assert_eq!(peer.result("add a=1 b=1"), 2);
}

#[test]
fn a_notification_and_its_broadcast() {
    let Some((_lab, served, mut peer)) = connected("jrpc") else {
        return;
    };
    peer.command("notify text='h\u{e4}'");
    assert_eq!(peer.expect("notified")["text"], "h\u{e4}");
    assert_eq!(served.notes.next().1, "h\u{e4}");
}

#[test]
fn bytes() {
    let Some((_lab, _served, mut peer)) = connected("jrpc") else {
        return;
    };
    for base64 in ["", "AA==", "AAH//g=="] {
        let sent = json!({ "__bytes": base64 });
        assert_eq!(peer.result(&format!("blob data='{sent}'")), sent);
    }
}

#[test]
fn nested_values_and_large_integers() {
    let Some((_lab, _served, mut peer)) = connected("jrpc") else {
        return;
    };
    for value in [
        "null",
        "[1, -1, 1.5, true, false, null, \"t\", [], {}]",
        "{\"a\": {\"b b\": [{\"__bytes\": \"AAE=\"}, \"\u{e4}\"]}, \"\": 0}",
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551615",
        "1180591620717411303424",
        "1e+300",
        "NaN",
        "-Infinity",
    ] {
        let line = format!("nested value='{value}'");
        let event = peer.outcome(&line);
        assert_eq!(event["event"], "result", "{event}");
        // Python's own JSON holds all of them; ours shows the ones that are JSON.
        if let Ok(expected) = serde_json::from_str::<serde_json::Value>(value) {
            assert_eq!(event["value"], expected);
        }
    }
    // More digits than we can hold: that one message is refused.
    let huge = "9".repeat(60);
    let event = peer.outcome(&format!("nested value={huge}"));
    assert_ne!(event["event"], "timeout", "{event}");
    assert_eq!(peer.result("add a=1 b=1"), 2);
}

#[test]
fn a_string_of_a_mebibyte() {
    let Some((_lab, _served, mut peer)) = connected("jrpc") else {
        return;
    };
    assert_eq!(peer.result("echo text=@1048576*x")["long"], 1 << 20);
    assert_eq!(peer.result("add a=1 b=1"), 2);
}

#[test]
fn unknown_methods_and_wrong_arguments() {
    let Some((_lab, _served, mut peer)) = connected("jrpc") else {
        return;
    };
    peer.command("raw {\"jsonrpc\": \"2.0\", \"method\": \"no_such\", \"params\": {}}\\0");
    peer.command("raw {\"jsonrpc\": \"2.0\", \"method\": \"no_such\", \"id\": 99}\\0");
    peer.command(
        "raw {\"jsonrpc\": \"2.0\", \"method\": \"add\", \"params\": {\"c\": 1}, \"id\": 98}\\0",
    );
    assert_eq!(peer.result("add a=1 b=1"), 2);
}

#[test]
fn a_question_to_the_client() {
    let Some(python) = python() else { return };
    let (lab, addr, _served) = server("jrpc");
    let (here, connected) = inbox();
    lab.on_connect(move |peer| here.send(peer.clone()).unwrap());
    let mut peer = python.client(&[], &format!("tcp:{addr}"), "jrpc");
    let client = connected.next();
    let answer = settled(lab.to(&client).question("h\u{e4}b"));
    assert_eq!(answer.unwrap(), "b\u{e4}h");
    // A killed client fails what it still owes.
    peer.kill();
    let result = settled(lab.to(&client).question("anybody?"));
    assert!(result.is_err());
}

#[test]
fn the_security_header() {
    let Some(python) = python() else { return };
    let provider = "blindly_believe_everything";
    for user in ["john", ""] {
        let lab = Lab::builder()
            .security(format!("{provider}:server").as_str())
            .transport("tcpserv:127.0.0.1:0")
            .build()
            .unwrap();
        let (seen, users) = inbox();
        lab.echo.connect(move |sender, text| {
            seen.send(sender.secinfo().clone()).unwrap();
            text.to_owned()
        });
        lab.start().unwrap();
        let transport = format!("tcp:{}", lab.local_addrs()[0]);
        let options = ["--security", provider, "--user", user];
        let mut peer = python.client(&options, &transport, "jrpc");
        assert_eq!(peer.result("echo text=x"), "x");
        assert_eq!(users.next()["user"], user);
    }
}
