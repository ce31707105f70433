//! Calls that are given up, towards programs that know of it, and one that does not.

use quickrpc::{CallError, Error, Promise, Value, dynamic};
use quickrpc_tests::{Lab, LabInverse, SOON, inbox, value};
use serde_json::json;

use crate::{node, python, settled};

/// To the Python package it is an unknown notification, which it logs; nothing else happens.
#[test]
fn a_python_server_goes_on() {
    for codec in ["jrpc", "jrpc:\n"] {
        let Some(python) = python() else {
            return;
        };
        let (peer, addr) = python.server(&[], codec);
        let caller = LabInverse::bind(codec, format!("tcp:{addr}").as_str()).unwrap();
        caller.start().unwrap();
        let all = caller.all();
        for text in ["one", "other"] {
            let job = all.echo(text);
            job.cancel();
            // The answer may have been there before.
            match settled(job) {
                Ok(echoed) => assert_eq!(echoed, text),
                Err(error) => assert!(matches!(error, Error::Cancelled), "{error}"),
            }
            assert_eq!(peer.expect("call")["method"], "echo");
        }
        // And a flood of them, in between what it answers.
        let jobs: Vec<_> = (0..200).map(|n| all.add(n, n)).collect();
        for job in jobs.iter().skip(1).step_by(2) {
            job.cancel();
        }
        for (n, job) in (0..).zip(jobs) {
            match settled(job) {
                Ok(sum) => assert_eq!(sum, 2 * n),
                Err(error) => assert!(matches!(error, Error::Cancelled) && n % 2 == 1),
            }
        }
        assert_eq!(settled(all.add(2, 3)).unwrap(), 5);
    }
}

/// A client of the package never cancels; but its end does.
#[test]
fn the_end_of_a_python_client_is_the_end_of_its_calls() {
    let Some(python) = python() else {
        return;
    };
    let lab = Lab::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let (keep, kept) = inbox();
    lab.nested.connect(move |_sender, _value| {
        let (answer, resolver) = Promise::pair();
        keep.send(resolver).unwrap();
        answer
    });
    lab.start().unwrap();
    let mut peer = python.client(&[], &format!("tcp:{}", lab.local_addrs()[0]), "jrpc");
    peer.command("nested value=1");
    let resolver = kept.next();
    let (tell, told) = inbox();
    resolver.on_cancel(move || tell.send(()).unwrap());
    drop(peer);
    told.next();
    assert!(resolver.is_cancelled());
}

/// Editors and language servers know it, as a token of their own.
#[test]
fn a_program_of_vscode_jsonrpc_gives_up() {
    let Some(node) = node() else {
        return;
    };
    let child = node.child("vscode_peer.js");
    let api = dynamic::Api::builder()
        .codec("jrpc:content-length")
        .transport(child.as_str())
        .call_timeout(SOON)
        .build_dynamic()
        .unwrap();
    let (seen, notes) = inbox();
    api.on("notified", move |_sender, args: Value| {
        seen.send(args["text"].clone()).unwrap();
        Ok::<_, CallError>(Value::Null)
    });
    api.start().unwrap();
    let job = api.call("until_cancelled", value(json!({})));
    assert_eq!(notes.next(), Value::from("begun"));
    job.cancel();
    assert_eq!(notes.next(), Value::from("given up"));
    assert!(matches!(settled(job), Err(Error::Cancelled)));
    let sum = api.call("add", value(json!({"a": 2, "b": 3})));
    assert_eq!(settled(sum).unwrap(), Value::from(5));
}
