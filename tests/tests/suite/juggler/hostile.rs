//! Peers that say what no honest peer says, in both roles. Whatever they say: they are answered or
//! closed, and nobody else suffers.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value as Json;
use tungstenite::protocol::frame::coding::CloseCode;

use super::*;

/// What may stand in the place of anything.
fn others() -> Vec<String> {
    let mut values: Vec<String> = [
        "null",
        "true",
        "5",
        "1e999",
        "NaN",
        "\"\"",
        "\"x\"",
        "\"\\ud800\"",
        "[]",
        "{}",
        "{\"type\":\"rpc\"}",
    ]
    .map(str::to_owned)
    .into();
    values.push(format!("\"{}\"", "x".repeat(40_000)));
    values.push(format!("{}{}", "[".repeat(100), "]".repeat(100)));
    values.push(format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)));
    values
}

/// All that one change of one member makes of a message.
fn mutants(message: &Json) -> Vec<String> {
    let Some(members) = message.as_object() else {
        return Vec::new();
    };
    let write = |members: &[(String, String)]| {
        let member = |(key, value): &(String, String)| format!("{key:?}:{value}");
        format!(
            "{{{}}}",
            members.iter().map(member).collect::<Vec<_>>().join(",")
        )
    };
    let whole: Vec<_> = members
        .iter()
        .map(|(key, value)| (key.clone(), value.to_string()))
        .collect();
    let mut mutants = Vec::new();
    for place in 0..whole.len() {
        let mut with = |value: Option<String>| {
            let mut changed = whole.clone();
            match value {
                Some(value) => {
                    changed[place].1 = value.clone();
                    mutants.push(write(&changed));
                    if value == "\"x\"" {
                        // And twice, of which the last one counts.
                        let mut twice = whole.clone();
                        twice.push((whole[place].0.clone(), value));
                        mutants.push(write(&twice));
                    }
                }
                None => {
                    changed.remove(place);
                    mutants.push(write(&changed));
                }
            }
        };
        with(None);
        others().into_iter().for_each(|other| with(Some(other)));
        self::mutants(&message[&whole[place].0])
            .into_iter()
            .for_each(|inner| with(Some(inner)));
    }
    mutants
}

/// What is no message of a generation at all.
fn garbage(header: &str) -> Vec<String> {
    let texts = [
        "",
        "x",
        "5",
        "[]",
        "{",
        "{}",
        "{} {}",
        "\u{feff}{}",
        "\0",
        "99{}",
        "ä",
    ];
    let mut all: Vec<String> = texts.map(|text| format!("{header}{text}")).into();
    all.extend(texts.map(str::to_owned));
    all
}

pub(super) enum Came {
    Text(String),
    Closed(u16),
}

impl Other {
    pub(super) fn next(&mut self) -> Came {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Came::Text(text.as_str().to_owned()),
                Ok(Message::Close(frame)) => {
                    let code = frame.map_or(CloseCode::Status, |frame| frame.code);
                    return Came::Closed(code.into());
                }
                Ok(_) => {}
                Err(error) => panic!("gone without a reason: {error}"),
            }
        }
    }
}

/// What is asked of a server, and how to see that it still answers.
fn requests(codec: &str) -> (&'static str, Json, Vec<Json>) {
    let rpc = |id: Json, action: &str, args: Json| {
        json!({"type": "MESSAGE", "payload": {
            "type": "rpc", "id": id, "direction": "request", "action": action, "args": args}})
    };
    let request = |id: Json, name: &str, data: Json| json!({"type": "request", "id": id, "name": name, "data": data});
    let add = json!({"a": 1, "b": 2});
    match codec {
        "juggler:0.5" => (
            "",
            rpc(json!("still?"), "add", json!([1, 2])),
            vec![
                rpc(json!(1), "nested", json!([{"a": 1}])),
                json!({"type": "MESSAGE", "payload": {
                    "type": "rpc", "id": 1, "direction": "response", "success": true, "result": 1}}),
                json!({"type": "MESSAGE", "payload": {"type": "notify", "name": "x", "data": [1]}}),
                json!({"type": "DATA", "payload": [{"op": "replace", "path": "", "value": 1}]}),
                json!({"type": "PING", "payload": {}}),
            ],
        ),
        _ => (
            if codec == "juggler:0.6" { "" } else { "0" },
            request(json!("still?"), "add", add),
            vec![
                request(json!(1), "nested", json!({"value": {"a": 1}})),
                request(json!([1]), "", json!([1])),
            ],
        ),
    }
}

#[test]
fn a_client_may_say_anything() {
    for codec in ["juggler:0.5", "juggler:0.6", "juggler:0.7", "juggler"] {
        let (_api, addr) = cabin_or_more(codec);
        let (header, still, messages) = requests(codec);
        let still = format!("{header}{still}");
        let mut witness = Other::connect(addr);
        let mut is_well = || {
            witness.say(&still);
            let answer = witness.text();
            assert!(
                answer.contains("still?") && answer.contains('3'),
                "{answer}"
            );
        };
        let mut all = garbage(header);
        for message in &messages {
            all.extend(
                mutants(message)
                    .into_iter()
                    .map(|text| format!("{header}{text}")),
            );
        }
        let (mut served, mut closed) = (0, 0);
        let mut other = None;
        for mutant in all {
            let socket = other.get_or_insert_with(|| Other::connect(addr));
            let shown: String = mutant.chars().take(300).collect();
            // It may have closed before it has read all.
            let _ = socket.0.send(Message::text(mutant));
            let _ = socket.0.send(Message::text(still.clone()));
            let mut answers = 0;
            loop {
                match socket.next() {
                    Came::Text(text) if text.contains("\"still?\"") => {
                        served += 1;
                        break;
                    }
                    Came::Text(_) => answers += 1,
                    Came::Closed(code) => {
                        assert_eq!(code, 1000, "{codec}: {shown}");
                        closed += 1;
                        other = None;
                        break;
                    }
                }
                assert!(answers < 2, "{codec}: {shown}");
            }
        }
        assert!(served > 20 && closed > 20, "{codec}: {served} {closed}");
        is_well();
    }
}

/// A server with the calls of `Cabin`, whatever the generation.
fn cabin_or_more(codec: &str) -> (dynamic::Api, SocketAddr) {
    let api = dynamic::Api::bind(codec, SERVER).unwrap();
    api.on("nested", |_sender, args| args);
    api.on("add", |_sender, _args| Value::from(3));
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    (api, addr)
}

#[test]
fn a_server_may_say_anything() {
    for (codec, header) in [("juggler:0.6", ""), ("juggler:0.7", "0")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let transport = format!("restart:0.01:ws:{}", listener.local_addr().unwrap());
        let client = dynamic::Api::bind(codec, transport.as_str()).unwrap();
        let (came, comers) = inbox();
        client.on_connect(move |peer| came.send(peer.clone()).unwrap());
        client.on("told", |_sender, _args| ());
        let starting = std::thread::spawn(move || {
            client.start().unwrap();
            client
        });
        let mut other = Some(Other::accept(&listener));
        comers.next();
        let client = starting.join().unwrap();
        let messages = [
            json!({"type": "response", "id": 999_999, "data": {"a": 1}, "success": true}),
            json!({"type": "response", "id": 999_999, "data": {"a": 1}, "success": false}),
            json!({"type": "notify", "name": "told", "data": {"a": 1}}),
            json!({"type": "state", "diff": [{"op": "replace", "path": "", "value": {"a": 1}}]}),
        ];
        let mut all = garbage(header);
        for message in &messages {
            all.extend(
                mutants(message)
                    .into_iter()
                    .map(|text| format!("{header}{text}")),
            );
        }
        let (mut served, mut closed) = (0, 0);
        for mutant in all {
            let socket = other.get_or_insert_with(|| {
                let socket = Other::accept(&listener);
                comers.next();
                socket
            });
            let call = client.call("who", ());
            let request = socket.text();
            let request: Json = serde_json::from_str(&request[header.len()..]).unwrap();
            let id = &request["id"];
            let shown: String = mutant.chars().take(300).collect();
            let _ = socket.0.send(Message::text(mutant));
            let answer =
                format!(r#"{header}{{"type":"response","id":{id},"data":"well","success":true}}"#);
            let _ = socket.0.send(Message::text(answer));
            match settled(call) {
                Ok(answer) => {
                    assert_eq!(answer, Value::from("well"), "{shown}");
                    served += 1;
                }
                Err(Error::Disconnected { .. }) => {
                    match socket.next() {
                        Came::Closed(code) => assert_eq!(code, 1000, "{shown}"),
                        Came::Text(text) => panic!("{text}: {shown}"),
                    }
                    closed += 1;
                    other = None;
                }
                Err(error) => panic!("{error}: {shown}"),
            }
        }
        assert!(served > 20 && closed > 20, "{served} {closed}");
    }
}

#[test]
fn bytes_are_no_texts() {
    for codec in ["juggler:0.5", "juggler:0.6", "juggler:0.7", "juggler"] {
        let (_api, addr) = cabin_or_more(codec);
        let (header, still, _) = requests(codec);
        let still = format!("{header}{still}").into_bytes();
        let mut other = Other::connect(addr);
        other.0.send(Message::binary(still)).unwrap();
        assert!(matches!(other.next(), Came::Closed(1000)), "{codec}");
    }
}

#[test]
fn an_answer_that_nobody_asked_for_ends_the_fifth() {
    let (api, addr) = cabin_or_more("juggler:0.5");
    let (gone, ends) = inbox();
    api.on_disconnect(move |_, reason| gone.send(reason.to_string()).unwrap());
    let mut other = Other::connect(addr);
    other.say(r#"{"type":"PING"}"#);
    assert_eq!(other.text(), r#"{"type":"PONG","payload":{}}"#);
    other.say(r#"{"type":"PONG","payload":{}}"#);
    assert!(matches!(other.next(), Came::Closed(1000)));
    assert!(ends.next().contains("PING"));
}

#[test]
fn pieces_without_end_are_bounded() {
    let limits = Limits {
        message_size: 100_000,
        ..Limits::default()
    };
    let api = dynamic::Api::builder()
        .codec("juggler:0.7")
        .transport(SERVER);
    let api = api.limits(limits).build_dynamic().unwrap();
    let (gone, ends) = inbox();
    api.on_disconnect(move |_, reason| gone.send(reason.clone()).unwrap());
    api.start().unwrap();
    let mut other = Other::connect(api.local_addrs()[0]);
    for _ in 0..11 {
        let _ = other
            .0
            .send(Message::text(format!("1{}", "x".repeat(10_000))));
    }
    assert!(matches!(other.next(), Came::Closed(1009)));
    let reason = ends.next();
    assert!(
        matches!(reason, DisconnectReason::MessageTooLarge { limit: 100_000 }),
        "{reason}"
    );
}

#[test]
fn who_hoards_pieces_goes_before_others_suffer() {
    let limits = Limits {
        buffered_total: 4 << 20,
        ..Limits::default()
    };
    let api = dynamic::Api::builder()
        .codec("juggler:0.7")
        .transport(SERVER);
    let api = api.limits(limits).build_dynamic().unwrap();
    api.on("add", |_sender, _args| Value::from(3));
    let (gone, ends) = inbox();
    api.on_disconnect(move |_, reason| gone.send(reason.clone()).unwrap());
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let mut witness = Other::connect(addr);
    let mut hoarders: Vec<_> = (0..3).map(|_| Other::connect(addr)).collect();
    let piece = format!("1{}", "x".repeat(1 << 20));
    for _ in 0..2 {
        for hoarder in &mut hoarders {
            let _ = hoarder.0.send(Message::text(piece.clone()));
        }
    }
    let reason = ends.next();
    assert!(
        matches!(reason, DisconnectReason::OutOfMemory { .. }),
        "{reason}"
    );
    witness.say(r#"0{"type":"request","id":1,"name":"add","data":null}"#);
    assert!(witness.text().contains('3'));
}

#[test]
fn who_pings_without_reading_waits_and_nobody_else_does() {
    let (_api, addr) = cabin_or_more("juggler:0.7");
    let stream = TcpStream::connect(addr).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let request = format!("ws://{addr}/ws").into_client_request().unwrap();
    let (mut socket, _) = tungstenite::client(request, stream).unwrap();
    let ping = format!("2{}", "x".repeat(60_000));
    // Until nobody takes more, or it is thrown out for that.
    let sent = (0..10_000).find(|_| socket.send(Message::text(ping.clone())).is_err());
    assert!(sent.is_some(), "600 MB of pongs are kept by nobody");
    let mut witness = Other::connect(addr);
    witness.say(r#"0{"type":"request","id":1,"name":"add","data":null}"#);
    assert!(witness.text().contains('3'));
}

#[test]
fn who_says_nothing_of_any_generation_goes_in_time() {
    let limits = Limits {
        greeting: Duration::from_millis(200),
        ..Limits::default()
    };
    let api = dynamic::Api::builder().codec("juggler").transport(SERVER);
    let api = api.limits(limits).build_dynamic().unwrap();
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let mut silent: Vec<_> = (0..100).map(|_| Other::connect(addr)).collect();
    assert!(api.peers().is_empty());
    for other in &mut silent {
        assert!(matches!(other.next(), Came::Closed(_)));
    }
}
