//! The top level of a terse line, and the primitives of the reader.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::test_tree::{Tree, map};
use super::{Json, Pairs, Reader, Terse, write_pairs, write_str};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i64,
    y: Option<i64>,
}

#[derive(Debug, PartialEq, Serialize)]
enum Shape {
    Rect { w: u8 },
}

/// The rest of a line as a `T`.
fn pairs<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, String> {
    let mut reader = Reader::new(text, Terse, 128);
    T::deserialize(Pairs(&mut reader)).map_err(|error| error.placed())
}

#[test]
fn pairs_are_a_map() {
    let point = |x, y| Ok(Point { x, y });
    assert_eq!(pairs(" x:1 y:2"), point(1, Some(2)));
    assert_eq!(pairs("x : 1,\ty:2 ,  \r"), point(1, Some(2)));
    assert_eq!(pairs("y:2x:1"), point(1, Some(2)));
    assert_eq!(pairs(r#""x":1"#), point(1, None));
    assert_eq!(pairs::<Tree>(" "), Ok(map([])));
    assert_eq!(
        pairs::<Tree>("a:{} a:'' "),
        Ok(map([("a", map([])), ("a", b""[..].into())]))
    );
    assert_eq!(pairs::<()>(" \r"), Ok(()));
    assert_eq!(pairs::<Option<Point>>(""), Ok(None));
    assert_eq!(
        pairs::<Option<Point>>("x:1").map(Option::unwrap),
        point(1, None)
    );
    assert!(pairs::<IgnoredAny>("a:1 b:[2]").is_ok());

    let fails = |text| pairs::<Point>(text).unwrap_err();
    assert_eq!(fails("x:1 2"), "expected `:`, found the end at byte 5");
    assert_eq!(fails("x:"), "expected a value, found the end at byte 2");
    assert_eq!(fails("x:1 ]"), "expected a name, found `]` at byte 4");
    assert_eq!(fails("x:1,,y:2"), "expected a name, found `,` at byte 4");
    assert_eq!(fails(" y:1"), "missing field `x` at byte 0");
    assert_eq!(
        fails("x:\"1\""),
        "invalid type: string \"1\", expected i64 at byte 2"
    );
    assert_eq!(
        pairs::<()>(" a:1").unwrap_err(),
        "more arguments than expected at byte 1"
    );
    assert!(
        pairs::<i64>("a:1")
            .unwrap_err()
            .starts_with("invalid type: map, expected i64")
    );
    assert!(pairs::<IgnoredAny>("a:1 b:").is_err());
}

#[test]
fn pairs_are_written() {
    fn line<T: Serialize + ?Sized>(value: &T) -> String {
        let mut out = b"f".to_vec();
        match write_pairs(&mut out, value) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(error) => {
                assert_eq!(out, b"f");
                error.placed()
            }
        }
    }
    assert_eq!(line(&Point { x: 1, y: Some(-2) }), "f x:1 y:-2");
    assert_eq!(
        line(&BTreeMap::from([("a b", "c"), ("d", "")])),
        r#"f "a b":"c" d:"""#
    );
    assert_eq!(line(&Some(())), "f");
    assert_eq!(line(&()), "f");
    assert_eq!(line(&[1]), "terse has named arguments only");
    assert_eq!(line("x"), "terse has named arguments only");
    assert_eq!(
        line(&Shape::Rect { w: 1 }),
        "terse has named arguments only"
    );
    let bad = BTreeMap::from([("a", BTreeMap::from([((), 1)]))]);
    assert_eq!(
        line(&bad),
        "a map key must be a string, an integer, a bool or a char"
    );
}

#[test]
fn primitives_of_the_reader() {
    let mut reader = Reader::new("  [\"a\", 12 ] x:1", Json, 8);
    assert!(!reader.eat(b'['));
    reader.skip_ws();
    assert_eq!((reader.position(), reader.peek()), (2, Some(b'[')));
    assert_eq!(
        reader.expect(b'{').unwrap_err().placed(),
        "expected `{`, found `[` at byte 2"
    );
    assert_eq!(
        reader.expect(b'!').unwrap_err().placed(),
        "expected `!`, found `[` at byte 2"
    );
    assert!(reader.eat(b'['));
    assert_eq!(reader.string().as_deref(), Ok("a"));
    reader.expect(b',').unwrap();
    assert_eq!(reader.skip_value(), Ok(8..10));
    assert_eq!(reader.error("no").placed(), "no at byte 10");
    reader.set_position(2);
    assert_eq!(reader.skip_value(), Ok(2..12));
    assert_eq!(reader.text().len(), 16);
    assert!(!reader.at_end());
    // A position that is none is an end, not a panic.
    reader.set_position(99);
    assert!(reader.at_end() && reader.string().is_err() && reader.skip_value().is_err());

    let mut out = b"x".to_vec();
    write_str(&mut out, Terse, "a\"b");
    assert_eq!(out, br#"x"a\"b""#);
}
