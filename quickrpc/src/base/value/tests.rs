use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(f64),
    Line(i8, i8),
    Box { width: u64, name: Option<String> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u16);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    unit: (),
    flag: bool,
    big: i128,
    wide: u128,
    letter: char,
    shapes: Vec<Shape>,
    by_number: BTreeMap<i32, Newtype>,
    by_flag: BTreeMap<bool, char>,
    by_shape: BTreeMap<char, f32>,
    nothing: Option<u8>,
    pair: (u8, String),
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    entries.into_iter().collect()
}

fn refusal<'de, T: Deserialize<'de> + fmt::Debug>(value: &'de Value) -> String {
    T::deserialize(ValueDeserializer(value))
        .unwrap_err()
        .to_string()
}

#[test]
fn every_kind_of_type_comes_back() {
    let everything = Everything {
        unit: (),
        flag: true,
        big: i128::MIN,
        wide: u128::from(u64::MAX) + 1,
        letter: 'ß',
        shapes: vec![
            Shape::Empty,
            Shape::Circle(2.0),
            Shape::Line(-1, 1),
            Shape::Box {
                width: u64::MAX,
                name: Some("x".into()),
            },
        ],
        by_number: [(-5, Newtype(7))].into(),
        by_flag: [(true, 'y')].into(),
        by_shape: [('o', 0.5)].into(),
        nothing: None,
        pair: (1, "two".into()),
    };
    let value = to_value(&everything).unwrap();
    assert_eq!(value["by_number"]["-5"], Value::Integer(7));
    assert_eq!(value["shapes"][0], Value::from("Empty"));
    assert_eq!(value["shapes"][1], map([("Circle", 2.0.into())]));
    assert_eq!(value["big"], Value::Integer(i128::MIN));
    assert_eq!(from_value::<Everything>(value).unwrap(), everything);
}

#[test]
fn a_value_of_a_value_is_the_same() {
    let value = map([
        ("null", Value::Null),
        ("bytes", b"\x00\x01".into()),
        ("big", Value::Integer(1 << 100)),
        ("list", [1.5, -0.0].into_iter().collect()),
    ]);
    assert_eq!(to_value(&value).unwrap(), value);
    assert_eq!(from_value::<Value>(value.clone()).unwrap(), value);
}

#[test]
fn texts_and_bytes_are_borrowed() {
    let value = map([("text", "abc".into()), ("bytes", b"def".into())]);
    let read = BTreeMap::<&str, Value>::deserialize(ValueDeserializer(&value)).unwrap();
    assert!(std::ptr::eq(
        *read.keys().last().unwrap(),
        value.as_map().unwrap().keys().last().unwrap().as_str()
    ));
    let bytes = <&[u8]>::deserialize(ValueDeserializer(&value["bytes"])).unwrap();
    assert!(std::ptr::eq(bytes, value["bytes"].as_bytes().unwrap()));
    let text = <&str>::deserialize(ValueDeserializer(&value["text"])).unwrap();
    assert!(std::ptr::eq(text, value["text"].as_str().unwrap()));
}

#[test]
fn refusals_say_what_was_found_and_expected() {
    let text = Value::from("x");
    assert_eq!(
        refusal::<i64>(&text),
        "invalid type: string \"x\", expected i64"
    );
    assert_eq!(
        refusal::<u8>(&Value::from(300)),
        "invalid value: integer `300`, expected u8"
    );
    assert_eq!(
        refusal::<String>(&Value::from(b"x")),
        "invalid type: byte array, expected a string"
    );
    assert_eq!(
        refusal::<(u8, u8)>(&[1, 2, 3].into_iter().collect()),
        "invalid length 3, expected fewer elements in the list"
    );
    assert_eq!(
        refusal::<Shape>(&Value::from("Ball")),
        "unknown variant `Ball`, expected one of `Empty`, `Circle`, `Line`, `Box`"
    );
    assert_eq!(
        refusal::<Shape>(&Value::from("Circle")),
        "invalid type: unit variant, expected newtype variant"
    );
    assert_eq!(
        refusal::<Shape>(&Value::Integer(1 << 70)),
        "invalid type: integer beyond 64 bits, expected string or map"
    );
    assert_eq!(
        refusal::<Shape>(&map([])),
        "invalid value: map, expected map with a single key"
    );
    assert_eq!(
        refusal::<BTreeMap<u8, ()>>(&map([("x", Value::Null)])),
        "invalid type: string \"x\", expected u8"
    );
    let error = from_value::<bool>(Value::Null).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read `bool` from a value: invalid type: unit value, expected a boolean"
    );
}

#[test]
fn what_no_value_can_hold_is_refused() {
    let keys = BTreeMap::from([((1, 2), 3)]);
    let error = to_value(&keys).unwrap_err().to_string();
    assert!(
        error.ends_with("the key of a map must be a text"),
        "{error}"
    );
    let error = to_value(&u128::MAX).unwrap_err().to_string();
    assert!(error.ends_with("is too large"), "{error}");
}

#[test]
fn integers_and_floats_stay_apart_but_floats_take_integers() {
    assert_eq!(from_value::<f64>(Value::Integer(3)).unwrap(), 3.0);
    assert_eq!(
        from_value::<f64>(Value::Integer(1 << 80)).unwrap(),
        2f64.powi(80)
    );
    assert!(from_value::<i64>(Value::Float(3.0)).is_err());
    assert!(from_value::<i64>(Value::Integer(1 << 80)).is_err());
    assert_ne!(Value::Integer(3), Value::Float(3.0));
}

#[test]
fn accessors_and_conversions() {
    assert_eq!(Value::from(Some(vec![1u8])).as_bytes(), Some(&[1][..]));
    assert_eq!(Value::from(None::<&str>), Value::Null);
    assert_eq!(Value::Integer(1 << 64).as_u64(), None);
    assert_eq!(Value::from(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!(Value::from(7).as_f64(), Some(7.0));
    let list: Value = ["a", "b"].into_iter().collect();
    assert_eq!(list.as_list().unwrap().len(), 2);
    assert_eq!(list[1].as_str(), Some("b"));
    assert_eq!(list[2], Value::Null);
    assert_eq!(list["b"], Value::Null);
}

#[test]
fn display_is_like_json() {
    let value = map([
        ("a\n\"\u{1}", Value::from(b"abc")),
        (
            "b",
            [1.0, f64::NAN, f64::NEG_INFINITY].into_iter().collect(),
        ),
        ("c", [Value::Null, true.into()].into()),
    ]);
    assert_eq!(
        value.to_string(),
        r#"{"a\n\"\u0001":{"__bytes":"YWJj"},"b":[1.0,NaN,-Infinity],"c":[null,true]}"#
    );
}

#[test]
fn reads_json_as_any_format_gives_it() {
    let value: Value = serde_json::from_str(r#"{"a":[1,-2,1e3,null,"x",true]}"#).unwrap();
    assert_eq!(value.to_string(), r#"{"a":[1,-2,1000.0,null,"x",true]}"#);
    assert_eq!(
        serde_json::to_string(&value).unwrap(),
        r#"{"a":[1,-2,1000.0,null,"x",true]}"#
    );
}
