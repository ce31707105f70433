//! `jrpc:content-length`: the headers of the Language Server Protocol before each message.
//! What all framings have in common is in `matrix`.

use std::net::SocketAddr;

use quickrpc::{DisconnectReason, Error};
use quickrpc_tests::{Inbox, Lab, LabInverse, Served, Telnet, client, inbox, serve, server};
use serde_json::{Value, json};

use crate::settled;

const CODEC: &str = "jrpc:content-length";
const STRICT: &str = "jrpc:content-length?strict=true";

fn framed(text: &str) -> String {
    format!("Content-Length: {}\r\n\r\n{text}", text.len())
}

fn add(id: i64) -> String {
    let params = json!({"a": id, "b": 1});
    json!({"jsonrpc": "2.0", "method": "add", "params": params, "id": id}).to_string()
}

#[track_caller]
fn works(peer: &mut Telnet) {
    peer.send(framed(&add(4711)));
    let answer: Value = serde_json::from_str(&peer.announced()).unwrap();
    assert_eq!(
        (&answer["result"], &answer["id"]),
        (&4712.into(), &4711.into())
    );
}

/// A server, what it says of trouble, and why its peers go.
struct Watched {
    _lab: Lab,
    addr: SocketAddr,
    _served: Served,
    trouble: Inbox<Error>,
    reasons: Inbox<DisconnectReason>,
}

fn watched(codec: &str, options: &str) -> Watched {
    let lab = Lab::bind(codec, format!("tcpserv:127.0.0.1:0{options}")).unwrap();
    let served = serve(&lab);
    let (seen, trouble) = inbox();
    lab.on_error(move |_peer, error, _method| seen.send(error.clone()).unwrap());
    let (gone, reasons) = inbox();
    lab.on_disconnect(move |_peer, reason| gone.send(reason.clone()).unwrap());
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    Watched {
        _lab: lab,
        addr,
        _served: served,
        trouble,
        reasons,
    }
}

#[test]
fn a_message_has_one_header() {
    let (_lab, addr, _served) = server(CODEC);
    let mut peer = Telnet::connect(addr);
    peer.send(framed(&add(1)));
    let answer = r#"{"jsonrpc":"2.0","result":2,"id":1}"#;
    assert_eq!(
        peer.until(b'}'),
        (framed(answer).trim_end_matches('}')).as_bytes()
    );
}

#[test]
fn other_headers_and_line_ends_within_messages_are_fine() {
    let (_lab, addr, _served) = server(CODEC);
    let mut peer = Telnet::connect(addr);
    let call = "{\r\n\"jsonrpc\":\"2.0\",\n\"method\":\"echo\",\"params\":{},\n\n\"id\":1}\n";
    let kind = "Content-Type: application/vscode-jsonrpc; charset=utf-8";
    peer.send(format!(
        "{kind}\r\ncontent-LENGTH:{}\r\n\r\n{call}\r\n\n",
        call.len()
    ));
    let answer: Value = serde_json::from_str(&peer.announced()).unwrap();
    assert_eq!(answer, json!({"jsonrpc": "2.0", "result": "", "id": 1}));
    works(&mut peer);
}

#[test]
fn an_undecodable_message_costs_nothing() {
    let server = watched(CODEC, "");
    let mut peer = Telnet::connect(server.addr);
    for text in ["", "garbage", "{", "[]", "Content-Length: 5\r\n\r\n"] {
        peer.send(framed(text));
        works(&mut peer);
    }
    assert_eq!(server.trouble.take(4).len(), 4);
}

#[test]
fn batches() {
    let (_lab, addr, served) = server(CODEC);
    let mut peer = Telnet::connect(addr);
    peer.send(framed(&format!("[{},{}]", add(1), add(2))));
    let answers: Value = serde_json::from_str(&peer.announced()).unwrap();
    assert_eq!(answers.as_array().map(Vec::len), Some(2), "{answers}");
    // Many at once, in both directions.
    let caller = client(CODEC, addr);
    let hub = caller.all();
    let promises = hub.batch(|hub| (0..1000).map(|n| hub.add(n, n)).collect::<Vec<_>>());
    for (n, promise) in (0..).zip(promises) {
        assert_eq!(settled(promise).unwrap(), 2 * n);
    }
    hub.batch(|hub| (0..100).for_each(|n| hub.notify(&n.to_string()).unwrap()));
    assert_eq!(served.notes.take(100).last().unwrap().1, "99");
}

#[test]
fn what_is_no_header_ends_the_connection_alone() {
    for garbage in [
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "\0",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 1e3\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        &"x".repeat(5000),
    ] {
        let server = watched(CODEC, "");
        let mut bystander = Telnet::connect(server.addr);
        works(&mut bystander);
        let mut peer = Telnet::connect(server.addr);
        works(&mut peer);
        // What came before is handled and answered.
        peer.send(framed(&add(4711)) + garbage);
        assert!(peer.announced().contains("4712"));
        peer.expect_closed();
        let (error, reason) = (server.trouble.next(), server.reasons.next());
        assert!(matches!(error, Error::Decode(_)), "{garbage:?}: {error:?}");
        let DisconnectReason::Garbled(text) = &reason else {
            panic!("{garbage:?}: {reason:?}");
        };
        assert!(error.to_string().contains(&**text), "{error}");
        let shown = reason.to_string();
        let expected = format!("its messages cannot be told apart: {text}");
        assert_eq!(shown, expected);
        works(&mut bystander);
        works(&mut Telnet::connect(server.addr));
    }
}

#[test]
fn a_strict_server_says_why_it_closes() {
    let server = watched(STRICT, "");
    let mut peer = Telnet::connect(server.addr);
    peer.send("{\"jsonrpc\":");
    let answer: Value = serde_json::from_str(&peer.announced()).unwrap();
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&Value::Null, &(-32700).into())
    );
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("expected a header such as `Content-Length: 42`"),
        "{message}"
    );
    peer.expect_closed();
}

#[test]
fn an_announced_message_beyond_the_limit_is_not_waited_for() {
    let server = watched(CODEC, "?message_size=100");
    let mut bystander = Telnet::connect(server.addr);
    let mut peer = Telnet::connect(server.addr);
    let fits = add(1) + &" ".repeat(100 - add(1).len());
    peer.send(framed(&fits));
    peer.announced();
    for announced in ["101", "99999999999999999999999999999999"] {
        let mut peer = Telnet::connect(server.addr);
        peer.send(format!("Content-Length: {announced}\r\n\r\n"));
        peer.expect_closed();
        let reason = server.reasons.next();
        let is_right = matches!(reason, DisconnectReason::MessageTooLarge { limit: 100 });
        assert!(is_right, "{reason:?}");
    }
    works(&mut bystander);
}

#[test]
fn input_that_ends_within_a_message() {
    for half in ["Content-Le", "Content-Length: 5\r\n\r\n{}"] {
        let server = watched(CODEC, "");
        let mut peer = Telnet::connect(server.addr);
        works(&mut peer);
        peer.send(half);
        peer.close_write();
        peer.expect_closed();
        let text = "the input ended within a message; every message has as many bytes as its \
                    header says";
        let error = server.trouble.next().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn there_is_nothing_to_keep_a_connection_alive() {
    let error = Lab::bind(CODEC, "tcpserv:127.0.0.1:0?keepalive=10").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("the codec `jrpc:content-length` has nothing harmless"),
        "{text}"
    );
}

#[test]
fn a_security_header_is_a_message_of_its_own() {
    let lab = Lab::builder()
        .bind_secured(
            CODEC,
            "blindly_believe_everything:server",
            "tcpserv:127.0.0.1:0",
        )
        .build()
        .unwrap();
    let (seen, users) = inbox();
    lab.echo.connect(move |sender, text| {
        seen.send(sender.secinfo().get("user").cloned()).unwrap();
        text.to_owned()
    });
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let header = r#"{"jsonrpc":"2.0","method":"rpc.secinfo","params":{"user":"john"}}"#;
    let call = r#"{"jsonrpc":"2.0","method":"echo","params":{"text":"x"},"id":1}"#;
    let mut peer = Telnet::connect(addr);
    peer.send(framed(header) + &framed(call));
    assert_eq!(users.next().as_deref(), Some("john"));
    assert!(peer.announced().contains("rpc.secinfo"));
    assert!(peer.announced().contains(r#""result":"x""#));
    let caller = LabInverse::builder()
        .bind_secured(
            CODEC,
            "blindly_believe_everything:mary",
            format!("tcp:{addr}"),
        )
        .build()
        .unwrap();
    caller.start().unwrap();
    assert_eq!(settled(caller.all().echo("y")).unwrap(), "y");
    assert_eq!(users.next().as_deref(), Some("mary"));
}
