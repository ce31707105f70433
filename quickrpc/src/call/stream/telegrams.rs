//! What streams say on the wire: `rpc.item` and `rpc.more`, with the id of the call. A stream that
//! is an argument has an id of its own, and `rpc.done` in the place of an answer.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{Error as ValueError, MapAccessDeserializer, UnitDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, Serializer};

use crate::base::error::CallError;
use crate::base::value::Value;
use crate::wire::codec::envelope::Span;
use crate::wire::codec::{AnyCodec, Payload, Script};
use crate::wire::jrpc;

/// One item: the arguments `id` and `value`.
pub(crate) const ITEM: &str = "rpc.item";
/// So many more may come: the arguments `id` and `items`.
pub(crate) const MORE: &str = "rpc.more";
/// The end of an argument: `id`, and `value` or `error`.
pub(crate) const DONE: &str = "rpc.done";

/// The id of a call, as it is compared: the same number or text, however it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CallId {
    Number(i64),
    Text(Box<str>),
    /// Numbers that are no integers, or too large.
    Other(Box<str>),
}

impl CallId {
    /// The id as it stands in a call.
    pub(crate) fn of(raw: &str) -> Self {
        if let Ok(number) = raw.parse() {
            return CallId::Number(number);
        }
        match text(raw) {
            Some(text) => CallId::Text(text.into()),
            None => CallId::Other(raw.into()),
        }
    }
}

/// What a JSON string says.
fn text(raw: &str) -> Option<String> {
    let whole = Span::new(0..raw.len())?;
    let quoted = raw.starts_with('"');
    quoted.then(|| jrpc::read(raw, whole, Seed(PhantomData), 1).ok())?
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            CallId::Number(number) => serializer.serialize_i64(*number),
            CallId::Text(text) => serializer.serialize_str(text),
            CallId::Other(raw) => match raw.parse() {
                Ok(number) => serializer.serialize_f64(number),
                Err(_) => serializer.serialize_str(raw),
            },
        }
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;
        impl Visitor<'_> for Ids {
            type Value = CallId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a call")
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<CallId, E> {
                Ok(CallId::Number(id))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<CallId, E> {
                let number = i64::try_from(id).map(CallId::Number);
                Ok(number.unwrap_or_else(|_| CallId::Other(id.to_string().into())))
            }

            fn visit_f64<E: Error>(self, id: f64) -> Result<CallId, E> {
                Ok(CallId::Other(id.to_string().into()))
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<CallId, E> {
                Ok(CallId::Text(id.into()))
            }
        }
        deserializer.deserialize_any(Ids)
    }
}

/// The arguments of [`ITEM`].
#[derive(Serialize)]
pub(crate) struct Item<'a, W: ?Sized> {
    pub(crate) id: &'a CallId,
    pub(crate) value: &'a W,
}

/// The arguments of [`MORE`].
#[derive(Debug, Serialize, serde::Deserialize)]
pub(crate) struct More {
    pub(crate) id: CallId,
    pub(crate) items: u64,
}

/// The arguments of [`DONE`] after which there is a result.
#[derive(Serialize)]
pub(crate) struct Done<'a, W: ?Sized> {
    pub(crate) id: &'a CallId,
    pub(crate) value: &'a W,
}

/// Those after which there is none.
#[derive(Serialize)]
pub(crate) struct Failed<'a> {
    pub(crate) id: &'a CallId,
    pub(crate) error: &'a Failure,
}

/// An error, as a member of arguments.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub(crate) struct Failure {
    code: i64,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let CallError {
            code,
            message,
            data,
            ..
        } = error;
        Failure {
            code,
            message,
            data,
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        let mut error = CallError::new(failure.code, failure.message);
        error.data = failure.data;
        error
    }
}

/// How a stream has ended, without its result.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct End {
    pub(crate) id: CallId,
    #[serde(default, rename = "value")]
    _value: IgnoredAny,
    #[serde(default)]
    pub(crate) error: Option<Failure>,
}

/// Its result.
#[derive(serde::Deserialize)]
struct EndValue<W> {
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    #[serde(default = "none")]
    value: Option<W>,
}

fn none<W>() -> Option<W> {
    None
}

/// The argument of a call that stands for a stream: `{"__stream": n}`.
#[derive(Debug, Clone, Serialize)]
pub struct StreamId {
    #[serde(rename = "__stream")]
    pub(crate) id: CallId,
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("StreamId", &["__stream"], StreamIdVisitor)
    }
}

/// Reads a map only: a list would be told to have too many entries, and who gives one in the place of a
/// stream should hear what that is.
struct StreamIdVisitor;

impl<'de> Visitor<'de> for StreamIdVisitor {
    type Value = StreamId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream, `{\"__stream\": n}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StreamId, A::Error> {
        #[derive(serde::Deserialize)]
        struct Named {
            #[serde(rename = "__stream")]
            id: CallId,
        }

        let Named { id } = Named::deserialize(MapAccessDeserializer::new(map))?;
        Ok(StreamId { id })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _list: A) -> Result<StreamId, A::Error> {
        Err(A::Error::custom(
            "a stream is expected, and this is a list; in JavaScript, `list.values()` is a stream",
        ))
    }
}

/// Which stream an item belongs to.
#[derive(Debug, serde::Deserialize)]
struct ItemId {
    id: CallId,
    #[serde(default, rename = "value")]
    _value: IgnoredAny,
}

/// The value of an item, whichever it belongs to.
#[derive(serde::Deserialize)]
struct ItemValue<W> {
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    value: W,
}

struct Seed<W>(PhantomData<W>);

impl<'de, W: Deserialize<'de>> DeserializeSeed<'de> for Seed<W> {
    type Value = W;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<W, D::Error> {
        W::deserialize(deserializer)
    }
}

pub(super) fn read<'de, W: Deserialize<'de>>(
    codec: &AnyCodec,
    telegram: &Script<'de>,
    params: &'de Payload,
    depth: usize,
) -> Result<W, String> {
    codec.read(*telegram, params, Seed(PhantomData), depth)
}

/// Which stream an item belongs to. Of a long one, nothing behind that need have been read.
pub(crate) fn item_id(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<CallId, String> {
    if telegram.len() >= LONG {
        let mut found = None;
        // An error is how reading is ended.
        if codec
            .read(*telegram, params, First(&mut found), depth)
            .is_err()
            && let Some(id) = found
        {
            return Ok(id);
        }
    }
    whole_item_id(codec, telegram, params, depth)
}

/// Which stream an item belongs to, if it is one to its end.
pub(crate) fn whole_item_id(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<CallId, String> {
    read::<ItemId>(codec, telegram, params, depth).map(|item| item.id)
}

/// From so many bytes on, an error costs less than reading an item to its end.
const LONG: usize = 1 << 10;

/// Reads an id that stands in front, and then no further.
struct First<'a>(&'a mut Option<CallId>);

impl<'de> DeserializeSeed<'de> for First<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_struct("Item", &["id", "value"], self)
    }
}

impl<'de> Visitor<'de> for First<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if let Some("id") = map.next_key::<Cow<'de, str>>()?.as_deref() {
            *self.0 = Some(map.next_value()?);
        }
        Err(Error::custom("no further"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        *self.0 = seq.next_element()?;
        Err(Error::custom("no further"))
    }
}

/// The value of an item.
pub(crate) fn item_value<W: serde::de::DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<W, String> {
    read::<ItemValue<W>>(codec, telegram, params, depth).map(|item| item.value)
}

/// Reads the arguments of [`MORE`].
pub(crate) fn more(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<More, String> {
    read(codec, telegram, params, depth)
}

/// How a stream has ended.
pub(crate) fn end(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<End, String> {
    read(codec, telegram, params, depth)
}

/// The result of a stream; one that is not there is null.
pub(crate) fn end_value<W: serde::de::DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<W, String> {
    match read::<EndValue<W>>(codec, telegram, params, depth)?.value {
        Some(value) => Ok(value),
        None => {
            let null = UnitDeserializer::<ValueError>::new();
            W::deserialize(null).map_err(|error| error.to_string())
        }
    }
}
