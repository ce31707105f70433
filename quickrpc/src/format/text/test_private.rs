//! What serde_json says by private names, said by types that make the same calls as its own. The
//! real ones are in `tests/serde_json`, a workspace of its own.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::test_tree::read;
use super::{Json, Syntax, Terse, TextError, write, write_pairs};
use crate::base::value::{Value, from_value, to_value};

const NUMBER: &str = "$serde_json::private::Number";
const RAW: &str = "$serde_json::private::RawValue";

fn written<S: Syntax, T: Serialize + ?Sized>(syntax: S, value: &T) -> Result<String, TextError> {
    let mut out = b"before".to_vec();
    let result = write(&mut out, syntax, value);
    let text = String::from_utf8(out).unwrap();
    let text = text.strip_prefix("before").unwrap().to_owned();
    assert!(result.is_ok() || text.is_empty(), "{text}");
    assert!(!text.contains("serde_json"), "{text}");
    result.map(|()| text)
}

/// A number of `arbitrary_precision`, or a `RawValue`.
#[derive(Debug, Clone, PartialEq)]
struct Private(&'static str, &'static str);

impl Serialize for Private {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(self.0, 1)?;
        fields.serialize_field(self.0, self.1)?;
        fields.end()
    }
}

/// As `Box<RawValue>` reads itself.
#[derive(Debug, PartialEq)]
struct Raw(String);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;

        impl<'de> Visitor<'de> for Reads {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any valid JSON value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                assert_eq!(access.next_key::<String>()?.as_deref(), Some(RAW));
                access.next_value().map(Raw)
            }
        }

        deserializer.deserialize_newtype_struct(RAW, Reads)
    }
}

#[test]
fn numbers_keep_their_digits() {
    for (text, terse) in [
        ("0", "0"),
        ("-0", "-0"),
        ("1.50", "1.50"),
        (
            "12345678901234567890123456789012345678901234567890",
            "12345678901234567890123456789012345678901234567890",
        ),
        (
            "0.10000000000000000000000000000000001",
            "0.10000000000000000000000000000000001",
        ),
        ("1e400", "1e+400"),
        ("-2.5E3", "-2.5e+3"),
        ("1E-7", "1E-7"),
        ("1e+7", "1e+7"),
    ] {
        let number = Private(NUMBER, text);
        assert_eq!(written(Json, &[&number]).unwrap(), format!("[{text}]"));
        assert_eq!(written(Terse, &[&number]).unwrap(), format!("[{terse}]"));
    }
    for wrong in [
        "",
        "-",
        "1 ",
        " 1",
        "NaN",
        "-Infinity",
        "1,2",
        "\"1\"",
        "01",
        "1e",
        "{}",
    ] {
        let number = Private(NUMBER, wrong);
        for error in [
            written(Json, &number).unwrap_err(),
            written(Terse, &number).unwrap_err(),
        ] {
            assert!(error.message().contains("is no number"), "{wrong}: {error}");
        }
        // That one is read by the standard library.
        assert!(to_value(&number).is_err() || wrong == "01", "{wrong}");
    }
}

#[test]
fn numbers_are_values() {
    let value = |text| to_value(&Private(NUMBER, text)).unwrap();
    assert_eq!(value("7"), Value::Integer(7));
    assert_eq!(
        value("-123456789012345678901234567890"),
        Value::Integer(-123_456_789_012_345_678_901_234_567_890)
    );
    assert_eq!(value("2.5"), Value::Float(2.5));
    assert_eq!(value("1e3"), Value::Float(1000.0));
    assert!(matches!(value("-0"), Value::Float(zero) if zero == 0.0 && zero.is_sign_negative()));
    for large in ["1e400", "1000000000000000000000000000000000000000"] {
        let error = to_value(&Private(NUMBER, large)).unwrap_err().to_string();
        assert!(error.contains("is too large"), "{error}");
    }
    let list = to_value(&[Private(NUMBER, "1"), Private(NUMBER, "2")]).unwrap();
    assert_eq!(list, Value::from_iter([1, 2]));
}

#[test]
fn raw_json_is_part_of_the_message() {
    for (text, json, terse) in [
        ("1", "1", "1"),
        (r#""a b\"\\""#, r#""a b\"\\""#, r#""a b\"\u{5c}""#),
        // No line end may be left, and no text be touched.
        (
            "{\n  \"a\" : [ 1.50,\t2 ],\r\n  \"b \\\" c\" : \"\\\\ x\" }\n",
            r#"{"a":[1.50,2],"b \" c":"\\ x"}"#,
            r#"{a:[1.5 2] "b \" c":"\\ x"}"#,
        ),
        (r#"{"z":1,"a":2}"#, r#"{"z":1,"a":2}"#, "{a:2 z:1}"),
        (r#"{"__bytes":"AP8="}"#, r#"{"__bytes":"AP8="}"#, "'AP8='"),
        // Written anew, since a key could be meant by it.
        (r#""\u0041""#, r#""A""#, r#""A""#),
    ] {
        let raw = Private(RAW, text);
        assert_eq!(written(Json, &[&raw]).unwrap(), format!("[{json}]"));
        assert_eq!(written(Terse, &[&raw]).unwrap(), format!("[{terse}]"));
        let error = to_value(&raw).unwrap_err().to_string();
        assert!(error.contains("parse it before"), "{error}");
    }
    let deep: &str = Box::leak("[".repeat(1000).into_boxed_str());
    for wrong in ["", "{", "1 2", "nothing", "\"a", "[1,]", "1}", deep] {
        for error in [
            written(Json, &Private(RAW, wrong)).unwrap_err(),
            written(Terse, &Private(RAW, wrong)).unwrap_err(),
        ] {
            let message = error.message();
            assert!(
                message.contains("is no JSON") && message.contains("at byte"),
                "{message}"
            );
        }
    }
}

/// Raw JSON cannot get through what nothing else can.
#[test]
fn raw_json_cannot_stop_a_python_peer() {
    for text in [
        "{\"__bytes\":5}",
        "{\"\\u005f_bytes\":5}",
        "{ \"__bytes\" : \"?\" }",
    ] {
        let mut out = b"before".to_vec();
        let error = crate::wire::jrpc::write(&mut out, &[Private(RAW, text)]).unwrap_err();
        assert!(error.contains("`__bytes`"), "{error}");
    }
}

/// What `flatten` and tagged enums make of them.
#[test]
fn as_maps_they_are_refused() {
    #[derive(serde::Serialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        A(Private),
    }
    #[derive(serde::Serialize)]
    struct Flat {
        #[serde(flatten)]
        inner: Private,
    }
    for name in [NUMBER, RAW] {
        let private = || Private(name, "1");
        let map = BTreeMap::from([(name, "1")]);
        let flat = Flat { inner: private() };
        let tagged = Tagged::A(private());
        for error in [
            written(Json, &map).unwrap_err(),
            written(Terse, &map).unwrap_err(),
            written(Json, &flat).unwrap_err(),
            written(Terse, &flat).unwrap_err(),
            written(Json, &tagged).unwrap_err(),
            written(Terse, &tagged).unwrap_err(),
        ] {
            assert!(error.message().contains("was made a map"), "{error}");
        }
        for error in [to_value(&map), to_value(&flat), to_value(&tagged)] {
            let error = error.unwrap_err().to_string();
            assert!(error.contains("was made a map"), "{error}");
        }
        // Nor as the arguments of a call.
        let mut out = Vec::new();
        write_pairs(&mut out, &private()).unwrap_err();
        write_pairs(&mut out, &map).unwrap_err();
        write_pairs(&mut out, &tagged).unwrap_err();
        assert!(out.is_empty());
    }
}

/// Structs of the name that are something else.
#[test]
fn structs_that_only_have_the_name() {
    struct Odd(&'static [(&'static str, i64)]);

    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct(NUMBER, self.0.len())?;
            for (key, value) in self.0 {
                fields.serialize_field(key, value)?;
            }
            fields.end()
        }
    }

    let fields: [&[_]; 4] = [
        &[],
        &[("a", 1)],
        &[(NUMBER, 1)],
        &[(NUMBER, 1), (NUMBER, 2)],
    ];
    for odd in fields {
        written(Json, &Odd(odd)).unwrap_err();
        written(Terse, &Odd(odd)).unwrap_err();
        to_value(&Odd(odd)).unwrap_err();
    }
}

#[test]
fn any_value_is_read_as_raw_json() {
    for text in [
        "1",
        "-1.50",
        "null",
        "\"a\\nb\"",
        "[1, 2 ,{}]",
        "{\"a\" : {\"b\":[]}}",
    ] {
        assert_eq!(
            read::<Raw, _>(text, Json),
            Ok(Raw(text.to_owned())),
            "{text}"
        );
        let list = format!("[ {text} , {text}]");
        let read: Vec<Raw> = read(&list, Json).unwrap();
        assert_eq!(read, [Raw(text.to_owned()), Raw(text.to_owned())]);
    }
    assert!(read::<Raw, _>("{", Json).is_err());
    assert_eq!(
        read::<Vec<Raw>, _>("[{a:[1 2.5] b:\"x\"} nan 'AP8=']", Terse).unwrap(),
        [
            Raw(String::from("{\"a\":[1,2.5],\"b\":\"x\"}")),
            Raw(String::from("NaN")),
            Raw(String::from("{\"__bytes\":\"AP8=\"}")),
        ]
    );
    let value = Value::from_iter([("a", 1)]);
    assert_eq!(
        from_value::<Raw>(value).unwrap(),
        Raw(String::from("{\"a\":1}"))
    );
}
