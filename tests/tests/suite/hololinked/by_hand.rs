//! Requests by hand, as other libraries send them, and as nobody should.

use quickrpc_tests::Inbox;
use serde_json::{Value as Json, json};

use super::*;
use crate::zmq::{Raw, frame};

/// A DEALER that says what it is told.
pub(super) struct Asks {
    raw: Raw,
    last: u64,
}

pub(super) struct Answer {
    pub(super) kind: String,
    header: Json,
    pub(super) payload: Json,
    encoded: Vec<u8>,
}

impl Asks {
    pub(super) fn new(addr: SocketAddr) -> Self {
        Asks {
            raw: Raw::greeted(addr, "DEALER", b"by-hand"),
            last: 0,
        }
    }

    pub(super) fn header(&mut self, kind: &str) -> Json {
        self.last += 1;
        json!({
            "messageType": kind, "messageID": format!("m{}", self.last), "senderID": "by-hand",
            "receiverID": "srv", "thingID": "thg", "objekt": "", "operation": "",
            "serverExecutionContext": {"invokation_timeout": 10, "execution_timeout": 10},
        })
    }

    pub(super) fn say(&mut self, header: &str, payload: &[u8], encoded: &[u8]) {
        self.parts(&[b"", header.as_bytes(), payload, encoded]);
    }

    fn parts(&mut self, parts: &[&[u8]]) {
        for (number, part) in parts.iter().enumerate() {
            let more = u8::from(number + 1 < parts.len());
            self.raw.say(&frame(more, part));
        }
    }

    pub(super) fn hear(&mut self) -> Answer {
        let mut parts = Vec::new();
        loop {
            let (flags, part) = self.raw.frame();
            parts.push(part);
            if flags & 1 == 0 {
                break;
            }
        }
        assert_eq!(parts.len(), 4);
        assert!(parts[0].is_empty());
        let header: Json = serde_json::from_slice(&parts[1]).unwrap();
        assert_eq!(header["receiverID"], "by-hand");
        assert_eq!(header["senderID"], "srv");
        Answer {
            kind: header["messageType"].as_str().unwrap().to_owned(),
            header,
            payload: serde_json::from_slice(&parts[2]).unwrap(),
            encoded: parts[3].clone(),
        }
    }

    fn operation(&mut self, operation: &str, objekt: Json, payload: &Json) -> Answer {
        let mut header = self.header("OPERATION");
        header["operation"] = operation.into();
        header["objekt"] = objekt;
        self.say(&header.to_string(), payload.to_string().as_bytes(), b"");
        let answer = self.hear();
        assert_eq!(answer.header["messageID"], header["messageID"]);
        answer
    }

    fn works(&mut self) {
        let answer = self.operation("invokeaction", "add".into(), &json!({"a": 1, "b": 2}));
        assert_eq!((&*answer.kind, &answer.payload), ("REPLY", &json!(3)));
    }
}

pub(super) fn exception(answer: &Answer) -> (&str, &str) {
    let failed = ["EXCEPTION", "INVALID_MESSAGE"].contains(&&*answer.kind);
    assert!(failed, "{} {}", answer.kind, answer.payload);
    let exception = &answer.payload["exception"];
    // Clients of the package edit its first line.
    assert!(!exception["traceback"].as_array().unwrap().is_empty());
    (
        exception["type"].as_str().unwrap(),
        exception["message"].as_str().unwrap(),
    )
}

#[test]
fn each_operation() {
    let served = serve(CODEC);
    let mut asks = Asks::new(served.addr);
    let handshake = asks.header("HANDSHAKE");
    asks.say(&handshake.to_string(), b"null", b"");
    let answer = asks.hear();
    assert_eq!((&*answer.kind, answer.payload), ("HANDSHAKE", Json::Null));
    asks.works();
    for (payload, sum) in [
        (json!({"__args__": [3, 4]}), 7),
        (json!({"__args__": [3], "b": 10}), 13),
        (json!({"a": 5}), 6),
        (json!([1, 5]), 6),
        (json!(8), 9),
    ] {
        let answer = asks.operation("invokeaction", "add".into(), &payload);
        assert_eq!((&*answer.kind, answer.payload), ("REPLY", json!(sum)));
    }
    for (operation, objekt, payload, result) in [
        ("readproperty", json!("channel"), Json::Null, json!(1)),
        ("writeproperty", json!("channel"), json!(4), Json::Null),
        (
            "readmultipleproperties",
            json!(["peak", "channel"]),
            Json::Null,
            json!({"channel": 4, "peak": 0.5}),
        ),
        (
            "readallproperties",
            Json::Null,
            Json::Null,
            json!({"channel": 4, "peak": 0.5}),
        ),
        (
            "writemultipleproperties",
            Json::Null,
            json!({"channel": 2}),
            Json::Null,
        ),
        (
            "invokeaction",
            json!("_get_properties"),
            json!({"names": ["channel"]}),
            json!({"channel": 2}),
        ),
        ("invokeaction", json!("ping"), json!({}), Json::Null),
        ("readmultipleproperties", json!([]), Json::Null, json!({})),
    ] {
        let answer = asks.operation(operation, objekt.clone(), &payload);
        assert_eq!(
            answer.kind, "REPLY",
            "{operation} {objekt}: {}",
            answer.payload
        );
        assert_eq!(answer.payload, result, "{operation} {objekt}");
    }
    for (operation, objekt, payload, kind) in [
        ("invokeaction", "no_such", json!({}), "AttributeError"),
        ("invokeaction", "add", json!({"a": "x"}), "TypeError"),
        (
            "invokeaction",
            "add",
            json!({"__args__": [1, 2], "b": 3}),
            "TypeError",
        ),
        ("invokeaction", "add", json!({"__args__": 7}), "TypeError"),
        ("invokeaction", "fail", json!({}), "KeyError"),
        ("readproperty", "no_such", Json::Null, "AttributeError"),
        ("writeproperty", "no_such", json!(1.0), "AttributeError"),
        ("writeproperty", "peak", json!(1.0), "ValueError"),
        ("writeproperty", "channel", json!(0), "RuntimeError"),
        ("writemultipleproperties", "", json!([1]), "TypeError"),
        (
            "readmultipleproperties",
            "",
            json!({"names": 1}),
            "TypeError",
        ),
        ("deleteproperty", "peak", Json::Null, "NotImplementedError"),
    ] {
        let answer = asks.operation(operation, objekt.into(), &payload);
        let (found, message) = exception(&answer);
        assert_eq!(found, kind, "{operation} {objekt} {payload}: {message}");
        if objekt == "peak" && operation == "writeproperty" {
            assert_eq!(message, "the property `peak` is read-only");
        }
    }
    let answer = asks.operation(
        "invokeaction",
        "get_thing_description".into(),
        &json!({"ignore_errors": true, "protocol": "TCP", "skip_names": []}),
    );
    let described = answer.payload;
    assert_eq!(described["id"], "thg");
    assert_eq!(described["properties"]["channel"]["type"], "integer");
    assert_eq!(described["properties"]["peak"]["readOnly"], true);
    assert_eq!(
        described["actions"]["add"]["input"]["required"],
        json!(["a"])
    );
    let href = &described["events"]["tick"]["forms"][0]["href"];
    assert_eq!(*href, format!("tcp://127.0.0.1:{}", served.addr.port() + 1));
}

#[test]
fn in_all_formats() {
    let served = serve(CODEC);
    let mut asks = Asks::new(served.addr);
    let mut request =
        |objekt: &str, operation: &str, format: &str, payload: &[u8], bytes: &[u8]| {
            let mut header = asks.header("OPERATION");
            header["objekt"] = objekt.into();
            header["operation"] = operation.into();
            header["payloadContentType"] = format.into();
            asks.say(&header.to_string(), payload, bytes);
            asks.hear()
        };
    // {"a": 2, "b": 3}
    let msgpack = b"\x82\xa1a\x02\xa1b\x03";
    let answer = request("add", "invokeaction", "application/msgpack", msgpack, b"");
    assert_eq!(answer.payload, json!(5));
    let answer = request("keep", "invokeaction", "text/plain", b"words", b"");
    assert_eq!(answer.payload, json!("words"));
    let answer = request(
        "channel",
        "writeproperty",
        "application/msgpack",
        b"\x05",
        b"",
    );
    assert_eq!((&*answer.kind, answer.payload), ("REPLY", Json::Null));
    let answer = request(
        "join",
        "invokeaction",
        "application/json",
        br#"{"name":"n"}"#,
        b"\0\xff",
    );
    assert_eq!(
        (&answer.payload, &*answer.encoded),
        (&json!("n"), &b"\xff\0"[..])
    );
    for (format, payload) in [
        ("application/x-pickle", &b"cos\nsystem"[..]),
        ("application/json", b""),
        ("application/json", b"{\"a\":"),
        ("application/json", b"\xff"),
        ("application/msgpack", b"\x82"),
        ("application/msgpack", b"\x01\x01"),
        ("text/plain", b"\xff"),
    ] {
        let answer = request("add", "invokeaction", format, payload, b"");
        assert_eq!(answer.kind, "EXCEPTION", "{format} {payload:?}");
        exception(&answer);
    }
}

#[test]
fn times_and_oneway() {
    let served = serve(CODEC);
    let mut asks = Asks::new(served.addr);
    let mut begin = |objekt: &str, context: Json| {
        let mut header = asks.header("OPERATION");
        header["objekt"] = objekt.into();
        header["operation"] = "invokeaction".into();
        header["serverExecutionContext"] = context;
        let payload = match objekt {
            "note" => json!({"text": "x"}),
            "add" => json!({"a": 1}),
            _ => json!({}),
        };
        asks.say(&header.to_string(), payload.to_string().as_bytes(), b"");
        header["messageID"].clone()
    };
    // In the other spelling; while it runs, others wait.
    let slow = begin(
        "wait",
        json!({"invokationTimeout": 10, "executionTimeout": 0.05}),
    );
    let late = begin(
        "add",
        json!({"invokation_timeout": 0.05, "execution_timeout": 9}),
    );
    let quiet = begin("add", json!({"invokation_timeout": 0.05, "oneway": true}));
    begin("note", json!({"oneway": true}));
    let last = begin("add", Json::Null);
    let mut told: Vec<_> = (0..3).map(|_| asks.hear()).collect();
    served.go.send(()).unwrap();
    told.push(asks.hear());
    told.sort_by_key(|answer| answer.header["messageID"].to_string());
    let of = |answer: &Answer| (answer.header["messageID"].clone(), answer.kind.clone());
    let timeout = "TIMEOUT".to_owned();
    let expected = [
        (slow, timeout.clone()),
        (late, timeout.clone()),
        (quiet, timeout),
        (last, "REPLY".to_owned()),
    ];
    assert_eq!(told.iter().map(of).collect::<Vec<_>>(), expected);
    let words: Vec<_> = told.iter().map(|answer| answer.payload.clone()).collect();
    assert_eq!(
        words,
        [
            json!("execution"),
            "invokation".into(),
            "invokation".into(),
            2.into()
        ]
    );
    assert_eq!(served.notes.next(), "x");
    asks.works();
}

#[test]
fn what_nobody_waits_for_is_done_without_its_sender() {
    let scope = Scope::builder()
        .bind(CODEC, "zmqserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let (note, notes) = inbox();
    // It runs until its caller is known to be gone.
    scope.wait.connect(|client| {
        eventually("the caller leaves", || client.is_cancelled());
        1
    });
    scope
        .note
        .connect(move |_client, text| note.send(text.to_owned()).unwrap());
    scope.start().unwrap();
    let mut asks = Asks::new(scope.local_addrs()[0]);
    for (objekt, payload, oneway) in [
        ("wait", json!({}), false),
        ("note", json!({"text": "answered"}), false),
        ("note", json!({"text": "one-way"}), true),
    ] {
        let mut header = asks.header("OPERATION");
        header["objekt"] = objekt.into();
        header["operation"] = "invokeaction".into();
        header["serverExecutionContext"]["oneway"] = oneway.into();
        asks.say(&header.to_string(), payload.to_string().as_bytes(), b"");
    }
    drop(asks);
    assert_eq!(notes.next(), "one-way");
}

#[test]
fn logs_come_with_the_answer() {
    let served = serve(CODEC);
    let mut asks = Asks::new(served.addr);
    for (objekt, kind) in [("log", "REPLY"), ("fail", "EXCEPTION")] {
        let mut header = asks.header("OPERATION");
        header["objekt"] = objekt.into();
        header["operation"] = "invokeaction".into();
        header["thingExecutionContext"] = json!({"fetch_execution_logs": true});
        asks.say(&header.to_string(), b"{}", b"");
        let answer = asks.hear();
        assert_eq!(answer.kind, kind);
        let logs = answer.payload["execution_logs"].as_array().unwrap();
        match objekt {
            "log" => {
                assert_eq!(answer.payload["return_value"], 2);
                assert_eq!(logs[0]["level"], "INFO");
                assert_eq!(logs[0]["message"], "as it is n=1");
            }
            _ => assert!(logs.is_empty()),
        }
    }
}

#[test]
fn what_is_no_request_harms_nobody() {
    let served = serve(CODEC);
    let mut honest = Asks::new(served.addr);
    let mut hostile = Asks {
        raw: Raw::greeted(served.addr, "DEALER", b"hostile"),
        last: 0,
    };
    let good = honest.header("OPERATION").to_string();
    let with = |key: &str, value: Json| {
        let mut header: Json = serde_json::from_str(&good).unwrap();
        header[key] = value;
        header.to_string()
    };
    let without = |key: &str| {
        let mut header: Json = serde_json::from_str(&good).unwrap();
        header.as_object_mut().unwrap().remove(key);
        header.to_string()
    };
    let headers = [
        String::new(),
        "null".into(),
        "[".repeat(10_000),
        good[1..].to_owned(),
        with("extra", 1.into()),
        with("messageID", "x".repeat(5_000).into()),
        without("messageID"),
        without("senderID"),
        without("receiverID"),
        without("messageType"),
    ];
    let trouble: &Inbox<String> = &served.trouble;
    for header in &headers {
        hostile.say(header, b"{}", b"");
        trouble.next();
        honest.works();
    }
    // Not as many parts as there have to be: told where it can be known who has asked.
    for count in [3, 5, 9] {
        let mut parts: Vec<&[u8]> = vec![b""; count];
        let header = honest.header("OPERATION").to_string();
        parts[1] = header.as_bytes();
        honest.parts(&parts);
        let answer = honest.hear();
        assert_eq!(
            (&*answer.kind, exception(&answer).0),
            ("INVALID_MESSAGE", "ValueError")
        );
    }
    for thing in [json!("other"), Json::Null, json!([1])] {
        let mut header = honest.header("OPERATION");
        header["thingID"] = thing;
        honest.say(&header.to_string(), b"null", b"");
        let answer = honest.hear();
        assert_eq!(
            (&*answer.kind, exception(&answer).0),
            ("INVALID_MESSAGE", "KeyError")
        );
    }
    // A flood of it, from one who does not read.
    for _ in 0..2_000 {
        hostile.say(&headers[4], b"{}", b"");
    }
    honest.works();
    let exit = honest.header("EXIT").to_string();
    honest.say(&exit, b"null", b"");
    let answer = honest.hear();
    assert_eq!(exception(&answer).0, "PermissionError");
    honest.works();
}

#[test]
fn a_server_ends_when_it_may_be_ended() {
    let served = serve("hololinked:srv/thg?exit=on");
    let mut asks = Asks::new(served.addr);
    asks.works();
    let exit = asks.header("EXIT").to_string();
    asks.say(&exit, b"null", b"");
    let scope = served.scope.clone();
    quickrpc_tests::bounded("its end", move || scope.wait()).unwrap();

    let served = serve("hololinked:srv/thg?exit=on");
    let lab = client(served.addr);
    #[remote_api]
    trait Ends {
        #[outgoing]
        #[name = "EXIT"]
        fn exit(&self);
    }
    let ends = Ends::bind(CODEC, format!("zmq:{}", served.addr)).unwrap();
    ends.start().unwrap();
    ends.all().exit().unwrap();
    let scope = served.scope.clone();
    quickrpc_tests::bounded("its end", move || scope.wait()).unwrap();
    drop(lab);
}
