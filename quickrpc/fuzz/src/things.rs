//! A Thing of hololinked and its clients.

use std::collections::BTreeMap;

use quickrpc::__fuzz::{Seat, hear_parts, read_text};
use quickrpc::codec::IntoCodec;
use quickrpc::{Bytes, Value, remote_api};

#[remote_api]
#[allow(dead_code, reason = "only its description is looked at")]
trait Thing {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn join(&self, data: Bytes, name: String) -> (String, Bytes);
    #[incoming]
    fn keep(&self, #[whole] value: Value) -> Value;
    #[incoming(property, writable)]
    fn a(&self) -> f64;
    #[incoming]
    #[name = "other/turn"]
    fn turn(&self, by: i64) -> i64;
    #[outgoing]
    fn tick(&self, n: i64);
}

/// The kinds of messages that are said.
const KINDS: [&str; 6] = [
    "HANDSHAKE",
    "REPLY",
    "TIMEOUT",
    "EXCEPTION",
    "INVALID_MESSAGE",
    "OPERATION",
];

/// Messages, one in each line, with tabs between their parts. The first byte says who hears them.
pub fn hololinked(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let seats = [Seat::Server, Seat::Server, Seat::Client, Seat::Subscriber];
    let seat = seats[usize::from(choice & 3)];
    // A server without a trait knows nothing of what there is.
    let (ours, theirs) = (Thing::DESCRIPTION, ThingInverse::DESCRIPTION);
    let described = match (choice & 3, seat) {
        (1, _) => None,
        (_, Seat::Server) => Some(&ours),
        _ => Some(&theirs),
    };
    let codec = match choice & 4 {
        0 => "hololinked:srv/thg",
        _ => "hololinked:srv/thg?logs=on&exit=on",
    };
    let codec = codec.into_codec().expect("the expression is right");
    let messages = text.split(|byte| *byte == b'\n');
    let messages: Vec<Vec<&[u8]>> = messages
        .map(|message| message.split(|byte| *byte == b'\t').collect())
        .collect();
    let (said, held) = hear_parts(&codec, seat, described, &messages);
    assert_eq!(held, 0, "all was answered");
    assert!(said.len() <= messages.len(), "{}", said.len());
    assert!(seat == Seat::Server || said.is_empty(), "nobody has asked");
    for message in said {
        let parts = parts(&message);
        let [_, header, payload, _] = &*parts else {
            panic!("{} parts", parts.len());
        };
        let header: BTreeMap<String, Value> = json(header);
        let kind = header.get("messageType").and_then(Value::as_str);
        assert!(kind.is_some_and(|kind| KINDS.contains(&kind)), "{header:?}");
        json::<serde::de::IgnoredAny>(payload);
    }
}

fn json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> T {
    let text = std::str::from_utf8(bytes).expect("it is text");
    match read_text(text, false, 200) {
        Ok((read, end)) if end == text.len() => read,
        Ok((_, end)) => panic!("{text:?} ends at {end}"),
        Err(wrong) => panic!("{text:?}: {wrong:?}"),
    }
}

/// The parts of a message on its way out.
fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let [flags, rest @ ..] = bytes {
        let (length, rest) = match flags & 2 {
            0 => (usize::from(rest[0]), &rest[1..]),
            _ => {
                let (length, rest) = rest.split_at(8);
                let length = u64::from_be_bytes(length.try_into().expect("eight bytes"));
                (usize::try_from(length).expect("it is here"), rest)
            }
        };
        let (part, rest) = rest.split_at(length);
        parts.push(part);
        bytes = rest;
        assert_eq!(flags & 1 == 0, bytes.is_empty(), "one message");
    }
    parts
}
