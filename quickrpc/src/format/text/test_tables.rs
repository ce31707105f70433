//! Texts, and what they are: the value or the exact error.

use super::test_tree::{Tree, list, map, read, written};
use super::{Json, Reader, Syntax, Terse};

/// Each text reads as its value, and going past it finds the same end.
fn reads<S: Syntax>(syntax: S, table: &[(&str, Tree)]) {
    for (text, expected) in table {
        let value: Result<Tree, _> = read(text, syntax);
        assert_eq!(value.as_ref(), Ok(expected), "{text}");
        let mut reader = Reader::new(text, syntax, 128);
        let range = reader.skip_value();
        assert_eq!(
            range.map(|range| text[range].trim().len()),
            Ok(text.trim().len()),
            "{text}"
        );
    }
}

/// Each text is refused with this message; going past it says the same, unless the last
/// member says otherwise.
fn refuses<S: Syntax>(syntax: S, table: &[(&str, &str)]) {
    for (text, expected) in table {
        let error = read::<Tree, _>(text, syntax).unwrap_err();
        assert_eq!(error.placed(), *expected, "{text}");
        let mut reader = Reader::new(text, syntax, 128);
        if let Err(error) = reader.skip_value() {
            assert_eq!(error.placed(), *expected, "{text} skipped");
        } else {
            // What only the one who reads it can see.
            assert!(
                ["base64", "range", "more than one"]
                    .iter()
                    .any(|part| expected.contains(part)),
                "{text} is skipped without an error"
            );
        }
    }
}

#[test]
fn json_reads() {
    reads(
        Json,
        &[
            ("null", Tree::Null),
            ("true", Tree::Bool(true)),
            (" false ", Tree::Bool(false)),
            ("0", 0.into()),
            ("-0", 0.into()),
            ("-17", (-17).into()),
            ("9223372036854775808", (1 << 63).into()),
            ("-9223372036854775808", i128::from(i64::MIN).into()),
            ("-9223372036854775809", (i128::from(i64::MIN) - 1).into()),
            ("9999999999999999999", 9999999999999999999.into()),
            ("18446744073709551615", i128::from(u64::MAX).into()),
            ("18446744073709551616", (1 << 64).into()),
            ("170141183460469231731687303715884105727", i128::MAX.into()),
            (
                "170141183460469231731687303715884105728",
                1.7014118346046923e38.into(),
            ),
            ("1e5", 1e5.into()),
            ("-0.0", (-0.0).into()),
            ("1.5E-7", 1.5e-7.into()),
            ("1e-999", 0.0.into()),
            ("NaN", f64::NAN.into()),
            ("Infinity", f64::INFINITY.into()),
            ("-Infinity", f64::NEG_INFINITY.into()),
            (r#""""#, "".into()),
            (r#""a b""#, "a b".into()),
            ("\"\u{7f}äöü漢🎉\"", "\u{7f}äöü漢🎉".into()),
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t".into()),
            (r#""\u00e4\uD83C\uDF89\u0000""#, "ä🎉\0".into()),
            (
                r#""\ud800x\ud800\ud83c\udf89\udf89""#,
                "\u{fffd}x\u{fffd}🎉\u{fffd}".into(),
            ),
            (r#""\ud800\n""#, "\u{fffd}\n".into()),
            ("[]", list([])),
            (
                "[ 1 ,\t[\"x\",\r\n[2.5]] ]",
                list([1.into(), list(["x".into(), list([2.5.into()])])]),
            ),
            ("{}", map([])),
            (
                r#"{"a":1,"b":{"c":null},"a":2}"#,
                map([
                    ("a", 1.into()),
                    ("b", map([("c", Tree::Null)])),
                    ("a", 2.into()),
                ]),
            ),
            (r#"{ "a" : [ ] }"#, map([("a", list([]))])),
            (r#"{"__bytes":"eHl6"}"#, b"xyz"[..].into()),
            (
                r#"{ "x" : {"y": [1]} , "__bytes" : "" , "z" : 1}"#,
                b""[..].into(),
            ),
            (
                r#"[{"a":{"b":1,"__bytes":"eA=="}},{"c":{"__bytes":"eQ==","d":{"__bytes":""}}}]"#,
                list([map([("a", b"x"[..].into())]), map([("c", b"y"[..].into())])]),
            ),
            (
                r#"[{"a":{}},{"b":"__bytes"},{"c":["\"__bytes\""]},{"__bytes":"eA=="},{"d":{}}]"#,
                list([
                    map([("a", map([]))]),
                    map([("b", "__bytes".into())]),
                    map([("c", list(["\"__bytes\"".into()]))]),
                    b"x"[..].into(),
                    map([("d", map([]))]),
                ]),
            ),
            (r#"{"__bytes":1}"#, map([("__bytes", 1.into())])),
        ],
    );
}

#[test]
fn json_refuses() {
    refuses(
        Json,
        &[
            ("", "expected a value, found the end at byte 0"),
            ("  ", "expected a value, found the end at byte 2"),
            ("nul", "expected a value, found `nul` at byte 0"),
            ("nullx", "expected a value, found `nullx` at byte 0"),
            ("nan", "expected a value, found `nan` at byte 0"),
            ("-Inf", "expected a value, found `-Inf` at byte 0"),
            ("True", "expected a value, found `True` at byte 0"),
            ("'eA=='", "expected a value, found `\\'` at byte 0"),
            ("\u{feff}1", "expected a value, found `\u{feff}1` at byte 0"),
            ("]", "expected a value, found `]` at byte 0"),
            ("1 2", "more than one value at byte 2"),
            ("01", "invalid number at byte 0"),
            ("-", "invalid number at byte 0"),
            ("+1", "expected a value, found `+1` at byte 0"),
            (".5", "expected a value, found `.5` at byte 0"),
            ("5.", "invalid number at byte 0"),
            ("1e", "invalid number at byte 0"),
            ("1e+", "invalid number at byte 0"),
            ("[1e999]", "number out of range at byte 1"),
            ("1x", "more than one value at byte 1"),
            ("\"", "string without an end at byte 1"),
            ("\"a\\\"", "string without an end at byte 4"),
            ("\"\\", "invalid escape in a string at byte 1"),
            (r#""ab\x""#, "invalid escape in a string at byte 3"),
            (r#""\u12g4""#, "invalid escape in a string at byte 1"),
            (r#""\u123"#, "invalid escape in a string at byte 1"),
            (r#""\u+123""#, "invalid escape in a string at byte 1"),
            ("\"12345678\n\"", "control character in a string at byte 9"),
            ("\"\\n\u{1f}\"", "control character in a string at byte 3"),
            ("[", "expected `,` or `]`, found the end at byte 1"),
            ("[1", "expected `,` or `]`, found the end at byte 2"),
            ("[1 2]", "expected `,` or `]`, found `2` at byte 3"),
            ("[1,]", "trailing comma at byte 3"),
            ("[,1]", "expected a value, found `,` at byte 1"),
            ("[1}", "expected `,` or `]`, found `}` at byte 2"),
            ("{\"a\":1", "expected `,` or `}`, found the end at byte 6"),
            ("{\"a\"}", "expected `:`, found `}` at byte 4"),
            ("{\"a\":}", "expected a value, found `}` at byte 5"),
            ("{\"a\":1,}", "trailing comma at byte 7"),
            ("{a:1}", "expected a string, found `a` at byte 1"),
            ("{1:1}", "expected a string, found `1` at byte 1"),
            (
                r#"{"__bytes":"eA="}"#,
                "invalid base64: Invalid padding at byte 11",
            ),
            (
                r#"[{"a":1,"__bytes":"!"}]"#,
                "invalid base64: Invalid symbol 33, offset 0. at byte 18",
            ),
            (
                r#"{"__bytes":"eA==""#,
                "expected `,` or `}`, found the end at byte 17",
            ),
        ],
    );
}

#[test]
fn terse_reads() {
    reads(
        Terse,
        &[
            ("null", Tree::Null),
            ("true", Tree::Bool(true)),
            ("false", Tree::Bool(false)),
            ("nan", f64::NAN.into()),
            ("inf", f64::INFINITY.into()),
            ("-inf", f64::NEG_INFINITY.into()),
            ("007", 7.into()),
            ("+5", 5.into()),
            ("-17", (-17).into()),
            ("12345678901234567890", 12345678901234567890.into()),
            (
                "00000000000000000000000000000000000000000000000000001",
                1.into(),
            ),
            (".5", 0.5.into()),
            ("5.", 5.0.into()),
            ("-.25", (-0.25).into()),
            ("1e+06", 1e6.into()),
            ("1.5e-07", 1.5e-7.into()),
            ("1e5", 1e5.into()),
            (r#""""#, "".into()),
            (r#""q\"q n\nn b\\b""#, "q\"q n\nn b\\b".into()),
            (r#""C:\\new""#, "C:\\new".into()),
            (r#""\r\t\0\u{e4}\u{1F389}""#, "\r\t\0ä🎉".into()),
            (
                r#""\x41\ä\u00e4\u{}\u{d800}\u{1f3890}\u{""#,
                r"\x41\ä\u00e4\u{}\u{d800}\u{1f3890}\u{".into(),
            ),
            ("\"a\rb\t\0\u{7f}ä🎉\"", "a\rb\t\0\u{7f}ä🎉".into()),
            ("''", b""[..].into()),
            ("'MDEy'", b"012"[..].into()),
            ("[]", list([])),
            ("[ ]", list([])),
            (
                "[1 \"x\" [2 3] {k:4}]",
                list([
                    1.into(),
                    "x".into(),
                    list([2.into(), 3.into()]),
                    map([("k", 4.into())]),
                ]),
            ),
            ("[1,2 , 3,]", list([1.into(), 2.into(), 3.into()])),
            (
                "[1\"x\"'eA=='[]true\tnull]",
                list([
                    1.into(),
                    "x".into(),
                    b"x"[..].into(),
                    list([]),
                    Tree::Bool(true),
                    Tree::Null,
                ]),
            ),
            ("{}", map([])),
            (
                "{k:1 l:{m:[2]}}",
                map([("k", 1.into()), ("l", map([("m", list([2.into()]))]))]),
            ),
            (
                "{ k : 1 , \"two words\":2\tключ:3,1:4 a.b/c-d\\:5 null:null \"\":\"\" }",
                map([
                    ("k", 1.into()),
                    ("two words", 2.into()),
                    ("ключ", 3.into()),
                    ("1", 4.into()),
                    ("a.b/c-d\\", 5.into()),
                    ("null", Tree::Null),
                    ("", "".into()),
                ]),
            ),
            ("{a:1b:2}", map([("a", 1.into()), ("b", 2.into())])),
            ("{a:1e:2}", map([("a", 1.into()), ("e", 2.into())])),
            ("{__bytes:\"eHl6\"}", map([("__bytes", "eHl6".into())])),
        ],
    );
}

#[test]
fn terse_refuses() {
    refuses(
        Terse,
        &[
            ("", "expected a value, found the end at byte 0"),
            (
                "yes",
                "expected a value, found `yes`; a string needs quotes at byte 0",
            ),
            (
                "NaN",
                "expected a value, found `NaN`; a string needs quotes at byte 0",
            ),
            (
                "nanx",
                "expected a value, found `nanx`; a string needs quotes at byte 0",
            ),
            (
                "-infinity",
                "expected a value, found `-infinity`; a string needs quotes at byte 0",
            ),
            (
                "[truefalse]",
                "expected a value, found `truefalse`; a string needs quotes at byte 1",
            ),
            ("1.2.3.4", "invalid number at byte 0"),
            ("1-2", "invalid number at byte 0"),
            ("1+2", "invalid number at byte 0"),
            ("--1", "invalid number at byte 0"),
            ("-", "invalid number at byte 0"),
            (".", "invalid number at byte 0"),
            ("+inf", "invalid number at byte 0"),
            (".e5", "invalid number at byte 0"),
            ("1e999", "number out of range at byte 0"),
            ("\"x", "string without an end at byte 2"),
            ("\"x\\\"", "string without an end at byte 4"),
            ("\"x\\", "string without an end at byte 3"),
            ("'abc", "bytes without an end at byte 0"),
            ("'abc'", "invalid base64: Invalid padding at byte 0"),
            (
                "['!!!!']",
                "invalid base64: Invalid symbol 33, offset 0. at byte 1",
            ),
            ("[1 2", "expected a value or `]`, found the end at byte 4"),
            ("[1,,2]", "expected a value, found `,` at byte 3"),
            ("[,]", "expected a value, found `,` at byte 1"),
            ("{k:1", "expected a name or `}`, found the end at byte 4"),
            ("{k}", "expected `:`, found `}` at byte 2"),
            ("{k:}", "expected a value, found `}` at byte 3"),
            ("{:1}", "expected a name, found `:` at byte 1"),
            ("{k:1 [2]:3}", "expected a name, found `[` at byte 5"),
            ("1} b:2", "more than one value at byte 1"),
        ],
    );
}

#[test]
fn writes() {
    // (value, JSON, terse)
    let table: &[(Tree, &str, &str)] = &[
        (Tree::Null, "null", "null"),
        (Tree::Bool(true), "true", "true"),
        (Tree::Bool(false), "false", "false"),
        (
            i128::MIN.into(),
            "-170141183460469231731687303715884105728",
            "-170141183460469231731687303715884105728",
        ),
        (5.0.into(), "5.0", "5.0"),
        ((-0.0).into(), "-0.0", "-0.0"),
        (0.1.into(), "0.1", "0.1"),
        (1e21.into(), "1e+21", "1e+21"),
        (1.5e-7.into(), "1.5e-7", "1.5e-7"),
        (5e-324.into(), "5e-324", "5e-324"),
        (f64::NAN.into(), "NaN", "nan"),
        (f64::INFINITY.into(), "Infinity", "1e+999"),
        (f64::NEG_INFINITY.into(), "-Infinity", "-1e+999"),
        ("".into(), r#""""#, r#""""#),
        ("a/b".into(), r#""a/b""#, r#""a/b""#),
        (
            "\"\\\n\r\t\0".into(),
            r#""\"\\\n\r\t\u0000""#,
            r#""\"\\\n\r\t\0""#,
        ),
        (
            "\u{8}\u{c}\u{1b}\u{7f}".into(),
            "\"\\b\\f\\u001b\u{7f}\"",
            "\"\\u{08}\\u{0c}\\u{1b}\u{7f}\"",
        ),
        (
            "12345678ä🎉\u{2028}\"".into(),
            "\"12345678ä🎉\u{2028}\\\"\"",
            "\"12345678ä🎉\u{2028}\\\"\"",
        ),
        (b""[..].into(), r#"{"__bytes":""}"#, "''"),
        (
            b"0123456789"[..].into(),
            r#"{"__bytes":"MDEyMzQ1Njc4OQ=="}"#,
            "'MDEyMzQ1Njc4OQ=='",
        ),
        (list([]), "[]", "[]"),
        (
            list([1.into(), "two".into(), list([2.5.into()])]),
            r#"[1,"two",[2.5]]"#,
            r#"[1 "two" [2.5]]"#,
        ),
        (map([]), "{}", "{}"),
        (
            map([("k", 1.into()), ("l", map([("m", list([]))]))]),
            r#"{"k":1,"l":{"m":[]}}"#,
            "{k:1 l:{m:[]}}",
        ),
        (
            map([
                ("two words", 1.into()),
                ("x:y", 2.into()),
                ("", 3.into()),
                ("ключ", 4.into()),
                ("\n", 5.into()),
            ]),
            r#"{"two words":1,"x:y":2,"":3,"ключ":4,"\n":5}"#,
            r#"{"two words":1 "x\u{3a}y":2 "":3 ключ:4 "\n":5}"#,
        ),
    ];
    for (value, json, terse) in table {
        assert_eq!(written(value, Json), *json);
        assert_eq!(written(value, Terse), *terse);
        assert_eq!(read::<Tree, _>(json, Json).as_ref(), Ok(value));
        assert_eq!(read::<Tree, _>(terse, Terse).as_ref(), Ok(value));
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    for depth in [0, 1, 5] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            let levels = open.matches(['[', '{']).count();
            for count in 0..6 {
                let text = open.repeat(count) + "1" + &close.repeat(count);
                let fits = count * levels <= depth;
                assert_eq!(any_at(&text, Json, depth), fits, "{text} in {depth}");
                assert_eq!(any_at(&text, Terse, depth), fits, "{text} in {depth}");
            }
        }
    }
    let error = read::<Tree, _>(&"[".repeat(100_000), Json).unwrap_err();
    assert_eq!(error.placed(), "nested deeper than 128 levels at byte 128");
    let error = read::<Tree, _>(&"{\"__bytes\":".repeat(100_000), Json).unwrap_err();
    assert_eq!(error.message(), "nested deeper than 128 levels");
    let error = read::<Tree, _>(&"{a:".repeat(100_000), Terse).unwrap_err();
    assert_eq!(error.placed(), "nested deeper than 128 levels at byte 384");
}

/// Whether a text can be read with this limit, which skipping it must agree to.
fn any_at<S: Syntax>(text: &str, syntax: S, depth: usize) -> bool {
    let skipped = Reader::new(text, syntax, depth).skip_value().is_ok();
    let mut reader = Reader::new(text, syntax, depth);
    let value = reader.value(std::marker::PhantomData::<Tree>);
    assert_eq!(value.is_ok(), skipped, "{text}");
    skipped
}

#[test]
fn looking_ahead_for_bytes_is_linear() {
    // Each of these would take hours if an object were searched for each one around it, or
    // the rest of the text for each object.
    let objects = "[".to_owned() + &"{},".repeat(1_000_000) + r#"{"__bytes":"eA=="}]"#;
    let nested = r#"{"a":[{"b":"#.repeat(40) + &objects + &"}]}".repeat(40);
    let words = "[".to_owned() + &r#"{},"__bytes",{"a":{"__bytes":""}},"#.repeat(300_000) + "1]";
    for text in [nested, words] {
        assert!(read::<Tree, _>(&text, Json).is_ok());
    }
}
