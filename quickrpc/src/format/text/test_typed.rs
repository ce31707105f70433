//! Types of all kinds, through both syntaxes.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize};

use super::test_tree::{read, written};
use super::{Json, Syntax, Terse};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(f64),
    Line(i32, i32),
    Rect { w: u8, h: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Meters(i64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i64,
    y: Option<i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Any {
    Number(i64),
    Blob(Blob),
    Point(Point),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Circle { r: f64 },
    Blob { data: Blob },
}

/// A byte string.
#[derive(Debug, PartialEq)]
struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Blob, D::Error> {
        struct BlobVisitor;
        impl Visitor<'_> for BlobVisitor {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Blob, E> {
                Ok(Blob(value.to_vec()))
            }
        }
        deserializer.deserialize_bytes(BlobVisitor)
    }
}

/// A value is written as this text, which reads back as the same value.
#[track_caller]
fn same<T>(value: T, json: &str, terse: &str)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + Debug,
{
    assert_eq!(written(&value, Json), json);
    assert_eq!(written(&value, Terse), terse);
    assert_eq!(read::<T, _>(json, Json).as_ref(), Ok(&value));
    assert_eq!(read::<T, _>(terse, Terse).as_ref(), Ok(&value));
}

/// Reading a text as a `T` is this error.
#[track_caller]
fn error<'de, T: Deserialize<'de> + Debug, S: Syntax>(syntax: S, text: &'de str, error: &str) {
    assert_eq!(read::<T, _>(text, syntax).unwrap_err().placed(), error);
}

#[test]
fn types_of_all_kinds() {
    same(Shape::Empty, r#""Empty""#, r#""Empty""#);
    same(Shape::Circle(1.0), r#"{"Circle":1.0}"#, "{Circle:1.0}");
    same(Shape::Line(1, -2), r#"{"Line":[1,-2]}"#, "{Line:[1 -2]}");
    let rect = || Shape::Rect { w: 1, h: 255 };
    same(rect(), r#"{"Rect":{"w":1,"h":255}}"#, "{Rect:{w:1 h:255}}");
    same((), "null", "null");
    same(Unit, "null", "null");
    same(Meters(5), "5", "5");
    same(Some(Meters(5)), "5", "5");
    same(None::<Meters>, "null", "null");
    same(
        Point { x: 1, y: None },
        r#"{"x":1,"y":null}"#,
        "{x:1 y:null}",
    );
    same(
        (1_u8, 'ä', true, String::new()),
        r#"[1,"ä",true,""]"#,
        r#"[1 "ä" true ""]"#,
    );
    same(u128::MAX, &u128::MAX.to_string(), &u128::MAX.to_string());
    same(i128::MIN, &i128::MIN.to_string(), &i128::MIN.to_string());
    same(
        (i64::MIN, u64::MAX),
        "[-9223372036854775808,18446744073709551615]",
        "[-9223372036854775808 18446744073709551615]",
    );
    same(
        (0.1_f32, 1e30_f32, f32::INFINITY),
        "[0.1,1e+30,Infinity]",
        "[0.1 1e+30 1e+999]",
    );
    same(Blob(b"xyz".into()), r#"{"__bytes":"eHl6"}"#, "'eHl6'");
    same(vec![Some(Blob(vec![]))], r#"[{"__bytes":""}]"#, "['']");
    same(
        Any::Blob(Blob(b"x".into())),
        r#"{"__bytes":"eA=="}"#,
        "'eA=='",
    );
    same(
        Any::Point(Point { x: 1, y: Some(2) }),
        r#"{"x":1,"y":2}"#,
        "{x:1 y:2}",
    );
    same(
        Tagged::Circle { r: 2.0 },
        r#"{"kind":"Circle","r":2.0}"#,
        r#"{kind:"Circle" r:2.0}"#,
    );
    let blob = Tagged::Blob {
        data: Blob(b"x".into()),
    };
    same(
        blob,
        r#"{"kind":"Blob","data":{"__bytes":"eA=="}}"#,
        r#"{kind:"Blob" data:'eA=='}"#,
    );
    // A map that is typed as one may have any key.
    let typed = BTreeMap::from([("__bytes".to_owned(), "!".to_owned())]);
    same(typed, r#"{"__bytes":"!"}"#, r#"{__bytes:"!"}"#);
}

#[test]
fn map_keys_are_text() {
    same(
        BTreeMap::from([(-1, 2), (3, 4)]),
        r#"{"-1":2,"3":4}"#,
        "{-1:2 3:4}",
    );
    same(
        BTreeMap::from([(u64::MAX, ())]),
        r#"{"18446744073709551615":null}"#,
        "{18446744073709551615:null}",
    );
    same(
        BTreeMap::from([(u128::MAX, 1)]),
        &format!(r#"{{"{}":1}}"#, u128::MAX),
        &format!("{{{}:1}}", u128::MAX),
    );
    same(
        BTreeMap::from([(false, 1), (true, 2)]),
        r#"{"false":1,"true":2}"#,
        "{false:1 true:2}",
    );
    same(
        BTreeMap::from([(' ', 1), ('x', 2)]),
        r#"{" ":1,"x":2}"#,
        r#"{" ":1 x:2}"#,
    );
    same(
        BTreeMap::from([(Some(Meters(7)), 1)]),
        r#"{"7":1}"#,
        "{7:1}",
    );
    assert_eq!(
        read::<BTreeMap<&str, i8>, _>("{\"a\":1}", Json).unwrap(),
        BTreeMap::from([("a", 1)])
    );
    let refused = "a map key must be a string, an integer, a bool or a char";
    assert_eq!(written(&BTreeMap::from([(vec![1], 1)]), Json), refused);
    assert_eq!(written(&BTreeMap::from([((), 1)]), Terse), refused);
    error::<BTreeMap<i8, i8>, _>(
        Json,
        r#"{"300":1}"#,
        "invalid value: integer `300`, expected i8 at byte 1",
    );
    error::<BTreeMap<i8, i8>, _>(
        Terse,
        "{1:1 x:1}",
        "invalid type: string \"x\", expected i8 at byte 5",
    );
    error::<BTreeMap<bool, i8>, _>(
        Terse,
        "{yes:1}",
        "invalid type: string \"yes\", expected a boolean at byte 1",
    );
}

#[test]
fn what_is_not_expected() {
    error::<i64, _>(
        Json,
        r#""x""#,
        r#"invalid type: string "x", expected i64 at byte 0"#,
    );
    error::<i64, _>(
        Json,
        " [1]",
        "invalid type: sequence, expected i64 at byte 1",
    );
    error::<i64, _>(
        Json,
        "5.0",
        "invalid type: floating point `5.0`, expected i64 at byte 0",
    );
    error::<i64, _>(
        Json,
        "NaN",
        "invalid type: floating point `NaN`, expected i64 at byte 0",
    );
    error::<i64, _>(Json, "null", "invalid type: null, expected i64 at byte 0");
    error::<u8, _>(
        Json,
        "256",
        "invalid value: integer `256`, expected u8 at byte 0",
    );
    error::<u8, _>(
        Json,
        "-1",
        "invalid value: integer `-1`, expected u8 at byte 0",
    );
    error::<i64, _>(
        Json,
        "9223372036854775808",
        "invalid value: integer `9223372036854775808`, expected i64 at byte 0",
    );
    error::<u64, _>(
        Json,
        "18446744073709551616",
        "invalid type: integer `18446744073709551616` as i128, expected u64 at byte 0",
    );
    error::<i128, _>(
        Terse,
        "1.5",
        "invalid type: floating point `1.5`, expected i128 at byte 0",
    );
    error::<bool, _>(
        Json,
        "1",
        "invalid type: integer `1`, expected a boolean at byte 0",
    );
    error::<bool, _>(
        Terse,
        "2",
        "invalid type: integer `2`, expected a boolean at byte 0",
    );
    error::<bool, _>(
        Terse,
        "0.0",
        "invalid type: floating point `0.0`, expected a boolean at byte 0",
    );
    error::<f64, _>(Terse, "null", "invalid type: null, expected f64 at byte 0");
    error::<f64, _>(
        Terse,
        "nano",
        "expected a value, found `nano`; a string needs quotes at byte 0",
    );
    error::<String, _>(
        Terse,
        "'eA=='",
        "invalid type: byte array, expected a string at byte 0",
    );
    error::<String, _>(Json, "{}", "invalid type: map, expected a string at byte 0");
    error::<&str, _>(
        Json,
        r#""a\n""#,
        "invalid type: string \"a\\n\", expected a borrowed string at byte 0",
    );
    error::<Blob, _>(
        Json,
        "\"x\"",
        "invalid type: string \"x\", expected bytes at byte 0",
    );
    error::<Blob, _>(
        Json,
        r#"{"bytes":"x"}"#,
        "invalid type: map, expected bytes at byte 0",
    );
    error::<Blob, _>(
        Terse,
        "{__bytes:\"eA==\"}",
        "invalid type: map, expected bytes at byte 0",
    );
    error::<(), _>(
        Terse,
        "nan",
        "invalid type: floating point `NaN`, expected unit at byte 0",
    );
    error::<Vec<i8>, _>(
        Json,
        "[1, 300]",
        "invalid value: integer `300`, expected i8 at byte 4",
    );
    error::<(i8, i8), _>(Json, "[1,2,3]", "more entries than expected at byte 5");
    error::<(i8, i8), _>(Terse, "[1 2 3]", "more entries than expected at byte 5");
    error::<(i8, i8), _>(
        Json,
        "[[1],2]",
        "invalid type: sequence, expected i8 at byte 1",
    );
    error::<(i8, i8), _>(
        Json,
        " [1]",
        "invalid length 1, expected a tuple of size 2 at byte 1",
    );
    error::<Point, _>(Json, r#"{"y":1}"#, "missing field `x` at byte 0");
    error::<Point, _>(
        Json,
        r#"{"x":1,"y":"2"}"#,
        "invalid type: string \"2\", expected i64 at byte 11",
    );
    error::<Shape, _>(
        Json,
        r#""Square""#,
        "unknown variant `Square`, expected one of `Empty`, `Circle`, `Line`, `Rect` at byte 0",
    );
    error::<Shape, _>(
        Json,
        r#""Circle""#,
        "invalid type: unit variant, expected newtype variant at byte 0",
    );
    error::<Shape, _>(
        Json,
        r#"{"Circle":1,"Empty":null}"#,
        "more entries than expected at byte 12",
    );
    error::<Shape, _>(Terse, "{}", "expected a variant, found `}` at byte 1");
    error::<Shape, _>(Terse, "{Circle 1}", "expected `:`, found `1` at byte 8");
    error::<Shape, _>(
        Terse,
        "5",
        "invalid type: integer `5`, expected enum Shape at byte 0",
    );

    let long = format!("\"{}\"", "ä".repeat(100_000));
    let message = read::<i64, _>(&long, Json).unwrap_err().into_message();
    assert!(
        message.len() < 500 && message.ends_with("ä\", expected i64"),
        "{message}"
    );
}

#[test]
fn leniency_of_types() {
    assert_eq!(
        read::<Point, _>("[1,2]", Json),
        Ok(Point { x: 1, y: Some(2) })
    );
    assert_eq!(
        read::<Point, _>(r#"{"z":[{}],"x":1}"#, Json),
        Ok(Point { x: 1, y: None })
    );
    assert_eq!(read::<(i8, i8), _>("[1, 2,]", Terse), Ok((1, 2)));
    assert_eq!(
        read::<Shape, _>("{ Circle : 1 , }", Terse),
        Ok(Shape::Circle(1.0))
    );
    assert_eq!(
        read::<Shape, _>(r#"{"Empty":null}"#, Json),
        Ok(Shape::Empty)
    );
    assert_eq!(
        read::<[bool; 3], _>("[1 0 true]", Terse),
        Ok([true, false, true])
    );
    assert_eq!(
        read::<[f64; 3], _>("[-0,5,123456789012345678901]", Json),
        Ok([-0.0, 5.0, 123456789012345680000.0])
    );
    assert_eq!(read::<f32, _>("5", Terse), Ok(5.0));
    assert_eq!(
        read::<Option<f64>, _>("inf", Terse),
        Ok(Some(f64::INFINITY))
    );
    assert_eq!(read::<Option<f64>, _>("null", Terse), Ok(None));
    assert!(
        read::<Option<f64>, _>("nan", Terse)
            .unwrap()
            .unwrap()
            .is_nan()
    );
    assert_eq!(read::<&str, _>("\"a b\"", Terse), Ok("a b"));
    assert_eq!(
        read::<Blob, _>(r#"{"a":[1],"__bytes":"eA==","b":2}"#, Json),
        Ok(Blob(b"x".into()))
    );
    assert!(read::<IgnoredAny, _>("[1,{\"a\":[]}]", Json).is_ok());
}

#[test]
fn types_without_end_are_an_error() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Endless(Option<Box<Endless>>);
    #[derive(Debug, Deserialize)]
    struct Newtype(#[expect(dead_code, reason = "only read")] Box<Newtype>);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Chain {
        next: Option<Box<Chain>>,
    }

    assert!(read::<Endless, _>("null", Json).unwrap().0.is_none());
    error::<Endless, _>(
        Json,
        "[5]",
        "options or newtypes nested too deeply at byte 0",
    );
    error::<Newtype, _>(
        Terse,
        "5",
        "options or newtypes nested too deeply at byte 0",
    );
    let chain = |levels| "{next:".repeat(levels) + "null" + &"}".repeat(levels);
    assert!(read::<Chain, _>(&chain(128), Terse).is_ok());
    error::<Chain, _>(
        Terse,
        &chain(129),
        "nested deeper than 128 levels at byte 768",
    );
}
