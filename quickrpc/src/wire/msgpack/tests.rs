//! Messages, as others write them and as they are written.

use super::*;
use crate::wire::codec::any::AnyCodec;
use crate::wire::codec::envelope::Script;
use crate::wire::framing::{Progress, Unframed};

fn codec() -> AnyCodec {
    AnyCodec::Msgpack(Msgpack::new(false))
}

fn pack(value: impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write(&mut out, &value).unwrap();
    out
}

/// What a message says, in few words.
fn meaning(message: &[u8]) -> String {
    let codec = codec();
    let (script, envelope) = match codec.decode_bytes(message, &Limits::default()) {
        Ok(decoded) => decoded,
        Err(error) => return error.message,
    };
    let value = |payload: &Payload| {
        let read = codec.read(script, payload, PhantomData::<Value>, 128);
        read.map_or_else(|error| error, |value| value.to_string())
    };
    match &envelope {
        Envelope::Call { method, params, id } => {
            let id = id.as_ref().map_or("-", |id| id.of(script));
            format!("call {} {} {id}", method.of(script), value(params))
        }
        Envelope::Reply { id, result } => format!("reply {id:?} {}", value(result)),
        Envelope::Failure { id, error } => {
            let data = error.data.as_ref().map(ToString::to_string);
            format!("failure {id:?} {} {:?} {data:?}", error.code, error.message)
        }
        Envelope::Invalid { id, error } => {
            let id = id.as_ref().map_or("-", |id| id.of(script));
            format!("invalid {id} {}", error.message)
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn messages_of_others() {
    for (message, expected) in [
        (pack((0, 7, "add", [2, 3])), "call add [2,3] 7"),
        (pack((0, u32::MAX, "ä", ())), "call ä null 4294967295"),
        (
            pack((0, u64::MAX, "a", [(); 0])),
            "call a [] 18446744073709551615",
        ),
        (pack((2, "note", ["x"])), "call note [\"x\"] -"),
        (pack((1, 7, (), 5)), "reply Some(7) 5"),
        (pack((1, 7, (), ())), "reply Some(7) null"),
    ] {
        assert_eq!(meaning(&message), expected);
    }
}

#[test]
fn errors_of_others() {
    let text = |error: &str| pack((1, 7, error, ()));
    for (message, expected) in [
        (text("too high"), "-32000 \"too high\" None"),
        (text("404: not found"), "404 \"not found\" None"),
        (text("-32601: unknown"), "-32601 \"unknown\" None"),
        (text("1:2: a"), "-32000 \"1:2: a\" None"),
        (text("007: a"), "-32000 \"007: a\" None"),
        (text("Vim: E492: x"), "-32000 \"Vim: E492: x\" None"),
        (pack((1, 7, "a", [1])), "-32000 \"a\" Some(\"[1]\")"),
        // Neovim's.
        (pack((1, 7, (0, "Wrong type"), ())), "0 \"Wrong type\" None"),
        (
            pack((1, 7, (5, "a", "data"), ())),
            "5 \"a\" Some(\"\\\"data\\\"\")",
        ),
        (
            pack((
                1,
                7,
                Value::from_iter([("code", Value::from(3)), ("message", "m".into())]),
                (),
            )),
            "3 \"m\" None",
        ),
        (
            pack((1, 7, true, ())),
            "-32603 \"the call failed with an error that is no text\" Some(\"true\")",
        ),
    ] {
        assert_eq!(meaning(&message), format!("failure Some(7) {expected}"));
    }
}

#[test]
fn what_is_no_message() {
    let shape = "invalid - expected `[0, id, method, params]`, `[1, id, error, result]` or \
                 `[2, method, params]`";
    for (message, expected) in [
        (pack([(); 0]), shape),
        (pack((0, 1, "a")), shape),
        (pack((2, 1, "a", [1])), shape),
        (pack((3, 1, "a", [1])), shape),
        (pack(("0", 1, "a", [1])), shape),
        (
            pack((0, -1, "a", [1])),
            "invalid - an id must be a positive integer",
        ),
        (
            pack((0, "1", "a", [1])),
            "invalid - an id must be a positive integer",
        ),
        (
            pack((0, 1, 5, [1])),
            "invalid 1 the name of a method must be a string",
        ),
        (
            pack((2, (), [1])),
            "invalid - the name of a method must be a string",
        ),
        (
            b"\x94\x00\x01\xa1\xff\x90".to_vec(),
            "invalid 1 the name of a method must be a string",
        ),
        (
            pack((0, 1, "a", [1]))[..3].to_vec(),
            "the message ends within a value",
        ),
        // What the arguments are is seen by who reads them.
        (
            [pack((0, 1, "a", [1])), vec![0]].concat(),
            "call a expected nothing behind the message 1",
        ),
        (
            br#"{"jsonrpc":"2.0"}"#.to_vec(),
            "found `{\\\"jsonrpc\\\":\\\"2.0\\\"`, and no array of MessagePack; it looks like JSON: \
             use the codec `jrpc` on both sides, or on none",
        ),
        (
            b"add[1] a:1".to_vec(),
            "found `add[1] a:1`, and no array of MessagePack; it looks like text: use another \
             codec, `terse` or `jrpc`, on both sides, or on none",
        ),
        (
            b"\xc0".to_vec(),
            "found `\\xc0`, and no array of MessagePack; every message of MessagePack-RPC is an \
             array",
        ),
    ] {
        assert_eq!(meaning(&message), expected);
    }
}

/// Found by fuzzing: errors of serde do not know where they are.
#[test]
fn an_error_that_cannot_be_read_ends_its_call_and_says_where() {
    let message = b"\x94\x01\x07\x8b\xa4codx0\xa7message[\xa1m\xa4data\x91\x01\xc0";
    match codec().decode(Script::Bytes(message), &Limits::default()) {
        Ok(Envelope::Unreadable { ours: 7, error }) => {
            assert!(error.position <= message.len(), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written() {
    let codec = codec();
    let write = |encode: &dyn Fn(&mut Vec<u8>) -> Result<(), String>| {
        let mut out = Vec::new();
        encode(&mut out).map(|()| out)
    };
    let call = |args: &Value, id| write(&|out| codec.encode_call(out, "add", args, id));
    let list: Value = [2, 3].into_iter().collect();
    assert_eq!(
        call(&list, Some(1)),
        Ok(b"\x94\0\x01\xa3add\x92\x02\x03".to_vec())
    );
    assert_eq!(
        call(&list, None),
        Ok(b"\x93\x02\xa3add\x92\x02\x03".to_vec())
    );
    assert_eq!(
        call(&Value::Null, None),
        Ok(b"\x93\x02\xa3add\x90".to_vec())
    );
    let map = Value::from_iter([("a", 2)]);
    let error = call(&map, Some(1)).unwrap_err();
    assert!(error.contains("`msgpack?named=on`"), "{error}");
    call(&Value::from(5), Some(1)).unwrap_err();
    let reserved = codec.encode_call(&mut Vec::new(), HEADER, &list, None);
    reserved.unwrap_err();

    let named = AnyCodec::Msgpack(Msgpack::new(true));
    let call = |args: &Value| write(&|out| named.encode_call(out, "add", args, Some(1)));
    assert_eq!(call(&map), Ok(b"\x94\0\x01\xa3add\x81\xa1a\x02".to_vec()));
    assert_eq!(call(&list), Ok(b"\x94\0\x01\xa3add\x92\x02\x03".to_vec()));
    assert_eq!(call(&Value::Null), Ok(b"\x94\0\x01\xa3add\x80".to_vec()));

    let result = write(&|out| codec.encode_result(out, "300", &5));
    assert_eq!(result, Ok(pack((1, 300, (), 5))));
    write(&|out| codec.encode_result(out, "null", &5)).unwrap_err();
}

#[test]
fn errors_come_back_as_they_were() {
    let data = Value::from_iter([("a", 1)]);
    for error in [
        CallError::new(CallError::HANDLER_ERROR, "too high"),
        CallError::new(CallError::HANDLER_ERROR, "5: too high"),
        CallError::new(CallError::METHOD_NOT_FOUND, ""),
        CallError::new(0, "-1: "),
        CallError::new(7, "no").with_data(data),
    ] {
        let mut out = Vec::new();
        codec().encode_error(&mut out, "7", &error).unwrap();
        match codec().decode(Script::Bytes(&out), &Limits::default()) {
            Ok(Envelope::Failure { id, error: back }) => {
                assert_eq!((id, back), (Some(7), error));
            }
            other => panic!("{other:?}"),
        }
    }
    let mut out = Vec::new();
    let error = CallError::new(CallError::HANDLER_ERROR, "too high");
    codec().encode_error(&mut out, "7", &error).unwrap();
    assert_eq!(out, pack((1, 7, "too high", ())));
}

#[test]
fn a_security_header_is_a_notification() {
    let info = SecInfo::from([("user".to_owned(), "jo".to_owned())]);
    let mut out = Vec::new();
    codec().encode_header(&mut out, &info).unwrap();
    let decoded = codec().decode(Script::Bytes(&out), &Limits::default());
    assert_eq!(decoded, Ok(Envelope::Header(info)));
    assert!(meaning(&pack((2, HEADER, [5]))).starts_with("invalid - wrong security header"));
}

#[test]
fn a_stream_is_cut_where_messages_end() {
    let codec = codec();
    let one = pack((0, 1, "echo", ["x".repeat(300)]));
    let two = pack((2, "note", [Value::Bytes(vec![0x94; 40])]));
    let stream = [&one[..], &two].concat();
    let mut progress = Progress::default();
    for end in 0..one.len() {
        let next = codec
            .framing()
            .unwrap()
            .next_frame(&stream[..end], &mut progress, 1000);
        assert_eq!(next, Ok(None), "{end}");
    }
    let frame = codec
        .framing()
        .unwrap()
        .next_frame(&stream, &mut progress, 1000)
        .unwrap()
        .unwrap();
    assert_eq!((frame.telegram, frame.consumed), (0..one.len(), one.len()));
    let rest = &stream[frame.consumed..];
    let frame = codec
        .framing()
        .unwrap()
        .next_frame(rest, &mut progress, 1000)
        .unwrap()
        .unwrap();
    assert_eq!(frame.telegram, 0..two.len());

    // Nothing is added, and nothing has to be found.
    let mut out = one.clone();
    codec.framing().unwrap().close(&mut out, 0).unwrap();
    assert_eq!(out, one);

    // What is none of its messages, as security providers send it, is put into one.
    for other in [
        &b"text"[..],
        b"",
        b"\x93\x02",
        b"\x91\x01\x01",
        &[0x90; 300],
    ] {
        let mut out = b"before".to_vec();
        out.extend_from_slice(other);
        codec.framing().unwrap().close(&mut out, 6).unwrap();
        let framed = [&out[6..], b"\x90"].concat();
        let mut progress = Progress::default();
        let frame = codec
            .framing()
            .unwrap()
            .next_frame(&framed, &mut progress, 1000);
        let frame = frame.unwrap().unwrap();
        assert_eq!(&framed[frame.telegram], other);
        assert_eq!(frame.consumed, framed.len() - 1);
    }

    let next = |bytes: &[u8]| {
        codec
            .framing()
            .unwrap()
            .next_frame(bytes, &mut Progress::default(), 1000)
    };
    assert_eq!(
        next(b"\x94\0\x01\xdb\xff\xff\xff\xff"),
        Err(Unframed::TooLarge)
    );
    assert_eq!(next(b"\xdd\xff\xff\xff\xff"), Err(Unframed::TooLarge));
    for (garbage, why) in [
        (&b"\x94\0\xc1"[..], "0xc1"),
        (b"{\"jsonrpc\"", "`jrpc`"),
        (b"\x16\x03\x01", "TLS"),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"\x80", "an array"),
    ] {
        match next(garbage) {
            Err(Unframed::Garbled(text)) => assert!(text.contains(why), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
