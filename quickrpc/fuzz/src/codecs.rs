//! What a message means.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::OnceLock;

use quickrpc::__fuzz::{
    End, Said, decode, decode_in_full, encode_call, encode_error, encode_result, hear,
    read_message_pack, read_text, write_message_pack,
};
use quickrpc::codec::{AnyCodec, IntoCodec};
use quickrpc::msgpack::Ext;
use quickrpc::{Bytes, Value};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

fn codec(expr: &str) -> AnyCodec {
    expr.into_codec().expect("the expression is right")
}

/// The first byte says whether one is strict.
pub fn jrpc(data: &[u8]) {
    static CODECS: OnceLock<[AnyCodec; 2]> = OnceLock::new();
    let codecs = CODECS.get_or_init(|| [codec("jrpc"), codec("jrpc?strict=true")]);
    if let Some((choice, telegram)) = data.split_first() {
        message(&codecs[usize::from(choice & 1)], telegram);
    }
}

/// One line.
pub fn terse(data: &[u8]) {
    static CODEC: OnceLock<AnyCodec> = OnceLock::new();
    message(CODEC.get_or_init(|| codec("terse")), data);
}

/// A message of MessagePack-RPC; and the same bytes as values of types.
pub fn msgpack(data: &[u8]) {
    static CODEC: OnceLock<AnyCodec> = OnceLock::new();
    let codec = CODEC.get_or_init(|| codec("msgpack?named=on"));
    match decode(codec, data) {
        Ok(said) => said.iter().for_each(|said| again(codec, said)),
        Err((why, position)) => assert!(!why.is_empty() && position <= data.len(), "{why}"),
    }
    packed::<Value>(data);
    packed::<Packed>(data);
    packed::<BTreeMap<i64, Option<Vec<u8>>>>(data);
    packed::<(Ext, Bytes, Option<String>, char)>(data);
    packed::<Vec<()>>(data);
}

/// A value that can be read can be written, and is then read as the same.
fn packed<T: DeserializeOwned + Serialize + Debug>(data: &[u8]) {
    let Ok((value, end, found)) = read_message_pack::<T>(data, 100) else {
        return;
    };
    // Both ways of finding the end, of which one reads nothing.
    assert_eq!(found, Some(end));
    let written = write_message_pack(&value).expect("it can be written");
    match read_message_pack::<T>(&written, 100) {
        Ok((again, end, _)) => {
            assert_eq!(end, written.len());
            assert_eq!(shown(&again), shown(&value));
        }
        Err(why) => panic!("{value:?}, {}: {why}", written.escape_ascii()),
    }
}

/// A type of everything.
#[derive(Debug, Serialize, Deserialize)]
struct Packed {
    a: u8,
    #[serde(default)]
    b: Option<Box<Packed>>,
    #[serde(default)]
    c: Vec<Packing>,
    #[serde(default)]
    d: (f32, i128),
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Packing {
    Unit,
    One(u128),
    Two(bool, String),
    Named { x: f64 },
}

/// One message, decoded both ways; what it says is written and decoded again.
fn message(codec: &AnyCodec, telegram: &[u8]) {
    let quick = decode(codec, telegram);
    let Ok(text) = str::from_utf8(telegram) else {
        assert!(quick.is_err());
        return;
    };
    let full = decode_in_full(codec, text);
    assert_eq!(shown(&quick), shown(&full), "{text:?}");
    let said = match full {
        Ok(said) => said,
        Err((why, position)) => {
            assert!(!why.is_empty() && position <= text.len(), "{text:?}: {why}");
            return;
        }
    };
    for said in said {
        again(codec, &said);
    }
}

fn again(codec: &AnyCodec, said: &Said) {
    match said {
        Said::Call(method, params, id) => {
            if let Some(id) = id {
                echoed(codec, id);
            }
            let Ok(params) = params else { return };
            let number = id.as_ref().and_then(|id| id.parse().ok());
            let Ok(written) = encode_call(codec, method, params, number) else {
                return;
            };
            let expected = match params {
                Value::Null => Value::Map(Default::default()),
                params => params.clone(),
            };
            match decode(codec, &written).as_deref() {
                Ok([Said::Call(name, Ok(args), id)]) => {
                    assert_eq!(name, method);
                    let id = id.as_ref().and_then(|id| id.parse().ok());
                    assert_eq!(id, number, "{}", written.escape_ascii());
                    let args = match args {
                        Value::Null => Value::Map(Default::default()),
                        args => args.clone(),
                    };
                    assert_eq!(shown(&args), shown(&expected));
                }
                other => panic!("{said:?}, {}: {other:?}", written.escape_ascii()),
            }
        }
        Said::Reply(Some(id), Ok(value)) => {
            let Ok(written) = encode_result(codec, &id.to_string(), value) else {
                return;
            };
            match decode(codec, &written).as_deref() {
                Ok([again]) => assert_eq!(shown(again), shown(said)),
                other => panic!("{said:?}, {}: {other:?}", written.escape_ascii()),
            }
        }
        Said::Failure(Some(id), error) => {
            let Ok(written) = encode_error(codec, &id.to_string(), error) else {
                return;
            };
            match decode(codec, &written).as_deref() {
                Ok([Said::Failure(again, _)]) => assert_eq!(*again, Some(*id)),
                other => panic!("{said:?}, {}: {other:?}", written.escape_ascii()),
            }
        }
        Said::Invalid(Some(id)) => echoed(codec, id),
        _ => {}
    }
}

/// An id that is echoed as it came is one answer, and nothing else.
fn echoed(codec: &AnyCodec, id: &str) {
    let written = encode_result(codec, id, &Value::Integer(1)).expect("an answer can be written");
    match decode(codec, &written).as_deref() {
        Ok([Said::Reply(_, Ok(Value::Integer(1)))]) => {}
        other => panic!("{id:?}, {}: {other:?}", written.escape_ascii()),
    }
}

fn shown<T: Debug>(value: &T) -> String {
    format!("{value:?}")
}

/// Messages, one in each line, that a session hears. The first byte says at which end.
pub fn zonis(data: &[u8]) {
    static CODEC: OnceLock<AnyCodec> = OnceLock::new();
    let codec = CODEC.get_or_init(|| codec("zonis:fuzz"));
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let end = [End::Client, End::Server][usize::from(choice & 1)];
    let messages: Vec<&str> = text.split('\n').collect();
    let (said, _) = hear(codec, end, &messages);
    // A client greets; whatever is heard has one answer at the most.
    assert!(said.len() <= messages.len() + 1, "{}", said.len());
    for message in said {
        let message = String::from_utf8(message).expect("it is text");
        let read = read_text::<Value>(&message, false, 200);
        match read {
            Ok((Value::Map(outer), end)) if end == message.len() && is_packet(&outer) => {}
            other => panic!("{message:?}: {other:?}"),
        }
    }
}

/// Whether it has all that ends service at a peer in Python if it is not there.
fn is_packet(outer: &BTreeMap<String, Value>) -> bool {
    let is_text = |value: Option<&Value>| matches!(value, Some(Value::String(_)));
    let inner = outer.get("data").and_then(Value::as_map);
    outer.contains_key("packet_id")
        && is_text(outer.get("type"))
        && inner.is_some_and(|inner| {
            is_text(inner.get("identifier"))
                && is_text(inner.get("type"))
                && inner.contains_key("data")
        })
}

/// Messages, one in each line, that a session of Juggler hears. The first byte says at which end,
/// and in which generation.
pub fn juggler(data: &[u8]) {
    static CODECS: OnceLock<[AnyCodec; 4]> = OnceLock::new();
    let names = [
        "juggler",
        "juggler:0.5?autoflush_delay=0",
        "juggler:0.6?autoflush_delay=0",
        "juggler:0.7?autoflush_delay=0",
    ];
    let codecs = CODECS.get_or_init(|| names.map(codec));
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let end = [End::Client, End::Server][usize::from(choice & 1)];
    let codec = &codecs[usize::from(choice >> 1 & 3)];
    let messages: Vec<&str> = text.split('\n').collect();
    let (said, wrong) = hear(codec, end, &messages);
    // What cannot be understood ends it, in words of the session.
    assert!(wrong.is_none(), "{wrong:?}");
    assert!(said.len() <= messages.len(), "{}", said.len());
    for message in said {
        let message = String::from_utf8(message).expect("it is text");
        if message.starts_with('3') {
            continue;
        }
        let text = message.strip_prefix('0').unwrap_or(&message);
        // What is echoed may have numbers that are out of any range.
        match read_text::<IgnoredAny>(text, false, 200) {
            Ok((_, end)) if end == text.len() && text.starts_with('{') => {}
            other => panic!("{message:?}: {other:?}"),
        }
    }
}
