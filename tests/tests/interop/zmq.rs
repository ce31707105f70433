//! ZeroMQ with libzmq itself, in every pairing that says something.

use std::time::{Duration, Instant};

use quickrpc::{DisconnectReason, Error, Value, dynamic};
use quickrpc_tests::{Inbox, OwnDir, Peer, Python, SOON, inbox};
use serde_json::{Value as Json, json};

use crate::settled;

/// A socket of libzmq.
fn start(arguments: &[&str]) -> Option<Peer> {
    let python = Python::with_zmq(env!("CARGO_TARGET_TMPDIR"))?;
    let mut command = python.script("zmq_peer.py");
    Some(Peer::start(command.args(arguments)))
}

/// One that we connect to, and its address as a part of ours.
fn their_server(kind: &str, options: &[&str]) -> Option<(Peer, String)> {
    let arguments = [&[kind, "bind", "tcp://127.0.0.1:*"], options].concat();
    let peer = start(&arguments)?;
    let address = peer.expect("ready")["address"].clone();
    let address = address.as_str()?.strip_prefix("tcp://")?.to_owned();
    Some((peer, address))
}

/// One that connects to us.
fn their_client(kind: &str, api: &dynamic::Api, options: &[&str]) -> Option<Peer> {
    let address = format!("tcp://{}", api.local_addrs()[0]);
    let peer = start(&[&[kind, "connect", &address], options].concat())?;
    peer.expect("ready");
    Some(peer)
}

/// Who has come, who has gone, and what was noted.
struct Told {
    came: Inbox<String>,
    gone: Inbox<(String, DisconnectReason)>,
    notes: Inbox<Value>,
    trouble: Inbox<String>,
}

fn api(codec: &str, transport: &str) -> (dynamic::Api, Told) {
    let api = dynamic::Api::bind(codec, transport).unwrap();
    api.on("echo", |_sender, args| args);
    let ((come, came), (go, gone)) = (inbox(), inbox());
    let ((note, notes), (mourn, trouble)) = (inbox(), inbox());
    api.on("note", move |_sender, args| note.send(args).unwrap());
    api.on_connect(move |peer| come.send(peer.name().to_owned()).unwrap());
    api.on_disconnect(move |peer, reason| {
        go.send((peer.name().to_owned(), reason.clone())).ok();
    });
    api.on_error(move |_peer, error, _method| {
        mourn.send(error.to_string()).ok();
    });
    let told = Told {
        came,
        gone,
        notes,
        trouble,
    };
    (api, told)
}

fn started(codec: &str, transport: &str) -> (dynamic::Api, Told) {
    let (api, told) = api(codec, transport);
    api.start().unwrap();
    (api, told)
}

fn call(id: u64, params: &Json) -> String {
    json!({"jsonrpc": "2.0", "method": "echo", "params": params, "id": id}).to_string()
}

fn note(n: u64) -> String {
    json!({"jsonrpc": "2.0", "method": "note", "params": {"n": n}}).to_string()
}

/// The parts of the next message.
fn parts(peer: &Peer) -> Vec<Json> {
    let message = peer.expect("message");
    message["parts"].as_array().unwrap().clone()
}

/// An answer to a call, which is the last part.
fn answer(peer: &Peer) -> Json {
    let last = parts(peer).pop().unwrap();
    serde_json::from_str(last.as_str().unwrap()).unwrap()
}

#[test]
fn their_sockets_call_our_server() {
    let (api, told) = started("jrpc", "zmqserv:127.0.0.1:0");
    let Some(mut dealer) = their_client("dealer", &api, &[]) else {
        return;
    };
    let request = call(1, &json!({"a": [1, "ä"]}));
    for envelope in [&[][..], &[""]] {
        let mut message: Vec<&str> = envelope.to_vec();
        message.push(&request);
        dealer.ask(json!({"send": message})).unwrap();
        let said = parts(&dealer);
        assert_eq!(said.len(), message.len(), "in the envelope of the call");
        let said: Json = serde_json::from_str(said.last().unwrap().as_str().unwrap()).unwrap();
        assert_eq!(
            said,
            json!({"jsonrpc": "2.0", "id": 1, "result": {"a": [1, "ä"]}})
        );
    }
    assert!(told.came.next().starts_with("127.0.0.1:"), "it has no name");

    let mut req = their_client("req", &api, &["--identity", "asks"]).unwrap();
    for id in 1..4 {
        req.ask(json!({"send": [call(id, &json!({"n": id}))]}))
            .unwrap();
        assert_eq!(answer(&req)["result"], json!({"n": id}));
    }
    assert_eq!(told.came.next(), "asks");
    // It would take anything else for the answer to its next call.
    let error = api.to("asks").notify("note", json!({})).unwrap_err();
    assert!(error.to_string().contains("takes answers only"), "{error}");
    let error = settled(api.to("asks").call("echo", json!({}))).unwrap_err();
    assert!(error.to_string().contains("takes answers only"), "{error}");

    // A message of more than a telegram is no reason to end.
    for count in [2, 3, 1000] {
        dealer.ask(json!({"send": vec!["part"; count]})).unwrap();
        assert!(told.trouble.next().contains("several parts"));
    }
    dealer.ask(json!({"send": [request]})).unwrap();
    assert_eq!(answer(&dealer)["id"], 1);
}

#[test]
fn routers_find_each_other_by_name() {
    let (api, told) = started("jrpc", "zmqserv:127.0.0.1:0?id=hub");
    let options = ["--identity", "lab|1", "--to", "hub"];
    let Some(mut router) = their_client("router", &api, &options) else {
        return;
    };
    assert_eq!(told.came.next(), "lab|1");
    router
        .ask(json!({"send": ["hub", call(7, &json!({"x": 1}))]}))
        .unwrap();
    let said = parts(&router);
    assert_eq!(said[0], "hub");
    api.to("lab|1").notify("note", json!({"x": 2})).unwrap();
    let said = parts(&router);
    let said: Json = serde_json::from_str(said[1].as_str().unwrap()).unwrap();
    assert_eq!(
        (&said["method"], &said["params"]),
        (&json!("note"), &json!({"x": 2}))
    );
}

#[test]
fn our_sockets_call_their_servers() {
    for (theirs, ours) in [
        ("router", "dealer"),
        ("router", "req"),
        ("rep", "dealer"),
        ("rep", "req"),
        ("dealer", "dealer"),
        ("dealer", "rep"),
        ("router", "router&id=lab"),
    ] {
        let options = ["--serve", "--identity", "station"];
        let Some((mut peer, address)) = their_server(theirs, &options) else {
            return;
        };
        let transport = format!("zmq:{address}?type={ours}");
        if ours == "rep" {
            // It only answers.
            let (_api, _told) = started("jrpc", &transport);
            peer.ask(json!({"send": ["", call(3, &json!({}))]}))
                .unwrap();
            continue;
        }
        let (api, told) = started("jrpc", &transport);
        let name = match theirs {
            "rep" => address.as_str(),
            _ => "station",
        };
        assert_eq!(told.came.next(), name, "{theirs}");
        for n in 0..10 {
            let result = settled(api.call("echo", json!({"n": n}))).unwrap();
            assert_eq!(result["n"].as_i64(), Some(n), "{theirs} {ours}");
        }
        let calls: Vec<_> = (0..20).map(|n| api.call("echo", json!({"n": n}))).collect();
        for (n, call) in calls.into_iter().enumerate() {
            let result = settled(call).unwrap();
            assert_eq!(
                result["n"].as_i64(),
                i64::try_from(n).ok(),
                "{theirs} {ours}"
            );
        }
        let noted = api.notify("note", json!({"n": 1}));
        let can_notify = theirs != "rep" && ours != "req";
        assert_eq!(noted.is_ok(), can_notify, "{theirs} {ours} {noted:?}");
        if can_notify {
            assert_eq!(peer.expect("notified")["params"], json!({"n": 1}));
        }
    }
}

#[test]
fn they_subscribe_to_us() {
    for kind in ["sub", "xsub"] {
        let (api, told) = started("jrpc", "zmqserv:127.0.0.1:0?type=pub");
        let Some(mut peer) = their_client(kind, &api, &[]) else {
            return;
        };
        told.came.next();
        let topic = r#"{"jsonrpc":"2.0","method":"tick""#;
        match kind {
            "sub" => peer.ask(json!({"subscribe": topic})).unwrap(),
            _ => peer
                .ask(json!({"send": [format!("\u{1}{topic}")]}))
                .unwrap(),
        };
        // When the subscription arrives is known by what it brings.
        let end = Instant::now() + SOON;
        loop {
            api.notify("tick", json!({"n": 0})).unwrap();
            if peer.ask(json!({})).unwrap() != 0 {
                break;
            }
            assert!(Instant::now() < end, "it is not subscribed");
        }
        api.notify("tock", json!({"n": 1})).unwrap();
        api.notify("tick", json!({"n": 2})).unwrap();
        loop {
            let said = answer(&peer);
            assert_eq!(said["method"], "tick", "nothing else was wanted");
            if said["params"] == json!({"n": 2}) {
                break;
            }
        }
        let error = settled(api.call("echo", json!({}))).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
}

#[test]
fn we_subscribe_to_them() {
    for kind in ["pub", "xpub"] {
        let Some((mut peer, address)) = their_server(kind, &[]) else {
            return;
        };
        let (_api, told) = started("jrpc", &format!("zmq:{address}?type=sub&subscribe=n,\\x7b"));
        told.came.next();
        // Their side learns of the subscription after it.
        let end = Instant::now() + SOON;
        let first = loop {
            peer.ask(json!({"send": ["other", note(0)]})).unwrap();
            peer.ask(json!({"send": ["news", note(1)]})).unwrap();
            if let Some(said) = told.notes.so_far().into_iter().next() {
                break said;
            }
            assert!(Instant::now() < end, "{:?}", told.trouble.so_far());
        };
        assert_eq!(first["n"].as_i64(), Some(1), "with its topic before it");
        peer.ask(json!({"send": [note(2)]})).unwrap();
        while told.notes.next()["n"].as_i64() != Some(2) {}
    }
}

#[test]
fn pushed_and_pulled() {
    let (_api, told) = started("jrpc", "zmqserv:127.0.0.1:0?type=pull");
    let Some(mut push) = their_client("push", &_api, &[]) else {
        return;
    };
    told.came.next();
    push.ask(json!({"send": [note(5)]})).unwrap();
    assert_eq!(told.notes.next()["n"].as_i64(), Some(5));
    let (pull, address) = their_server("pull", &["--serve"]).unwrap();
    let (api, told) = started("jrpc", &format!("zmq:{address}?type=push"));
    told.came.next();
    api.notify("note", json!({"n": 6})).unwrap();
    assert_eq!(pull.expect("notified")["params"], json!({"n": 6}));
}

#[cfg(unix)]
#[test]
fn over_unix_domain_sockets() {
    let dir = OwnDir::new();
    let path = dir.path("lab.ipc");
    let path = path.display();
    let (api, told) = started("terse", &format!("zmqserv+unix:{path}"));
    let Some(mut dealer) = start(&[
        "dealer",
        "connect",
        &format!("ipc://{path}"),
        "--identity",
        "x",
    ]) else {
        return;
    };
    assert_eq!(told.came.next(), "x");
    dealer.ask(json!({"send": ["echo[1] n=5"]})).unwrap();
    let said = parts(&dealer);
    assert_eq!(said.len(), 1);
    assert!(said[0].as_str().unwrap().contains("n"), "{said:?}");
    drop((api, dealer));
    let path = dir.path("theirs.ipc");
    let path = path.display();
    let peer = start(&["router", "bind", &format!("ipc://{path}"), "--serve"]).unwrap();
    peer.expect("ready");
    let (api, _told) = started("jrpc", &format!("zmq+unix:{path}?id=lab"));
    let result = settled(api.call("echo", json!({"n": 1}))).unwrap();
    assert_eq!(result["n"].as_i64(), Some(1));
}

#[test]
fn from_a_byte_to_64_megabytes() {
    let limits = "message_size=100M&peer_queue=200M&buffered_total=500M&waiting_bytes=200M";
    let (api, _told) = started("jrpc", &format!("zmqserv:127.0.0.1:0?{limits}"));
    let Some(mut dealer) = their_client("dealer", &api, &[]) else {
        return;
    };
    for times in [1, 100, 10_000, 1_000_000, 64_000_000] {
        let before = r#"{"jsonrpc":"2.0","method":"echo","id":1,"params":{"a":""#;
        let part = json!({"text": "x", "times": times, "before": before, "after": "\"}}"});
        dealer.ask(json!({"send": [part]})).unwrap();
        let said = parts(&dealer);
        match said[0].as_str() {
            Some(text) => assert!(text.contains(&"x".repeat(times)), "{text}"),
            None => assert!(said[0]["length"].as_u64() > Some(times as u64), "{said:?}"),
        }
    }
}

#[test]
fn they_come_back() {
    // Their clients, with their names, to us.
    let (api, told) = started("jrpc", "zmqserv:127.0.0.1:0");
    let Some(mut dealer) = their_client("dealer", &api, &["--identity", "lab"]) else {
        return;
    };
    for n in 0..5 {
        assert_eq!(told.came.next(), "lab");
        dealer.ask(json!({"send": [call(n, &json!({}))]})).unwrap();
        assert_eq!(answer(&dealer)["id"], n);
        dealer.ask(json!({"again": 1})).unwrap();
        assert_eq!(told.gone.next().0, "lab");
    }
    // We, to their servers.
    let (mut router, address) = their_server("router", &["--serve"]).unwrap();
    let (api, told) = started("jrpc", &format!("restart:0.05:zmq:{address}?id=lab"));
    for _ in 0..3 {
        told.came.next();
        let result = settled(api.call("echo", json!({"n": 1}))).unwrap();
        assert_eq!(result["n"].as_i64(), Some(1));
        router.ask(json!({"again": 1})).unwrap();
        told.gone.next();
    }
}

#[test]
fn two_of_one_name() {
    let (api, told) = started("jrpc", "zmqserv:127.0.0.1:0");
    let Some(mut first) = their_client("dealer", &api, &["--identity", "lab"]) else {
        return;
    };
    assert_eq!(told.came.next(), "lab");
    let mut second = their_client("dealer", &api, &["--identity", "lab"]).unwrap();
    second.ask(json!({"send": [call(2, &json!({}))]})).unwrap();
    first.ask(json!({"send": [call(1, &json!({}))]})).unwrap();
    assert_eq!(answer(&first)["id"], 1, "who was there stays");
    assert_eq!(api.peers().len(), 1);
    // It comes again and again, until it can stay.
    first.kill();
    assert_eq!(told.gone.next().0, "lab");
    assert_eq!(told.came.next(), "lab");
    second.ask(json!({"send": [call(3, &json!({}))]})).unwrap();
    while answer(&second)["id"] != 3 {}
}

#[test]
fn their_heartbeats_are_answered() {
    let (api, told) = started("jrpc", "zmqserv:127.0.0.1:0");
    let Some(mut dealer) = their_client("dealer", &api, &["--heartbeat", "150"]) else {
        return;
    };
    told.came.next();
    // Without answers they would give us up after each 150 ms.
    let end = Instant::now() + Duration::from_millis(800);
    for n in 0.. {
        dealer.ask(json!({"send": [call(n, &json!({}))]})).unwrap();
        assert_eq!(answer(&dealer)["id"], n);
        if Instant::now() > end {
            break;
        }
    }
    assert!(told.gone.so_far().is_empty(), "it has not come anew");
}

#[test]
fn types_that_do_not_go_together_are_named() {
    let Some((_peer, address)) = their_server("pub", &[]) else {
        return;
    };
    let (api, _told) = api("jrpc", &format!("zmq:{address}"));
    let error = api.start().unwrap_err().to_string();
    assert!(
        error.contains("DEALER talks with") && error.contains("PUB"),
        "{error}"
    );
}

#[test]
fn who_does_not_read_is_not_answered_without_end() {
    let limits = "peer_queue=200000&buffered_total=100M";
    let (api, told) = started("jrpc", &format!("zmqserv:127.0.0.1:0?{limits}"));
    let Some(mut stalls) = their_client("dealer", &api, &["--identity", "stalls", "--hwm", "20"])
    else {
        return;
    };
    assert_eq!(told.came.next(), "stalls");
    let mut reads = their_client("dealer", &api, &["--identity", "reads"]).unwrap();
    assert_eq!(told.came.next(), "reads");
    stalls.ask(json!({"read": false})).unwrap();
    let before = r#"{"jsonrpc":"2.0","method":"echo","id":1,"params":{"a":""#;
    let part = json!({"text": "x", "times": 20_000, "before": before, "after": "\"}}"});
    // Its libzmq takes twenty messages in each direction, and then no more: neither do we, since its answers
    // go nowhere. Or it is given up for that.
    let end = Instant::now() + SOON;
    let mut sent = 0;
    loop {
        if stalls.ask(json!({"send": [part]})).is_err() {
            break;
        }
        sent += 1;
        if sent % 20 == 0 {
            reads
                .ask(json!({"send": [call(sent, &json!({}))]}))
                .unwrap();
            assert_eq!(answer(&reads)["id"], sent);
        }
        assert!(Instant::now() < end, "{sent} calls were taken");
    }
    reads.ask(json!({"send": [call(0, &json!({}))]})).unwrap();
    assert_eq!(answer(&reads)["id"], 0);
    // When it reads again, all that it was owed comes, unless it was given up.
    stalls.ask(json!({"read": true})).unwrap();
    let gone = |told: &Told| !told.gone.so_far().is_empty();
    for _ in 0..sent {
        if gone(&told) {
            break;
        }
        stalls.expect("message");
    }
}
