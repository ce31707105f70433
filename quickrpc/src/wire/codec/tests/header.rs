//! Security headers: the short ways of writing and reading them agree with the full ones.

use super::*;
use crate::base::security::SecInfo;
use crate::wire::jrpc::canonical;
use crate::wire::security::{Header, signed_map};

fn full(telegram: &str) -> Option<SecInfo> {
    match AnyCodec::default().decode(telegram, &Limits::default()) {
        Ok(Envelope::Header(info)) => Some(info),
        _ => None,
    }
}

fn short(telegram: &str) -> Option<SecInfo> {
    let mut header = Header::default();
    let read = header.read(telegram, canonical::header);
    read.then(|| header.to_map())
}

/// Whether it is read the short way; then as it is read in full.
fn agrees(telegram: &str) -> bool {
    let short = short(telegram);
    assert!(short.is_none() || short == full(telegram), "{telegram}");
    short.is_some()
}

/// What the fields of a signed message say.
const SAID: [&str; 7] = [
    "7",
    "Kx8+/w==",
    "51fe",
    "8a0b",
    "1798761600000000",
    "hub",
    "alice",
];

fn written(fields: [&str; 7]) -> String {
    let mut out = Vec::new();
    canonical::write_signed(&mut out, &fields);
    String::from_utf8(out).unwrap()
}

#[test]
fn it_is_written_as_from_a_map() {
    let long = "x".repeat(128);
    let strange = [
        "alice",
        "",
        "a b",
        "é",
        "a\"b",
        "a\\b",
        "\\",
        "a\tb\u{7f}\u{0}",
        "日本",
        "</script>",
        &long,
    ];
    for text in strange {
        for which in [2, 3, 5, 6] {
            let mut fields = SAID;
            fields[which] = text;
            let mut out = Vec::new();
            let map = signed_map(&fields);
            AnyCodec::default().encode_header(&mut out, &map).unwrap();
            let written = written(fields);
            assert_eq!(written.as_bytes(), out);
            let escaped = text.contains(['"', '\\', '\t', '\0']);
            assert_eq!(agrees(&written), !escaped, "{written}");
            assert_eq!(full(&written), Some(map));
        }
    }
}

#[test]
fn what_has_another_form_is_read_in_full() {
    let header =
        |params: &str| format!(r#"{{"jsonrpc":"2.0","method":"rpc.secinfo","params":{params}}}"#);
    for params in [
        "{}",
        "[]",
        "null",
        r#"{"user":"a","user":"b"}"#,
        r#"{"user":"b","to":"a"}"#,
        r#"{"user":"a\u0062"}"#,
        r#"{"us\u0065r":"a"}"#,
        r#"{"User":"a"}"#,
        r#"{"":"a"}"#,
        r#"{"__bytes":"QUJD"}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"user":1}"#,
        r#"{"user":null}"#,
        r#"{"user":["a"]}"#,
        r#"{"user": "a"}"#,
        r#"{ "user":"a"}"#,
        r#"{"user":"a" }"#,
        r#"{"user":"a",}"#,
        r#"{"user":"a","}"#,
        r#"{"user":"a"}}"#,
        r#"{"user":"a"},"id":1"#,
        r#"{"user":"a"},"method":"add""#,
        r#"{"user":"a"},"params":{"user":"b"}"#,
        "{\"user\":\"a\tb\"}",
        r#"{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":""}"#,
    ] {
        assert!(!agrees(&header(params)), "{params}");
    }
    assert!(agrees(&header(r#"{"user":""}"#)));
    assert!(agrees(&header(r#"{"user":"}},{"}"#)));
    let long = header(&format!(r#"{{"user":"{}"}}"#, "x".repeat(2000)));
    assert!(!agrees(&long) && full(&long).is_some());
    let marked = format!("\u{feff}{}", written(SAID));
    assert!(short(&marked).is_none());
}

#[test]
fn no_change_of_a_letter_makes_them_disagree() {
    let text = written(SAID);
    assert!(agrees(&text));
    for place in 0..text.len() {
        let (front, back) = (&text[..place], &text[place + 1..]);
        assert!(!agrees(front));
        for letter in [
            "", "\"", "\\", ",", ":", "{", "}", "\0", "\n", " ", "a", "z", "é", "\u{7f}",
        ] {
            agrees(&format!("{front}{letter}{back}"));
            agrees(&format!("{front}{letter}{}", &text[place..]));
        }
    }
}

#[test]
fn memory_is_used_again_and_holds_nothing_of_before() {
    let mut header = Header::default();
    let info = |user: &str| SecInfo::from([("user".to_owned(), user.to_owned())]);
    assert!(header.read(&written(SAID), canonical::header));
    let signed = header.to_map();
    for none in ["{}", &written(SAID).replace("}}", "}}}")] {
        assert!(!header.read(none, canonical::header));
        assert_eq!(header.to_map(), signed);
    }
    let only = |user: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"rpc.secinfo","params":{{"user":"{user}"}}}}"#)
    };
    assert!(header.read(&only("bob"), canonical::header));
    assert_eq!(header.to_map(), info("bob"));
    header.put(info("carl"));
    assert_eq!(header.to_map(), info("carl"));
    assert!(header.read(&only("dan"), canonical::header));
    assert_eq!(header.to_map(), info("dan"));
}

#[test]
fn one_like_the_one_before_is_read_as_by_itself() {
    let mut fields = SAID;
    fields[5] = "hüb";
    for first in [written(SAID), written(fields)] {
        // Each byte of a value and of what is between them, changed in turn and together with others.
        for place in 0..first.len() {
            for letter in [
                "a", "\"", "\\", ",", "}", "\u{7f}", "\n", "\0", "Z", "~", " ",
            ] {
                let mut bytes = first.clone().into_bytes();
                bytes[place] = letter.as_bytes()[0];
                for more in [place, (place + 7) % bytes.len()] {
                    bytes[more] = letter.as_bytes()[0];
                    let Ok(second) = str::from_utf8(&bytes) else {
                        continue;
                    };
                    let mut header = Header::default();
                    assert!(header.read(&first, canonical::header));
                    let read = header.read(second, canonical::header);
                    assert_eq!(read, short(second).is_some(), "{second}");
                    let expected = if read { second } else { &first };
                    assert_eq!(Some(header.to_map()), full(expected), "{second}");
                }
            }
        }
    }
}
