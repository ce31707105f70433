//! Peers that say what no honest peer says, in both roles. Whatever they say: they are answered or
//! closed, and nobody else suffers.

use quickrpc::Limits;
use quickrpc_tests::eventually;

use super::*;

/// What may stand in the place of anything.
fn others() -> Vec<String> {
    let mut values: Vec<String> = [
        "null",
        "true",
        "5",
        "-1.5e308",
        "1e999",
        "NaN",
        "\"\"",
        "\"x\"",
        "\"\\ud800\"",
        "[]",
        "[1]",
        "{}",
        "{\"a\":{}}",
    ]
    .map(str::to_owned)
    .into();
    values.push(format!("\"{}\"", "x".repeat(40_000)));
    values.push(format!("{}{}", "[".repeat(100), "]".repeat(100)));
    values.push(format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)));
    values
}

type Members = Vec<(String, Node)>;

/// A part of a packet, which may be written in ways that no honest peer has.
#[derive(Clone)]
enum Node {
    Text(String),
    Object(Members),
}

impl Node {
    fn of(value: &Value) -> Node {
        match value.as_object() {
            Some(members) => {
                let member = |(key, value): (&String, &Value)| (key.clone(), Node::of(value));
                Node::Object(members.iter().map(member).collect())
            }
            None => Node::Text(value.to_string()),
        }
    }

    fn text(&self) -> String {
        match self {
            Node::Text(text) => text.clone(),
            Node::Object(members) => {
                let member = |(key, node): &(String, Node)| format!("\"{key}\":{}", node.text());
                format!(
                    "{{{}}}",
                    members.iter().map(member).collect::<Vec<_>>().join(",")
                )
            }
        }
    }

    /// All that one change of one member makes of it.
    fn mutants(&self) -> Vec<String> {
        let Node::Object(members) = self else {
            return Vec::new();
        };
        let mut mutants = Vec::new();
        for (place, (key, node)) in members.iter().enumerate() {
            let mut with = |change: &dyn Fn(&mut Members)| {
                let mut changed = members.clone();
                change(&mut changed);
                mutants.push(Node::Object(changed).text());
            };
            with(&|members| {
                members.remove(place);
            });
            with(&|members| members.push((key.clone(), node.clone())));
            for other in others() {
                with(&|members| members[place].1 = Node::Text(other.clone()));
                with(&|members| members.push((key.clone(), Node::Text(other.clone()))));
            }
            for inner in node.mutants() {
                with(&|members| members[place].1 = Node::Text(inner.clone()));
            }
        }
        mutants
    }
}

fn mutants(packet: &Value) -> Vec<String> {
    let mut mutants = Node::of(packet).mutants();
    mutants.extend(others());
    let whole = packet.to_string();
    mutants.extend([
        whole[..whole.len() / 2].to_owned(),
        format!("{whole} {whole}"),
    ]);
    mutants
}

/// Somebody who has nothing to do with it, and does not suffer from it.
struct Witness<'a> {
    server: &'a Bot,
    raw: Raw,
}

impl Witness<'_> {
    #[track_caller]
    fn is_well(&mut self) {
        self.raw.is_served();
        let asked = self.server.to("witness").ask_ping();
        let packet = self.raw.packet();
        assert_eq!(packet["data"]["data"]["route"], "ping", "{packet}");
        let answer = response(
            &packet["packet_id"],
            "SUCCESS_RESPONSE",
            json!("well"),
            "witness",
        );
        self.raw.say(answer);
        assert_eq!(settled(asked).unwrap(), "well");
    }
}

#[test]
fn a_stranger_may_say_anything() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let mut witness = Witness {
        server: &server,
        raw: Raw::identified(addr, "witness"),
    };
    let mut let_in = 0;
    for mutant in mutants(&identify("mallory", "s3cret", None)) {
        let mut raw = Raw::connect(addr);
        raw.text(mutant.clone());
        let shown = &mutant[..mutant.len().min(300)];
        match raw.next() {
            Got::Packet(packet) => {
                let_in += 1;
                assert_eq!(packet["data"]["type"], "IDENTIFY", "{shown}");
                raw.is_served();
            }
            Got::Closed(code, text) => {
                assert!(
                    matches!(code, 1002 | 1008 | 4100..=4102),
                    "{code} {text}: {shown}"
                );
            }
            Got::Gone => panic!("no reason: {shown}"),
        }
        // Whatever it was called, it is so no longer.
        raw.0.close(None).ok();
        drop(raw);
        eventually("it is gone", || server.peers().len() == 1);
    }
    assert!(let_in > 20, "{let_in}");
    witness.is_well();
}

#[test]
fn a_client_may_say_anything() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let mut witness = Witness {
        server: &server,
        raw: Raw::identified(addr, "witness"),
    };
    let mut raw = Raw::identified(addr, "mallory");
    let asked = server.to("mallory").timeout(SOON * 3).ask_ping();
    let ours = raw.packet()["packet_id"].clone();
    let answer = json!({"value": [1]});
    let packets = [
        request("CLIENT_REQUEST", "echo", json!({"text": answer}), "7"),
        response(
            &json!("999999"),
            "SUCCESS_RESPONSE",
            answer.clone(),
            "mallory",
        ),
        response(
            &json!("999999"),
            "FAILURE_RESPONSE",
            answer.clone(),
            "mallory",
        ),
        identify("eve", "s3cret", Some("over")),
    ];
    for packet in &packets {
        for mutant in mutants(packet) {
            raw.text(mutant.clone());
            raw.say(request("CLIENT_REQUEST", "ping", json!({}), "still?"));
            let mut answers = 0;
            loop {
                let packet = raw.packet();
                if packet["packet_id"] == "still?" {
                    break;
                }
                answers += 1;
                assert!(answers < 2, "{packet}");
                let text = &packet["data"];
                let failed = text["type"] == "FAILURE_RESPONSE" && text["data"].is_string();
                assert!(failed || text["type"] == "SUCCESS_RESPONSE", "{packet}");
            }
        }
    }
    // What it was asked by the server itself is still open, and answered once.
    assert!(asked.try_result().is_none());
    for text in ["first", "second"] {
        raw.say(response(&ours, "SUCCESS_RESPONSE", json!(text), "mallory"));
    }
    assert_eq!(settled(asked).unwrap(), "first");
    raw.is_served();
    witness.is_well();
    // Nor can it answer for somebody else.
    let asked = server.to("witness").ask_ping();
    let packet = witness.raw.packet();
    raw.say(response(
        &packet["packet_id"],
        "SUCCESS_RESPONSE",
        json!("forged"),
        "witness",
    ));
    raw.is_served();
    assert!(asked.try_result().is_none());
    let answer = response(
        &packet["packet_id"],
        "SUCCESS_RESPONSE",
        json!("mine"),
        "witness",
    );
    witness.raw.say(answer);
    assert_eq!(settled(asked).unwrap(), "mine");
}

/// A message of more than the limit costs whoever sends it its connection, also a stranger, for
/// whom the limit is lower.
#[test]
fn huge_messages_end_only_their_sender() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("?message_size=1M");
    let mut witness = Witness {
        server: &server,
        raw: Raw::identified(addr, "witness"),
    };
    for (mut raw, size) in [
        (Raw::connect(addr), 70_000),
        (Raw::identified(addr, "mallory"), (1 << 20) + 1),
    ] {
        let text = "x".repeat(size);
        // It may be closed before it has said all of it.
        let packet = request("CLIENT_REQUEST", "echo", json!({"text": text}), "7");
        raw.0.send(Message::text(packet.to_string())).ok();
        let got = raw.next();
        assert!(matches!(got, Got::Closed(1009, _)), "{got:?}");
        witness.is_well();
    }
}

#[test]
fn a_thousand_connections_that_never_identify() {
    // Descriptors of both ends, in this process.
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current.is_some_and(|current| current < 4_096) {
            let current = Some(limit.maximum.map_or(4_096, |most| most.min(4_096)));
            setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
        }
    }
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("?greeting=3s");
    let mut witness = Witness {
        server: &server,
        raw: Raw::identified(addr, "witness"),
    };
    let mut strangers: Vec<_> = (0..1_000).map(|_| Raw::connect(addr)).collect();
    for _ in 0..10 {
        witness.is_well();
    }
    assert_eq!(server.peers().len(), 1);
    for stranger in &mut strangers {
        let got = stranger.next();
        let Got::Closed(1011, text) = &got else {
            panic!("{got:?}");
        };
        assert!(text.contains("did not prove who it is"), "{text}");
    }
    witness.is_well();
}

#[test]
fn a_server_may_say_anything() {
    let secrets = Secrets::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let transport = format!("restart:0.001:ws:{addr}?greeting=500ms");
    let client = secrets.client("cog", "", &transport);
    let raw = let_in(&client, &listener);
    drop(raw);
    // Instead of the answer to the identification. It is known, or waits; in the end it comes again.
    let mut let_in = 0;
    let greeting = response(&json!("identify"), "IDENTIFY", Value::Null, "cog");
    let packets = [greeting, request("REQUEST", "ping", json!({}), "7")];
    let mutants_of_greetings: Vec<_> = packets.iter().flat_map(mutants).step_by(3).collect();
    for mutant in mutants_of_greetings {
        let mut raw = Raw::accept(&listener);
        raw.packet();
        raw.text(mutant.clone());
        raw.say(request("REQUEST", "ping", json!({}), "still?"));
        // Nothing is answered before it is known; what no message is ends it.
        raw.say(response(&json!("identify"), "IDENTIFY", Value::Null, "cog"));
        raw.say(request("REQUEST", "ping", json!({}), "last?"));
        loop {
            match raw.next() {
                Got::Packet(packet) if packet["packet_id"] == "last?" => {
                    let_in += 1;
                    break;
                }
                Got::Packet(packet) => assert_eq!(packet["packet_id"], "still?", "{mutant}"),
                Got::Closed(code, text) => {
                    assert!(matches!(code, 1002 | 1008), "{code} {text}");
                    break;
                }
                Got::Gone => panic!("no reason"),
            }
        }
    }
    assert!(let_in > 20, "{let_in}");
    let mut raw = Raw::accept_identified(&listener);
    eventually("it is known", || !client.peers().is_empty());
    let asked = client.all().timeout(SOON * 3).ask_ping();
    let ours = raw.packet()["packet_id"].clone();
    let packets = [
        request("REQUEST", "echo", json!({"text": 1}), "7"),
        response(&json!("999999"), "SUCCESS_RESPONSE", json!([1]), "SERVER"),
        response(&json!("999999"), "FAILURE_RESPONSE", json!([1]), "SERVER"),
        response(&json!("identify"), "IDENTIFY", Value::Null, "cog"),
    ];
    for packet in &packets {
        for mutant in mutants(packet) {
            raw.text(mutant);
            raw.say(request("REQUEST", "ping", json!({}), "still?"));
            let mut answers = 0;
            while raw.packet()["packet_id"] != "still?" {
                answers += 1;
                assert!(answers < 2);
            }
        }
    }
    assert!(asked.try_result().is_none());
    raw.say(response(&ours, "SUCCESS_RESPONSE", json!("pong"), "SERVER"));
    assert_eq!(settled(asked).unwrap(), "pong");
}

/// A server that accepts and never answers is no server.
#[test]
fn a_server_that_never_answers_the_identification() {
    let secrets = Secrets::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = secrets.client("cog", "", &format!("ws:{addr}?greeting=200ms"));
    let starting = thread::spawn(move || refused(client));
    let mut raw = Raw::accept(&listener);
    raw.packet();
    // What means nothing does not keep it waiting.
    for _ in 0..3 {
        raw.text("{}");
    }
    let got = raw.next();
    assert!(matches!(got, Got::Closed(1011, _)), "{got:?}");
    let refused = bounded("the start", move || starting.join().unwrap());
    assert!(
        refused.contains("no greeting by `zonis:cog"),
        "{refused} {got:?}"
    );
}

/// A name that is used in logs and errors is a short text.
#[test]
fn identifiers_are_names() {
    let limits = Limits::default();
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    for (identifier, allowed) in [
        ("", true),
        ("a b", true),
        ("ключ#5", true),
        ("127.0.0.1:80", true),
        ("a\nb", false),
        ("\u{1b}[31m", false),
        (&"x".repeat(limits.id_size), true),
        (&"x".repeat(limits.id_size + 1), false),
    ] {
        let mut raw = Raw::connect(addr);
        raw.say(identify(identifier, "s3cret", None));
        match raw.next() {
            Got::Packet(packet) => {
                assert!(allowed, "{identifier}");
                assert_eq!(packet["data"]["identifier"], identifier);
                let asked = server.to(identifier).ask_ping();
                assert_eq!(raw.packet()["data"]["identifier"], identifier);
                drop(raw);
                assert!(settled(asked).is_err());
            }
            got => {
                assert!(!allowed, "{identifier}: {got:?}");
                assert!(matches!(got, Got::Closed(1008, _)), "{got:?}");
            }
        }
    }
}

#[test]
fn bytes_are_no_texts() {
    let secrets = Secrets::new();
    let (_server, addr) = secrets.server("");
    for identified in [false, true] {
        let mut raw = match identified {
            true => Raw::identified(addr, "cog"),
            false => Raw::connect(addr),
        };
        let packet = identify("other", "s3cret", None).to_string();
        raw.0.send(Message::binary(packet.into_bytes())).unwrap();
        assert!(matches!(raw.next(), Got::Closed(1003, _)));
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = secrets.client("cog", "", &format!("ws:{}", listener.local_addr().unwrap()));
    let starting = thread::spawn(move || {
        client.start().unwrap();
        client
    });
    let mut raw = Raw::accept_identified(&listener);
    let _client = bounded("a start", move || starting.join().unwrap());
    let packet = request("REQUEST", "ping", json!({}), "1").to_string();
    raw.0.send(Message::binary(packet.into_bytes())).unwrap();
    assert!(matches!(raw.next(), Got::Closed(1003, _)));
}
