//! JSON-RPC 2.0 beyond what the Python original knows, and our own batches.

use std::net::SocketAddr;

use quickrpc::CallError;
use quickrpc_tests::{Lab, Served, Telnet, client, inbox, serve};
use serde_json::{Value, json};

use crate::settled;

fn server(codec: &str) -> (Lab, SocketAddr, Served) {
    quickrpc_tests::server(codec)
}

fn telegram(message: &Value) -> String {
    format!("{message}\0")
}

fn add(a: i64, id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "method": "add", "params": {"a": a, "b": 1}, "id": id.into()})
}

#[test]
fn a_batch_is_answered_as_a_batch() {
    let (_lab, addr, served) = server("jrpc");
    let mut peer = Telnet::connect(addr);
    let note = json!({"jsonrpc": "2.0", "method": "notify", "params": {"text": "x"}});
    let unknown = json!({"jsonrpc": "2.0", "method": "no_such", "id": "u"});
    peer.send(telegram(&json!([add(1, 1), note, add(2, "two"), unknown])));
    let mut answers = loop {
        match peer.json() {
            Value::Array(answers) => break answers,
            // The note is passed on to everybody, this peer included.
            passed_on => assert_eq!(passed_on["method"], "notified"),
        }
    };
    answers.sort_by_key(|answer| answer["id"].to_string());
    assert_eq!(answers.len(), 3, "{answers:?}");
    let [two, unknown, one] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!((&one["id"], &one["result"]), (&json!(1), &json!(2)));
    assert_eq!((&two["id"], &two["result"]), (&json!("two"), &json!(3)));
    assert_eq!(unknown["error"]["code"], CallError::METHOD_NOT_FOUND);
    assert_eq!(served.notes.next().1, "x");
}

#[test]
fn a_batch_of_notifications_is_not_answered() {
    let (_lab, addr, served) = server("jrpc");
    let mut peer = Telnet::connect(addr);
    let unknown = json!({"jsonrpc": "2.0", "method": "no_such"});
    peer.send(telegram(&json!([unknown, unknown])));
    peer.send(telegram(&add(1, 7)));
    assert_eq!(peer.json()["id"], 7);
    assert!(served.notes.so_far().is_empty());
}

#[test]
fn a_batch_of_one_is_answered_as_a_list() {
    let (_lab, addr, _served) = server("jrpc");
    let mut peer = Telnet::connect(addr);
    peer.send(telegram(&json!([add(1, 7)])));
    let answer = peer.json();
    assert_eq!(answer[0]["result"], 2, "{answer}");
}

#[test]
fn a_batch_beyond_the_limit_is_refused_as_one() {
    let (_lab, addr, _served) = server("jrpc?strict=true");
    let mut peer = Telnet::connect(addr);
    let batch: Vec<_> = (0..1_001).map(|id| add(1, id)).collect();
    peer.send(telegram(&Value::from(batch)));
    let answer = peer.json();
    assert_eq!(answer["error"]["code"], CallError::INVALID_REQUEST);
    peer.send(telegram(&add(1, 7)));
    assert_eq!(peer.json()["id"], 7);
}

#[test]
fn ids_come_back_as_they_were() {
    let (_lab, addr, _served) = server("jrpc");
    let mut peer = Telnet::connect(addr);
    for id in [
        json!(1),
        json!("one"),
        json!(-7),
        json!(1.5),
        json!("ä\"\\"),
        json!(""),
    ] {
        peer.send(telegram(&add(1, id.clone())));
        let answer = peer.json();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["result"], 2);
    }
    // Digits that no number type holds.
    let id = "123456789012345678901234567890";
    peer.send(telegram(&add(1, 7)).replace("\"id\":7", &format!("\"id\":{id}")));
    let answer = String::from_utf8(peer.until(0)).unwrap();
    assert!(answer.contains(id), "{answer}");
}

#[test]
fn errors_without_an_id_are_answered_only_in_strict_mode() {
    let (_lab, addr, _served) = server("jrpc");
    let mut peer = Telnet::connect(addr);
    peer.send("garbage\0");
    peer.send(telegram(&add(1, 7)));
    assert_eq!(peer.json()["id"], 7);

    let (_lab, addr, _served) = server("jrpc?strict=true");
    let mut peer = Telnet::connect(addr);
    peer.send("garbage\0");
    let answer = peer.json();
    assert_eq!(answer["error"]["code"], CallError::PARSE_ERROR);
    assert!(answer.as_object().unwrap()["id"].is_null());
    peer.send("[]\0");
    assert_eq!(peer.json()["error"]["code"], CallError::INVALID_REQUEST);
    peer.send("{\"jsonrpc\":\"2.0\",\"foo\":1}\0");
    assert_eq!(peer.json()["error"]["code"], CallError::INVALID_REQUEST);
}

#[test]
fn every_call_with_an_id_is_answered() {
    let (lab, addr, _served) = server("jrpc");
    lab.notify.connect(|_sender, text| match text {
        "bad" => Err("did not like it"),
        _ => Ok(()),
    });
    let mut peer = Telnet::connect(addr);
    let notify = |text: &str, id: i64| {
        telegram(&json!({"jsonrpc": "2.0", "method": "notify", "params": {"text": text}, "id": id}))
    };
    let mut answer_to = |text: &str, id: i64| {
        peer.send(notify(text, id));
        loop {
            let answer = peer.json();
            if answer["id"] == id {
                return answer;
            }
        }
    };
    let answer = answer_to("fine", 1);
    assert_eq!(answer.as_object().unwrap()["result"], Value::Null);
    assert_eq!(answer_to("bad", 2)["error"]["message"], "did not like it");
}

#[test]
fn positional_parameters_are_refused_where_not_allowed() {
    let (_lab, addr, _served) = server("jrpc");
    let mut peer = Telnet::connect(addr);
    peer.send(telegram(
        &json!({"jsonrpc": "2.0", "method": "add", "params": [1, 2], "id": 1}),
    ));
    assert_eq!(peer.json()["error"]["code"], CallError::INVALID_PARAMS);
}

#[test]
fn what_we_send_is_what_a_python_peer_takes() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let caller = client("jrpc", listener.local_addr().unwrap());
    let mut peer = Telnet::over(listener.accept().unwrap().0);
    let first = caller.all().add(1, 2);
    caller.all().notify("n").unwrap();
    let call = peer.until(0);
    assert_eq!(call[0], b'{');
    let call: Value = serde_json::from_slice(&call).unwrap();
    assert_eq!(call["jsonrpc"], "2.0");
    assert!(call["id"].as_u64().unwrap() > 0);
    assert_eq!(call["params"], json!({"a": 1, "b": 2}));
    let note = peer.json();
    assert!(note.get("id").is_none(), "{note}");
    peer.send(telegram(
        &json!({"jsonrpc": "2.0", "result": 9, "id": call["id"]}),
    ));
    assert_eq!(settled(first).unwrap(), 9);
}

#[test]
fn sending_in_a_batch() {
    let (lab, addr, _served) = server("jrpc");
    let (seen, log) = inbox();
    lab.nested.connect(move |_sender, value| {
        seen.send(value.as_i64()).unwrap();
        None::<quickrpc::Value>
    });
    let caller = client("jrpc", addr);
    let promises = caller.all().batch(|hub| {
        let calls = (0..1_000).map(|n| hub.nested(quickrpc::Value::from(n)));
        calls.collect::<Vec<_>>()
    });
    for promise in promises {
        settled(promise).unwrap();
    }
    let expected: Vec<_> = (0..1_000).map(Some).collect();
    assert_eq!(log.take(1_000), expected);
}

#[test]
fn waiting_inside_a_batch_flushes_it() {
    let (lab, caller) = Lab::pair();
    let _served = serve(&lab);
    let sum = quickrpc_tests::bounded("the batch", move || {
        caller.all().batch(|hub| {
            let first = hub.add(1, 2).result()?;
            hub.add(first, 3).result()
        })
    });
    assert_eq!(sum.unwrap(), 6);
}

#[quickrpc::remote_api]
trait Verbose {
    /// A result that is much longer than the call.
    #[incoming]
    fn recite(&self) -> String;
}

#[test]
fn answers_to_a_batch_are_one_message_and_no_longer_than_one() {
    let api = Verbose::bind("jrpc", "tcpserv:127.0.0.1:0?message_size=10000").unwrap();
    api.recite.connect(|_sender| "la ".repeat(1_000));
    api.start().unwrap();
    let mut peer = Telnet::connect(api.local_addrs()[0]);
    let call = |id: u64| json!({"jsonrpc": "2.0", "method": "recite", "id": id});
    let calls: Vec<Value> = (1..6).map(call).collect();
    peer.send(telegram(&Value::from(calls)));
    let answer = peer.json();
    assert!(answer.to_string().len() <= 10_000);
    let answers = answer.as_array().unwrap();
    let ids: Vec<_> = answers.iter().map(|one| one["id"].as_u64()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5].map(Some));
    let results = answers.iter().filter(|one| one["result"].is_string());
    assert_eq!(results.count(), 2);
    assert_eq!(answers[4]["error"]["code"], CallError::INTERNAL_ERROR);
    let why = answers[4]["error"]["message"].as_str().unwrap();
    assert!(why.contains("10000 bytes"), "{why}");
}
