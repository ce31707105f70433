//! The programs around the Language Server Protocol, over stdio with a `Content-Length` before
//! each message: vscode-jsonrpc (which editors and servers for Node.js use) and pygls. Each
//! is our child, and starts us as its child.

use std::process::Command;

use quickrpc::{CallError, Error, remote_api};
use quickrpc_tests::{LabInverse, Peer, SOON, inbox, value};
use serde_json::json;

use crate::{node, python, settled};

const CODEC: &str = "jrpc:content-length";

/// Arguments by position, and a name as those of the protocol are.
#[remote_api]
trait Calculator {
    #[outgoing(positional)]
    #[name = "Calc/subtractAll"]
    fn subtract_all(&self, first: i64, second: i64, third: Option<i64>) -> i64;
}

/// The scripts as our children, where they can be.
fn children() -> Vec<String> {
    let vscode = node().map(|node| node.child("vscode_peer.js"));
    let pygls = python().map(|python| {
        let command = python.script("pygls_peer.py");
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words = words.map(|word| format!("'{}'", word.to_str().expect("text")));
        format!("process:({})", words.collect::<Vec<_>>().join(" "))
    });
    vscode.into_iter().chain(pygls).collect()
}

#[test]
fn as_our_children() {
    for child in children() {
        let api = LabInverse::builder().codec(CODEC).transport(child.as_str());
        // The first call waits until the program has started.
        let api = api.call_timeout(SOON).build().unwrap();
        api.question.connect(|_sender, text| match text {
            "fail" => Err(CallError::new(7, "no").with_data(value(json!({"a": [1, "b"]})))),
            _ => Ok(text.chars().rev().collect::<String>()),
        });
        let (seen, notes) = inbox();
        api.notified.connect(move |_sender, text| {
            let _ = seen.send(text.to_owned());
        });
        let (gone, ends) = inbox();
        api.on_disconnect(move |_peer, reason| {
            let _ = gone.send(reason.to_string());
        });
        api.start().unwrap();
        let theirs = api.all();
        assert_eq!(settled(theirs.add(2, 3)).unwrap(), 5, "{child}");
        for text in ["", "ä\r\n\r\n\u{1f600}\"\\", &"x".repeat(100_000)] {
            assert_eq!(settled(theirs.echo(text)).unwrap(), text, "{child}");
        }
        let sent = value(json!({"a": [1, null, {"b": true}], "ü": 1.5}));
        assert_eq!(
            settled(theirs.nested(sent.clone())).unwrap(),
            sent,
            "{child}"
        );
        // It asks back while it is asked.
        assert_eq!(settled(theirs.ask("abc")).unwrap(), "cba", "{child}");
        let Err(Error::Call(error)) = settled(theirs.fail("no luck")) else {
            panic!("{child}: it fails");
        };
        assert_eq!(
            (error.code, &*error.message),
            (-32000, "no luck"),
            "{child}"
        );
        let Err(Error::Call(error)) = settled(theirs.blob(b"x")) else {
            panic!("{child}: it has no such method");
        };
        assert_eq!(error.code, CallError::METHOD_NOT_FOUND, "{child}");
        let texts: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        theirs.batch(|all| texts.iter().for_each(|text| all.notify(text).unwrap()));
        assert_eq!(notes.take(50), texts, "{child}");
        api.stop().unwrap();
        assert_eq!(ends.next(), "stopped", "{child}");
    }
}

#[test]
fn as_our_children_with_arguments_by_position() {
    for child in children() {
        let api = Calculator::builder().codec(CODEC).transport(child.as_str());
        let api = api.call_timeout(SOON).build().unwrap();
        api.start().unwrap();
        let theirs = api.all();
        assert_eq!(
            settled(theirs.subtract_all(10, 3, Some(2))).unwrap(),
            5,
            "{child}"
        );
        assert_eq!(
            settled(theirs.subtract_all(10, 3, None)).unwrap(),
            7,
            "{child}"
        );
    }
}

/// The scripts as programs that start ours, where they can be.
fn parents() -> Vec<(&'static str, Peer)> {
    let lab = [env!("CARGO_BIN_EXE_lab_stdio"), CODEC];
    let vscode = node().map(|node| ("vscode-jsonrpc", node.peer("vscode_peer.js", &lab)));
    let pygls = python().map(|python| {
        let mut command: Command = python.script("pygls_peer.py");
        ("pygls", Peer::start(command.args(lab)))
    });
    vscode.into_iter().chain(pygls).collect()
}

#[test]
fn as_our_parents() {
    for (name, mut peer) in parents() {
        peer.expect("ready");
        let call = |method: &str, params| json!({"call": method, "params": params});
        let mut result = |method: &str, params| {
            let result = peer.ask(call(method, params));
            result.unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        assert_eq!(result("add", json!({"a": 2, "b": 3})), 5);
        for text in ["", "ä\r\n\r\n\u{1f600}\"\\", &"x".repeat(100_000)] {
            assert_eq!(result("echo", json!({"text": text})), text, "{name}");
        }
        let sent = json!({"a": [1, null, {"b": true}], "ü": 1.5});
        assert_eq!(result("nested", json!({"value": sent})), sent, "{name}");
        // We ask back while we are asked.
        assert_eq!(result("ask", json!({"text": "abc"})), "cba", "{name}");
        for (method, params, code, data) in [
            ("ask", json!({"text": "fail"}), 7, json!({"a": [1, "b"]})),
            ("fail", json!({"message": "no luck"}), -32000, json!(null)),
            ("unheardOf", json!({}), -32601, json!(null)),
            ("add", json!({"a": "x"}), -32602, json!(null)),
        ] {
            let error = peer.ask(call(method, params)).unwrap_err();
            assert_eq!(
                (&error["code"], &error["data"]),
                (&code.into(), &data),
                "{name}: {error}"
            );
        }
        peer.ask(json!({"notify": "notify", "params": {"text": "hello"}}))
            .unwrap();
        assert_eq!(peer.expect("notified")["params"]["text"], "hello", "{name}");
        // The child ends when its input does.
        assert_eq!(peer.ask(json!({"end": true})).unwrap(), 0, "{name}");
    }
}
