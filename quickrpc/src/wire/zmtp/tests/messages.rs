//! Messages, subscriptions and commands.

use super::*;

/// What leaves for a peer, if it does.
fn enclosed(peer: &Peer, about: About<'_>, telegram: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    match peer.enclose(&mut out, about, telegram) {
        Ok(()) => Ok(out),
        Err(Error::Unsupported { reason, .. }) => Err(reason.to_string()),
        Err(other) => panic!("{other}"),
    }
}

const NOTE: About<'_> = About::Call {
    method: "note",
    id: None,
    way: Way {
        deed: Deed::Call,
        within: None,
        start_within: None,
    },
};
const CALL: About<'_> = About::Call {
    method: "call",
    id: Some(1),
    way: Way {
        deed: Deed::Call,
        within: None,
        start_within: None,
    },
};
const ANSWER: About<'_> = About::Answer {
    id: "1",
    failed: false,
};

#[test]
fn each_type_says_what_it_can() {
    let (plain, with_delimiter) = (message(&[b"{}"]), message(&[b"", b"{}"]));
    for (ours, theirs, sayable, enclosure) in [
        ("dealer", "router", "call note answer", &plain),
        ("dealer", "dealer", "call note answer", &plain),
        ("dealer", "rep", "call answer", &with_delimiter),
        ("router", "dealer", "call note answer", &plain),
        ("router", "req", "answer", &with_delimiter),
        ("req", "router", "call answer", &with_delimiter),
        ("req", "rep", "call answer", &with_delimiter),
        ("rep", "req", "answer", &with_delimiter),
        ("rep", "dealer", "answer", &with_delimiter),
        ("push", "pull", "note answer", &plain),
        ("pull", "push", "", &plain),
        ("sub", "pub", "", &plain),
    ] {
        let peer = peer(&format!("type={ours}"), &format!("type={theirs}"));
        for (about, word) in [(CALL, "call"), (NOTE, "note"), (ANSWER, "answer")] {
            let said = enclosed(&peer, about, b"{}");
            match sayable.contains(word) {
                true => assert_eq!(said.as_ref(), Ok(enclosure), "{ours} {theirs} {word}"),
                false => assert!(said.is_err(), "{ours} {theirs} {word}"),
            }
        }
    }
}

#[test]
fn a_dealer_with_delimiters_is_answered_with_them() {
    let peer = peer("type=router", "type=dealer");
    let mut reader = Reader::boxed(&peer, Form::Telegram);
    let with = message(&[b"", b"{}"]);
    assert_eq!(
        read(&mut reader, [&*with], LIMIT),
        [Said::Message(b"{}".to_vec())]
    );
    assert_eq!(enclosed(&peer, ANSWER, b"{}"), Ok(with));
    let without = message(&[b"{}"]);
    read(&mut reader, [&*without], LIMIT);
    assert_eq!(enclosed(&peer, ANSWER, b"{}"), Ok(without));
}

#[test]
fn who_publishes_sends_what_was_subscribed_to() {
    let peer = peer("type=pub", "type=sub");
    let mut reader = Reader::boxed(&peer, Form::Telegram);
    assert_eq!(enclosed(&peer, NOTE, b"ab"), Ok(Vec::new()));
    assert!(enclosed(&peer, CALL, b"ab").is_err());
    let mut hear = |bytes: &[u8]| assert_eq!(read(&mut reader, [bytes], LIMIT), []);
    hear(&said("SUBSCRIBE", b"a"));
    assert_eq!(enclosed(&peer, NOTE, b"ab"), Ok(message(&[b"ab"])));
    assert_eq!(enclosed(&peer, NOTE, b"ba"), Ok(Vec::new()));
    hear(&message(&[b"\x01ba"]));
    assert_eq!(enclosed(&peer, NOTE, b"ba"), Ok(message(&[b"ba"])));
    hear(&[said("CANCEL", b"a"), message(&[b"\x00ba"])].concat());
    assert_eq!(enclosed(&peer, NOTE, b"ab"), Ok(Vec::new()));
    assert_eq!(enclosed(&peer, NOTE, b"ba"), Ok(Vec::new()));
    // Of an XSUB anything may come.
    hear(&message(&[b"", b"\x02", b"{}"]));
    hear(&message(&[b"{}"]));
}

#[test]
fn endless_subscriptions_end_the_connection() {
    let peer = peer("type=pub", "type=sub");
    let mut reader = Reader::boxed(&peer, Form::Telegram);
    let topics: Vec<u8> = (0..100_000_u32)
        .flat_map(|topic| said("SUBSCRIBE", &topic.to_be_bytes()))
        .collect();
    let heard = read(&mut reader, [&*topics], LIMIT);
    let text = "more subscriptions than are kept";
    assert_eq!(heard, [Said::Wrong(Violation::Protocol(text))]);
    assert!(reader.held() <= topics::MOST);
}

#[test]
fn telegrams_are_cut() {
    let long = vec![b'x'; 300];
    let bytes = [
        message(&[b"{}"]),
        message(&[b"", b"{1}"]),
        message(&[&long]),
        message(&[b"", &long]),
        message(&[b""]),
        message(&[b"a", b"b", b"c"]),
        message(&[b"", b"b", b"c"]),
        message(&[b"{2}"]),
    ]
    .concat();
    let whole = |bytes: &[u8]| Said::Message(bytes.to_vec());
    let expected = [
        whole(b"{}"),
        whole(b"{1}"),
        whole(&long),
        whole(&long),
        whole(b""),
        Said::Strange,
        Said::Strange,
        whole(b"{2}"),
    ];
    let read = read_all("type=router", "type=dealer", Form::Telegram, &bytes);
    assert_eq!(read, expected);
    // Who subscribes may be sent a topic first.
    let bytes = [message(&[b"topic", b"{}"]), message(&[b"{}"])].concat();
    let read = read_all("type=sub", "type=pub", Form::Telegram, &bytes);
    assert_eq!(read, [whole(b"{}"), whole(b"{}")]);
}

#[test]
fn messages_of_many_parts_are_put_together() {
    for count in [1, 2, 5, 100, 300] {
        let parts: Vec<Vec<u8>> = (0..count).map(|n| vec![b'x'; n % 7]).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let bytes = message(&parts);
        let expected = parts.iter().map(|one| one.to_vec()).collect();
        let read = read_all("type=router", "type=dealer", Form::Parts, &bytes);
        assert_eq!(read, [Said::Parts(expected)]);
    }
}

#[test]
fn commands_may_come_in_the_middle_of_a_message() {
    let mut pong = Vec::new();
    command(&mut pong, "PONG", &[b"ctx"]);
    let mut bytes = Vec::new();
    part(&mut bytes, b"", true);
    bytes.extend(said("PING", b"\x00\x00ctx"));
    bytes.extend(said("PONG", b"other"));
    bytes.extend(said("WHATEVER", &[b'x'; 1000]));
    bytes.extend(said("SUBSCRIBE", b"x"));
    bytes.extend(said("READY", b""));
    part(&mut bytes, b"{}", false);
    bytes.extend(said("ERROR", b"\x04gone"));
    let expected = [
        Said::Ping(pong),
        Said::Message(b"{}".to_vec()),
        Said::Error(String::from("gone")),
    ];
    let read = read_all("type=router", "type=dealer", Form::Telegram, &bytes);
    assert_eq!(read, expected);
}

#[test]
fn a_question_comes_back_in_part() {
    for (data, context) in [
        (&b""[..], &b""[..]),
        (b"\x00", b""),
        (b"\x00\x09a", b"a"),
        (b"\x00\x000123456789abcdefXY", b"0123456789abcdef"),
    ] {
        let mut pong = Vec::new();
        command(&mut pong, "PONG", &[context]);
        let read = read_all(
            "type=dealer",
            "type=router",
            Form::Telegram,
            &said("PING", data),
        );
        assert_eq!(read, [Said::Ping(pong)]);
    }
    // And nobody answers ours with anything but that.
    let read = read_all("type=dealer", "type=router", Form::Telegram, &ping());
    assert!(matches!(&read[..], [Said::Ping(_)]), "{read:?}");
}

#[test]
fn what_is_against_the_rules_ends_it() {
    let huge = |flags: u8| [&[flags][..], &[0xff; 8]].concat();
    let wrong = |text| Said::Wrong(Violation::Protocol(text));
    let too_large = || Said::Wrong(Violation::TooLarge);
    let cases = [
        (vec![8, 0], wrong("a frame with flags that are reserved")),
        (vec![0x80], wrong("a frame with flags that are reserved")),
        (vec![COMMAND | MORE, 1], wrong("a command in parts")),
        (vec![COMMAND, 0], wrong("a command without a name")),
        (vec![COMMAND, 2, 5, b'P'], wrong("a command without a name")),
        (huge(COMMAND | LONG), wrong("a command of more than 8 KiB")),
        (huge(LONG), too_large()),
        (huge(LONG | MORE), too_large()),
        ([message(&[b"", b"a"]), huge(LONG)].concat(), too_large()),
    ];
    for (bytes, expected) in cases {
        for form in [Form::Telegram, Form::Parts] {
            let read = read_all("type=router", "type=dealer", form, &bytes);
            assert_eq!(read.last(), Some(&expected), "{bytes:?}");
        }
    }
    // Endless parts, with and without anything in them.
    for piece in [&b""[..], b"xyz"] {
        let mut reader = Reader::boxed(&peer("type=router", "type=dealer"), Form::Parts);
        let mut frame = Vec::new();
        part(&mut frame, piece, true);
        let frames = frame.repeat(LIMIT);
        assert_eq!(read(&mut reader, [&*frames], LIMIT), [too_large()]);
        // Where nobody wants them, they take no memory.
        let mut reader = Reader::boxed(&peer("type=router", "type=dealer"), Form::Telegram);
        part(&mut frame, b"x", true);
        let frames = frame.repeat(LIMIT);
        assert_eq!(read(&mut reader, [&*frames], LIMIT), []);
        assert_eq!(reader.held(), 0);
        assert!(reader.is_within_message());
    }
}

#[test]
fn the_limit_is_for_the_whole_message() {
    let fits = message(&[&vec![b'x'; LIMIT]]);
    let read = |bytes: &[u8]| read_all("type=router", "type=dealer", Form::Telegram, bytes);
    assert!(matches!(&read(&fits)[..], [Said::Message(_)]));
    let larger = message(&[&vec![b'x'; LIMIT + 1]]);
    assert_eq!(read(&larger[..9]), [Said::Wrong(Violation::TooLarge)]);
}

#[test]
fn an_idle_connection_takes_little_memory() {
    assert!(size_of::<Reader>() <= 88, "{}", size_of::<Reader>());
    let mut reader = Reader::boxed(&peer("type=router", "type=dealer"), Form::Parts);
    let parts = vec![&b"0123456789"[..]; 400];
    read(&mut reader, message(&parts).chunks(100), LIMIT * 2);
    reader.rest();
    assert_eq!(reader.kept(), 0);
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![vec(any::<u8>(), 0..12), vec(any::<u8>(), 250..300)];
    let flags = prop::sample::select(vec![0_u8, 0, MORE, MORE, LONG, LONG | MORE]);
    let data = (flags, payload).prop_map(|(flags, payload)| {
        let mut frame = vec![flags];
        match (flags & LONG, u8::try_from(payload.len())) {
            (0, Ok(short)) => frame.push(short),
            _ => {
                frame[0] |= LONG;
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        frame
    });
    let names = prop::sample::select(vec!["PING", "PONG", "SUBSCRIBE", "CANCEL", "READY", "x"]);
    let commands = (names, vec(any::<u8>(), 0..20)).prop_map(|(name, data)| said(name, &data));
    let wrong = vec(any::<u8>(), 1..4);
    prop_oneof![20 => data, 4 => commands, 1 => wrong]
}

fn pair() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("type=router", "type=dealer"),
        ("type=pub", "type=sub"),
        ("type=sub", "type=pub"),
        ("type=rep", "type=req"),
    ])
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Telegram), Just(Form::Parts)]
}

proptest! {
    #[test]
    fn pieces_are_read_like_the_whole(
        (ours, theirs) in pair(),
        form in form(),
        frames in vec(frame(), 0..12),
        cuts in vec(0..2000_usize, 0..6),
    ) {
        let bytes = frames.concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        let in_pieces = read(&mut Reader::boxed(&peer(ours, theirs), form), pieces, LIMIT);
        let whole = read(&mut Reader::boxed(&peer(ours, theirs), form), [&*bytes], LIMIT);
        prop_assert_eq!(in_pieces, whole);
    }

    #[test]
    fn any_bytes_are_frames_or_a_violation(bytes in vec(any::<u8>(), 0..300), form in form()) {
        read(&mut Reader::boxed(&peer("type=router", "type=dealer"), form), [&*bytes], 200);
        let mut ours = Handshake::new(&socket("type=dealer"));
        ours.advance(&mut bytes.clone());
        let mut input = Handshake::new(&socket("type=dealer")).output();
        input.extend(bytes);
        ours.advance(&mut input);
    }

    #[test]
    fn what_one_side_encloses_the_other_reads(text in vec(any::<u8>(), 0..600)) {
        let mut bytes = text.clone();
        enclose(&mut bytes, 0);
        let mut reader = Reader::boxed(&peer("type=router", "type=dealer"), Form::Telegram);
        prop_assert_eq!(read(&mut reader, [&*bytes], LIMIT), [Said::Message(text)]);
    }
}
