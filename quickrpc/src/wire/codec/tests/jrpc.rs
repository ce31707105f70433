//! JSON-RPC beyond what the vectors cover.

use super::{decode, end_of, jrpc_codec, map, meaning, show, with_headers, written};
use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::security::SecInfo;
use crate::base::value::Value;
use crate::wire::codec::IntoCodec;
use crate::wire::codec::any::AnyCodec;
use crate::wire::codec::envelope::{Envelope, Part, Payload};
use crate::wire::jrpc;

/// The envelope with `"jrpc": "2.0"` and these members.
fn message(members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0",{members}}}"#)
}

#[test]
fn members_are_read_in_any_order_and_the_last_one_counts() {
    for (members, expected) in [
        (r#""method":"f""#, "f()"),
        (r#""method":"f","params":{}"#, "f()"),
        (r#""method":"f","params":[]"#, "f([])"),
        (r#""id":7,"params":{"a":1},"method":"f""#, "f(a: 1)#7"),
        (
            r#""params":{"a":1},"params":{"b":2},"method":"f""#,
            "f(b: 2)",
        ),
        (r#""id":1,"id":2,"method":"f""#, "f()#2"),
        (r#""id":1,"id":null,"method":"f""#, "f()"),
        (r#""id":[],"id":1,"method":"f""#, "f()#1"),
        (r#""method":5,"method":"f""#, "f()"),
        (r#""method":"\u0066\u00e4""#, "fä()"),
        (r#""m\u0065thod":"f""#, "f()"),
        (r#""":1,"x":{"method":"g"},"method":"f""#, "f()"),
        (r#""method":"f","result":1,"error":{},"id":3"#, "f()#3"),
        (
            r#""error":{"message":"no"},"result":1,"id":3"#,
            r#"error 3: 0 "no""#,
        ),
        (r#""error":null,"result":null,"id":3"#, "reply 3: null"),
        (r#""method":"""#, "()"),
    ] {
        assert_eq!(
            meaning(&jrpc_codec(), &message(members)),
            expected,
            "{members}"
        );
    }
    let twice = r#"{"jsonrpc":"1.0","jsonrpc":"2.0","method":"f"}"#;
    assert_eq!(meaning(&jrpc_codec(), twice), "f()");
}

#[test]
fn ids_are_echoed_as_they_came() {
    for id in [
        "1",
        "0",
        "-1",
        "1.50",
        "1e3",
        "36893488147419103232",
        r#""""#,
        r#""a\u0062\n""#,
    ] {
        let telegram = message(&format!(r#""method":"f","id": {id} "#));
        let Envelope::Call { id: Some(raw), .. } = decode(&jrpc_codec(), &telegram) else {
            panic!("{telegram}");
        };
        let answer = written(|out| jrpc_codec().encode_result(out, raw.of(&telegram), &1));
        assert_eq!(
            answer.unwrap(),
            format!(r#"{{"jsonrpc":"2.0","result":1,"id":{id}}}"#)
        );
    }
}

#[test]
fn ids_that_are_none() {
    let codec = jrpc_codec();
    for id in [
        "true",
        "false",
        "{}",
        "[1]",
        "NaN",
        "Infinity",
        "-Infinity",
        r#"{"__bytes":""}"#,
    ] {
        let telegram = message(&format!(r#""method":"f","id":{id}"#));
        match decode(&codec, &telegram) {
            Envelope::Invalid { id: None, error } => {
                assert_eq!(error.code, CallError::INVALID_REQUEST);
                assert_eq!(error.message, "an id must be a string or a number");
            }
            other => panic!("{telegram}: {other:?}"),
        }
    }
    let limits = Limits {
        id_size: 5,
        ..Limits::default()
    };
    let long = message(r#""method":"f","id":123456"#);
    let wrong = codec.decode(&long, &limits).unwrap();
    assert!(matches!(wrong, Envelope::Invalid { id: None, .. }));
    let fits = message(r#""method":"f","id":"123""#);
    let call = codec.decode(&fits, &limits).unwrap();
    assert!(matches!(call, Envelope::Call { id: Some(_), .. }));
}

#[test]
fn ids_of_answers() {
    for (id, expected) in [
        ("5", Some(5)),
        (r#""5""#, Some(5)),
        ("5.0", Some(5)),
        ("5e0", Some(5)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("5.9", None),
        ("-1", None),
        ("-0.5", None),
        ("1e30", None),
        ("-Infinity", None),
        (r#""""#, None),
        (r#""+5""#, None),
        (r#""5.0""#, None),
        (r#""x""#, None),
        ("null", None),
        ("[5]", None),
        ("true", None),
    ] {
        let telegram = message(&format!(r#""result":1,"id":{id}"#));
        let Envelope::Reply { id: found, result } = decode(&jrpc_codec(), &telegram) else {
            panic!("{telegram}");
        };
        assert_eq!(found, expected, "{id}");
        assert!(matches!(result, Payload::Text(_)));
    }
}

#[test]
fn what_is_no_message_says_where() {
    for (telegram, message, position) in [
        ("hello", "expected a JSON object", 0),
        ("  5 x", "expected nothing behind the message", 4),
        ("  nul", "expected a JSON object", 2),
        ("\u{feff}{}", "expected a JSON object", 0),
        (
            r#"{"jsonrpc":"2.0"} x"#,
            "expected nothing behind the message",
            18,
        ),
        (r#"{"jsonrpc""#, "expected `:`, found the end", 10),
        (r#"{"a":1 "b"}"#, "expected `,`, found `\\\"`", 7),
        (r#"{a:1}"#, "expected a string, found `a`", 1),
        (r#"[{}"#, "expected `,`, found the end", 3),
        (r#"[] []"#, "expected nothing behind the message", 3),
    ] {
        let error = jrpc_codec()
            .decode(telegram, &Limits::default())
            .unwrap_err();
        assert_eq!(error.position, position, "{telegram}: {error}");
        assert_eq!(error.message, message.replace("\\\\", "\\"), "{telegram}");
    }
    let not_text = jrpc_codec().decode_bytes(b"{\"a\xff", &Limits::default());
    assert_eq!(not_text.unwrap_err().to_string(), "not UTF-8 (at byte 3)");
}

#[test]
fn invalid_requests_keep_their_id_and_invalid_answers_have_none() {
    for (telegram, expected) in [
        (r#"{"method":"f","id":1}"#, "invalid#1"),
        (r#"{"jsonrpc":2.0,"method":"f","id":"x"}"#, r#"invalid#"x""#),
        (r#"{"jsonrpc":"2.0","method":{},"id":1}"#, "invalid#1"),
        (r#"{"id":1}"#, "invalid#1"),
        (r#"{}"#, show::UNDECODABLE),
        (" 5 ", show::UNDECODABLE),
        ("null", show::UNDECODABLE),
        // Answering a wrong answer could go on for ever.
    ] {
        assert_eq!(meaning(&jrpc_codec(), telegram), expected, "{telegram}");
    }
}

#[test]
fn blanks_are_allowed_around_a_message() {
    let call = message(r#""method":"f""#);
    for (before, behind) in [("", "\r"), ("\r\n", "\n"), (" \t", "  "), ("\n", "\r\n")] {
        assert_eq!(
            meaning(&jrpc_codec(), &format!("{before}{call}{behind}")),
            "f()"
        );
    }
    for blank in ["", "\r", " \r\n\t"] {
        assert_eq!(decode(&jrpc_codec(), blank), Envelope::Empty);
    }
}

/// The specification tells JSON that is no request from what is no JSON.
#[test]
fn json_that_is_no_object_is_an_invalid_request() {
    for telegram in ["5", "null", "\"x\"", " true "] {
        let envelope = decode(&jrpc_codec(), telegram);
        assert_eq!(envelope, Envelope::invalid(None, "expected a JSON object"));
    }
}

#[test]
fn a_null_id_is_one_for_strict_people() {
    let strict = "jrpc?strict=true".into_codec().unwrap();
    for telegram in [
        message(r#""method":"f","id":null"#),
        format!("[{}]", message(r#""method":"f","id": null "#)),
    ] {
        assert_eq!(meaning(&strict, &telegram), "f()#null");
        assert_eq!(meaning(&jrpc_codec(), &telegram), "f()");
    }
    let none = message(r#""method":"f""#);
    assert_eq!(meaning(&strict, &none), "f()");
}

#[test]
fn batches() {
    let codec = jrpc_codec();
    let f = message(r#""method":"f","id":1"#);
    let reply = message(r#""result":2,"id":3"#);
    let batch = format!("[ {f} ,{reply}, 5, [], {{}} ]");
    let Envelope::Several { parts, together } = decode(&codec, &batch) else {
        panic!("{batch}");
    };
    assert!(together && parts.len() == 5);
    assert_eq!(
        meaning(&codec, &batch),
        "f()#1; reply 3: 2; undecodable; undecodable; undecodable"
    );
    assert_eq!(meaning(&codec, "[]"), show::UNDECODABLE);
    assert!(matches!(
        decode(&codec, "[ ]"),
        Envelope::Invalid { id: None, .. }
    ));
    let header = message(r#""method":"rpc.secinfo""#);
    assert_eq!(meaning(&codec, &format!("[{header}]")), show::UNDECODABLE);
    assert!(
        codec
            .decode(&format!("[{f},]"), &Limits::default())
            .is_err()
    );

    let limits = Limits {
        batch_entries: 2,
        ..Limits::default()
    };
    let two = codec.decode("[1,2]", &limits).unwrap();
    assert!(matches!(two, Envelope::Several { .. }));
    let three = codec.decode("[1,2,3]", &limits).unwrap();
    assert!(matches!(three, Envelope::Invalid { id: None, .. }));
    assert_eq!(
        codec.join_batch(&[b"{1}".to_vec(), b"{2}".to_vec()]),
        b"[{1},{2}]"
    );
}

#[test]
fn headers() {
    let header = |params: &str| {
        let telegram = message(&format!(r#""method":"rpc.secinfo"{params}"#));
        decode(&jrpc_codec(), &telegram)
    };
    let secinfo = SecInfo::from([("user".to_owned(), "ü\"x".to_owned())]);
    assert_eq!(header(""), Envelope::Header(SecInfo::new()));
    assert_eq!(header(r#","params":{}"#), Envelope::Header(SecInfo::new()));
    let found = header(r#","params":{"user":"a","user":"\u00fc\"x"},"id":3"#);
    assert_eq!(found, Envelope::Header(secinfo.clone()));
    for wrong in ["[]", "5", "null", r#"{"user":5}"#, r#"{"user":null}"#] {
        let found = header(&format!(r#","params":{wrong},"id":1"#));
        assert!(
            matches!(found, Envelope::Invalid { id: None, .. }),
            "{wrong}"
        );
    }
    let text = written(|out| jrpc_codec().encode_header(out, &secinfo)).unwrap();
    assert_eq!(
        text,
        message(r#""method":"rpc.secinfo","params":{"user":"ü\"x"}"#)
    );
    assert_eq!(decode(&jrpc_codec(), &text), Envelope::Header(secinfo));
}

#[test]
fn errors_may_be_of_any_form() {
    for (error, expected) in [
        (r#"{}"#, r#"error 1: 0 """#),
        (
            r#"{"code":-32601,"message":"no"}"#,
            r#"error 1: -32601 "no""#,
        ),
        (r#"{"code":5.0,"message":"x\ny"}"#, r#"error 1: 5 "x\ny""#),
        (r#"{"code":"5","message":null}"#, r#"error 1: 0 "null""#),
        (r#"{"code":1e400}"#, "error 1: -32603"),
        (r#"{"code":100000000000000000000}"#, r#"error 1: 0 """#),
        (
            r#"{"data":{"k":[1]},"message":7}"#,
            r#"error 1: 0 "7" {"k": [1]}"#,
        ),
        (r#"{"data":{"__bytes":"!"}}"#, "error 1: -32603"),
        (r#"[]"#, "error 1: -32603"),
        (r#"null"#, "error 1: -32603"),
        (r#""no""#, "error 1: -32603"),
    ] {
        let found = meaning(
            &jrpc_codec(),
            &message(&format!(r#""error":{error},"id":1"#)),
        );
        assert!(found.starts_with(expected), "{error}: {found}");
    }
    assert_eq!(jrpc::error_code(&Value::Float(f64::NAN)), 0);
}

#[test]
fn messages_are_written_as_one_compact_object() {
    let codec = jrpc_codec();
    let args = map([("a", Value::from(1)), ("b", Value::Null)]);
    let call = |method: &str, id| written(|out| codec.encode_call(out, method, &args, id));
    assert_eq!(
        call("f", Some(3)).unwrap(),
        message(r#""method":"f","params":{"a":1,"b":null},"id":3"#)
    );
    assert_eq!(
        call("\"\n", None).unwrap(),
        message(r#""method":"\"\n","params":{"a":1,"b":null}"#)
    );
    assert_eq!(
        written(|out| codec.encode_call(out, "f", &(), None)).unwrap(),
        message(r#""method":"f","params":{}"#)
    );
    assert_eq!(
        written(|out| codec.encode_call(out, "f", &(1, "x"), Some(1))).unwrap(),
        message(r#""method":"f","params":[1,"x"],"id":1"#)
    );
    let error = CallError::new(-5, "no \"x\"");
    let text = written(|out| codec.encode_error(out, "null", &error)).unwrap();
    assert_eq!(
        text,
        message(r#""error":{"code":-5,"message":"no \"x\""},"id":null"#)
    );
    let error = error.with_data("a\nb");
    let text = written(|out| codec.encode_error(out, "1", &error)).unwrap();
    assert_eq!(
        text,
        message(r#""error":{"code":-5,"message":"no \"x\"","data":"a\nb"},"id":1"#)
    );
}

/// Section "What the Rust side must do" of the protocol, as far as it is about jrpc.
#[test]
fn nothing_is_written_that_stops_a_python_peer() {
    let codec = jrpc_codec();
    let no_args = map([]);
    assert!(written(|out| codec.encode_call(out, "f", &no_args, Some(0))).is_err());
    assert!(written(|out| codec.encode_call(out, "rpc.secinfo", &no_args, None)).is_err());
    assert!(written(|out| codec.encode_call(out, "f", &5, None)).is_err());
    assert!(written(|out| codec.encode_call(out, "f", "text", None)).is_err());
    for value in [Value::from("!"), Value::from(1), Value::Null] {
        let bad = map([("x", map([("__bytes", value)]))]);
        assert!(written(|out| codec.encode_call(out, "f", &bad, None)).is_err());
        assert!(written(|out| codec.encode_result(out, "1", &bad)).is_err());
        let error = CallError::new(0, "").with_data(bad);
        assert!(written(|out| codec.encode_error(out, "1", &error)).is_err());
    }
    let secinfo = SecInfo::from([("__bytes".to_owned(), "!".to_owned())]);
    assert!(written(|out| codec.encode_header(out, &secinfo)).is_err());
    // Its parser gives up at about 1,000 levels.
    let mut deep = Value::Null;
    for _ in 0..1_000 {
        deep = Value::List(vec![deep]);
    }
    assert!(written(|out| codec.encode_result(out, "1", &deep)).is_err());
    let large = map([
        ("a", Value::Integer(i128::MAX)),
        ("b", Value::Float(f64::NAN)),
    ]);
    let text = written(|out| codec.encode_result(out, "1", &large)).unwrap();
    assert_eq!(
        text,
        message(r#""result":{"a":170141183460469231731687303715884105727,"b":NaN},"id":1"#)
    );
}

#[test]
fn texts_are_borrowed_from_the_telegram() {
    let telegram = message(r#""method":"f","params":{"a":"x"},"id":1"#);
    let Envelope::Call { method, params, id } = decode(&jrpc_codec(), &telegram) else {
        panic!("{telegram}");
    };
    assert!(matches!((method, id), (Part::Span(_), Some(Part::Span(_)))));
    let codec = jrpc_codec();
    let seed = std::marker::PhantomData::<std::collections::HashMap<&str, &str>>;
    let args = codec.read(&telegram, &params, seed, 128).unwrap();
    assert!(
        telegram
            .as_bytes()
            .as_ptr_range()
            .contains(&args["a"].as_ptr())
    );
}

#[test]
fn reading_says_what_is_wrong_in_words() {
    let codec = jrpc_codec();
    let telegram = message(r#""method":"f","params":{"a":"x"}"#);
    let Envelope::Call { params, .. } = decode(&codec, &telegram) else {
        panic!("{telegram}");
    };
    let seed = std::marker::PhantomData::<std::collections::HashMap<String, i64>>;
    assert_eq!(
        codec.read(&telegram, &params, seed, 128).unwrap_err(),
        "invalid type: string \"x\", expected i64"
    );
    let seed = std::marker::PhantomData::<()>;
    assert_eq!(codec.read("", &Payload::Missing, seed, 128), Ok(()));
    // A payload of another telegram is an error, not a panic.
    assert!(
        codec
            .read("", &params, std::marker::PhantomData::<Value>, 128)
            .is_err()
    );
}

#[test]
fn nesting_is_limited() {
    let codec = jrpc_codec();
    let nested = |depth: usize| {
        let lists = "[".repeat(depth) + &"]".repeat(depth);
        message(&format!(r#""method":"f","params":{lists}"#))
    };
    assert!(codec.decode(&nested(128), &Limits::default()).is_ok());
    let error = codec.decode(&nested(129), &Limits::default()).unwrap_err();
    assert_eq!(error.message, "nested deeper than 128 levels");
}

#[test]
fn what_a_codec_can_do() {
    let strict = "jrpc?strict=true".into_codec().unwrap();
    let terse = "terse".into_codec().unwrap();
    let summary = |codec: &AnyCodec| (codec.positional(), codec.header(), codec.strict());
    assert_eq!(summary(&jrpc_codec()), (true, true, false));
    assert_eq!(summary(&strict), (true, true, true));
    assert_eq!(summary(&terse), (false, false, false));
    assert_eq!(end_of(&"jrpc:\\n".into_codec().unwrap()), b"\n");
    assert_eq!(jrpc_codec().keepalive(), Some(&b"\0"[..]));
    assert_eq!(with_headers().keepalive(), None);
    assert_eq!(terse.keepalive(), None);
    assert!("jrcp".into_codec().is_err());
}

/// Envelopes are moved about a lot.
#[test]
fn an_envelope_is_small() {
    let size = size_of::<Envelope>();
    assert!(size <= 128, "{size}");
}
