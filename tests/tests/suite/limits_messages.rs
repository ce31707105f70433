//! The limits of messages and of pending calls: at the limit all is well, one beyond it is
//! refused. Each is set in both ways, by `Limits` and by an option of the transport.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use quickrpc::{CallError, DisconnectReason, Error, Limits, Processing, Promise, Resolver};
use quickrpc_tests::{Inbox, Lab, LabInverse, Served, Telnet, bounded, inbox, serve, server};
use serde_json::json;

use crate::{call_error, settled};

/// A server with a limit, set in both ways.
fn servers(codec: &str, limits: &Limits, option: &str) -> [(Lab, SocketAddr, Served); 2] {
    let plain = Limits::default();
    [(limits, ""), (&plain, option)].map(|(limits, option)| {
        let lab = Lab::builder()
            .codec(codec)
            .transport(format!("tcpserv:127.0.0.1:0{option}"))
            .limits(limits.clone())
            .build()
            .unwrap();
        let served = serve(&lab);
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        (lab, addr, served)
    })
}

/// A client with a limit, set in both ways.
fn clients(codec: &str, transport: &str, limits: &Limits, option: &str) -> [LabInverse; 2] {
    let plain = Limits::default();
    [(limits, ""), (&plain, option)].map(|(limits, option)| {
        let caller = LabInverse::builder()
            .codec(codec)
            .transport(format!("{transport}{option}"))
            .limits(limits.clone())
            .build()
            .unwrap();
        caller.start().unwrap();
        caller
    })
}

/// A line that is so long, without its end: a call of `echo`.
fn line(length: usize) -> String {
    let frame = "echo[1] text:\"\"".len();
    format!("echo[1] text:\"{}\"", "x".repeat(length - frame))
}

const SIZE: usize = 1_000;

fn small_messages() -> Limits {
    Limits {
        message_size: SIZE,
        ..Limits::default()
    }
}

#[test]
fn the_size_of_a_message_out() {
    let lab = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    let (seen, notes) = inbox();
    lab.notify
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    lab.add.connect(|_sender, a, b| a + b);
    lab.start().unwrap();
    let to = format!("tcp:{}", lab.local_addrs()[0]);
    for caller in clients("terse", &to, &small_messages(), "?message_size=1000") {
        let hub = caller.all();
        let frame = "notify text:\"\"".len();
        hub.notify(&"x".repeat(SIZE - frame)).unwrap();
        let too_long = "x".repeat(SIZE - frame + 1);
        let error = hub.notify(&too_long).unwrap_err();
        let is_right =
            matches!(error, Error::MessageTooLarge { size, limit } if size > SIZE && limit == SIZE);
        assert!(is_right, "{error:?}");
        let result = settled(hub.echo(&too_long));
        assert!(matches!(result, Err(Error::MessageTooLarge { .. })));
        // Nothing of it was written: the next message stands alone.
        hub.notify("next").unwrap();
        assert_eq!(notes.next().len(), SIZE - frame);
        assert_eq!(notes.next(), "next");
        assert_eq!(settled(hub.add(2, 3)).unwrap(), 5);
    }
}

#[test]
fn the_size_of_an_answer() {
    for (lab, addr, _served) in servers("terse", &small_messages(), "?message_size=1000") {
        lab.blob.connect(|_sender, _data| None::<Vec<u8>>);
        let caller = LabInverse::bind("terse", format!("tcp:{addr}")).unwrap();
        caller.start().unwrap();
        lab.nested
            .connect(|_sender, _value| Some(quickrpc::Value::from("x".repeat(SIZE))));
        let error = call_error(settled(caller.all().nested(quickrpc::Value::Null)));
        assert_eq!(error.code, CallError::INTERNAL_ERROR);
        assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
    }
}

#[test]
fn the_size_of_a_message_in() {
    for (lab, addr, _served) in servers("terse", &small_messages(), "?message_size=1000") {
        let (seen, reasons) = inbox();
        lab.on_disconnect(move |_peer, reason| seen.send(reason.clone()).unwrap());
        let mut bystander = Telnet::connect(addr);
        let oversized = [line(SIZE + 1) + "\n", line(SIZE + 1)];
        for bytes in oversized {
            let mut peer = Telnet::connect(addr);
            peer.send(line(SIZE) + "\n");
            assert_eq!(
                peer.line().len(),
                SIZE - "echo[1] text:".len() + "[1]:".len()
            );
            // Whole or not, and with its last byte alone.
            peer.send(line(SIZE));
            peer.send("\n");
            peer.line();
            peer.try_send(&bytes);
            peer.expect_closed();
            let reason = reasons.next();
            let is_right = matches!(reason, DisconnectReason::MessageTooLarge { limit: SIZE });
            assert!(is_right, "{reason:?}");
        }
        bystander.send(line(20) + "\n");
        bystander.line();
    }
}

#[test]
fn the_beginning_of_a_delimiter_does_not_count() {
    let codec = "jrpc:<END>";
    for (_lab, addr, _served) in servers(codec, &small_messages(), "?message_size=1000") {
        let mut peer = Telnet::connect(addr);
        let call = |length: usize| {
            let call = |text: &str| {
                let params = json!({"text": text});
                json!({"jsonrpc": "2.0", "method": "echo", "params": params, "id": 1}).to_string()
            };
            call(&"x".repeat(length - call("").len()))
        };
        peer.send(call(SIZE) + "<EN");
        // Each byte comes alone, and a bystander shows that the last ones were looked at.
        let mut bystander = Telnet::connect(addr);
        bystander.send(call(100) + "<END>");
        bystander.until(b'>');
        peer.send("D>");
        peer.until(b'>');
        peer.try_send(call(SIZE + 1) + "<END>");
        peer.expect_closed();
    }
}

/// The deepest list that a server takes as an argument.
fn deepest(addr: SocketAddr, call: impl Fn(&str) -> String, refused: &str) -> usize {
    let mut peer = Telnet::connect(addr);
    let end = if call("").ends_with('\0') { 0 } else { b'\n' };
    let accepted = (1..40).take_while(|depth| {
        let value = format!("{}{}", "[".repeat(*depth), "]".repeat(*depth));
        peer.send(call(&value));
        // Refused as a message, without an answer, or as an argument, with an error.
        peer.send(call("0"));
        let answer = String::from_utf8(peer.until(end)).unwrap();
        if answer.contains(refused) {
            peer.until(end);
        }
        let accepted = answer.contains(&value);
        if accepted {
            peer.until(end);
        }
        accepted
    });
    accepted.count()
}

#[test]
fn the_depth_of_nesting() {
    let jrpc = |value: &str| {
        let begin = r#"{"jsonrpc":"2.0","method":"nested","id":1,"params":{"value":"#;
        format!("{begin}{value}}}}}\0")
    };
    let terse = |value: &str| format!("nested[1] value:{value}\n");
    for depth in [10, 11] {
        let limits = Limits {
            nesting_depth: depth,
            ..Limits::default()
        };
        let option = format!("?nesting_depth={depth}");
        for (_lab, addr, _served) in servers("terse", &limits, &option) {
            assert_eq!(deepest(addr, terse, "!"), depth);
        }
        for (_lab, addr, _served) in servers("jrpc", &limits, &option) {
            // The arguments together are a map themselves.
            assert_eq!(deepest(addr, jrpc, "error"), depth - 1);
        }
    }
}

#[test]
fn the_entries_of_a_batch() {
    let limits = Limits {
        batch_entries: 3,
        ..Limits::default()
    };
    for (_lab, addr, _served) in servers("jrpc?strict=true", &limits, "?batch_entries=3") {
        let mut peer = Telnet::connect(addr);
        let call = json!({"jsonrpc": "2.0", "method": "add", "params": {"a": 1, "b": 2}, "id": 1});
        peer.send(json!(vec![call.clone(); 3]).to_string() + "\0");
        assert_eq!(peer.json().as_array().unwrap().len(), 3);
        peer.send(json!(vec![call.clone(); 4]).to_string() + "\0");
        assert_eq!(peer.json()["error"]["code"], CallError::INVALID_REQUEST);
        peer.send(call.to_string() + "\0");
        assert_eq!(peer.json()["result"], 3);
    }
}

#[test]
fn the_length_of_an_id() {
    let limits = Limits {
        id_size: 8,
        ..Limits::default()
    };
    for (_lab, addr, _served) in servers("jrpc?strict=true", &limits, "?id_size=8") {
        let mut peer = Telnet::connect(addr);
        let call = |id: &str| {
            let begin = r#"{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2},"id":"#;
            format!("{begin}{id}}}\0")
        };
        for (fits, too_long) in [("\"12345678\"", "\"123456789\""), ("12345678", "123456789")] {
            peer.send(call(fits));
            let answer = String::from_utf8(peer.until(0)).unwrap();
            assert!(answer.contains(&format!("\"id\":{fits}")), "{answer}");
            peer.send(call(too_long));
            assert_eq!(peer.json()["error"]["code"], CallError::INVALID_REQUEST);
        }
    }
    for (_lab, addr, _served) in servers("terse?answers=off", &limits, "?id_size=8") {
        let mut peer = Telnet::connect(addr);
        peer.send("add[123456789] a:1 b:2\nadd[12345678] a:1 b:2\n");
        assert_eq!(peer.line(), "[12345678]:3");
    }
}

#[test]
fn the_default_length_of_an_id() {
    let (_lab, addr, _served) = server("terse?answers=off");
    let mut peer = Telnet::connect(addr);
    let id = "x".repeat(256);
    let mut lines = format!("add[y{id}] a:1 b:2\n");
    writeln!(lines, "add[{id}] a:1 b:2").unwrap();
    peer.send(lines);
    assert_eq!(peer.line(), format!("[{id}]:3"));
}

/// A server that answers when the test says so.
fn patient_server(processing: Processing) -> (Lab, SocketAddr, Inbox<Resolver<i64>>) {
    let lab = Lab::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(processing)
        .build()
        .unwrap();
    let (owed, resolvers) = inbox();
    lab.add.connect(move |_sender, _a, _b| {
        let (promise, resolver) = Promise::pair();
        owed.send(resolver).unwrap();
        promise
    });
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    (lab, addr, resolvers)
}

#[track_caller]
fn is_too_many(promise: Promise<i64>, reached: usize) {
    let result = settled(promise);
    let is_right = matches!(result, Err(Error::TooManyPending { limit }) if limit == reached);
    assert!(is_right, "{result:?}");
}

#[test]
fn pending_calls_of_an_api() {
    let (_lab, addr, resolvers) = patient_server(Processing::Inline);
    let limits = Limits {
        pending_calls: 3,
        ..Limits::default()
    };
    let twice = format!("mux:(tcp:{addr})(tcp:{addr})");
    for caller in clients("jrpc", &twice, &limits, "?pending_calls=3") {
        let peers = caller.peers();
        let first = caller.to(&peers[0]).add(1, 1);
        let _more = [
            caller.to(&peers[0]).add(1, 1),
            caller.to(&peers[1]).add(1, 1),
        ];
        is_too_many(caller.to(&peers[0]).add(1, 1), 3);
        is_too_many(caller.to(&peers[1]).add(1, 1), 3);
        // Notifications are not pending.
        caller.all().notify("").unwrap();
        // Whichever is answered makes room for one.
        let owed = resolvers.take(3);
        for resolver in owed {
            resolver.set_result(2).unwrap();
        }
        assert_eq!(settled(first).unwrap(), 2);
        let again = caller.to(&peers[1]).add(1, 1);
        resolvers.next().set_result(3).unwrap();
        assert_eq!(settled(again).unwrap(), 3);
    }
}

#[test]
fn pending_calls_of_a_peer() {
    let (_lab, addr, resolvers) = patient_server(Processing::Inline);
    let limits = Limits {
        pending_calls_per_peer: 2,
        ..Limits::default()
    };
    let twice = format!("mux:(tcp:{addr})(tcp:{addr})");
    for caller in clients("jrpc", &twice, &limits, "?pending_calls_per_peer=2") {
        let peers = caller.peers();
        let one = caller.to(&peers[0]);
        let first = one.add(1, 1);
        let to_both = caller.all().add(1, 1);
        is_too_many(one.add(1, 1), 2);
        is_too_many(caller.all().add(1, 1), 2);
        let other = caller.to(&peers[1]).add(1, 1);
        for resolver in resolvers.take(4) {
            resolver.set_result(2).unwrap();
        }
        for promise in [first, to_both, other] {
            assert_eq!(settled(promise).unwrap(), 2);
        }
    }
}

/// As large as the types allow: no limits, and nothing that they are part of runs over.
#[test]
fn no_limits_at_all() {
    let most = Limits {
        message_size: usize::MAX,
        nesting_depth: 1024,
        batch_entries: usize::MAX,
        id_size: usize::MAX,
        pending_calls: usize::MAX,
        pending_calls_per_peer: usize::MAX,
        peer_queue: usize::MAX,
        waiting_messages: usize::MAX,
        waiting_bytes: usize::MAX,
        buffered_total: usize::MAX,
        rate: Some(u32::MAX),
        burst: Some(u32::MAX),
        connections: usize::MAX,
        greeting: Duration::MAX,
        connect: Duration::MAX,
        stall: Duration::MAX,
        subscription: 1 << 20,
        stop: Duration::MAX,
    };
    for (serves, calls) in [("tcpserv", "tcp"), ("wsserv", "ws")] {
        let server = Lab::builder()
            .codec("jrpc:\\n")
            .transport(format!("{serves}:127.0.0.1:0"))
            .limits(most.clone())
            .processing(Processing::Pool(2))
            .build()
            .unwrap();
        let served = serve(&server);
        let notes = server.notify.subscribe();
        server.start().unwrap();
        let addr = server.local_addrs()[0];
        let client = LabInverse::builder()
            .codec("jrpc:\\n")
            .transport(format!("{calls}:{addr}"))
            .limits(most.clone())
            .build()
            .unwrap();
        client.start().unwrap();
        assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
        client.all().notify("x").unwrap();
        assert_eq!(notes.recv_timeout(quickrpc_tests::SOON).unwrap().1, "x");
        if serves == "tcpserv" {
            let mut person = Telnet::connect(addr);
            let add =
                json!({"jsonrpc": "2.0", "method": "add", "params": {"a": 1, "b": 2}, "id": 1});
            person.send(format!("[{add},{add}]\n"));
            let answers: serde_json::Value = serde_json::from_str(&person.line()).unwrap();
            assert_eq!(answers[1]["result"], 3, "{answers}");
        }
        bounded("stop", move || client.stop()).unwrap();
        let api = server.clone();
        bounded("stop", move || api.stop()).unwrap();
        drop(served);
    }
}

#[test]
fn limits_that_make_no_sense_are_refused_in_both_ways() {
    let build = |option: &str, limits: Limits| {
        let built = Lab::builder()
            .codec("jrpc")
            .transport(format!("tcpserv:127.0.0.1:0{option}"))
            .limits(limits)
            .build();
        built.map(|_| ()).unwrap_err()
    };
    for name in [
        "message_size",
        "nesting_depth",
        "batch_entries",
        "id_size",
        "pending_calls",
        "pending_calls_per_peer",
        "peer_queue",
        "waiting_messages",
        "waiting_bytes",
        "buffered_total",
        "rate",
        "burst",
        "connections",
        "greeting",
        "connect",
        "subscription",
        "stop",
    ] {
        let error = build(&format!("?{name}=0"), Limits::default());
        assert!(matches!(error, Error::Expression(_)), "{name}: {error}");
    }
    let error = build("?subscription=1048577", Limits::default()).to_string();
    assert!(error.contains("from 1 to 1048576"), "{error}");
    for (limits, name) in [
        (
            Limits {
                message_size: 0,
                ..Limits::default()
            },
            "message_size: ",
        ),
        (
            Limits {
                stop: Duration::ZERO,
                ..Limits::default()
            },
            "stop: ",
        ),
        (
            Limits {
                subscription: usize::MAX,
                ..Limits::default()
            },
            "subscription: ",
        ),
    ] {
        let error = build("", limits);
        assert!(matches!(error, Error::Config(_)), "{name}: {error}");
        assert!(error.to_string().starts_with(name), "{error}");
    }
}
