//! Peers that show what nobody can see: patches of all wrong kinds, states that grow without end.

use std::net::TcpListener;

use quickrpc::{Sender, Subscription};
use serde_json::Value as Json;

use super::hostile::Came;
use super::*;

/// Patches that are none, or none of `{"a": [1], "b": {"c": 2}}`.
fn wrong() -> Vec<String> {
    let mut patches: Vec<String> = [
        "1",
        "null",
        "{}",
        "[1]",
        "[null]",
        "[[]]",
        r#"[{}]"#,
        r#"[{"op":"nope","path":""}]"#,
        r#"[{"op":1,"path":""}]"#,
        r#"[{"op":"add","path":1,"value":1}]"#,
        r#"[{"op":"add","path":"a","value":1}]"#,
        r#"[{"op":"add","path":"/~2","value":1}]"#,
        r#"[{"op":"add","path":"/a"}]"#,
        r#"[{"op":"add","path":"/x/y","value":1}]"#,
        r#"[{"op":"add","path":"/a/2","value":1}]"#,
        r#"[{"op":"add","path":"/a/-1","value":1}]"#,
        r#"[{"op":"add","path":"/a/01","value":1}]"#,
        r#"[{"op":"add","path":"/a/99999999999999999999999","value":1}]"#,
        r#"[{"op":"add","path":"/a/0/0","value":1}]"#,
        r#"[{"op":"replace","path":"/x","value":1}]"#,
        r#"[{"op":"replace","path":"/a/1","value":1}]"#,
        r#"[{"op":"remove","path":"/x"}]"#,
        r#"[{"op":"remove","path":"/a/-"}]"#,
        r#"[{"op":"move","from":"/x","path":"/a"}]"#,
        r#"[{"op":"move","from":"/b","path":"/b/c"}]"#,
        r#"[{"op":"move","from":"","path":"/a"}]"#,
        r#"[{"op":"copy","from":"/x","path":""}]"#,
        r#"[{"op":"copy","path":"/x"}]"#,
        r#"[{"op":"test","path":"/a","value":[2]}]"#,
        r#"[{"op":"test","path":"/x","value":null}]"#,
        // Some of it fits.
        r#"[{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}]"#,
    ]
    .map(str::to_owned)
    .into();
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for levels in [130, 100_000] {
        patches.push(format!(
            r#"[{{"op":"add","path":"/d","value":{}}}]"#,
            deep(levels)
        ));
    }
    let far = "/0".repeat(50_000);
    patches.push(format!(r#"[{{"op":"add","path":"{far}","value":1}}]"#));
    patches
}

const STATE: &str = r#"[{"op":"replace","path":"","value":{"a":[1],"b":{"c":2}}}]"#;

fn data(patch: &str) -> String {
    format!(r#"{{"type":"DATA","payload":{patch}}}"#)
}

fn next(changes: &Subscription<(Sender, Value)>) -> Json {
    let (_, value) = changes.receiver().recv_timeout(SOON).unwrap();
    serde_json::to_value(value).unwrap()
}

/// A server of 0.5 that sees what clients show.
fn server(limits: Limits) -> (dynamic::Api, SocketAddr) {
    let api = dynamic::Api::builder().codec("juggler:0.5");
    let api = api
        .transport(SERVER)
        .limits(limits)
        .build_dynamic()
        .unwrap();
    api.on("add", |_sender, _args| Value::from(3));
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    (api, addr)
}

#[test]
fn a_client_may_show_anything() {
    let (api, addr) = server(Limits::default());
    let whole = api.remote_property("").subscribe();
    let mut witness = Other::connect(addr);
    witness.say(data(STATE));
    let state = next(&whole);
    for patch in wrong() {
        let mut other = Other::connect(addr);
        other.say(data(STATE));
        assert_eq!(next(&whole), state);
        let shown: String = patch.chars().take(100).collect();
        let _ = other.0.send(Message::text(data(&patch)));
        assert!(matches!(other.next(), Came::Closed(1000)), "{shown}");
    }
    // In 0.5 the whole cannot be removed.
    let mut other = Other::connect(addr);
    other.say(data(r#"[{"op":"remove","path":""}]"#));
    assert!(matches!(other.next(), Came::Closed(1000)));
    witness.say(data(r#"[{"op":"add","path":"/a/-","value":2}]"#));
    assert_eq!(next(&whole), json!({"a": [1, 2], "b": {"c": 2}}));
}

#[test]
fn a_server_may_show_anything() {
    for (codec, header) in [("juggler:0.6", ""), ("juggler:0.7", "0")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let transport = format!("restart:0.01:ws:{}", listener.local_addr().unwrap());
        let client = dynamic::Api::bind(codec, transport.as_str()).unwrap();
        let whole = client.remote_property("").subscribe();
        let starting = std::thread::spawn(move || {
            client.start().unwrap();
            client
        });
        let mut other = Other::accept(&listener);
        let client = starting.join().unwrap();
        let state = |patch: &str| format!(r#"{header}{{"type":"state","diff":{patch}}}"#);
        for patch in wrong() {
            other.say(state(STATE));
            assert_eq!(next(&whole), json!({"a": [1], "b": {"c": 2}}));
            let shown: String = patch.chars().take(100).collect();
            let _ = other.0.send(Message::text(state(&patch)));
            assert!(matches!(other.next(), Came::Closed(1000)), "{shown}");
            // It comes back when this is gone.
            drop(other);
            other = Other::accept(&listener);
        }
        other.say(state(STATE));
        next(&whole);
        other.say(state(r#"[{"op":"remove","path":""}]"#));
        assert_eq!(next(&whole), Json::Null);
        drop(client);
    }
}

#[test]
fn a_state_that_grows_without_end_has_one() {
    let limits = Limits {
        message_size: 200_000,
        ..Limits::default()
    };
    let (api, addr) = server(limits);
    let (gone, ends) = inbox();
    api.on_disconnect(move |_, reason| gone.send(reason.to_string()).unwrap());
    let copies = r#"[{"op":"copy","from":"","path":"/x"}]"#;
    let grows =
        r#"[{"op":"add","path":"/l/-","value":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]"#;
    for (patch, most) in [(copies, 200), (grows, 10_000)] {
        let mut other = Other::connect(addr);
        other.say(data(
            r#"[{"op":"add","path":"","value":{"l":["0123456789"]}}]"#,
        ));
        // It may have closed before it has read all.
        (0..most).find(|_| other.0.send(Message::text(data(patch))).is_err());
        assert!(matches!(other.next(), Came::Closed(1000)));
        let reason = ends.next();
        assert!(
            reason.contains("larger than 200000 bytes") || reason.contains("nested deeper"),
            "{reason}"
        );
    }
    // One that is changed again and again does not grow.
    let whole = api.remote_property("").subscribe();
    let mut other = Other::connect(addr);
    for n in 0..20 {
        let value = json!({"n": n, "x": "x".repeat(50_000)});
        other.say(data(
            &json!([{"op": "add", "path": "", "value": value}]).to_string(),
        ));
        assert_eq!(next(&whole)["n"], n);
        other.say(data(
            r#"[{"op":"copy","from":"/x","path":"/y"},{"op":"remove","path":"/y"}]"#,
        ));
        next(&whole);
    }
}

#[test]
fn who_shows_too_much_goes_before_others_suffer() {
    let limits = Limits {
        buffered_total: 8 << 20,
        ..Limits::default()
    };
    let (api, addr) = server(limits);
    let (gone, ends) = inbox();
    api.on_disconnect(move |_, reason| gone.send(reason.clone()).unwrap());
    let mut witness = Other::connect(addr);
    // Small as text, and large in memory.
    let list = vec![0; 200_000];
    let patch = json!([{"op": "add", "path": "", "value": list}]).to_string();
    let mut hoarders: Vec<_> = (0..4).map(|_| Other::connect(addr)).collect();
    for hoarder in &mut hoarders {
        let _ = hoarder.0.send(Message::text(data(&patch)));
    }
    let reason = ends.next();
    assert!(
        matches!(reason, DisconnectReason::OutOfMemory { .. }),
        "{reason}"
    );
    witness.say(r#"{"type":"MESSAGE","payload":{"type":"rpc","id":1,"direction":"request","action":"add","args":[]}}"#);
    assert!(witness.text().contains('3'));
}

#[test]
fn who_has_much_moved_about_goes() {
    let (api, addr) = server(Limits::default());
    let (gone, ends) = inbox();
    api.on_disconnect(move |_, reason| gone.send(reason.to_string()).unwrap());
    let mut other = Other::connect(addr);
    let large = json!({"a": "x".repeat(4_000_000), "b": [1]});
    other.say(data(
        &json!([{"op": "add", "path": "", "value": large}]).to_string(),
    ));
    let moves = r#"[{"op":"copy","from":"/a","path":"/b/0"},{"op":"remove","path":"/b/0"}]"#;
    (0..1_000).find(|_| other.0.send(Message::text(data(moves))).is_err());
    assert!(matches!(other.next(), Came::Closed(1000)));
    assert!(ends.next().contains("too much moved and copied"));
}
