//! Cutting a stream into telegrams.

use proptest::prelude::*;

use super::{Stream, jrpc_codec, jrpc_with, terse_codec};
use crate::codec::any::AnyCodec;
use crate::codec::framing::Delimiter;

/// Streams with empty telegrams, starts of delimiters, and a rest at the end.
const SAMPLES: [&[u8]; 5] = [
    b"{\"a\":1}\0\0{\"b\":\"\xc3\xa4\"}\0{",
    b"f a:1\n\ng\r\n[1]:2\nh",
    b"a||b|c||||d|||e|",
    b"\r\n\r\n\r\r\n\n\rx\r\n",
    b"ababcabcabababc",
];

fn codecs() -> Vec<AnyCodec> {
    let delimiters: [&[u8]; 6] = [b"\0", b"\n", b"||", b"\r\n", b"abc", b"aba"];
    let mut codecs: Vec<AnyCodec> = delimiters.map(jrpc_with).into();
    codecs.push(terse_codec());
    codecs
}

/// All telegrams and the rest, of a stream that arrives in these pieces.
fn cut(codec: &AnyCodec, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut stream = Stream::new(codec);
    let telegrams = pieces.iter().flat_map(|piece| stream.feed(piece)).collect();
    (telegrams, stream.buffer)
}

/// The same in the simplest way that can be thought of.
fn cut_simply(codec: &AnyCodec, input: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let delimiter = codec.delimiter().unwrap();
    let mut telegrams = Vec::new();
    let mut rest = input;
    while let Some(end) = rest.windows(delimiter.len()).position(|w| w == delimiter) {
        telegrams.push(rest[..end].to_vec());
        rest = &rest[end + delimiter.len()..];
    }
    (telegrams, rest.to_vec())
}

#[test]
fn a_split_at_any_two_bytes_changes_nothing() {
    for codec in codecs() {
        for input in SAMPLES {
            let expected = cut_simply(&codec, input);
            assert_eq!(cut(&codec, &[input]), expected);
            for first in 0..=input.len() {
                for second in first..=input.len() {
                    let pieces = [&input[..first], &input[first..second], &input[second..]];
                    assert_eq!(cut(&codec, &pieces), expected, "{pieces:?}");
                }
            }
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(cut(&codec, &bytes), expected);
        }
    }
}

proptest! {
    #[test]
    fn any_split_changes_nothing(
        input in proptest::collection::vec(prop_oneof![
            Just(b'|'), Just(b'\r'), Just(b'\n'), Just(0), Just(b'a'), Just(b'b'), Just(b'c'),
        ], 0..60),
        sizes in proptest::collection::vec(0usize..7, 0..40),
    ) {
        for codec in codecs() {
            let mut pieces = Vec::new();
            let mut rest = &input[..];
            for size in &sizes {
                let (piece, behind) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            pieces.push(rest);
            prop_assert_eq!(cut(&codec, &pieces), cut_simply(&codec, &input));
        }
    }
}

/// A long telegram that arrives byte by byte is searched once, not once for each byte.
#[test]
fn no_byte_is_searched_twice() {
    for (delimiter, overlap) in [(&b"\0"[..], 0), (b"||", 1), (b"a-long-one", 9)] {
        let codec = jrpc_with(delimiter);
        let input = [&[b'x'; 3000][..], delimiter].concat();
        let mut searched = 0;
        let mut looked_at = 0;
        for end in 0..input.len() {
            looked_at += end - searched;
            assert_eq!(codec.next_frame(&input[..end], &mut searched), None);
            assert!(searched + overlap >= end, "{searched} of {end}");
            assert!(searched <= end);
        }
        assert!(looked_at <= input.len() * (overlap + 1));
        let frame = codec.next_frame(&input, &mut searched).unwrap();
        assert_eq!((frame.telegram, frame.consumed), (0..3000, input.len()));
        assert_eq!(searched, 0);
    }
}

#[test]
fn a_place_beyond_the_buffer_is_no_panic() {
    let mut searched = 100;
    assert_eq!(jrpc_codec().next_frame(b"abc", &mut searched), None);
}

#[test]
fn delimiters_are_appended_where_they_are_unique() {
    let cases: [(&[u8], &[u8], bool); 8] = [
        (b"\0", b"{}", true),
        (b"\0", b"{\0}", false),
        (b"||", b"{|}", true),
        (b"||", b"{||}", false),
        // The receiver would take the first two of three.
        (b"||", b"{}|", false),
        (b"aba", b"{}ab", false),
        (b"}", b"{}", false),
        (b"}x", b"{}", true),
    ];
    for (delimiter, telegram, fits) in cases {
        let codec = jrpc_with(delimiter);
        let mut out = [b"before\0||aba}", telegram].concat();
        let before = out.clone();
        let result = codec.frame_out(&mut out, 13);
        assert_eq!(result.is_ok(), fits, "{delimiter:?} {telegram:?}");
        if fits {
            let (telegrams, rest) = cut(&codec, &[&out[13..]]);
            assert_eq!((telegrams, rest), (vec![telegram.to_vec()], vec![]));
        } else {
            assert_eq!(out, before);
            let message = result.unwrap_err();
            assert!(message.starts_with("the message contains the delimiter `"));
        }
    }
}

#[test]
fn wrong_delimiters_are_refused() {
    use crate::codec::jrpc::Jrpc;
    assert!(Jrpc::new(b"", false).is_err());
    assert!(Jrpc::new("ä".as_bytes(), false).is_err());
    assert!(Delimiter::new(b"").is_none());
}
