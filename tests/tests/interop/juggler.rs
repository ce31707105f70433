//! Juggler with the Python package itself, as a client and as a server, in its three generations.

use quickrpc::{CallError, DisconnectReason, Error, Value, dynamic};
use quickrpc_tests::{Inbox, Peer, Python, SOON, inbox, value};
use serde_json::json;

use crate::settled;

pub(crate) const GENERATIONS: [&str; 3] = ["0.5", "0.6", "0.7"];

pub(crate) fn python(generation: &str) -> Option<&'static Python> {
    Python::with_juggler(env!("CARGO_TARGET_TMPDIR"), generation)
}

pub(crate) fn start(python: &Python, options: &[&str], rest: &[&str]) -> Peer {
    let patience = SOON.as_secs().to_string();
    let mut command = python.script("juggler_peer.py");
    command.args(["--quiet", "--seconds", "300", "--timeout", &patience]);
    Peer::start(command.args(options).args(rest))
}

/// What the other side of the package has, too. The arguments of 0.5 are a list, elsewhere they
/// are the data itself.
fn serve(api: &dynamic::Api, codec: &str) -> Inbox<Value> {
    let listed = codec == "juggler:0.5";
    api.on("echo", move |_sender, args| match args {
        Value::List(mut list) if listed => list.remove(0),
        other => other,
    });
    api.on("add", |_sender, args| {
        let number = |at: usize| args[at].as_i64().unwrap_or_default();
        Value::from(number(0) + number(1))
    });
    api.on("fail", |_sender, _args| {
        let error = CallError::new(CallError::HANDLER_ERROR, "failed on purpose");
        Err::<Value, _>(error)
    });
    let (heard, messages) = inbox();
    for name in ["message", "note"] {
        let heard = heard.clone();
        api.on(name, move |_sender, args| heard.send(args).unwrap());
    }
    messages
}

/// Our server, what it was told, and a client of the package.
fn with_their_client(codec: &str, options: &[&str]) -> Option<(dynamic::Api, Inbox<Value>, Peer)> {
    let python = python(codec.split([':', '?']).nth(1)?)?;
    let api = dynamic::Api::bind(codec, "wsserv:127.0.0.1:0").unwrap();
    let messages = serve(&api, codec);
    let (came, comers) = inbox();
    api.on_connect(move |peer| came.send(peer.clone()).unwrap());
    api.start().unwrap();
    let url = format!("ws://{}/ws", api.local_addrs()[0]);
    let peer = start(python, options, &["client", &url, "-"]);
    peer.expect("ready");
    comers.next();
    Some((api, messages, peer))
}

/// A server of the package, and our client of it.
fn with_their_server(codec: &str, options: &[&str]) -> Option<(dynamic::Api, Inbox<Value>, Peer)> {
    let python = python(codec.split([':', '?']).nth(1)?)?;
    let mut peer = start(python, options, &["server", "0", "-"]);
    let port = peer.expect("ready")["port"].clone();
    let api = dynamic::Api::bind(codec, format!("ws:127.0.0.1:{port}").as_str()).unwrap();
    let messages = serve(&api, codec);
    api.start().unwrap();
    peer.command("until 1");
    Some((api, messages, peer))
}

/// The command with which a side of the package calls.
fn call(codec: &str, name: &str, args: &str) -> String {
    match codec {
        "juggler:0.5" => format!("call {name} {args}"),
        _ => format!("request {name} {args}"),
    }
}

#[test]
fn their_clients_call_us() {
    for generation in GENERATIONS {
        let codec = format!("juggler:{generation}");
        let Some((api, messages, mut peer)) = with_their_client(&codec, &[]) else {
            return;
        };
        let echo = call(&codec, "echo", r#"{"ä": [null, 1.5, "😀"]}"#);
        assert_eq!(peer.result(&echo), json!({"ä": [null, 1.5, "😀"]}));
        let add = match generation {
            "0.5" => "call add 2 3",
            _ => "request add [2, 3]",
        };
        assert_eq!(peer.result(add), 5);
        let failed = peer.outcome(&call(&codec, "fail", "1"));
        assert_eq!(
            (&failed["event"], &failed["text"]),
            (&json!("error"), &json!("failed on purpose"))
        );
        let unknown = peer.outcome(&call(&codec, "nope", "1"));
        assert_eq!(unknown["event"], "error");
        assert!(
            unknown["text"].as_str().unwrap().contains("nope"),
            "{unknown}"
        );
        if generation == "0.5" {
            peer.result(r#"send {"type": "other"}"#);
            assert_eq!(messages.next(), value(json!([{"type": "other"}])));
            assert_eq!(settled(api.call("add", [2, 3])).unwrap(), Value::from(5));
            let failed = settled(api.call("fail", ())).unwrap_err();
            assert!(failed.to_string().contains("failed on purpose"), "{failed}");
            let unknown = settled(api.call("nope", ())).unwrap_err();
            assert!(unknown.to_string().contains("invalid action"), "{unknown}");
            api.notify("message", ["to you"]).unwrap();
            assert_eq!(peer.expect("message")["value"], "to you");
        } else {
            // Its way to say that it is there.
            assert_eq!(peer.result(r#"request  {"a": 1}"#), json!({"a": 1}));
            api.notify("note", value(json!({"b": [2]}))).unwrap();
            let told = peer.expect("notify");
            assert_eq!(
                (&told["name"], &told["value"]),
                (&json!("note"), &json!({"b": [2]}))
            );
        }
        assert_eq!(peer.result("load 1000"), 1000);
        let peers = api.peers();
        api.disconnect(&peers).unwrap();
        peer.close_input();
        peer.expect("closed");
    }
}

#[test]
fn we_call_their_servers() {
    for generation in GENERATIONS {
        let codec = format!("juggler:{generation}");
        let Some((api, messages, mut peer)) = with_their_server(&codec, &[]) else {
            return;
        };
        let any = value(json!({"ä": [null, 1.5, "😀", {"": {}}]}));
        let echoed = api.call("echo", Value::List(vec![any.clone()]));
        let wanted = match generation {
            "0.5" => any,
            _ => Value::List(vec![any]),
        };
        assert_eq!(settled(echoed).unwrap(), wanted);
        assert_eq!(settled(api.call("add", [2, 3])).unwrap(), Value::from(5));
        let failed = settled(api.call("fail", ())).unwrap_err();
        assert!(failed.to_string().contains("failed on purpose"), "{failed}");
        // All at once, as its own clients do.
        let calls: Vec<_> = (0..1_000).map(|n| api.call("echo", [n])).collect();
        for (n, call) in (0..).zip(calls) {
            let answer = settled(call).unwrap();
            let n = Value::from(n);
            assert!(answer == n || answer == Value::List(vec![n]), "{answer:?}");
        }
        if generation == "0.5" {
            assert_eq!(peer.result("call add 4 5"), 9);
            assert_eq!(peer.result("load 1000"), 1000);
            peer.result("send [1]");
            assert_eq!(messages.next(), value(json!([[1]])));
            api.notify("message", ["to you"]).unwrap();
            assert_eq!(peer.expect("message")["value"], "to you");
        } else {
            let whole = settled(api.call("", Value::from("alive"))).unwrap();
            assert_eq!(whole, Value::from("alive"));
            peer.result(r#"notify note {"c": 3}"#);
            assert_eq!(messages.next(), value(json!({"c": 3})));
        }
        let (gone, ends) = inbox();
        api.on_disconnect(move |_, reason| gone.send(reason.clone()).unwrap());
        let pending = api.call("slow", [50]);
        peer.command("close");
        let failed = settled(pending).unwrap_err();
        assert!(matches!(failed, Error::Disconnected { .. }), "{failed}");
        let reason = ends.next();
        assert!(
            matches!(reason, DisconnectReason::Closed { code: 1000, .. }),
            "{reason}"
        );
    }
}

#[test]
fn ten_megabytes_each_way_with_pings_between_the_pieces() {
    let pings = ["--ping-delay", "0.05", "--ping-timeout", "20"];
    let codec = "juggler:0.7?ping_delay=50ms&ping_timeout=20";
    let Some((_api, _messages, mut peer)) = with_their_client(codec, &pings) else {
        return;
    };
    // Python writes an ä in six bytes.
    assert_eq!(peer.result("big 1700000"), true);
    drop(peer);
    let Some((api, _messages, _peer)) = with_their_server(codec, &pings) else {
        return;
    };
    let large = Value::from("a😀".repeat(200_000) + &"b".repeat(9 << 20));
    assert_eq!(settled(api.call("echo", &large)).unwrap(), large);
}

#[test]
fn what_their_servers_do_not_take_does_not_leave() {
    for generation in ["0.5", "0.6"] {
        let codec = format!("juggler:{generation}");
        let Some((api, _messages, _peer)) = with_their_server(&codec, &[]) else {
            return;
        };
        let refused = settled(api.call("echo", ["x".repeat(4 << 20)])).unwrap_err();
        assert!(
            matches!(refused, Error::MessageTooLarge { .. }),
            "{refused}"
        );
        let large = "x".repeat(4_000_000);
        let echoed = settled(api.call("echo", [&large])).unwrap();
        assert!(echoed == Value::from(large.as_str()) || echoed[0] == Value::from(large.as_str()));
    }
}

#[test]
fn silent_peers_of_both_sides_are_asked() {
    // Long enough for several pings in each direction, of which none ends anything.
    let pings = ["--ping-delay", "0.05", "--ping-timeout", "20"];
    let codec = "juggler:0.7?ping_delay=70ms&ping_timeout=20";
    let Some((api, _messages, mut peer)) = with_their_client(codec, &pings) else {
        return;
    };
    peer.command("wait 1");
    assert_eq!(peer.result("request echo 1"), 1);
    assert_eq!(api.peers().len(), 1);
}

#[test]
fn their_generation_is_told_by_its_first_message() {
    let api = dynamic::Api::bind("juggler", "wsserv:127.0.0.1:0").unwrap();
    serve(&api, "juggler");
    api.start().unwrap();
    let url = format!("ws://{}/ws", api.local_addrs()[0]);
    for generation in GENERATIONS {
        let Some(python) = python(generation) else {
            return;
        };
        let mut peer = start(python, &[], &["client", &url, "-"]);
        peer.expect("ready");
        let add = match generation {
            "0.5" => "call add 2 3",
            _ => "request add [2, 3]",
        };
        assert_eq!(peer.result(add), 5, "{generation}");
    }
}
