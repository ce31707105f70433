//! Whatever a peer sends, decoding ends with a result.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use proptest::prelude::*;

use super::{
    InStream as _, Stream, end_of, jrpc_codec, jrpc_with, python, terse_codec, with_headers,
};
use crate::base::limits::Limits;
use crate::base::value::Value;
use crate::wire::codec::any::AnyCodec;
use crate::wire::codec::envelope::{Envelope, Payload, Script};
use crate::wire::framing::Framing;

/// Decodes and reads all that can be read, as several types.
fn swallow(codec: &AnyCodec, telegram: &[u8]) {
    let Ok((text, envelope)) = codec.decode_bytes(telegram, &Limits::default()) else {
        return;
    };
    let mut envelopes = vec![&envelope];
    while let Some(envelope) = envelopes.pop() {
        match envelope {
            Envelope::Call { method, params, id } => {
                method.of(text);
                read(codec, text, params);
                if let Some(id) = id {
                    let mut out = Vec::new();
                    codec.encode_result(&mut out, id.of(text), &1).unwrap();
                    // What is echoed is valid, and does not break out of its message.
                    let answer = codec.decode_bytes(&out, &Limits::default());
                    assert!(
                        matches!(answer, Ok((_, Envelope::Reply { .. }))),
                        "{answer:?}"
                    );
                }
            }
            Envelope::Reply { result, .. } => read(codec, text, result),
            Envelope::Several { parts, .. } => envelopes.extend(parts),
            _ => {}
        }
    }
}

fn read(codec: &AnyCodec, text: Script<'_>, payload: &Payload) {
    drop(codec.read(text, payload, PhantomData::<Value>, 128));
    drop(codec.read(text, payload, PhantomData::<BTreeMap<&str, f64>>, 128));
    drop(codec.read(text, payload, PhantomData::<Vec<Option<i64>>>, 2));
    drop(codec.read(text, payload, PhantomData::<()>, 0));
}

/// Every recorded input, as telegrams; the very long ones are left out.
fn telegrams(codec: &AnyCodec, name: &str) -> Vec<Vec<u8>> {
    let sections = ["decode", "api"].map(|section| (section, "input"));
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    for (section, key) in sections.into_iter().chain([("encode", "wire")]) {
        for vector in python::section(name, section) {
            if vector[key]["b64"].is_string() {
                let mut input = python::bytes(&vector[key]);
                input.extend(end_of(codec));
                inputs.push(input);
            }
        }
    }
    let cut = inputs
        .iter()
        .flat_map(|input| Stream::new(codec).feed(input));
    let mut telegrams: Vec<Vec<u8>> = cut.filter(|telegram| telegram.len() < 1_000).collect();
    telegrams.sort();
    telegrams.dedup();
    assert!(telegrams.len() > 50);
    telegrams
}

fn codecs() -> [(&'static str, AnyCodec); 2] {
    [("jrpc", jrpc_codec()), ("terse", terse_codec())]
}

#[test]
fn cut_off_anywhere() {
    for (name, codec) in codecs() {
        for telegram in telegrams(&codec, name) {
            for end in 0..=telegram.len() {
                swallow(&codec, &telegram[..end]);
                swallow(&codec, &telegram[end..]);
            }
        }
    }
}

#[test]
fn with_any_byte_changed_or_missing() {
    for (name, codec) in codecs() {
        for telegram in telegrams(&codec, name) {
            for at in 0..telegram.len() {
                let mut changed = telegram.clone();
                for byte in [
                    b'"', b'\\', b'[', b']', b'}', b':', b' ', b'0', b'\n', 0, 0xff,
                ] {
                    changed[at] = byte;
                    swallow(&codec, &changed);
                }
                changed[at] = telegram[at] ^ 1;
                swallow(&codec, &changed);
                changed.remove(at);
                swallow(&codec, &changed);
            }
        }
    }
}

#[test]
fn very_deep_or_very_long() {
    let opening = [
        "[",
        "{\"a\":",
        "[{\"a\":",
        "{",
        "{\"jsonrpc\":\"2.0\",\"error\":",
    ];
    for open in opening {
        swallow(&jrpc_codec(), open.repeat(100_000).as_bytes());
    }
    for open in [
        "f a:[",
        "f a:{a:",
        "[1]:[",
        "[1]! a:{b:",
        "[",
        "f[",
        "[1]:1",
    ] {
        let line = open.to_owned() + &open.replace("f a:", "").repeat(100_000);
        swallow(&terse_codec(), line.as_bytes());
    }
    let digits = "9".repeat(100_000);
    let call = format!(r#"{{"jsonrpc":"2.0","method":"f","params":{digits},"id":{digits}}}"#);
    swallow(&jrpc_codec(), call.as_bytes());
    swallow(&terse_codec(), format!("f[{digits}] a:{digits}").as_bytes());
    swallow(&terse_codec(), format!("[{digits}]:{digits}").as_bytes());
}

proptest! {
    #[test]
    fn any_bytes(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (_, codec) in codecs() {
            swallow(&codec, &input);
        }
    }

    #[test]
    fn any_words(words in proptest::collection::vec(prop_oneof![
        Just("{"), Just("}"), Just("["), Just("]"), Just(":"), Just(","), Just("\""), Just(" "),
        Just("\"jsonrpc\":\"2.0\""), Just("\"method\":\"f\""), Just("\"id\":"), Just("\"params\":"),
        Just("\"result\":"), Just("\"error\":"), Just("\"message\":"), Just("\"__bytes\":"),
        Just("1"), Just("-"), Just("1e"), Just("null"), Just("\\u"), Just("\\ud800"), Just("'"),
        Just("f"), Just("[3]"), Just("[3]!"), Just("/4"), Just("a:"), Just("ä"), Just("eA=="),
        Just("message:"), Just("details:"), Just("code:"),
    ], 0..24)) {
        let input = words.concat();
        for (_, codec) in codecs() {
            swallow(&codec, input.as_bytes());
            swallow(&codec, format!("{{\"jsonrpc\":\"2.0\",{input}}}").as_bytes());
            swallow(&codec, format!("[3]!{input}").as_bytes());
        }
    }

    /// Several telegrams with any split of the stream decode to the same messages.
    #[test]
    fn any_split(
        picks in proptest::collection::vec(any::<proptest::sample::Index>(), 1..6),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
        framing in 0..5usize,
    ) {
        let jrpc = match [&b"\0"[..], b"\x1e", b"\r\n", b"~~"].get(framing) {
            Some(delimiter) => jrpc_with(delimiter),
            None => with_headers(),
        };
        for (name, codec) in [("jrpc", jrpc), ("terse", terse_codec())] {
            let all = telegrams(&codecs()[usize::from(name == "terse")].1, name);
            let mut input = Vec::new();
            for pick in &picks {
                let start = input.len();
                input.extend(&all[pick.index(all.len())]);
                match codec.framing().and_then(Framing::delimiter) {
                    Some(delimiter) => input.extend(delimiter),
                    None => codec.frame_out(&mut input, start).unwrap(),
                }
            }
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len())).collect();
            ends.sort_unstable();
            ends.push(input.len());
            let decoded = |telegrams: Vec<Vec<u8>>| -> Vec<_> {
                telegrams
                    .iter()
                    .map(|telegram| {
                        let decoded = codec.decode_bytes(telegram, &Limits::default());
                        format!("{:?}", decoded.map(|(_, envelope)| envelope))
                    })
                    .collect()
            };
            let mut stream = Stream::new(&codec);
            let mut start = 0;
            let mut pieces = Vec::new();
            for end in ends {
                pieces.extend(stream.feed(&input[start..end]));
                start = end;
            }
            prop_assert_eq!(decoded(pieces), decoded(Stream::new(&codec).feed(&input)));
        }
    }
}
