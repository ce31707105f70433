//! What types are in MessagePack; `rmp-serde` is the judge.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

use super::ext::Ext;
use super::{Reader, Scan, Stop, write};
use crate::base::bytes::Bytes;
use crate::base::value::{Value, from_value, to_value};
use crate::format::text::{self, Json};

fn written<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, value).unwrap();
    out
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let mut reader = Reader::new(bytes, 128);
    let value = T::deserialize(&mut reader).map_err(|error| error.into_message())?;
    match reader.at_end() {
        true => Ok(value),
        false => Err("not read to the end".into()),
    }
}

/// It comes back, its size is found, and another implementation reads it, too.
#[track_caller]
fn round_trip<T>(value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = written(value);
    assert_eq!(read::<T>(&bytes).as_ref(), Ok(value));
    let end = Scan::default().advance(&bytes, bytes.len());
    assert_eq!(end, Ok(Some(bytes.len())));
    let mut judge = rmp_serde::Deserializer::from_read_ref(&bytes).with_human_readable();
    assert_eq!(&T::deserialize(&mut judge).unwrap(), value);
    let mut theirs = Vec::new();
    let mut judge = rmp_serde::Serializer::new(&mut theirs)
        .with_human_readable()
        .with_struct_map();
    value.serialize(&mut judge).unwrap();
    assert_eq!(read::<T>(&theirs).as_ref(), Ok(value));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i64,
    name: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Meters(f64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Box(u8, u8),
    Named { name: String },
}

#[test]
fn types_come_back() {
    for value in [
        0,
        1,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        -1,
        -32,
        -33,
        -128,
        -129,
        -32_768,
        -32_769,
        i64::from(i32::MIN),
        i64::from(i32::MIN) - 1,
        i64::from(u32::MAX),
        i64::from(u32::MAX) + 1,
        i64::MIN,
        i64::MAX,
    ] {
        round_trip(&value);
        // As small as another implementation has it.
        assert_eq!(written(&value), rmp_serde::to_vec(&value).unwrap());
    }
    round_trip(&u64::MAX);
    round_trip(&(1.5_f32, -0.1_f64, f64::INFINITY, true, 'ä'));
    for size in [0, 31, 32, 255, 256, 65_535, 65_536] {
        let text = "x".repeat(size);
        round_trip(&text);
        assert_eq!(written(&text), rmp_serde::to_vec(&text).unwrap());
        let bytes = Bytes::from(vec![7; size]);
        round_trip(&bytes);
        assert_eq!(written(&bytes), rmp_serde::to_vec(&bytes).unwrap());
        round_trip(&vec![1_i64; size]);
    }
    let point = |name: Option<&str>| Point {
        x: 1,
        name: name.map(str::to_owned),
    };
    round_trip(&vec![point(None), point(Some("a"))]);
    round_trip(&(Meters(1.5), Pair(1, "b".into())));
    round_trip(&vec![
        Shape::Nothing,
        Shape::Circle(2.0),
        Shape::Box(1, 2),
        Shape::Named { name: "n".into() },
    ]);
    round_trip(&HashMap::from([
        (1_u32, "one".to_owned()),
        (2, "two".into()),
    ]));
    round_trip(&BTreeMap::from([((1_u8, -1_i8), Some(()).is_some())]));
    round_trip(&Duration::from_millis(1_500));
    round_trip(&"::1".parse::<IpAddr>().unwrap());
    round_trip(&());
    round_trip(&Vec::<u8>::new());
}

#[test]
fn integers_beyond_64_bits_stay_integers() {
    for value in [i128::MIN, i128::MAX, -(1 << 100), i128::from(u64::MAX) + 1] {
        assert_eq!(read::<i128>(&written(&value)), Ok(value));
        assert_eq!(read::<Value>(&written(&value)), Ok(Value::Integer(value)));
    }
    assert_eq!(read(&written(&u128::MAX)), Ok(u128::MAX));
    assert_eq!(read::<f64>(&written(&u128::MAX)), Ok(u128::MAX as f64));
    // Those that fit are what everybody knows.
    assert_eq!(written(&5_i128), [5]);
    assert_eq!(written(&u128::from(u64::MAX)), written(&u64::MAX));
    assert_eq!(read::<u128>(&[5]), Ok(5));
}

/// A value means the same on either wire.
#[test]
fn values_are_those_of_json() {
    #[derive(Serialize)]
    struct All {
        shape: Shape,
        host: IpAddr,
        unit: (),
        keys: BTreeMap<u8, Meters>,
    }
    let all = All {
        shape: Shape::Box(1, 2),
        host: "127.0.0.1".parse().unwrap(),
        unit: (),
        keys: BTreeMap::from([(1, Meters(2.0))]),
    };
    let mut json = Vec::new();
    text::write(&mut json, Json, &all).unwrap();
    let json = String::from_utf8(json).unwrap();
    let mut reader = text::Reader::new(&json, Json, 9);
    let json: Value = reader.value(std::marker::PhantomData).unwrap();
    assert_eq!(read(&written(&all)), Ok(json.clone()));
    assert_eq!(to_value(&all).unwrap(), json);
}

#[test]
fn keys_are_what_they_are_and_texts_to_those_who_want_texts() {
    let numbers = BTreeMap::from([(-1, true), (300, false)]);
    assert_eq!(written(&numbers), b"\x82\xff\xc3\xcd\x01\x2c\xc2");
    let value: Value = read(&written(&numbers)).unwrap();
    assert_eq!(value.to_string(), r#"{"-1":true,"300":false}"#);
    // And back, from the text.
    assert_eq!(read(&written(&value)), Ok(numbers));
    let error = read::<Value>(b"\x81\x90\x01").unwrap_err();
    assert!(error.contains("a key of a map"), "{error}");
}

#[test]
fn keys_may_be_null_and_are_kept_as_they_are() {
    round_trip(&BTreeMap::from([(None, 1), (Some(2_u8), 3)]));
    round_trip(&BTreeMap::from([(None, 1), (Some("a".to_owned()), 3)]));
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Signed(BTreeMap<i64, bool>),
        Pairs(BTreeMap<(u8, u8), Option<bool>>),
        Flags(BTreeMap<bool, String>),
    }
    round_trip(&Untagged::Signed(BTreeMap::from([(-1, true), (7, false)])));
    round_trip(&Untagged::Pairs(BTreeMap::from([((1, 2), None)])));
    round_trip(&Untagged::Flags(BTreeMap::from([(true, "on".to_owned())])));
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Counts { of: BTreeMap<u16, i64> },
    }
    round_trip(&Tagged::Counts {
        of: BTreeMap::from([(1, -1)]),
    });
}

#[test]
fn extensions() {
    let buffer = Ext {
        kind: 0,
        data: vec![0xcd, 1, 44],
    };
    for data in [0, 1, 2, 3, 4, 8, 16, 17, 255, 256, 65_536] {
        let data = vec![9; data];
        let ext = Ext { kind: -3, data };
        let bytes = written(&ext);
        let end = Scan::default().advance(&bytes, bytes.len());
        assert_eq!(end, Ok(Some(bytes.len())));
        assert_eq!(read(&bytes), Ok(ext));
    }
    assert_eq!(written(&buffer), b"\xc7\x03\x00\xcd\x01\x2c");
    assert_eq!(buffer.unpack::<u16>().unwrap(), 300);
    assert_eq!(Ext::pack(0, &300).unwrap(), buffer);
    buffer.unpack::<String>().unwrap_err();
    Ext {
        kind: 0,
        data: vec![1, 1],
    }
    .unpack::<u8>()
    .unwrap_err();

    // To those who do not know it, and back.
    let value: Value = read(&written(&buffer)).unwrap();
    assert_eq!(value.to_string(), r#"{"__ext":[0,{"__bytes":"zQEs"}]}"#);
    assert_eq!(written(&value), written(&buffer));
    assert_eq!(from_value::<Ext>(value).unwrap(), buffer);
    let mut json = Vec::new();
    text::write(&mut json, Json, &[&buffer]).unwrap();
    assert_eq!(json, br#"[{"__ext":[0,{"__bytes":"zQEs"}]}]"#);

    // What only looks like one.
    for map in [
        r#"{"__ext":[0]}"#,
        r#"{"__ext":[128,{"__bytes":""}]}"#,
        r#"{"__ext":[0,"text"]}"#,
        r#"{"__ext":[0,{"__bytes":""}],"more":1}"#,
        r#"{"__ext":[0,{"__bytes":""},0]}"#,
    ] {
        let mut reader = text::Reader::new(map, Json, 9);
        let value: Value = reader.value(std::marker::PhantomData).unwrap();
        assert_eq!(read::<Value>(&written(&value)), Ok(value));
    }
    let error = read::<i64>(&written(&buffer)).unwrap_err();
    assert!(error.contains("extension of type 0"), "{error}");
    assert!(read::<Ext>(b"\x80").is_err());
    assert!(read::<Ext>(b"\x81\xa1a\x92\x00\xc4\x00").is_err());
}

#[test]
fn texts_and_bytes() {
    // Neovim's are texts whatever is in them.
    let wrong = b"\xa2a\xff";
    assert_eq!(read::<Bytes>(wrong), Ok(Bytes::from(b"a\xff")));
    assert_eq!(read::<Value>(wrong), Ok(Value::Bytes(b"a\xff".to_vec())));
    let error = read::<String>(wrong).unwrap_err();
    assert!(error.contains("not UTF-8"), "{error}");
    // Bytes are no text, not even those that could be.
    let error = read::<String>(b"\xc4\x01a").unwrap_err();
    assert_eq!(error, "invalid type: 1 bytes, expected a string");
    assert_eq!(read::<Vec<u8>>(b"\xc4\x02\x01\x02"), Ok(vec![1, 2]));
    assert_eq!(read::<Vec<u8>>(b"\x92\x01\x02"), Ok(vec![1, 2]));
    let borrowed: (&str, &[u8]) =
        Deserialize::deserialize(&mut Reader::new(b"\x92\xa1a\xc4\x01b", 9)).unwrap();
    assert_eq!(borrowed, ("a", &b"b"[..]));
}

#[test]
fn wrong_types_are_named() {
    for (bytes, error) in [
        (&b"\xa1x"[..], "invalid type: string \"x\", expected i8"),
        (b"\xc0", "invalid type: null, expected i8"),
        (b"\x90", "invalid type: sequence, expected i8"),
        (b"\x80", "invalid type: map, expected i8"),
        (b"\xc3", "invalid type: boolean `true`, expected i8"),
        (b"\xcc\xff", "invalid value: integer `255`, expected i8"),
        (
            b"\xcb\0\0\0\0\0\0\0\0",
            "invalid type: floating point `0.0`, expected i8",
        ),
        (b"", "the message ends within a value"),
        (b"\xcc", "the message ends within a value"),
        (b"\xc1", "the byte 0xc1 begins no value"),
    ] {
        assert_eq!(read::<i8>(bytes), Err(error.to_owned()));
    }
}

#[test]
fn lies_about_sizes_cost_nothing() {
    // Four thousand millions of bytes, texts, items, entries.
    for first in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
        let bytes = [first, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(
            Scan::default().advance(&bytes, 1 << 20),
            Err(Stop::TooLarge)
        );
        assert!(read::<Value>(&bytes).is_err());
        assert!(read::<Vec<u64>>(&bytes).is_err());
        assert!(read::<Vec<()>>(&bytes).is_err());
        assert!(read::<HashMap<String, u64>>(&bytes).is_err());
        assert!(read::<IgnoredAny>(&bytes).is_err());
    }
    // A hint is no more than what is there.
    let all_nil = [&[0xdd, 0, 0, 0, 4][..], &[0xc0; 4]].concat();
    assert_eq!(read::<Vec<()>>(&all_nil), Ok(vec![(); 4]));
}

#[test]
fn depth_is_limited_both_ways() {
    let deep = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
    assert!(read::<Value>(&deep(128)).is_ok());
    let error = read::<Value>(&deep(129)).unwrap_err();
    assert_eq!(error, "nested deeper than 128 levels");
    let keys = [vec![0x81; 200], vec![0xc0; 201]].concat();
    assert!(read::<BTreeMap<Value2, Value>>(&keys).is_err());
    // What nobody looks at may be as deep as it likes.
    assert!(read::<IgnoredAny>(&deep(100_000)).is_ok());

    let mut value = Value::Null;
    for _ in 0..501 {
        value = Value::List(vec![value]);
    }
    let mut out = vec![1];
    let error = write(&mut out, &value).unwrap_err();
    assert_eq!(error.message(), "nested deeper than 500 levels");
    assert_eq!(out, [1]);
}

/// A key that holds others.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Value2(BTreeMap<Option<Box<Value2>>, ()>);

#[test]
fn a_type_without_end_ends() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is never made")]
    struct Endless(Option<Box<Endless>>);
    let error = read::<Endless>(b"\x01").unwrap_err();
    assert_eq!(error, "options or newtypes nested too deeply");
}

#[test]
fn lengths_are_put_in_where_nobody_knows_them() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Outer {
        a: u8,
        #[serde(flatten)]
        more: BTreeMap<String, u8>,
    }
    for count in [0_u8, 14, 15, 200] {
        let more = (0..count).map(|n| (format!("k{n}"), n)).collect();
        let outer = Outer { a: 1, more };
        let bytes = written(&outer);
        assert_eq!(read(&bytes), Ok(outer));
        let end = Scan::default().advance(&bytes, bytes.len());
        assert_eq!(end, Ok(Some(bytes.len())));
    }

    struct Liar(usize);
    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(Some(self.0))?;
            list.serialize_element(&1)?;
            list.end()
        }
    }
    assert_eq!(written(&Liar(1)), [0x91, 1]);
    for wrong in [0, 2] {
        let error = write(&mut Vec::new(), &Liar(wrong)).unwrap_err();
        let text = format!("a type says that it has {wrong} entries, and has 1");
        assert_eq!(error.message(), text);
    }
}

#[test]
fn what_serde_json_hands_over_is_what_it_is() {
    // As its feature `raw_value` does it, which is not on here.
    #[derive(Debug, Serialize)]
    #[serde(rename = "$serde_json::private::RawValue")]
    struct Raw {
        #[serde(rename = "$serde_json::private::RawValue")]
        json: &'static str,
    }
    assert_eq!(
        written(&Raw {
            json: " [1, \"a\"]"
        }),
        b"\x92\x01\xa1a"
    );
    write(&mut Vec::new(), &Raw { json: "[1" }).unwrap_err();
    #[derive(Debug, Serialize)]
    #[serde(rename = "$serde_json::private::Number")]
    struct Number {
        #[serde(rename = "$serde_json::private::Number")]
        digits: &'static str,
    }
    assert_eq!(written(&Number { digits: "-300" }), written(&-300));
    let map = BTreeMap::from([("$serde_json::private::Number", 1)]);
    write(&mut Vec::new(), &map).unwrap_err();
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("NaN is not itself", |f| !f.is_nan())
            .prop_map(Value::Float),
        ".{0,40}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            proptest::collection::btree_map(".{0,3}", inner, 0..20).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_comes_back_and_its_end_is_found(value in any_value(), cut in any::<prop::sample::Index>()) {
        let bytes = written(&value);
        prop_assert_eq!(&read::<Value>(&bytes).unwrap(), &value);
        // In two pieces, with something behind it.
        let cut = cut.index(bytes.len());
        let mut scan = Scan::default();
        prop_assert_eq!(scan.advance(&bytes[..cut], usize::MAX), Ok(None));
        let more = [&bytes[..], b"\x93\x02"].concat();
        prop_assert_eq!(scan.advance(&more, usize::MAX), Ok(Some(bytes.len())));
        prop_assert_eq!(scan, Scan::default());
        // And one byte less than it has is too few.
        if bytes.len() > 1 {
            let limited = Scan::default().advance(&bytes, bytes.len() - 1);
            prop_assert_eq!(limited, Err(Stop::TooLarge));
        }
        prop_assert!(read::<Value>(&bytes[..cut]).is_err());
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let end = Scan::default().advance(&bytes, bytes.len());
        let value = read::<Value>(&bytes);
        if value.is_ok() {
            prop_assert_eq!(end, Ok(Some(bytes.len())));
        }
        drop(read::<Point>(&bytes));
        drop(read::<Vec<Shape>>(&bytes));
        drop(read::<HashMap<u64, Option<Bytes>>>(&bytes));
        drop(read::<Ext>(&bytes));
    }
}
