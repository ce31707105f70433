//! Cutting a stream into telegrams.

use proptest::prelude::*;

use super::{InStream as _, Stream, end_of, jrpc_codec, jrpc_with, terse_codec, with_headers};
use crate::base::limits::Limits;
use crate::wire::codec::any::AnyCodec;
use crate::wire::framing::{Frame, Framing, Progress, Unframed};
use crate::wire::jrpc::Jrpc;

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
    let delimiter = end_of(codec);
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
    for delimiter in [&b"\0"[..], b"||", b"a-long-one"] {
        let codec = jrpc_with(delimiter);
        let mut buffer = vec![b'x'; 3000];
        let mut progress = Progress::default();
        let limit = Limits::default().message_size;
        assert_eq!(codec.next_frame(&buffer, &mut progress, limit), Ok(None));
        // What was searched is not seen any more, except for the possible beginning of a
        // delimiter at the end.
        let seen = 3000 - (delimiter.len() - 1);
        for start in 0..=seen - delimiter.len() {
            buffer[start..start + delimiter.len()].copy_from_slice(delimiter);
        }
        let same = progress.clone();
        assert_eq!(
            codec.next_frame(&buffer[..seen], &mut progress, limit),
            Ok(None)
        );
        assert_eq!(progress, same);
        buffer.extend(delimiter);
        let frame = codec
            .next_frame(&buffer, &mut progress, limit)
            .unwrap()
            .unwrap();
        assert_eq!(
            (frame.telegram, frame.consumed),
            (0..3000, 3000 + delimiter.len())
        );
        assert_eq!(progress, Progress::default());
    }
}

/// While a message arrives, its headers are not read again.
#[test]
fn headers_are_read_once() {
    let codec = with_headers();
    let mut buffer = b"Content-Length: 3000\r\n\r\n".to_vec();
    let start = buffer.len();
    let mut progress = Progress::default();
    assert_eq!(codec.next_frame(&buffer, &mut progress, 3000), Ok(None));
    buffer.fill(b'?');
    buffer.extend([b'x'; 2999]);
    assert_eq!(codec.next_frame(&buffer, &mut progress, 3000), Ok(None));
    buffer.push(b'x');
    let frame = codec
        .next_frame(&buffer, &mut progress, 3000)
        .unwrap()
        .unwrap();
    assert_eq!(
        (frame.telegram, frame.consumed),
        (start..start + 3000, start + 3000)
    );
    assert_eq!(progress, Progress::default());
}

#[test]
fn a_buffer_that_became_shorter_is_no_panic() {
    for codec in [jrpc_codec(), jrpc_with(b"||"), with_headers()] {
        let mut progress = Progress::default();
        let begun = codec.next_frame(b"Content-Length: 9\r\n\r\nabc", &mut progress, 99);
        assert_eq!(begun, Ok(None));
        assert_eq!(codec.next_frame(b"abc", &mut progress, 99), Ok(None));
    }
}

/// The limit is for the message alone. A header that announces more is believed at once.
#[test]
fn a_message_may_be_as_large_as_the_limit() {
    let cases: [(AnyCodec, &[u8], &[u8]); 5] = [
        (jrpc_codec(), b"12345\0", b"123456\0"),
        (jrpc_codec(), b"12345", b"123456"),
        (jrpc_with(b"||"), b"12345|", b"123456|"),
        (
            with_headers(),
            b"Content-Length: 5\n\n12345",
            b"Content-Length: 6\n\n",
        ),
        (
            with_headers(),
            b"Content-Length: 5\n\n",
            b"content-length:99999999999999999999999999\n\n",
        ),
    ];
    for (codec, fits, too_large) in cases {
        let next = |buffer| codec.next_frame(buffer, &mut Progress::default(), 5);
        assert!(next(fits).is_ok(), "{:?}", fits.escape_ascii());
        let shown = too_large.escape_ascii();
        assert_eq!(next(too_large), Err(Unframed::TooLarge), "{shown}");
    }
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
fn headers_are_written_before_the_message() {
    for (message, framed) in [
        ("", "Content-Length: 0\r\n\r\n"),
        ("{}", "Content-Length: 2\r\n\r\n{}"),
        ("{\"ä\":\"\n\"}", "Content-Length: 10\r\n\r\n{\"ä\":\"\n\"}"),
    ] {
        let mut out = format!("before{message}").into_bytes();
        with_headers().frame_out(&mut out, 6).unwrap();
        assert_eq!(out, format!("before{framed}").into_bytes());
    }
}

#[test]
fn headers_are_read_as_other_programs_write_them() {
    for headers in [
        "Content-Length: 2\r\n",
        "content-length:2\r\n",
        "CONTENT-LENGTH: \t 2 \t\r\n",
        "Content-Length: 002\n",
        "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Type: application/vscode-jsonrpc; charset=utf8\r\n",
        "X_a!#$%&'*+-.^`|~09:\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
    ] {
        let input = format!("{headers}\r\n{{}}{headers}\n[]rest");
        let (telegrams, rest) = cut(&with_headers(), &[input.as_bytes()]);
        assert_eq!(telegrams, [b"{}", b"[]"], "{headers:?}");
        assert_eq!(rest, b"rest");
    }
}

#[test]
fn blank_lines_between_messages_are_skipped() {
    let input = b"\n\r\nContent-Length: 2\r\n\r\n{}\nContent-Length: 0\r\n\r\n\r\n";
    let (telegrams, rest) = cut(&with_headers(), &[input]);
    let texts: Vec<&[u8]> = telegrams.iter().map(Vec::as_slice).collect();
    assert_eq!(texts, [&b""[..], b"", b"{}", b"", b"", b""]);
    assert_eq!(rest, b"");
}

#[test]
fn what_is_no_header_is_said_as_soon_as_it_is_known() {
    let long = "x".repeat(5000);
    for (input, message) in [
        (
            "{",
            "expected a header such as `Content-Length: 42`, found `{`",
        ),
        (
            "\0",
            "expected a header such as `Content-Length: 42`, found `\\u{0}`",
        ),
        (
            "Content-Length: 2\r\n\r\n{}{\"jsonrpc\":\"2.0\",\"method\":\"f\",\"params\":{}}",
            "expected a header such as `Content-Length: 42`, \
             found `{\"jsonrpc\":\"2.0\",\"method\":\"f\",\"params\":{...`",
        ),
        (
            "GET / HTTP/1.1\r\n",
            "expected a header such as `Content-Length: 42`, found `GET / HTTP/1.1`",
        ),
        (
            "a b: 2\n",
            "expected a header such as `Content-Length: 42`, found `a b: 2`",
        ),
        (
            ": 2\n",
            "expected a header such as `Content-Length: 42`, found `: 2`",
        ),
        (
            "a: 2\r\n continued\r\n",
            "expected a header such as `Content-Length: 42`, found ` continued`",
        ),
        (
            "Content-Length: +2\n",
            "expected a number of bytes as `Content-Length`, found `+2`",
        ),
        (
            "Content-Length:\n",
            "expected a number of bytes as `Content-Length`, found ``",
        ),
        (
            "Content-Length: 2\nContent-Length: 3\n",
            "two headers `Content-Length` contradict each other",
        ),
        (
            "Host: x\r\n\r\n",
            "there is no header `Content-Length` before the message",
        ),
        (&long, "the headers of a message may have 4096 bytes"),
        (
            &format!("a: {long}\r\n"),
            "the headers of a message may have 4096 bytes",
        ),
        (
            &"a:\n".repeat(1500),
            "the headers of a message may have 4096 bytes",
        ),
    ] {
        let codec = with_headers();
        let mut stream = Stream::new(&codec);
        stream.buffer.extend(input.as_bytes());
        let error = loop {
            match stream.next_frame() {
                Ok(Some(frame)) => drop(stream.buffer.drain(..frame.consumed)),
                Ok(None) => panic!("{input:?} is fine"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, Unframed::Garbled(message.into()), "{input:?}");
    }
}

#[test]
fn wrong_delimiters_are_refused() {
    assert!(Jrpc::delimited(b"").is_err());
    assert!(Jrpc::delimited("ä".as_bytes()).is_err());
    assert!(Framing::delimited(b"").is_none());
}

proptest! {
    /// Headers of any kind neither panic nor depend on where they are split.
    #[test]
    fn any_headers(
        lines in proptest::collection::vec(prop_oneof![
            Just("Content-Length: 3\r\n"), Just("content-length:0\n"), Just("\r\n"), Just("\n"),
            Just("a: b\r\n"), Just("{}\n"), Just("\r"), Just(":"), Just("xyz"), Just(" "),
        ], 0..20),
        at in any::<proptest::sample::Index>(),
    ) {
        let input = lines.concat();
        let (first, second) = input.as_bytes().split_at(at.index(input.len() + 1));
        prop_assert_eq!(outcome(&[first, second]), outcome(&[input.as_bytes()]));
    }
}

/// The messages that can be read, and whether it can go on.
fn outcome(pieces: &[&[u8]]) -> (Vec<Frame>, bool) {
    let codec = with_headers();
    let mut stream = Stream::new(&codec);
    let mut frames = Vec::new();
    for piece in pieces {
        stream.buffer.extend_from_slice(piece);
        loop {
            match stream.next_frame() {
                Ok(Some(frame)) => {
                    stream.buffer.drain(..frame.consumed);
                    frames.push(frame);
                }
                Ok(None) => break,
                // What is shown of it depends on how much has arrived.
                Err(Unframed::Garbled(_)) => return (frames, false),
                Err(Unframed::TooLarge) => panic!("nothing is"),
            }
        }
    }
    (frames, true)
}
