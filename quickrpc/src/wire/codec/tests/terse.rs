//! The terse line format beyond what the vectors cover.

use super::{InStream as _, Stream, decode, map, meaning, show, terse_codec, written};
use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::value::Value;
use crate::wire::codec::envelope::{Envelope, Payload};

#[test]
fn calls() {
    for (line, expected) in [
        ("ping", "ping()"),
        ("ping \r", "ping()"),
        ("ping[1]", "ping()#1"),
        ("ping[1] ", "ping()#1"),
        ("ping/1\r\n", "ping()#1"),
        ("add[3] a:1 b:2", "add(a: 1, b: 2)#3"),
        ("add/3 a:1, b:2,", "add(a: 1, b: 2)#3"),
        ("add[x y] a : 1", "add(a: 1)#x y"),
        (
            "  say text:\"hi [1] {x:y}/2\"",
            "say(text: \"hi [1] {x:y}/2\")",
        ),
        ("lab.früh\ta:1", "lab.früh(a: 1)"),
        ("f a:1 a:2", "f(a: 2)"),
        (
            "f a:{x:[1 {y:2}]} \"b c\":null",
            r#"f(a: {"x": [1, {"y": 2}]}, b c: null)"#,
        ),
        ("f a:'eHl6' b:true", "f(a: b\"xyz\", b: true)"),
        ("f-2, a:1", "f-2,(a: 1)"),
    ] {
        assert_eq!(meaning(&terse_codec(), line), expected, "{line}");
    }
}

#[test]
fn blank_lines_are_empty() {
    for line in ["", " ", "\r", "\r\n", " \t\r\n \n"] {
        assert_eq!(decode(&terse_codec(), line), Envelope::Empty, "{line:?}");
    }
}

#[test]
fn answers() {
    for (line, expected) in [
        ("[3]:1", "reply 3: 1"),
        ("[3]:{a", "reply 3: expected `:`, found the end (at byte 6)"),
        (
            "[3]:1 [4]:?",
            "reply 3: 1; reply 4: expected a value, found `?`; a string needs quotes (at byte 10)",
        ),
        ("[3] : \"x\" ", "reply 3: \"x\""),
        ("[x]:1", "reply 0: 1"),
        ("[]:1", "reply 0: 1"),
        ("[-3]:null", "reply 0: null"),
        (
            "[18446744073709551615]:[]",
            "reply 18446744073709551615: []",
        ),
        ("[3]!", r#"error 3: 0 """#),
        ("[3]! message:\"no\" code:-32601", r#"error 3: -32601 "no""#),
        (
            "[3]!message:\"no\", details:\"why\nnot\"",
            r#"error 3: 0 "no" "why\nnot""#,
        ),
        (
            "[3] ! code:2 details:{a:1} x:[1] message:5",
            r#"error 3: 2 "5" {"a": 1}"#,
        ),
        ("[3]! details:null", r#"error 3: 0 """#),
        ("[3]! message:\"a\" message:\"b\"", r#"error 3: 0 "b""#),
    ] {
        assert_eq!(meaning(&terse_codec(), line), expected, "{line}");
    }
}

/// Python peers write answers without a newline.
#[test]
fn answers_stuck_to_the_next_line() {
    for (line, expected) in [
        ("[3]:1method a:1", "reply 3: 1; method(a: 1)"),
        ("[3]:1 method a:1", "reply 3: 1; method(a: 1)"),
        ("[3]:1echo a:1", "reply 3: 1; echo(a: 1)"),
        ("[3]:1e2e a:1", "reply 3: 1; e2e(a: 1)"),
        ("[3]:1e+06echo a:1", "reply 3: 1000000.0; echo(a: 1)"),
        ("[3]:-2.5f/7", "reply 3: -2.5; f()#7"),
        ("[3]:\"x\"f[1] a:1", "reply 3: \"x\"; f(a: 1)#1"),
        (
            "[3]:[1 2][4]:{a:1}[5]:'eA=='ping",
            "reply 3: [1, 2]; reply 4: {\"a\": 1}; reply 5: b\"x\"; ping()",
        ),
        (
            "[0]! message:\"boom\" details:\"why\"f a:1",
            "error 0: 0 \"boom\" \"why\"; f(a: 1)",
        ),
        ("[0]! message:\"boom\"ping", "error 0: 0 \"boom\"; ping()"),
        ("[0]! code:1[4]:2", "error 0: 1 \"\"; reply 4: 2"),
        (
            "[3]:1[4]! message:\"no\"[5]:3",
            "reply 3: 1; error 4: 0 \"no\"; reply 5: 3",
        ),
        // The answer counts, whatever is behind it.
        ("[3]:1 f a:", "reply 3: 1; undecodable"),
        ("[3]:1 f[2] a:", "reply 3: 1; invalid#2"),
        ("[3]:1}", "reply 3: 1; undecodable"),
        ("[3]:1 [4", "reply 3: 1; undecodable"),
    ] {
        assert_eq!(meaning(&terse_codec(), line), expected, "{line}");
    }
    let Envelope::Several { together, .. } = decode(&terse_codec(), "[3]:1f") else {
        panic!("two messages");
    };
    assert!(!together);
    let limits = Limits {
        batch_entries: 3,
        ..Limits::default()
    };
    assert!(terse_codec().decode("[1]:1[2]:2[3]:3", &limits).is_ok());
    let error = terse_codec().decode("[1]:1[2]:2[3]:3[4]:4", &limits);
    assert_eq!(error.unwrap_err().message, "too many messages in one line");
}

#[test]
fn a_person_is_told_what_was_expected_and_where() {
    for (line, message) in [
        ("add[3] a:", "expected a value, found the end (column 10)"),
        ("add[3] a", "expected `:`, found the end (column 9)"),
        ("add[3] a:1}", "expected a name, found `}` (column 11)"),
        (
            "add[3]a:1",
            "expected a blank before the arguments (column 7)",
        ),
        ("add/3 ä:1 é:\"x", "string without an end (column 15)"),
        ("add[] a:1", "expected an id, such as `1`"),
        ("add/ a:1", "expected an id, such as `1`"),
    ] {
        match decode(&terse_codec(), line) {
            Envelope::Invalid { id, error } => {
                assert_eq!(error.message, message, "{line}");
                assert_eq!(id.is_some(), message.contains("column"), "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
    }
    for (line, message, position) in [
        ("add a:", "expected a value, found the end", 6),
        (":1", "expected the name of a method", 0),
        ("{a:1}", "expected the name of a method", 0),
        (
            "f:1",
            "expected a blank or an id such as `[1]` behind the name of the method",
            1,
        ),
        (
            "f\"x\"",
            "expected a blank or an id such as `[1]` behind the name of the method",
            1,
        ),
        ("f[3", "expected `]` behind the id", 3),
        ("[3", "expected `]` behind the id", 2),
        ("[x]", "expected `:` and a result, or `!` and an error", 3),
        ("[x] x", "expected `:` and a result, or `!` and an error", 4),
    ] {
        let error = terse_codec().decode(line, &Limits::default()).unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.position),
            (message, position),
            "{line}"
        );
    }
}

#[test]
fn ids_that_cannot_be_echoed_are_refused() {
    let limits = Limits {
        id_size: 4,
        ..Limits::default()
    };
    for (line, valid) in [
        ("f[abcd]", true),
        ("f[abcde]", false),
        ("f/abcde", false),
        ("f/a]b", false),
        ("f[a[b]", false),
        ("f[a\0b]", false),
        ("f[a\nb]", false),
    ] {
        let valid = match terse_codec().decode(line, &limits).unwrap() {
            Envelope::Call { id: Some(id), .. } => {
                let answer = written(|out| terse_codec().encode_result(out, id.of(line), &1));
                assert_eq!(answer.unwrap(), "[abcd]:1");
                valid
            }
            Envelope::Invalid { id: None, .. } => !valid,
            _ => false,
        };
        assert!(valid, "{line}");
    }
}

#[test]
fn lines_are_written_as_documented() {
    let codec = terse_codec();
    let args = map([("a", Value::from(1)), ("b", Value::from("x\n"))]);
    let call = |method: &str, id| written(|out| codec.encode_call(out, method, &args, id));
    assert_eq!(call("f", Some(3)).unwrap(), "f[3] a:1 b:\"x\\n\"");
    assert_eq!(call("f", None).unwrap(), "f a:1 b:\"x\\n\"");
    let ping = written(|out| codec.encode_call(out, "ping", &(), None));
    assert_eq!(ping.unwrap(), "ping");
    let ping = written(|out| codec.encode_call(out, "ping", &map([]), Some(1)));
    assert_eq!(ping.unwrap(), "ping[1]");
    let reply = written(|out| codec.encode_result(out, "x y", &Value::Null));
    assert_eq!(reply.unwrap(), "[x y]:null");
    let error = CallError::new(-5, "no \"x\"");
    let text = written(|out| codec.encode_error(out, "1", &error));
    assert_eq!(text.unwrap(), r#"[1]! message:"no \"x\"" code:-5"#);
    let error = error.with_data(map([("k", Value::from("v"))]));
    let text = written(|out| codec.encode_error(out, "1", &error)).unwrap();
    assert_eq!(text, r#"[1]! message:"no \"x\"" details:{k:"v"} code:-5"#);
    assert_eq!(
        decode(&codec, &text),
        Envelope::Failure { id: Some(1), error }
    );
    assert!(written(|out| codec.encode_header(out, &Default::default())).is_err());
}

/// An empty line hangs a Python peer for good; the rest would be another call.
#[test]
fn names_that_are_none_are_refused() {
    for name in [
        "", " ", "a b", "a\nb", "a[1]", "a/1", "a:1", "\"a\"", "a\0", "{a}", "a]",
    ] {
        let call = written(|out| terse_codec().encode_call(out, name, &(), None));
        assert!(call.is_err(), "{name:?}");
    }
    assert!(written(|out| terse_codec().encode_call(out, "f", &(1, 2), None)).is_err());
    assert!(written(|out| terse_codec().encode_call(out, "f", &(), Some(0))).is_err());
}

#[test]
fn what_is_written_is_one_line_and_reads_back_the_same() {
    let nasty = [
        "", "\\", "a\\", "\"", "\r\n", "\0\u{7f}", "ä🎉", "x:-1", " ", "'[{", "\u{2028}",
    ];
    let codec = terse_codec();
    for text in nasty {
        for key in nasty {
            let args = map([
                ("a", Value::from(text)),
                ("b", map([(key, Value::from(text))])),
                (key, Value::from("\"")),
            ]);
            let mut out = Vec::new();
            codec.encode_call(&mut out, "f", &args, Some(9)).unwrap();
            codec.frame_out(&mut out, 0).unwrap();
            let telegrams = Stream::new(&codec).feed(&out);
            let [line] = &telegrams[..] else {
                panic!("{telegrams:?}");
            };
            let line = std::str::from_utf8(line).unwrap();
            let Envelope::Call { params, .. } = decode(&codec, line) else {
                panic!("{line}");
            };
            assert_eq!(show::read(&codec, line, &params), Some(args), "{line}");
        }
    }
}

/// What stops a Python peer: `-inf`, text that it takes for something else after a
/// backslash and a quote or a colon in a name, and lists that are too deep.
#[test]
fn nothing_is_written_that_stops_a_python_peer() {
    let codec = terse_codec();
    let write = |value: &Value| {
        written(|out| codec.encode_call(out, "f", &map([("a", value.clone())]), None))
    };
    for (value, expected) in [
        (Value::Float(f64::INFINITY), "f a:1e+999"),
        (Value::Float(f64::NEG_INFINITY), "f a:-1e+999"),
        (Value::Float(1e300), "f a:1e+300"),
        (Value::from("x\\"), r#"f a:"x\u{5c}""#),
        (Value::from("\\\\"), r#"f a:"\\\u{5c}""#),
        (Value::from("\\x"), r#"f a:"\\x""#),
        (map([("x:-", Value::Null)]), r#"f a:{"x\u{3a}-":null}"#),
    ] {
        assert_eq!(write(&value).unwrap(), expected);
        let line = write(&value).unwrap();
        let Envelope::Call { params, .. } = decode(&codec, &line) else {
            panic!("{line}");
        };
        assert_eq!(
            show::read(&codec, &line, &params),
            Some(map([("a", value)]))
        );
    }
    let mut deep = Value::Null;
    for _ in 0..1_000 {
        deep = Value::List(vec![deep]);
    }
    assert!(write(&deep).is_err());
}

#[test]
fn arguments_are_read_as_declared() {
    let codec = terse_codec();
    let line = "f a:1e+06 b:1 c:1";
    let Envelope::Call { params, .. } = decode(&codec, line) else {
        panic!("{line}");
    };
    assert!(matches!(params, Payload::Pairs(_)));
    /// As Python writes 1000000, True, and 1.0.
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Args {
        a: i64,
        b: bool,
        c: f64,
    }
    let seed = std::marker::PhantomData::<Args>;
    let args = codec.read(line, &params, seed, 128);
    assert_eq!(
        args,
        Ok(Args {
            a: 1_000_000,
            b: true,
            c: 1.0
        })
    );
}
