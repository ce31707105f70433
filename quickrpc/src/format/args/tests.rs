use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::*;
use crate::base::bytes::Bytes;
use crate::base::value::{Value, ValueDeserializer, to_value};
use crate::format::description::{CallDescription, Direction};
use crate::format::schema::TypeSchema;

const fn argument(wire_name: &'static str) -> ArgumentDescription {
    ArgumentDescription {
        name: wire_name,
        wire_name,
        quoted: "",
        type_name: "",
        schema: TypeSchema::NONE,
        default: None,
        optional: false,
        whole: false,
        docs: "",
    }
}

const ADD: CallDescription = CallDescription {
    name: "add",
    wire_name: "add",
    direction: Direction::Incoming,
    docs: "",
    arguments: &[argument("a"), argument("b")],
    positional: false,
    concurrent: false,
    ignore_unknown: false,
    role: None,
    timeout: None,
    result: Some("i64"),
    schema: TypeSchema::NONE,
    item: None,
    error: None,
    deprecated: false,
};

const ADD_BY_PLACE: CallDescription = CallDescription {
    positional: true,
    ..ADD
};

const STOP: CallDescription = CallDescription {
    name: "stop",
    wire_name: "stop",
    arguments: &[],
    ..ADD
};

type Two = (i64, i64);

fn read<'de, W: WireArgs<'de>>(
    json: &'de str,
    call: &CallDescription,
    defaults: W::Defaults,
) -> Result<W, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    ArgsSeed::<W>::new(call, defaults)
        .deserialize(&mut reader)
        .map_err(|error| {
            let text = error.to_string();
            // serde_json adds a position; ours is what comes before it.
            text.split(" at line ").next().unwrap().to_owned()
        })
}

fn two(json: &str) -> Result<Two, String> {
    read(json, &ADD, (None, None))
}

fn two_by_place(json: &str) -> Result<Two, String> {
    read(json, &ADD_BY_PLACE, (None, None))
}

#[test]
fn names_come_in_any_order_and_the_last_wins() {
    assert_eq!(two(r#"{"b":2,"a":1}"#), Ok((1, 2)));
    assert_eq!(two(r#"{"a":1,"b":2,"a":3}"#), Ok((3, 2)));
    assert_eq!(two(r#"{"\u0061":1,"b":2}"#), Ok((1, 2)));
}

#[test]
fn mistakes_with_names() {
    for (json, message) in [
        (r#"{"a":1}"#, "missing argument `b`; `add` takes `a`, `b`"),
        (
            r#"{"a":1,"x":2}"#,
            "unknown argument `x`; `add` takes `a`, `b`",
        ),
        (
            r#"{"sender":"me","a":1,"b":2}"#,
            "unknown argument `sender`; `add` takes `a`, `b`",
        ),
        (
            r#"{"a":"x","b":2}"#,
            "argument `a` of `add`: invalid type: string \"x\", expected i64",
        ),
        (
            r#"{"a":1,"b":null}"#,
            "argument `b` of `add`: invalid type: null, expected i64",
        ),
        ("[1,2]", "please call with named parameters: `a`, `b`"),
        ("5", "please call with named parameters: `a`, `b`"),
        ("[]", "missing argument `a`; `add` takes `a`, `b`"),
        ("null", "missing argument `a`; `add` takes `a`, `b`"),
    ] {
        assert_eq!(two(json).unwrap_err(), message, "{json}");
    }
    let long = two(&format!("{{\"{}\":1}}", "é".repeat(1000))).unwrap_err();
    assert!(long.ends_with("é`; `add` takes `a`, `b`"), "{long}");
    assert!(long.contains("é…é") && long.len() < 500, "{long}");
    let long = two(&format!("{{\"a\":\"{}\"}}", "€".repeat(1000))).unwrap_err();
    assert!(
        long.ends_with("€\", expected i64") && long.len() < 500,
        "{long}"
    );
}

#[test]
fn places_where_they_are_allowed() {
    assert_eq!(two_by_place("[1,2]"), Ok((1, 2)));
    assert_eq!(two_by_place(r#"{"b":2,"a":1}"#), Ok((1, 2)));
    for (json, message) in [
        ("[1]", "missing argument `b`; `add` takes `a`, `b`"),
        ("[1,2,3]", "too many arguments; `add` takes `a`, `b`"),
        ("7", "missing argument `b`; `add` takes `a`, `b`"),
        (
            "[1,true]",
            "argument `b` of `add`: invalid type: boolean `true`, expected i64",
        ),
    ] {
        assert_eq!(two_by_place(json).unwrap_err(), message, "{json}");
    }
}

#[test]
fn a_scalar_counts_as_one_argument() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Degrees(f64);
    #[derive(Debug, PartialEq, Deserialize)]
    enum Colour {
        Red,
    }
    const A: [ArgumentDescription; 1] = [argument("a")];
    let call = CallDescription {
        arguments: &A,
        ..ADD_BY_PLACE
    };
    assert_eq!(read("5", &call, (None,)), Ok((5u8,)));
    assert_eq!(read("5", &call, (None,)), Ok((Some(5u8),)));
    assert_eq!(read("5.5", &call, (None,)), Ok((Degrees(5.5),)));
    assert_eq!(read("true", &call, (None,)), Ok((Some(true),)));
    assert_eq!(read(r#""Red""#, &call, (None,)), Ok((Colour::Red,)));
    assert_eq!(read(r#""x""#, &call, (None,)), Ok((Text::from("x"),)));
    assert_eq!(read("null", &call, (None,)), Ok((None::<u8>,)));
    assert_eq!(
        read::<(u8,)>("-1", &call, (None,)).unwrap_err(),
        "argument `a` of `add`: invalid value: integer `-1`, expected u8"
    );
    let seed = ArgsSeed::<(Blob<'_>,)>::new(&call, (None,));
    let bytes = Value::from(b"abc");
    let (blob,) = seed.deserialize(ValueDeserializer(&bytes)).unwrap();
    assert!(std::ptr::eq(&*blob, bytes.as_bytes().unwrap()));
}

#[test]
fn missing_arguments_have_defaults_or_are_none() {
    let defaults: (Option<fn() -> i64>, _) = (Some(|| 10), None);
    assert_eq!(read(r#"{"b":2}"#, &ADD, defaults), Ok((10, 2i64)));
    assert_eq!(
        read::<Two>(r#"{"a":null,"b":2}"#, &ADD, defaults).unwrap_err(),
        "argument `a` of `add`: invalid type: null, expected i64",
        "null is not missing"
    );
    type Options<'de> = (Option<Text<'de>>, Option<Bytes>);
    assert_eq!(
        read::<Options<'_>>("{}", &ADD, (None, None)),
        Ok((None, None))
    );
    assert_eq!(
        read::<Options<'_>>(r#"{"a":null}"#, &ADD, (None, None)),
        Ok((None, None))
    );
    type Default<T> = Option<fn() -> T>;
    let defaults: (Default<Option<u8>>, _) = (Some(|| Some(1)), None);
    assert_eq!(
        read::<(_, Option<u8>)>(r#"{"a":null}"#, &ADD, defaults),
        Ok((None, None)),
        "null is a value here, and not the default"
    );
}

#[test]
fn unknown_arguments_may_be_ignored() {
    let call = CallDescription {
        ignore_unknown: true,
        ..ADD
    };
    let json = r#"{"x":{"y":[1,2]},"a":1,"b":2}"#;
    assert_eq!(read::<Two>(json, &call, (None, None)), Ok((1, 2)));
}

#[test]
fn no_arguments_in_all_their_forms() {
    for json in ["{}", "[]", "null"] {
        assert_eq!(read::<()>(json, &STOP, ()), Ok(()), "{json}");
    }
    assert_eq!(
        read::<()>(r#"{"now":true}"#, &STOP, ()).unwrap_err(),
        "unknown argument `now`; `stop` takes no arguments"
    );
    assert_eq!(
        read::<()>("[1]", &STOP, ()).unwrap_err(),
        "too many arguments; `stop` takes no arguments"
    );
    let by_place = CallDescription {
        positional: true,
        ..STOP
    };
    assert_eq!(
        read::<()>("[1]", &by_place, ()).unwrap_err(),
        "too many arguments; `stop` takes no arguments"
    );
    // Somebody who sends this has not counted wrong.
    for call in [&STOP, &by_place] {
        for json in [r#""x""#, "1", "true"] {
            assert_eq!(
                read::<()>(json, call, ()).unwrap_err(),
                "the parameters have to be an object, and not a single value; \
                 `stop` takes no arguments"
            );
        }
    }
}

#[test]
fn texts_borrow_unless_escaped() {
    type Texts<'de> = (Text<'de>, Option<Text<'de>>);
    let json = String::from(r#"{"a":"plain","b":"also"}"#);
    let (a, b) = read::<Texts<'_>>(&json, &ADD, (None, None)).unwrap();
    for text in [&*a, b.as_deref().unwrap()] {
        assert!(json.as_bytes().as_ptr_range().contains(&text.as_ptr()));
    }
    let (a, _) = read::<Texts<'_>>(r#"{"a":"new\nline"}"#, &ADD, (None, None)).unwrap();
    assert_eq!(&*a, "new\nline");
    assert_eq!(a.into_string(), "new\nline");
    let (a, _) = read::<Texts<'_>>("{}", &ADD, (Some(|| "default".into()), None)).unwrap();
    assert_eq!(a, Text::from(String::from("default")));
}

#[test]
fn blobs_own_what_cannot_be_borrowed() {
    let list: Value = [1, 2].into_iter().collect();
    let blob = Blob::deserialize(ValueDeserializer(&list)).unwrap();
    assert_eq!(blob.into_vec(), [1, 2]);
    let error = Blob::deserialize(ValueDeserializer(&Value::from("x"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid type: string \"x\", expected bytes"
    );
}

#[test]
fn sixteen_arguments_are_the_most() {
    type Sixteen = (
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
        u8,
    );
    assert_eq!(<Sixteen as WireArgs<'_>>::LEN, 16);
    const X: [ArgumentDescription; 16] = [argument("x"); 16];
    let call = CallDescription {
        arguments: &X,
        ..ADD_BY_PLACE
    };
    let json = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]";
    let n: Option<fn() -> u8> = None;
    let none = (n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n);
    let read = read::<Sixteen>(json, &call, none).unwrap();
    assert_eq!((read.0, read.8, read.15), (0, 8, 15));
}

fn sent<A: OutArgs>(args: &A, positional: bool) -> Value {
    let out = ArgsOut {
        call: ADD.arguments,
        positional,
        args,
    };
    to_value(&out).unwrap()
}

#[test]
fn sent_by_name_or_by_place() {
    let args = (Plain("text"), BlobRef(b"bytes"));
    assert_eq!(
        sent(&args, false),
        [("a", Value::from("text")), ("b", b"bytes".into())]
            .into_iter()
            .collect()
    );
    assert_eq!(
        sent(&args, true),
        [Value::from("text"), b"bytes".into()].into()
    );
    assert_eq!(sent(&(), false), Value::Map(Default::default()));
    assert_eq!(sent(&(), true), Value::List(Vec::new()));
}

#[test]
fn what_is_none_is_left_out_if_possible() {
    let first = (Maybe(None::<BlobRef<'_>>), Maybe(Some(Plain(&1))));
    assert_eq!(sent(&first, false), [("b", 1)].into_iter().collect());
    assert_eq!(sent(&first, true), [Value::Null, 1.into()].into());
    let last = (Plain(&1), Maybe(None::<Plain<'_, str>>));
    assert_eq!(sent(&last, false), [("a", 1)].into_iter().collect());
    assert_eq!(sent(&last, true), [Value::from(1)].into());
    // Of two options in each other the outer one says whether it is there.
    let inner = (Maybe(Some(Plain(&None::<u8>))), Plain(&1));
    assert_eq!(sent(&inner, false)["a"], Value::Null);
    assert_eq!(sent(&inner, false).as_map().unwrap().len(), 2);
}

#[test]
fn what_is_sent_can_be_read() {
    let texts: Cow<'_, [String]> = Cow::Owned(vec!["x".into()]);
    let value = sent(&(Plain(&*texts), Maybe(Some(BlobRef(b"\x00")))), false);
    let seed = ArgsSeed::<(Vec<String>, Option<Bytes>)>::new(&ADD, (None, None));
    let (a, b) = seed.deserialize(ValueDeserializer(&value)).unwrap();
    assert_eq!((&*a, b.as_deref()), (&*texts, Some(&[0][..])));
}
