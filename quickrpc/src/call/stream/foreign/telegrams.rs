//! What the conventions of others say on the wire.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess};
use serde::de::{SeqAccess, Visitor};

use crate::base::error::CallError;
use crate::base::value::{Value, from_value};
use crate::call::stream::telegrams::{CallId, Failure, read};
use crate::wire::codec::{AnyCodec, Payload, Script};

/// The arguments of a notification that brings an item.
#[derive(Serialize)]
pub(super) struct Item<'a, W: ?Sized> {
    pub(super) subscription: &'a CallId,
    pub(super) result: &'a W,
}

/// The arguments of the last one, after which there are no more.
#[derive(Serialize)]
pub(super) struct Failed<'a, E> {
    pub(super) subscription: &'a CallId,
    pub(super) error: &'a E,
}

/// The arguments of the call that ends one, where arguments have names.
#[derive(Serialize)]
pub(super) struct Ended<'a> {
    pub(super) subscription: &'a CallId,
}

/// The arguments of `rpc.on` and `rpc.off`, where arguments have names.
#[derive(Serialize)]
pub(super) struct Names<'a> {
    pub(super) events: [&'a str; 1],
}

/// Which subscription a notification belongs to, and whether it is the last one.
#[derive(serde::Deserialize)]
pub(super) struct Which {
    pub(super) subscription: CallId,
    #[serde(default, rename = "result")]
    _result: IgnoredAny,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

/// The value of an item, whichever it belongs to.
#[derive(serde::Deserialize)]
struct Result_<W> {
    #[serde(default, rename = "subscription")]
    _subscription: IgnoredAny,
    result: W,
}

/// An id by itself, as the only argument.
pub(super) struct OnlyId(pub(super) CallId);

/// Names, as the arguments, or as a list which is the only one.
pub(super) struct Events(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OnlyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let only: Only<CallId, CallId> = deserializer.deserialize_any(Arguments(PhantomData))?;
        match only {
            Only::List(ids) => match <[CallId; 1]>::try_from(ids) {
                Ok([id]) => Ok(OnlyId(id)),
                Err(_) => Err(D::Error::custom(ONE)),
            },
            Only::Named(id) => Ok(OnlyId(id)),
        }
    }
}

const ONE: &str = "expected one argument, the id of a subscription";

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let only: Only<String, Vec<String>> =
            deserializer.deserialize_any(Arguments(PhantomData))?;
        Ok(match only {
            Only::List(names) | Only::Named(names) => Events(names),
        })
    }
}

enum Only<T, N> {
    List(Vec<T>),
    Named(N),
}

/// Arguments by place, or one by whatever name.
struct Arguments<T, N>(PhantomData<(T, N)>);

impl<'de, T: Deserialize<'de>, N: Deserialize<'de>> Visitor<'de> for Arguments<T, N> {
    type Value = Only<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        Ok(Only::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut named = None;
        while let Some((IgnoredAny, value)) = map.next_entry()? {
            if named.replace(value).is_some() {
                return Err(A::Error::custom("expected one argument"));
            }
        }
        let named = named.ok_or_else(|| A::Error::custom("expected one argument"));
        named.map(Only::Named)
    }
}

/// Which subscription a notification belongs to.
pub(super) fn which(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<Which, String> {
    read(codec, telegram, params, depth)
}

/// The value of an item.
pub(super) fn item_value<W: DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<W, String> {
    read::<Result_<W>>(codec, telegram, params, depth).map(|item| item.result)
}

/// The value of an event: the arguments as they are, or the only one of them.
pub(super) fn event_value<W: DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    params: &Payload,
    depth: usize,
) -> Result<W, String> {
    let value = read::<W>(codec, telegram, params, depth);
    value.or_else(|reason| {
        let only = read::<(W,)>(codec, telegram, params, depth);
        only.map(|(value,)| value).map_err(|_| reason)
    })
}

/// The error with which somebody ends a subscription: jsonrpsee sends any value.
pub(super) fn failure(error: Value) -> CallError {
    if let Value::String(text) = &error {
        return CallError::new(CallError::HANDLER_ERROR, text.clone());
    }
    match from_value::<Failure>(error.clone()) {
        Ok(failure) => failure.into(),
        Err(_) => {
            let text = "the subscription has ended with an error";
            let mut unusual = CallError::new(CallError::HANDLER_ERROR, text);
            unusual.data = Some(error);
            unusual
        }
    }
}
