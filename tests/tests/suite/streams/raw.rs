//! What streams are on the wire, and peers that know nothing of them or mean no good.

use std::net::TcpListener;
use std::time::Duration;

use quickrpc::{Error, Processing, Stream};
use quickrpc_tests::{Telnet, inbox};

use super::{Hub, HubInverse, client, server};

#[test]
fn people_see_items_as_lines() {
    let (_hub, addr, fed) = server("terse", Processing::Inline);
    let mut person = Telnet::connect(addr);
    person.send("lines[7] count:2\n");
    assert_eq!(person.line(), r#"rpc.item id:7 value:"line 0""#);
    assert_eq!(person.line(), r#"rpc.item id:7 value:"line 1""#);
    assert_eq!(person.line(), "[7]:null");

    // Credit, for who wants to go slowly.
    person.send("fed[8] name:\"x\"\nrpc.more id:8 items:1\nadd[9] a:1 b:2\n");
    assert_eq!(person.line(), "[9]:3");
    let (_, items) = fed.next();
    for number in 0..3 {
        items.send(number).unwrap();
    }
    items.finish("end".into()).unwrap();
    assert_eq!(person.line(), "rpc.item id:8 value:0");
    person.send("add[10] a:1 b:2\n");
    assert_eq!(person.line(), "[10]:3", "the others wait");
    person.send("rpc.more id:8 items:5\n");
    assert_eq!(person.line(), "rpc.item id:8 value:1");
    assert_eq!(person.line(), "rpc.item id:8 value:2");
    assert_eq!(person.line(), r#"[8]:"end""#);
}

#[test]
fn programs_of_others_see_notifications() {
    let (hub, addr, _fed) = server("jrpc:\n", Processing::Queue);
    let (told, trouble) = inbox();
    hub.on_error(move |_, error, _| told.send(error.to_string()).unwrap());
    let mut program = Telnet::connect(addr);
    program.send(concat!(
        r#"{"jsonrpc":"2.0","method":"lines","params":{"count":1},"id":"a\u0062"}"#,
        "\n"
    ));
    let item: serde_json::Value = serde_json::from_str(&program.line()).unwrap();
    assert_eq!(
        item,
        serde_json::json!({
            "jsonrpc": "2.0", "method": "rpc.item", "params": {"id": "ab", "value": "line 0"},
        })
    );
    let answer: serde_json::Value = serde_json::from_str(&program.line()).unwrap();
    assert_eq!(answer["result"], serde_json::Value::Null);
    assert_eq!(answer["id"], "ab");
    // As a notification it comes to nothing, and is no trouble.
    program.send("{\"jsonrpc\":\"2.0\",\"method\":\"lines\",\"params\":{\"count\":1}}\n");
    program
        .send("{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}\n");
    assert!(program.line().contains("\"result\":3"));
    assert!(trouble.so_far().is_empty(), "{:?}", trouble.so_far());
}

/// A server made by hand.
fn by_hand() -> (HubInverse, Telnet) {
    by_hand_with("terse")
}

fn by_hand_with(codec: &str) -> (HubInverse, Telnet) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = HubInverse::bind(codec, format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    let (stream, _) = listener.accept().unwrap();
    (client, Telnet::over(stream))
}

#[test]
fn a_server_by_hand() {
    let (client, mut server) = by_hand();
    let mut stream = client.all().calibrate(1);
    assert_eq!(server.line(), "calibrate[1] channel:1");
    let more = server.line();
    let credit = more.strip_prefix("rpc.more id:1 items:").expect("credit");
    assert!(credit.parse::<u64>().unwrap() > 0);
    server.send("rpc.item id:1 value:5\nrpc.item id:99 value:5\nrpc.item value:5\n[1]:\"fine\"\n");
    assert_eq!(stream.next().unwrap().unwrap(), 5);
    assert!(stream.next().is_none());
    assert_eq!(stream.result().unwrap(), "fine");
}

#[test]
fn items_of_another_type_end_it() {
    let (client, mut server) = by_hand();
    let mut stream = client.all().calibrate(1);
    server.line();
    server.send("rpc.item id:1 value:5\nrpc.item id:1 value:\"six\"\n");
    assert_eq!(stream.next().unwrap().unwrap(), 5);
    let error = stream.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::BadResult { .. }), "{error}");
    assert!(
        error.to_string().contains("an item of its stream"),
        "{error}"
    );
    assert!(stream.next().is_none());
    // Items of a call that has none.
    let sum = client.all().add(1, 2);
    loop {
        if server.line().starts_with("add[") {
            break;
        }
    }
    server.send("rpc.item id:2 value:5\n[2]:3\n");
    assert_eq!(sum.result().unwrap(), 3);
}

/// Where a long item belongs to is known before it is read.
#[test]
fn long_items_are_read_to_their_end() {
    let text = "x".repeat(5000);
    let terse = |id: u32| {
        [
            format!("rpc.item id:{id} value:\"{text}\" id:{id}\n"),
            format!("rpc.item id:{id} value:7 text:\"{text}\"\n"),
            format!("rpc.item id:{id} text:\"{text}\"\n"),
            format!("rpc.item id:{id} value:[\"{text}\"]\n"),
        ]
    };
    let jrpc = |id: u32| {
        let item = |params: String| {
            format!("{{\"jsonrpc\":\"2.0\",\"method\":\"rpc.item\",\"params\":{params}}}\n")
        };
        [
            item(format!("{{\"id\":{id},\"value\":\"{text}\",\"id\":{id}}}")),
            item(format!("{{\"id\":{id},\"text\":\"{text}\"}}")),
            item(format!("[{id},\"{text}\",1]")),
            item(format!("{{\"id\":{id},\"value\":{{\"{text}\":1}}}}")),
        ]
    };
    for damage in 0..4 {
        for (codec, damaged) in [
            ("terse", &terse as &dyn Fn(u32) -> [String; 4]),
            ("jrpc:\n", &jrpc),
        ] {
            let (client, mut server) = by_hand_with(codec);
            let mut stream = client.all().lines(1);
            server.line();
            // Of no stream, and of this one.
            server.send(&damaged(9)[damage]);
            server.send(&damaged(1)[damage]);
            let error = stream.next().unwrap().unwrap_err();
            let expected = matches!(error, Error::BadResult { .. });
            assert!(expected, "{codec} {damage}: {error:?}");
            assert!(stream.next().is_none(), "{codec} {damage}");
            let sum = client.all().add(1, 2);
            loop {
                if server.line().contains("add") {
                    break;
                }
            }
            server.send(match codec {
                "terse" => "[2]:3\n",
                _ => "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":3}\n",
            });
            assert_eq!(sum.result().unwrap(), 3, "{codec} {damage}");
        }
    }
}

#[test]
fn who_sends_without_credit_is_bounded() {
    let (client, mut server) = by_hand();
    let mut stream = client.all().lines(1);
    server.line();
    let line = format!("rpc.item id:1 value:\"{}\"\n", "x".repeat(100_000));
    // Until it does not want any more.
    let mut refused = false;
    for _ in 0..200 {
        server.send(&line);
    }
    for item in &mut stream {
        if let Err(error @ Error::BadResult { .. }) = item {
            let text = error.to_string();
            assert!(
                text.contains("127.0.0.1") && text.contains("sends more items"),
                "{text}"
            );
            refused = true;
        }
    }
    assert!(refused);
}

#[test]
fn a_silent_server_is_too_late() {
    let (client, mut server) = by_hand();
    let handle = client.all().timeout(Duration::from_secs(2));
    let mut stream = handle.lines(1);
    server.line();
    for number in 0..4 {
        std::thread::sleep(Duration::from_millis(700));
        server.send(format!("rpc.item id:1 value:\"{number}\"\n"));
    }
    // Each item gives it the whole time again.
    assert_eq!(stream.by_ref().filter(Result::is_ok).count(), 4);
    let error = stream.result().unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[test]
fn the_end_of_a_peer_ends_it() {
    let (client, mut server) = by_hand();
    let mut stream = client.all().lines(1);
    server.line();
    server.send("rpc.item id:1 value:\"a\"\n");
    assert_eq!(stream.next().unwrap().unwrap(), "a");
    drop(server);
    let error = stream.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    assert!(stream.next().is_none());

    // And the other way.
    let (hub, addr, fed) = server_and(|hub| hub);
    let one = super::client("jrpc", addr);
    let stream = one.all().fed("x");
    let (_, items) = fed.next();
    let (told, cancelled) = inbox();
    items.on_cancel(move || told.send(()).unwrap());
    one.stop().unwrap();
    cancelled.next();
    assert!(items.is_cancelled());
    assert!(items.send(1).is_err());
    assert!(stream.result().is_err());
    // The server's own end.
    let two = client_of(addr);
    let stream = two.all().fed("y");
    let (_, items) = fed.next();
    hub.stop().unwrap();
    assert!(items.is_cancelled());
    assert!(stream.result().is_err());
}

fn server_and(with: impl FnOnce(Hub) -> Hub) -> (Hub, std::net::SocketAddr, super::Fed) {
    let (hub, addr, fed) = server("jrpc", Processing::Inline);
    (with(hub), addr, fed)
}

fn client_of(addr: std::net::SocketAddr) -> HubInverse {
    client("jrpc", addr)
}

#[test]
fn in_a_handler_nobody_waits_for_it() {
    let (hub, addr, _fed) = server("jrpc", Processing::Inline);
    let (told, ends) = inbox();
    let hub = std::sync::Arc::new(hub);
    let asking = hub.all();
    hub.ask.connect(move |sender| {
        let mut ticks = asking.to(sender).ticks(3);
        told.send(ticks.next().unwrap().unwrap_err()).unwrap();
        let end = asking.to(sender).ticks(3).each(drop);
        told.send(end.result().unwrap_err()).unwrap();
    });
    let client = client_of(addr);
    client.ticks.connect(|_, to| Stream::iter(0..to));
    client.all().ask().result().unwrap();
    for _ in 0..2 {
        assert!(matches!(ends.next(), Error::Deadlock(_)));
    }
}
