//! The engine for both text formats.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use quickrpc::__fuzz::{read_text, skip_text, write_text};
use quickrpc::{Bytes, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The first byte says which format, and as what the text is read.
pub fn text(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let terse = choice & 1 == 1;
    let depth = if choice & 2 == 2 { 3 } else { 128 };
    values(text, terse, depth);
    match choice >> 2 {
        0 => typed::<Record>(text, terse),
        1 => typed::<Vec<Choice>>(text, terse),
        2 => typed::<(Option<i8>, u64, i128, f32)>(text, terse),
        3 => typed::<BTreeMap<i32, Vec<bool>>>(text, terse),
        4 => typed::<HashMap<char, Option<()>>>(text, terse),
        5 => typed::<Bytes>(text, terse),
        _ => typed::<Vec<Option<String>>>(text, terse),
    }
}

/// Any value: reading and skipping agree, and what was read is written as the same.
fn values(text: &str, terse: bool, depth: usize) {
    let skipped = skip_text(text, terse, depth);
    match read_text::<Value>(text, terse, depth) {
        Ok((value, end)) => {
            assert_eq!(skipped, Ok(end), "{text:?}");
            let Ok(written) = write_text(&value, terse) else {
                return;
            };
            let written = String::from_utf8(written).expect("what is written is text");
            let again = read_text::<Value>(&written, terse, depth);
            let (again, end) = again.unwrap_or_else(|why| panic!("{text:?} {written:?}: {why:?}"));
            assert_eq!(end, written.len(), "{written:?}");
            same(&again, &value, &written);
            if !terse {
                like_serde_json(&written);
            }
        }
        Err((message, position)) => {
            assert!(
                !message.is_empty() && position <= text.len(),
                "{text:?}: {message}"
            );
        }
    }
}

/// A type of somebody: no panic, and the same again.
fn typed<T: DeserializeOwned + Serialize + Debug>(text: &str, terse: bool) {
    let Ok((value, _)) = read_text::<T>(text, terse, 128) else {
        return;
    };
    let written = write_text(&value, terse).expect("what was read can be written");
    let written = String::from_utf8(written).expect("what is written is text");
    let again = read_text::<T>(&written, terse, 128);
    let (again, end) = again.unwrap_or_else(|why| panic!("{text:?} {written:?}: {why:?}"));
    assert_eq!(end, written.len(), "{written:?}");
    same(&again, &value, &written);
}

/// By what is shown, where NaN is NaN.
fn same<T: Debug>(again: &T, value: &T, written: &str) {
    // Maps without an order are shown in any.
    let shown = |value: &T| {
        let mut shown: Vec<u8> = format!("{value:?}").into_bytes();
        shown.sort_unstable();
        shown
    };
    assert_eq!(
        shown(again),
        shown(value),
        "{written:?}: {again:?} is not {value:?}"
    );
}

/// What is written as JSON is JSON, but for the floats that are words.
fn like_serde_json(written: &str) {
    if ["NaN", "Infinity"]
        .iter()
        .any(|word| written.contains(word))
    {
        return;
    }
    let mut reader = serde_json::Deserializer::from_str(written);
    if let Err(error) = serde::de::IgnoredAny::deserialize(&mut reader) {
        // Its limit is one less than ours.
        let deep = error.to_string().contains("recursion");
        assert!(deep, "{written:?}: {error}");
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    name: String,
    #[serde(default)]
    count: u32,
    ratio: Option<f64>,
    #[serde(default)]
    more: Vec<Record>,
    other: Option<Box<Choice>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Choice {
    Unit,
    New(i64),
    Tuple(bool, char),
    Struct { x: u8, y: Option<Bytes> },
}
