//! What messages carry: values in one of some formats, and bytes beside them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::error::CallError;
use crate::base::limits::DEEPEST;
use crate::base::utf8;
use crate::base::value::Value;
use crate::format::msgpack;
use crate::format::text::{self, Json};
use crate::wire::codec::{Payload, Span};
use crate::wire::json;

use super::frames::Body;
use super::header::Format;

/// A value that came: JSON stays where it is, as a text, and others are read.
#[derive(Debug)]
pub(super) enum Came<'t> {
    Json(&'t str),
    Value(Value),
}

impl<'t> Came<'t> {
    /// # Errors
    ///
    /// When it is not what its header says.
    pub(super) fn read(format: Format, payload: &'t [u8], depth: usize) -> Result<Self, String> {
        let text = || {
            let text = utf8::text(payload);
            text.map_err(|error| format!("not UTF-8 (at byte {})", error.valid_up_to()))
        };
        match format {
            Format::Json => Ok(Came::Json(text()?)),
            Format::Text => Ok(Came::Value(Value::String(text()?.to_owned()))),
            Format::MessagePack => {
                let mut reader = msgpack::Reader::new(payload, depth);
                let value = reader.value(std::marker::PhantomData::<Value>);
                let value = value.map_err(|error| error.to_string())?;
                match reader.at_end() {
                    true => Ok(Came::Value(value)),
                    false => Err(String::from("more than one value")),
                }
            }
            Format::Other => Err(String::from(
                "its format is none of JSON, MessagePack and text",
            )),
        }
    }

    /// The same with what came encoded beside it: bytes alone, or a pair.
    ///
    /// # Errors
    ///
    /// When it is no JSON, and a pair.
    pub(super) fn with(self, encoded: &[u8], depth: usize) -> Result<Self, String> {
        if encoded.is_empty() {
            return Ok(self);
        }
        let bytes = Value::Bytes(encoded.to_vec());
        let value = match self {
            Came::Json(text) if text.trim() == "null" => return Ok(Came::Value(bytes)),
            Came::Value(Value::Null) => return Ok(Came::Value(bytes)),
            Came::Json(text) => {
                let value = json::whole(text).and_then(|whole| json::value(text, whole, depth));
                value.ok_or_else(|| String::from("its payload is no JSON"))?
            }
            Came::Value(value) => value,
        };
        Ok(Came::Value(Value::List(vec![value, bytes])))
    }

    /// The text that a payload is in, and the payload.
    pub(super) fn payload(self) -> (&'t str, Payload) {
        match self {
            Came::Json(text) => {
                let whole = Span::new(0..text.len());
                (text, whole.map_or(Payload::Missing, Payload::Text))
            }
            Came::Value(value) => ("", Payload::Value(value)),
        }
    }

    /// As a value; `None` if it is no JSON.
    pub(super) fn into_value(self, depth: usize) -> Option<Value> {
        match self {
            Came::Json(text) => json::value(text, json::whole(text)?, depth),
            Came::Value(value) => Some(value),
        }
    }

    /// A member of an object, whole.
    pub(super) fn member(&self, name: &str, depth: usize) -> Option<Came<'t>> {
        match self {
            Came::Json(text) => {
                let mut found = None;
                let whole = json::whole(text)?;
                let each = |key: &str, place: Span| {
                    if key == name {
                        found = Some(place);
                    }
                };
                json::members(text, whole, depth, each).ok()?;
                Some(Came::Json(found?.of(text)))
            }
            Came::Value(Value::Map(map)) => Some(Came::Value(map.get(name)?.clone())),
            Came::Value(_) => None,
        }
    }
}

/// What is said: a value in JSON, and bytes beside it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) payload: Vec<u8>,
    pub(super) encoded: Vec<u8>,
}

impl Said {
    pub(super) fn body(&self) -> Body<'_> {
        Body {
            payload: &self.payload,
            encoded: &self.encoded,
        }
    }

    pub(super) fn json(text: &str) -> Self {
        Said {
            payload: text.as_bytes().to_vec(),
            encoded: Vec::new(),
        }
    }

    /// Arguments of an action. If the first of them is bytes, it goes beside the others.
    pub(super) fn arguments(args: &str) -> Self {
        match args.as_bytes().first() {
            Some(b'{') => {
                let mut members = Vec::new();
                let each = |key: &str, place: Span| members.push((key.to_owned(), place.of(args)));
                if let Some(whole) = json::whole(args) {
                    json::members(args, whole, DEEPEST, each).ok();
                }
                match members.first().and_then(|(_, first)| bytes(first)) {
                    Some(encoded) => {
                        let mut payload = vec![b'{'];
                        for (number, (name, value)) in members.iter().skip(1).enumerate() {
                            if number > 0 {
                                payload.push(b',');
                            }
                            text::write_str(&mut payload, Json, name);
                            payload.push(b':');
                            payload.extend_from_slice(value.as_bytes());
                        }
                        payload.push(b'}');
                        Said { payload, encoded }
                    }
                    None => Said::json(args),
                }
            }
            Some(b'[') => {
                let items = items(args);
                let first = items.first().and_then(|first| bytes(first));
                let skipped = usize::from(first.is_some());
                let rest = items.get(skipped..).unwrap_or_default().join(",");
                Said {
                    payload: match rest.is_empty() {
                        true => b"{}".to_vec(),
                        false => format!(r#"{{"__args__":[{rest}]}}"#).into_bytes(),
                    },
                    encoded: first.unwrap_or_default(),
                }
            }
            None => Said::json("{}"),
            Some(_) if args == "null" => Said::json("{}"),
            // One value that is all of the arguments.
            Some(_) => Said::json(&format!(r#"{{"__args__":[{args}]}}"#)),
        }
    }

    /// The value of a property, which is the only one of these arguments.
    pub(super) fn written(args: &str) -> Self {
        Said::value(single(args).unwrap_or(args))
    }

    /// A result: a value, bytes, or a pair of both.
    pub(super) fn result(value: &str) -> Self {
        if value.starts_with('[')
            && value.ends_with("\"}]")
            && let [first, second] = *items(value).as_slice()
            && bytes(first).is_none()
            && let Some(encoded) = bytes(second)
        {
            let payload = first.as_bytes().to_vec();
            return Said { payload, encoded };
        }
        Said::value(value)
    }

    /// A value, which may be bytes.
    pub(super) fn value(value: &str) -> Self {
        match bytes(value) {
            Some(encoded) => Said {
                payload: b"null".to_vec(),
                encoded,
            },
            None => Said::json(value),
        }
    }
}

/// The only one of these arguments, whether it has a name or not.
pub(super) fn single(args: &str) -> Option<&str> {
    if args.starts_with('[') {
        return match *items(args).as_slice() {
            [one] => Some(one),
            _ => None,
        };
    }
    let (mut found, mut several) = (None, false);
    let each = |_: &str, place: Span| several |= found.replace(place).is_some();
    json::members(args, json::whole(args)?, DEEPEST, each).ok()?;
    found.filter(|_| !several).map(|place| place.of(args))
}

/// The items of a list, as they are written.
pub(super) fn items(list: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let each = |place: std::ops::Range<usize>| items.push(list.get(place).unwrap_or_default());
    json::items(list, DEEPEST, each).ok();
    items
}

/// The bytes that a value is, as it is written here.
fn bytes(value: &str) -> Option<Vec<u8>> {
    let text = value.strip_prefix(r#"{"__bytes":""#)?.strip_suffix("\"}")?;
    STANDARD.decode(text).ok()
}

/// Appends the error of an operation, with a line in the place of Python's traceback, since clients
/// of the package want one. What others do not know of it they pass over.
pub(super) fn write_exception(out: &mut Vec<u8>, error: &CallError) {
    out.extend_from_slice(br#"{"exception":{"message":"#);
    text::write_str(out, Json, &error.message);
    out.extend_from_slice(br#","type":"#);
    let kind = type_of(error);
    text::write_str(out, Json, kind);
    out.extend_from_slice(br#","traceback":["#);
    text::write_str(out, Json, &format!("{kind}: {}", error.message));
    out.extend_from_slice(br#"],"notes":null,"code":"#);
    out.extend_from_slice(error.code.to_string().as_bytes());
    if let Some(data) = &error.data {
        let start = out.len();
        out.extend_from_slice(br#","data":"#);
        if text::write(out, Json, data).is_err() {
            out.truncate(start);
        }
    }
    out.extend_from_slice(b"}}");
}

/// The exception of Python that says it best. A handler may say it by a member `type` of its data.
fn type_of(error: &CallError) -> &str {
    let given = error.data.as_ref().and_then(|data| match data {
        Value::Map(map) => map.get("type")?.as_str(),
        _ => None,
    });
    given.unwrap_or(match error.code {
        CallError::METHOD_NOT_FOUND => "AttributeError",
        CallError::INVALID_PARAMS => "TypeError",
        CallError::INVALID_REQUEST => "ValueError",
        CallError::FORBIDDEN => "PermissionError",
        _ => "RuntimeError",
    })
}

/// The error that an exception is. Its data is what the Thing says of it: type, traceback, notes.
pub(super) fn exception(came: &Came<'_>, depth: usize) -> CallError {
    let exception = came.member("exception", depth);
    let exception = exception.and_then(|exception| exception.into_value(depth));
    let Some(Value::Map(map)) = exception else {
        return CallError::new(CallError::HANDLER_ERROR, "the operation failed");
    };
    let text = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = match text("message") {
        "" => text("type").to_owned(),
        message => message.to_owned(),
    };
    // Ours says more.
    let code = map.get("code").and_then(Value::as_i64);
    let error = CallError::new(code.unwrap_or(CallError::HANDLER_ERROR), message);
    match (code, map.get("data")) {
        (Some(_), Some(data)) => error.with_data(data.clone()),
        _ => error.with_data(Value::Map(map)),
    }
}
