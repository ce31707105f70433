//! The vectors that were recorded from the Python original, as meanings.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::show;
use crate::base::error::CallError;
use crate::base::value::Value;

static FILE: LazyLock<Json> = LazyLock::new(|| {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/quickrpc.json"
    );
    let text = std::fs::read_to_string(path).expect("the vectors are in tests/vectors");
    serde_json::from_str(&text).expect("the vectors are JSON")
});

/// The vectors of one kind.
pub(super) fn section(codec: &str, name: &str) -> &'static [Json] {
    let section = FILE[codec][name].as_array();
    section.unwrap_or_else(|| panic!("no vectors {codec} {name}"))
}

/// The texts of an object, "" where there is none.
pub(super) fn text<'a>(vector: &'a Json, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or("")
}

/// Recorded bytes.
pub(super) fn bytes(wire: &Json) -> Vec<u8> {
    STANDARD.decode(text(wire, "b64")).expect("base64")
}

/// A recorded value; `None` for what Rust has no value for (a set, lone surrogates).
pub(super) fn value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number.into()),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(value) => Value::String(value.clone()),
        Json::Array(values) => Value::List(values.iter().map(value).collect::<Option<_>>()?),
        Json::Object(values) => {
            let tag = |name| values.get(name).and_then(Json::as_str);
            if let Some(value) = tag("$bytes") {
                return STANDARD.decode(value).ok().map(Value::Bytes);
            }
            if let Some(value) = tag("$int") {
                return value.parse().ok().map(Value::Integer);
            }
            if let Some(value) = tag("$float") {
                return value.parse().ok().map(Value::Float);
            }
            if tag("$repr").is_some() {
                return None;
            }
            let entries = values
                .iter()
                .map(|(key, entry)| Some((key.clone(), value(entry)?)));
            Value::Map(entries.collect::<Option<_>>()?)
        }
    })
}

/// What Python made of one message, as in [`show`].
pub(super) fn meaning(message: &Json) -> String {
    let id = match &message["id"] {
        Json::Null => None,
        Json::Number(id) if id.as_i64() == Some(0) => None,
        Json::Object(_) => Some(text(&message["id"], "$int").to_owned()),
        id => Some(id.to_string()),
    };
    let shown = match text(message, "kind") {
        "message" | "call" => {
            let params = value(&message["params"]);
            let method = message["method"].as_str().unwrap_or("no name");
            show::call(method, params.as_ref(), id.as_deref())
        }
        "reply" => match value(&message["result"]) {
            Some(result) => show::reply(message["id"].as_u64(), &result),
            None => String::from("unreadable"),
        },
        "error" => {
            let mut error = CallError::new(message["code"].as_i64().unwrap_or(0), "");
            error.message = text(message, "message").to_owned();
            error.data = value(&message["details"])
                .filter(|data| !matches!(data, Value::Null) && *data != Value::from(""));
            show::failure(message["id"].as_u64(), &error)
        }
        "undecodable" => String::from(show::UNDECODABLE),
        kind => panic!("a new kind of message: {kind}"),
    };
    match message["secinfo"].as_object() {
        Some(secinfo) if !secinfo.is_empty() => format!("{shown} by {}", message["secinfo"]),
        _ => shown,
    }
}
