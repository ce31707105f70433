//! What holds for every value and every text.

use proptest::prelude::*;
use serde::Deserialize;

use super::test_tree::{Tree, read, written};
use super::{Json, Pairs, Reader, Syntax, Terse};

/// Values of all kinds, but without the key that makes a JSON map bytes.
fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(|value| Tree::Int(value.into())),
        any::<i128>().prop_map(Tree::Int),
        any::<f64>().prop_map(Tree::Float),
        proptest::num::f64::ANY.prop_map(Tree::Float),
        text().prop_map(Tree::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Tree::Bytes),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let entry = (text(), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Tree::List),
            proptest::collection::vec(entry, 0..6).prop_map(Tree::Map),
        ]
    })
}

/// Text with much of what needs an escape or a quote.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,12}",
        "[ -~\\x00-\\x20\"\\\\{}:é漢🎉]{0,24}",
        any::<String>()
    ]
}

/// Texts that are nearly values: pieces of both syntaxes in any order.
fn nearly() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\\[\\]{}:, ]",
        "[-+]?[0-9]{0,20}([.][0-9]{0,3})?([eE][-+]?[0-9]{0,3})?",
        Just("\"a\"".to_owned()),
        Just("{\"__bytes\":\"eA==\"}".to_owned()),
        Just("'eA=='".to_owned()),
        "\"[\\\\a-z\"u0-9{}]{0,8}\"?",
        "(null|true|false|nan|inf|NaN|Infinity)",
        ".",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn round_trip<S: Syntax>(value: &Tree, syntax: S) {
    let text = written(value, syntax);
    assert_eq!(read::<Tree, _>(&text, syntax).as_ref(), Ok(value), "{text}");
    let mut reader = Reader::new(&text, syntax, 128);
    assert_eq!(reader.skip_value(), Ok(0..text.len()), "{text}");
}

/// Reading and skipping agree on what is valid, and whatever was read is written and read
/// again as the same.
fn consistent<S: Syntax>(text: &str, syntax: S) {
    let skipped = Reader::new(text, syntax, 128).skip_value();
    let mut reader = Reader::new(text, syntax, 128);
    match reader.value(std::marker::PhantomData::<Tree>) {
        Ok(value) => {
            assert_eq!(
                skipped.map(|range| range.end),
                Ok(reader.position()),
                "{text}"
            );
            round_trip(&value, syntax);
        }
        Err(error) => {
            assert!(error.position() <= text.len(), "{text}: {error}");
            // What only the one who converts it can see.
            if !["base64", "range"]
                .iter()
                .any(|part| error.message().contains(part))
            {
                assert_eq!(skipped, Err(error), "{text}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn json_round_trips(value in tree()) {
        round_trip(&value, Json);
    }

    #[test]
    fn terse_round_trips(value in tree()) {
        round_trip(&value, Terse);
    }

    #[test]
    fn each_text_is_read_as_it_is_skipped(text in nearly()) {
        consistent(&text, Json);
        consistent(&text, Terse);
        let _ = serde::de::IgnoredAny::deserialize(Pairs(&mut Reader::new(&text, Terse, 8)));
    }

    #[test]
    fn a_truncated_text_is_no_value(value in tree()) {
        truncations(&value, Json);
        truncations(&value, Terse);
    }

    #[test]
    fn json_is_what_serde_json_reads(text in nearly()) {
        same_as_serde_json(&text);
    }

    #[test]
    fn json_is_what_serde_json_writes(value in tree()) {
        let text = written(&value, Json);
        same_as_serde_json(&text);
        if let Ok(theirs) = serde_json::from_str::<serde_json::Value>(&text) {
            let again = serde_json::to_string_pretty(&theirs).unwrap();
            same_as_serde_json(&again);
        }
        if let Tree::Text(value) = &value {
            prop_assert_eq!(serde_json::to_string(value).unwrap(), text);
        }
    }
}

fn truncations<S: Syntax>(value: &Tree, syntax: S) {
    let text = written(value, syntax);
    for end in 0..text.len() {
        let Some(part) = text.get(..end) else {
            continue;
        };
        // A number or a word may end anywhere; a bracket, a string or bytes may not.
        let closed = !matches!(value, Tree::Int(_) | Tree::Float(_));
        if closed {
            assert!(read::<Tree, _>(part, syntax).is_err(), "{part}");
        }
        consistent(part, syntax);
    }
}

/// The same verdict as serde_json's, and the same value.
///
/// Where the dialects differ, texts are left out: the floats that are words, bytes, lone
/// surrogates, and integers beyond what serde_json keeps.
fn same_as_serde_json(text: &str) {
    if ["NaN", "Infinity", "__bytes", "\\u"]
        .iter()
        .any(|part| text.contains(part))
    {
        return;
    }
    let ours = read::<Tree, _>(text, Json);
    let theirs = serde_json::from_str::<serde_json::Value>(text);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert!(equal(ours, theirs), "{text}: {ours:?} {theirs:?}"),
        (Err(_), Err(_)) => {}
        _ => panic!("{text}: {ours:?} {theirs:?}"),
    }
}

fn equal(ours: &Tree, theirs: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (ours, theirs) {
        (Tree::Null, Value::Null) => true,
        (Tree::Bool(ours), Value::Bool(theirs)) => ours == theirs,
        (Tree::Int(ours), Value::Number(theirs)) => {
            if let Some(theirs) = theirs.as_i128() {
                return *ours == theirs;
            }
            // Beyond 64 bits, and for -0, it has a float.
            theirs
                .as_f64()
                .is_some_and(|theirs| close(*ours as f64, theirs))
        }
        (Tree::Float(ours), Value::Number(theirs)) => {
            theirs.as_f64().is_some_and(|theirs| close(*ours, theirs))
        }
        (Tree::Text(ours), Value::String(theirs)) => ours == theirs,
        (Tree::List(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| equal(ours, theirs))
        }
        // Of duplicates it keeps the last.
        (Tree::Map(ours), Value::Object(theirs)) => theirs.iter().all(|(key, theirs)| {
            let ours = ours.iter().rfind(|(other, _)| other == key);
            ours.is_some_and(|(_, ours)| equal(ours, theirs))
        }),
        _ => false,
    }
}

/// Without its feature `float_roundtrip` serde_json may be off in the last digit.
fn close(ours: f64, theirs: f64) -> bool {
    ours == theirs || (ours - theirs).abs() <= ours.abs() * 1e-14
}
