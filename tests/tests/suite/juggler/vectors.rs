//! Frames of the Python package, replayed: what it was sent is sent to us, and we answer alike.

use quickrpc::{CallError, Value, dynamic};
use serde_json::json;

use super::{Other, SERVER};

/// What can be replayed without somebody who acts in between.
const SERVERS: [(&str, &[&str]); 3] = [
    (
        "0.5",
        &[
            "nothing is sent at first",
            "PING",
            "PING without payload",
            "unknown type",
            "MESSAGE without payload",
            "no type",
            "not json",
            "json number",
            "empty frame",
            "rpc",
            "rpc, other direction",
            "rpc, no direction",
            "rpc request, no args",
            "rpc request, no id",
        ],
    ),
    (
        "0.6",
        &[
            "initial state null",
            "requests",
            "no request handler",
            "request without data",
            "request without name",
            "request without id",
            "unknown type",
            "response sent to a server",
            "not json",
            "empty frame",
        ],
    ),
    (
        "0.7",
        &[
            "initial state null",
            "requests",
            "no request handler",
            "request without data",
            "request without name",
            "request without id",
            "unknown type",
            "response sent to a server",
            "not json",
            "empty frame",
            "segments received",
            "unknown header",
            "message without header",
            "ping unanswered",
            "ping answered",
        ],
    ),
];

fn server(codec: &str, handlers: bool) -> dynamic::Api {
    let api = dynamic::Api::bind(codec, SERVER).unwrap();
    if handlers {
        api.on("echo", |_sender, args| match args {
            // Of 0.5, which has a list of arguments.
            Value::List(mut list) if list.len() == 1 => Ok(list.remove(0)),
            Value::List(list) if list.is_empty() => Err(CallError::new(
                CallError::INVALID_PARAMS,
                "an argument is missing",
            )),
            other => Ok(other),
        });
        api.on("slow", |_sender, args| match args {
            Value::List(_) => Value::from("slow"),
            other => other,
        });
        api.on("fail", |_sender, _args| {
            Err::<Value, _>(CallError::new(
                CallError::HANDLER_ERROR,
                "failed on purpose",
            ))
        });
    }
    api.start().unwrap();
    api
}

/// A frame as its header and what it says. What an error says is up to each side.
fn meaning(frame: &str) -> (String, serde_json::Value) {
    let at = frame.find('{').unwrap_or(frame.len());
    let (header, text) = frame.split_at(at);
    let mut said = serde_json::from_str(text).unwrap_or(json!(null));
    for answer in ["", "/payload"] {
        let answer = said.pointer_mut(answer).unwrap();
        if answer["success"] == json!(false) {
            for words in ["data", "result"] {
                if answer.get(words).is_some() && answer[words] != "failed on purpose" {
                    answer[words] = json!("why");
                }
            }
        }
        if answer.get("payload").is_none() {
            break;
        }
    }
    (header.to_owned(), said)
}

#[test]
fn a_server_answers_as_the_package_does() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../vectors/juggler.json")).unwrap();
    for (generation, sections) in SERVERS {
        for section in sections {
            let frames = &vectors[generation]["package_as_server"][section];
            let frames = frames.as_array().unwrap_or_else(|| panic!("{section}"));
            let pings = match section.starts_with("ping ") {
                // As when they were recorded.
                true => "?ping_delay=300ms&ping_timeout=500ms",
                false => "",
            };
            let codec = format!("juggler:{generation}{pings}");
            let api = server(&codec, *section != "no request handler");
            let mut other = Other::connect(api.local_addrs()[0]);
            replay(&mut other, frames, &format!("{generation}: {section}"));
        }
    }
}

fn replay(other: &mut Other, frames: &[serde_json::Value], section: &str) {
    for frame in frames {
        let text = frame["text"].as_str().unwrap_or_default();
        if frame["from"] == "bare" {
            other.say(text);
        } else if frame["from"] == "package" {
            assert_eq!(meaning(&other.text()), meaning(text), "{section}");
        } else if frame.get("closed").is_some() {
            assert_eq!(u64::from(other.closed()), frame["code"], "{section}");
        } else if frame["note"] == "the package calls; answers in reverse order" {
            // Nobody calls here.
            return;
        }
    }
}
