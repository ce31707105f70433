//! Everything that was recorded from the Python original means the same to us, except
//! what the tables in `exceptions` list, with the reasons.

use std::collections::BTreeMap;

use super::exceptions::{DECODE, ENCODE, Exception, OWN};
use super::{
    InStream as _, Stream, decode, end_of, jrpc_codec, jrpc_with, python, show, terse_codec,
    written,
};
use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::security::SecInfo;
use crate::base::value::Value;
use crate::wire::codec::any::AnyCodec;
use crate::wire::codec::envelope::Envelope;
use serde_json::Value as Json;

fn codecs() -> [(&'static str, AnyCodec); 2] {
    [("jrpc", jrpc_codec()), ("terse", terse_codec())]
}

/// What a connection makes of a stream: messages with the security header before them.
struct Session<'a> {
    codec: &'a AnyCodec,
    stream: Stream<'a>,
    secured: bool,
    header: Option<SecInfo>,
    /// Input since the last message, which Python gives back as the rest.
    rest: Vec<u8>,
}

impl<'a> Session<'a> {
    fn new(codec: &'a AnyCodec, secured: bool) -> Self {
        Session {
            codec,
            stream: Stream::new(codec),
            secured,
            header: None,
            rest: Vec::new(),
        }
    }

    fn feed(&mut self, piece: &[u8]) -> Vec<String> {
        let mut messages = Vec::new();
        for telegram in self.stream.feed(piece) {
            match self.codec.decode_bytes(&telegram, &Limits::default()) {
                // Without a provider, the telegram behind a header is its payload.
                Ok((_, Envelope::Header(_))) if !self.secured && self.header.is_some() => {
                    messages.push(show::UNDECODABLE.to_owned());
                    self.clear();
                }
                Ok((_, Envelope::Header(secinfo))) => {
                    self.header = Some(secinfo);
                    self.rest.clone_from(&telegram);
                    self.rest.extend(end_of(self.codec));
                }
                Ok((_, Envelope::Empty)) => {}
                Ok((text, envelope)) => {
                    let shown = show::messages(self.codec, text.text(), &envelope);
                    let shown = shown.iter().map(|shown| self.secure(shown));
                    messages.extend(shown.collect::<Vec<_>>());
                    self.clear();
                }
                Err(_) => {
                    messages.push(show::UNDECODABLE.to_owned());
                    self.clear();
                }
            }
        }
        messages
    }

    fn clear(&mut self) {
        self.header = None;
        self.rest.clear();
    }

    /// A header that nobody can check makes the message behind it unreadable.
    fn secure(&self, shown: &str) -> String {
        match &self.header {
            Some(_) if !self.secured => show::UNDECODABLE.to_owned(),
            Some(secinfo) if !secinfo.is_empty() => {
                format!("{shown} by {}", serde_json::to_string(secinfo).unwrap())
            }
            _ => shown.to_owned(),
        }
    }

    fn rest(&self) -> Vec<u8> {
        [&self.rest[..], &self.stream.buffer].concat()
    }
}

/// Compares, with the tables in mind; keeps the list of what differs.
struct Check {
    exceptions: BTreeMap<&'static str, &'static Exception>,
    used: BTreeMap<String, bool>,
    wrong: Vec<String>,
}

impl Check {
    fn new(exceptions: &'static [Exception]) -> Self {
        Check {
            exceptions: exceptions.iter().map(|e| (e.vector, e)).collect(),
            used: BTreeMap::new(),
            wrong: Vec::new(),
        }
    }

    /// `python`: `None` where the original raises or hangs.
    fn compare(&mut self, vector: &str, ours: &str, python: Option<&str>) {
        let expected = match self.exceptions.get(vector) {
            Some(exception) => {
                assert!(!exception.why.is_empty());
                *self.used.entry(vector.to_owned()).or_default() |= python != Some(ours);
                Some(exception.ours)
            }
            None => python,
        };
        if expected != Some(ours) {
            self.wrong.push(format!(
                "{vector}\n    ours:     {ours}\n    expected: {}",
                expected.unwrap_or("(the original fails; not in the table)")
            ));
        }
    }

    fn finish(self) {
        let Check {
            exceptions, used, ..
        } = &self;
        let stale = exceptions
            .keys()
            .filter(|vector| used.get(**vector) != Some(&true))
            .map(|vector| format!("{vector}\n    is in the table without need"));
        let wrong: Vec<String> = self.wrong.iter().cloned().chain(stale).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn what_python_decodes_means_the_same() {
    let mut check = Check::new(DECODE);
    for (name, codec) in codecs() {
        for vector in python::section(name, "decode") {
            let secured = !vector["security"].is_null();
            let label = format!("{name}: {}", python::text(vector, "name"));
            let mut session = Session::new(&codec, secured);
            let mut ours = session.feed(&python::bytes(&vector["input"]));
            if name == "terse" {
                // Lines that Python cannot read are logged, and not in its list.
                ours.retain(|shown| vector["messages"].is_null() || shown != show::UNDECODABLE);
            }
            let ours = ours.join("; ");
            let python = vector["messages"].as_array().map(|messages| {
                let messages = messages.iter().map(python::meaning);
                messages.collect::<Vec<_>>().join("; ")
            });
            check.compare(&label, &ours, python.as_deref());
            if python.is_some() && !label.contains("secinfo, empty telegram") {
                let rest = python::bytes(&vector["remainder"]);
                assert_eq!(session.rest(), rest, "{label}");
            }
        }
    }
    check.finish();
}

#[test]
fn what_is_split_arrives_as_in_python() {
    for (name, codec) in codecs() {
        for vector in python::section(name, "split") {
            let mut session = Session::new(&codec, !vector["security"].is_null());
            for step in vector["steps"].as_array().unwrap() {
                let ours = session.feed(&python::bytes(&step["chunk"]));
                let messages = step["messages"].as_array().unwrap().iter();
                assert_eq!(ours, messages.map(python::meaning).collect::<Vec<_>>());
                assert_eq!(session.rest(), python::bytes(&step["remainder"]));
            }
        }
    }
}

fn encode_label(codec: &str, vector: &Json) -> String {
    let name = python::text(vector, "name");
    match python::text(vector, "kind") {
        "call" => format!("{codec}: {name}"),
        _ => format!("{codec}: {name} ({})", vector["id"]),
    }
}

/// What an encode vector means, with the error's data left out (a traceback).
fn encoded_meaning(vector: &Json) -> String {
    let mut message = vector.clone();
    message.as_object_mut().unwrap().remove("details");
    if let Some(user) = vector["user"].as_str() {
        message["secinfo"] = serde_json::json!({ "user": user });
    }
    python::meaning(&message)
}

/// Decodes what an encode vector or we have written, without the data of errors.
fn read_back(codec: &AnyCodec, wire: &[u8]) -> String {
    let delimiter = end_of(codec);
    let mut header = String::new();
    let mut shown = Vec::new();
    for telegram in Stream::new(codec).feed(&[wire, delimiter].concat()) {
        let telegram = String::from_utf8(telegram).unwrap();
        let Ok(mut envelope) = codec.decode(&telegram, &Limits::default()) else {
            shown.push(show::UNDECODABLE.to_owned());
            continue;
        };
        match &mut envelope {
            Envelope::Header(secinfo) => {
                header = format!(" by {}", serde_json::to_string(secinfo).unwrap());
                continue;
            }
            Envelope::Failure { error, .. } => {
                assert!(error.data.take().is_some(), "{telegram}");
            }
            _ => {}
        }
        shown.extend(show::messages(codec, &telegram, &envelope));
    }
    shown.join("; ") + &header
}

#[test]
fn what_python_encodes_means_the_same() {
    let mut check = Check::new(ENCODE);
    for (name, codec) in codecs() {
        for vector in python::section(name, "encode") {
            let label = encode_label(name, vector);
            if vector["wire"].is_null() {
                assert!(vector["raises"].is_object(), "{label}");
                continue;
            }
            let ours = read_back(&codec, &python::bytes(&vector["wire"]));
            check.compare(&label, &ours, Some(&encoded_meaning(vector)));
        }
    }
    check.finish();
}

/// Writes what an encode vector means.
fn encode(codec: &AnyCodec, vector: &Json) -> Option<Result<String, String>> {
    let id = vector["id"].as_u64().unwrap();
    let params = python::value(&vector["params"]);
    let result = python::value(&vector["result"]);
    let error = CallError::new(
        vector["code"].as_i64().unwrap_or(0),
        python::text(vector, "message"),
    );
    let (params, result) = match python::text(vector, "kind") {
        "call" => (params?, Value::Null),
        _ => (Value::Null, result?),
    };
    Some(written(|out| {
        if let Some(user) = vector["user"].as_str() {
            let secinfo = SecInfo::from([("user".to_owned(), user.to_owned())]);
            codec.encode_header(out, &secinfo)?;
            codec.frame_out(out, 0)?;
        }
        match python::text(vector, "kind") {
            "call" => {
                let method = python::text(vector, "method");
                codec.encode_call(out, method, &params, Some(id).filter(|id| *id > 0))
            }
            "reply" => codec.encode_result(out, &id.to_string(), &result),
            _ => {
                let error = error.with_data("a traceback");
                codec.encode_error(out, &id.to_string(), &error)
            }
        }
    }))
}

#[test]
fn what_python_encodes_survives_our_own_encoder() {
    let mut check = Check::new(OWN);
    let mut skipped = Vec::new();
    for (name, codec) in codecs() {
        for vector in python::section(name, "encode") {
            let label = encode_label(name, vector);
            match encode(&codec, vector) {
                Some(Ok(wire)) => {
                    let ours = read_back(&codec, wire.as_bytes());
                    check.compare(&label, &ours, Some(&encoded_meaning(vector)));
                }
                Some(Err(_)) | None => skipped.push(label),
            }
        }
    }
    check.finish();
    // Rust has no value for the first two; security and positional arguments do not go
    // together with terse, neither in Python.
    assert_eq!(
        skipped,
        [
            "jrpc: lone surrogate",
            "jrpc: set of one",
            "terse: lone surrogate",
            "terse: set of one",
            "terse: params given as list",
            "terse: NoSecurity user",
            "terse: NoSecurity user",
            "terse: NoSecurity user",
            "terse: NoSecurity reply (3)",
        ]
    );
}

#[test]
fn delimiters_are_those_of_python() {
    for vector in python::section("jrpc", "delimiter") {
        let expression = python::text(vector, "expression");
        let delimiter = match expression.strip_prefix("jrpc:") {
            None | Some("") => "\0",
            Some(delimiter) => delimiter,
        };
        let codec = jrpc_with(delimiter.as_bytes());
        let args = super::map([("a", Value::from("x\ny"))]);
        let mut out = Vec::new();
        codec.encode_call(&mut out, "f", &args, None).unwrap();
        let framed = codec.frame_out(&mut out, 0);
        assert_eq!(
            framed.is_err(),
            vector["raises"].is_object(),
            "{expression}"
        );
        if framed.is_err() {
            continue;
        }
        assert_eq!(python::bytes(&vector["delimiter"]), delimiter.as_bytes());
        let wire = python::bytes(&vector["call"]);
        assert_eq!(
            wire.ends_with(delimiter.as_bytes()),
            out.ends_with(delimiter.as_bytes())
        );
        for wire in [wire, out] {
            assert_eq!(Session::new(&codec, false).feed(&wire), ["f(a: \"x\\ny\")"]);
        }
    }
}

#[test]
fn handlers_get_what_they_get_in_python() {
    for (name, codec) in codecs() {
        for vector in python::section(name, "api") {
            let label = python::text(vector, "name");
            let secured = vector["security"] == "blindly_believe_everything";
            let ours = Session::new(&codec, secured).feed(&python::bytes(&vector["input"]));
            let handlers = vector["handlers"].as_array().unwrap();
            assert!(handlers.len() <= 1);
            for handler in handlers {
                let method = python::text(handler, "method");
                let args = match handler["args"].as_array().unwrap().as_slice() {
                    [] => &handler["kwargs"],
                    // A single value that is no list counts as one argument.
                    [only] if label == "positional scalar" => only,
                    _ => &handler["args"],
                };
                let call = show::call(method, python::value(args).as_ref(), None);
                assert!(ours[0].starts_with(&call), "{name}: {label}: {ours:?}");
            }
            // What Python answers can be read.
            for sent in vector["sent"].as_array().unwrap() {
                if sent["wire"]["json"].is_object() {
                    let telegram = sent["wire"]["json"].to_string();
                    let envelope = decode(&codec, &telegram);
                    assert!(matches!(envelope, Envelope::Failure { id: Some(1), .. }));
                } else {
                    let mut wire = python::bytes(&sent["wire"]);
                    wire.extend(end_of(&codec));
                    let answers = Session::new(&codec, secured).feed(&wire);
                    let answer = answers.concat();
                    assert!(
                        answer.starts_with("reply ") || answer.starts_with("error "),
                        "{label}: {answer}"
                    );
                }
            }
        }
    }
}

#[test]
fn calls_of_python_apis_can_be_read() {
    let expected = [
        "tell(x: 1)",
        "tell(x: 1)",
        "tell()",
        "ask(x: 1)#1",
        "ask(x: 2)#2",
    ];
    for (codec, section) in [
        ("jrpc", "outgoing"),
        ("jrpc", "outgoing_NoSecurity"),
        ("terse", "outgoing"),
    ] {
        let vectors = python::section(codec, section);
        let codec = if codec == "jrpc" {
            jrpc_codec()
        } else {
            terse_codec()
        };
        let suffix = match section {
            "outgoing" => "",
            _ => r#" by {"user":""}"#,
        };
        let calls = vectors
            .iter()
            .flat_map(|vector| Session::new(&codec, true).feed(&python::bytes(&vector["wire"])));
        let calls: Vec<String> = calls.collect();
        assert_eq!(calls, expected.map(|call| format!("{call}{suffix}")));
    }
}
