//! Messages that were recorded of the package, and headers that nobody sends.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::frames::{self, Body, Frames};
use super::header::{
    Answer, Answering, Answers, Asking, Asks, Contexts, Format, Objekt, Request, Wrong,
};
use crate::wire::zmtp::Parts;

/// A message that was recorded.
struct Recorded {
    scenario: String,
    /// What is on the wire of it.
    parts: Vec<Vec<u8>>,
    header: Value,
    payload: Value,
}

fn recorded() -> Vec<Recorded> {
    let text = include_str!("../../../../tests/vectors/hololinked.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let mut recorded = Vec::new();
    for scenario in vectors["scenarios"].as_array().unwrap() {
        for message in scenario["messages"].as_array().unwrap() {
            let frames = message["frames"].as_array().unwrap();
            let decode = |frame: &Value| STANDARD.decode(frame.as_str().unwrap()).unwrap();
            // The identity is not on the wire.
            let before = usize::from(message["socket"] == "ROUTER");
            recorded.push(Recorded {
                scenario: scenario["name"].as_str().unwrap().to_owned(),
                parts: frames[before..].iter().map(decode).collect(),
                header: message["header"].clone(),
                payload: message["payload"].clone(),
            });
        }
    }
    assert!(recorded.len() > 150, "{}", recorded.len());
    recorded
}

/// Has these parts, one behind the other.
struct Joined {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Joined {
    fn new(parts: &[Vec<u8>]) -> Self {
        let mut joined = Joined {
            bytes: Vec::new(),
            ends: Vec::new(),
        };
        for part in parts {
            joined.bytes.extend(part);
            joined.ends.push(joined.bytes.len());
        }
        joined
    }

    fn parts(&self) -> Parts<'_> {
        Parts::of(&self.bytes, &self.ends)
    }
}

fn keys(header: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = header
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn what_the_package_sends_is_understood() {
    let (mut requests, mut answers, mut events, mut wrong) = (0, 0, 0, Vec::new());
    for one in recorded() {
        let joined = Joined::new(&one.parts);
        let scenario = &one.scenario;
        if one.header["messageType"] == "EVENT" {
            let (id, frames) = Frames::take_event(joined.parts()).unwrap();
            let header = std::str::from_utf8(frames.header).unwrap();
            assert_eq!(Answer::read(header).unwrap().answers, None);
            assert_eq!(one.header["eventID"].as_str().unwrap().as_bytes(), id);
            events += 1;
            continue;
        }
        let frames = match Frames::take(joined.parts()) {
            Ok(frames) => frames,
            Err(miscounted) => {
                assert!(scenario.starts_with("invalid_message"), "{scenario}");
                let header = std::str::from_utf8(miscounted.header.unwrap()).unwrap();
                assert!(Request::read(header).is_ok(), "who sent it can be told");
                assert_eq!(miscounted.count, one.parts.len() + 1);
                wrong.push(scenario.clone());
                continue;
            }
        };
        let text = String::from_utf8_lossy(frames.header);
        if let Ok(payload) = serde_json::from_slice::<Value>(frames.body.payload) {
            assert!(
                one.payload.is_null() || payload == one.payload,
                "{scenario}"
            );
        }
        let kind = one.header["messageType"].as_str().unwrap_or_default();
        if ["OPERATION", "EXIT"].contains(&kind) || text.contains("serverExecution") {
            let request = match Request::read(&text) {
                Ok(request) => request,
                Err(why) => {
                    assert_eq!(why, Wrong::Unknown("extraField".into()), "{scenario}");
                    wrong.push(scenario.clone());
                    continue;
                }
            };
            let member = |name: &str| one.header[name].to_string();
            assert_eq!(request.id.of(&text), member("messageID"));
            assert_eq!(request.sender.of(&text), member("senderID"));
            let operation = request.operation.unwrap().of(&text);
            assert_eq!(
                serde_json::from_str::<Value>(operation).unwrap(),
                one.header["operation"]
            );
            let asks = match kind {
                "HANDSHAKE" => Asks::Handshake,
                "EXIT" => Asks::Exit,
                _ => Asks::Operation,
            };
            assert_eq!((request.asks, request.format), (asks, Format::Json));
            assert_eq!(
                request.contexts.oneway,
                scenario.starts_with("oneway"),
                "{scenario}"
            );
            assert_eq!(
                request.contexts.logs,
                scenario.starts_with("execution_logs")
            );
            requests += 1;
        } else {
            match Answer::read(&text) {
                Ok(answer) => {
                    assert_eq!(answer.id.of(&text), one.header["messageID"].to_string());
                    assert!(answer.answers.is_some());
                    answers += 1;
                }
                Err(why) => {
                    assert_eq!(why, Wrong::NoObject, "{scenario}");
                    wrong.push(scenario.clone());
                }
            }
        }
    }
    assert!(
        requests > 50 && answers > 50 && events > 10,
        "{requests} {answers} {events}"
    );
    wrong.dedup();
    let expected = [
        "invalid_message_short",
        "invalid_message_long",
        "invalid_header_not_json",
        "invalid_header_unknown_field",
    ];
    assert_eq!(wrong, expected);
}

#[test]
fn what_is_written_has_the_members_of_the_package() {
    let recorded = recorded();
    let of = |kind: &str, scenario: &str| {
        let is = |one: &&Recorded| one.header["messageType"] == kind && one.scenario == scenario;
        &recorded.iter().find(is).unwrap().header
    };
    let asking = Asking {
        asks: Asks::Operation,
        id: "id\"1",
        sender: "us",
        receiver: "them",
        contexts: Contexts {
            invokation: Some(Duration::from_millis(1500)),
            execution: None,
            oneway: true,
            logs: true,
        },
        thing: "thing",
        objekt: Objekt::Name("add"),
        operation: "invokeaction",
    };
    let mut out = Vec::new();
    asking.write(&mut out);
    let written: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(keys(&written), keys(of("OPERATION", "invokeaction_kwargs")));
    assert_eq!(
        written["serverExecutionContext"]["invokation_timeout"],
        json!(1.5)
    );
    assert_eq!(
        written["serverExecutionContext"]["execution_timeout"],
        json!(null)
    );
    let text = String::from_utf8(out).unwrap();
    let read = Request::read(&text).unwrap();
    assert_eq!(
        (read.asks, read.contexts),
        (Asks::Operation, asking.contexts)
    );
    assert_eq!(read.id.of(&text), r#""id\"1""#);

    // Ids come back as they were, whatever they were.
    for id in [r#""x""#, "7", "[1, {}]", "null"] {
        let mut out = Vec::new();
        let answering = Answering {
            answers: Answers::Timeout,
            id,
            receiver: r#""them""#,
            sender: "us",
        };
        answering.write(&mut out);
        let written: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(keys(&written), keys(of("TIMEOUT", "execution_timeout")));
        let text = String::from_utf8(out).unwrap();
        let read = Answer::read(&text).unwrap();
        assert_eq!(
            (read.answers, read.id.of(&text)),
            (Some(Answers::Timeout), id)
        );
    }

    let mut out = Vec::new();
    super::header::write_event(&mut out, "1", "us/event-publisher", "thing/tick");
    let written: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(keys(&written), keys(of("EVENT", "event")));
    assert_eq!(written["eventID"], "thing/tick");
}

#[test]
fn contexts_in_all_spellings() {
    let read = |server: &str, thing: &str| {
        let text = format!(
            r#"{{"messageType":"OPERATION","messageID":1,"senderID":"a","receiverID":null{server}{thing}}}"#
        );
        Request::read(&text).unwrap().contexts
    };
    let limits = |contexts: Contexts| (contexts.invokation, contexts.execution);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(read("", ""), Contexts::default());
    assert_eq!(limits(read("", "")), (seconds(5), seconds(5)));
    for (object, expected) in [
        ("null", (None, None)),
        ("{}", (None, None)),
        ("7", (None, None)),
        (
            r#"{"invokation_timeout":1,"execution_timeout":2}"#,
            (seconds(1), seconds(2)),
        ),
        (
            r#"{"invokationTimeout":1,"executionTimeout":2,"x":[]}"#,
            (seconds(1), seconds(2)),
        ),
        (
            r#"{"invokation_timeout":null,"execution_timeout":0}"#,
            (None, seconds(0)),
        ),
        (
            r#"{"invokation_timeout":-1,"execution_timeout":1e300}"#,
            (seconds(0), None),
        ),
        (
            r#"{"invokation_timeout":"1","execution_timeout":[]}"#,
            (None, None),
        ),
    ] {
        let contexts = read(&format!(r#","serverExecutionContext":{object}"#), "");
        assert_eq!(limits(contexts), expected, "{object}");
    }
    let logs = |object: &str| read("", &format!(r#","thingExecutionContext":{object}"#)).logs;
    assert!(logs(r#"{"fetch_execution_logs":true}"#) && logs(r#"{"fetchExecutionLogs":true}"#));
    assert!(!logs("null") && !logs(r#"{"fetch_execution_logs":1}"#));
}

#[test]
fn headers_that_are_none_are_refused() {
    let all = [
        ("messageType", "\"OPERATION\""),
        ("messageID", "1"),
        ("senderID", "2"),
        ("receiverID", "3"),
    ];
    let written = |members: &[(&str, &str)]| {
        let members: Vec<_> = members.iter().map(|(k, v)| format!("{k:?}:{v}")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(Request::read(&written(&all)).is_ok());
    for left_out in 0..all.len() {
        let mut some = all.to_vec();
        let (name, _) = some.remove(left_out);
        assert_eq!(Request::read(&written(&some)), Err(Wrong::Missing(name)));
    }
    let more = [&all[..], &[("eventID", "1")]].concat();
    let unknown = Request::read(&written(&more)).unwrap_err();
    assert!(unknown.to_string().contains("`eventID`"), "{unknown}");
    for text in ["", "[]", "null", "{", "{}x", "{\"messageType\":}"] {
        assert_eq!(Request::read(text), Err(Wrong::NoObject), "{text}");
    }
    let answer = Answer::read(&written(&all)).unwrap_err();
    assert_eq!(answer, Wrong::Type("OPERATION".into()));
    // A type that nobody knows is an operation to the package.
    let mut other = all;
    other[0].1 = "\"WHAT\"";
    assert_eq!(
        Request::read(&written(&other)).unwrap().asks,
        Asks::Operation
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in r#"[{}\[\]":,a-zI1 ]{0,60}"#) {
        let _ = (Request::read(&text).is_ok(), Answer::read(&text).is_ok());
    }

    #[test]
    fn what_is_written_comes_back(parts in prop::collection::vec(".{0,40}", 3), id in ".{1,9}") {
        let [header, payload, encoded] = [0, 1, 2].map(|at| parts[at].as_bytes());
        let body = Body { payload, encoded };
        let mut message = Vec::new();
        frames::write_event(&mut message, id.as_bytes(), header, body);
        // Frames of ZMTP, of which all here are short.
        let (mut joined, mut rest) = (Vec::new(), &message[..]);
        while let [_, length, tail @ ..] = rest {
            let (part, tail) = tail.split_at(usize::from(*length));
            joined.push(part.to_vec());
            rest = tail;
        }
        let joined = Joined::new(&joined);
        let (read, frames) = Frames::take_event(joined.parts()).unwrap();
        prop_assert_eq!((read, frames), (id.as_bytes(), Frames { header, body }));
    }
}
