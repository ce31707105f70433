//! Codecs of plug-ins.

use serde::Serialize;

use super::{InStream as _, decode, map, written};
use crate::base::error::{BoxError, CallError};
use crate::base::limits::Limits;
use crate::base::value::{Value, from_value};
use crate::wire::Wire;
use crate::wire::codec::any::AnyCodec;
use crate::wire::codec::envelope::{Envelope, Part, Payload};
use crate::wire::codec::{Codec, IntoCodec, Message, register_codec};
use crate::wire::cut::{Broken, Cut};
use crate::wire::cutter::Cutter;
use crate::wire::security::AnySecurity;

/// Messages as JSON lists: `["call", name, params, id]`; several in one list of lists.
#[derive(Debug)]
struct Lists {
    delimiter: &'static [u8],
}

#[derive(Serialize)]
struct List<'a>(&'a str, &'a str, &'a Value, &'a Value);

impl Codec for Lists {
    fn expression(&self) -> String {
        String::from("lists:")
    }

    fn delimiter(&self) -> &[u8] {
        self.delimiter
    }

    fn encode(&self, message: &Message) -> Result<Vec<u8>, BoxError> {
        let none = Value::Null;
        let list = match message {
            Message::Call { method, params, id } => {
                List("call", method, params, id.as_ref().unwrap_or(&none))
            }
            Message::Reply { id, result } => List("reply", "", result, id),
            Message::Failure { id, error } => List("error", &error.message, &none, id),
        };
        Ok(serde_json::to_vec(&list)?)
    }

    fn decode(&self, telegram: &[u8]) -> Result<Vec<Message>, BoxError> {
        let lists: Vec<(String, String, Value, Value)> = serde_json::from_slice(telegram)?;
        let messages = lists
            .into_iter()
            .map(|(kind, text, value, id)| match kind.as_str() {
                "call" => Message::Call {
                    method: text,
                    params: value,
                    id: Some(id),
                },
                "reply" => Message::Reply { id, result: value },
                _ => Message::Failure {
                    id,
                    error: CallError::new(7, text),
                },
            });
        Ok(messages.collect())
    }
}

fn codec() -> AnyCodec {
    Lists { delimiter: b"\n" }.into_codec().unwrap()
}

#[test]
fn calls_carry_values() {
    let codec = codec();
    let telegram = r#"[["call","f",{"a":[1,"x"]},5]]"#;
    let Envelope::Call { method, params, id } = decode(&codec, telegram) else {
        panic!("a call");
    };
    assert_eq!(
        (method.of(telegram), id),
        ("f", Some(Part::Owned("5".into())))
    );
    let seed = std::marker::PhantomData::<std::collections::HashMap<&str, (i64, &str)>>;
    let args = codec.read(telegram, &params, seed, 128).unwrap();
    assert_eq!(args["a"], (1, "x"));
    let seed = std::marker::PhantomData::<i64>;
    assert!(codec.read(telegram, &params, seed, 128).is_err());
}

#[test]
fn ids_keep_their_type() {
    for (id, text) in [
        (r#"5"#, "5"),
        (r#""5""#, r#""5""#),
        (r#""a\"b""#, r#""a\"b""#),
        ("-7", "-7"),
    ] {
        let telegram = format!(r#"[["call","f",null,{id}]]"#);
        let Envelope::Call { id: Some(raw), .. } = decode(&codec(), &telegram) else {
            panic!("{telegram}");
        };
        assert_eq!(raw.of(&telegram), text);
        let answer = written(|out| codec().encode_result(out, text, &"ok"));
        assert_eq!(answer.unwrap(), format!(r#"["reply","","ok",{id}]"#));
    }
    let none = decode(&codec(), r#"[["call","f",null,null]]"#);
    assert!(matches!(none, Envelope::Call { id: None, .. }));
    for wrong in ["[]", "1.5", "true"] {
        let telegram = format!(r#"[["call","f",null,{wrong}]]"#);
        let found = decode(&codec(), &telegram);
        assert!(
            matches!(found, Envelope::Invalid { id: None, .. }),
            "{wrong}"
        );
    }
    let long = format!(r#"[["call","f",null,"{}"]]"#, "x".repeat(300));
    assert!(matches!(
        decode(&codec(), &long),
        Envelope::Invalid { id: None, .. }
    ));
}

#[test]
fn answers_have_our_ids_or_none() {
    for (id, expected) in [
        ("3", Some(3)),
        (r#""3""#, Some(3)),
        ("-3", None),
        (r#""""#, None),
        (r#""x""#, None),
        ("null", None),
    ] {
        let telegram = format!(r#"[["reply","",{{}},{id}]]"#);
        match decode(&codec(), &telegram) {
            Envelope::Reply {
                id,
                result: Payload::Value(Value::Map(_)),
            } => {
                assert_eq!(id, expected, "{telegram}");
            }
            other => panic!("{other:?}"),
        }
        let telegram = format!(r#"[["error","no",null,{id}]]"#);
        let error = CallError::new(7, "no");
        assert_eq!(
            decode(&codec(), &telegram),
            Envelope::Failure {
                id: expected,
                error
            }
        );
    }
}

#[test]
fn a_telegram_may_hold_several_messages_or_none() {
    assert_eq!(decode(&codec(), "[]"), Envelope::Empty);
    assert_eq!(decode(&codec(), ""), Envelope::Empty);
    let two = r#"[["call","f",null,1],["reply","",1,2]]"#;
    match decode(&codec(), two) {
        Envelope::Several {
            parts,
            together: false,
        } => assert_eq!(parts.len(), 2),
        other => panic!("{other:?}"),
    }
    let limits = Limits {
        batch_entries: 1,
        ..Limits::default()
    };
    let found = codec().decode(two, &limits).unwrap();
    assert!(matches!(found, Envelope::Invalid { id: None, .. }));
    let error = codec().decode("nonsense", &Limits::default()).unwrap_err();
    assert!(error.message.contains("expected"), "{error}");
    assert!(codec().decode_bytes(b"\xff", &Limits::default()).is_err());
}

#[test]
fn encoding_goes_through_values() {
    let codec = codec();
    let args = map([("a", Value::from(1))]);
    let call = written(|out| codec.encode_call(out, "f", &args, Some(4)));
    assert_eq!(call.unwrap(), r#"["call","f",{"a":1},4]"#);
    let call = written(|out| codec.encode_call(out, "f", &(), None));
    assert_eq!(call.unwrap(), r#"["call","f",{},null]"#);
    let error = written(|out| codec.encode_error(out, "\"x\"", &CallError::new(1, "no")));
    assert_eq!(error.unwrap(), r#"["error","no",null,"x"]"#);
    // JSON has no infinity as serde_json sees it, but a map key that is a list is refused.
    let bad = std::collections::BTreeMap::from([(vec![1], 1)]);
    assert!(written(|out| codec.encode_result(out, "1", &bad)).is_err());
    assert!(written(|out| codec.encode_header(out, &Default::default())).is_err());
}

#[test]
fn the_delimiter_is_the_plug_ins() {
    let mut out = b"x".to_vec();
    codec().frame_out(&mut out, 0).unwrap();
    assert_eq!(out, b"x\n");
    let whole = Lists { delimiter: b"" }.into_codec().unwrap();
    assert!(whole.framing().is_none());
    let wire = Wire::new(&whole, &AnySecurity::Null, Limits::default(), String::new());
    let mut cutter = Cutter::new(&wire, None);
    let fits = cutter.cut(&wire, b"abc", 3);
    assert!(matches!(fits, Ok((0, Cut::Incomplete))), "{fits:?}");
    let too_large = cutter.cut(&wire, b"abc", 2);
    assert!(matches!(too_large, Err(Broken::Rules(_))), "{too_large:?}");
    whole.frame_out(&mut out, 0).unwrap();
    assert_eq!(out, b"x\n");
}

#[test]
fn a_registered_codec_works_in_expressions() {
    register_codec("lists", |params| match params.text() {
        "wrong" => Err("no such list".into()),
        _ => Ok(Lists { delimiter: b"\n" }),
    })
    .unwrap();
    let codec = "lists:".into_codec().unwrap();
    assert!(matches!(codec, AnyCodec::Custom(_)));
    let error = String::from("lists:wrong").into_codec().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot create codec `lists:wrong`: no such list"
    );
}

#[test]
fn results_of_any_type_can_be_read() {
    let value: (i64, String) =
        from_value(Value::from_iter([Value::from(1), Value::from("x")])).unwrap();
    assert_eq!(value, (1, "x".to_owned()));
}
