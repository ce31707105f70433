//! Both ends on bytes alone, cut at any byte.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::frame::{COMMAND, LONG, MORE, command, part};
use super::reader::{Event, Form, LONGEST_COMMAND, Reader, Violation};
use super::sockets::{Socket, name};
use super::{Handshake, Peer, Step, enclose, ping};
use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind, ZmqType};
use crate::wire::session::About;

const LIMIT: usize = 5000;

const TYPES: [&str; 8] = [
    "dealer", "router", "req", "rep", "pub", "sub", "push", "pull",
];

fn socket(options: &str) -> Arc<Socket> {
    let expr: TransportExpr = format!("zmq:h:1?{options}").parse().unwrap();
    let TransportKind::Zmq { socket, .. } = expr.kind() else {
        panic!("{expr}");
    };
    Arc::new(Socket::new(socket, false))
}

/// Two ends that greet each other, and what each makes of the other.
fn meet(one: &str, other: &str, step: usize) -> [Result<(Arc<Peer>, Vec<u8>), String>; 2] {
    let mut ends = [one, other].map(|options| Handshake::new(&socket(options)));
    let mut inputs = [Vec::new(), Vec::new()];
    let mut sent = [Vec::new(), Vec::new()];
    let mut met = [None, None];
    for _ in 0..4000 {
        for at in 0..2 {
            sent[at].extend(ends[at].output());
            let count = step.min(sent[at].len());
            inputs[1 - at].extend(sent[at].drain(..count));
        }
        for at in 0..2 {
            if met[at].is_none() {
                met[at] = match ends[at].advance(&mut inputs[at]) {
                    Step::Wait => None,
                    Step::Done(peer) => Some(Ok(peer)),
                    Step::Refused(why) => Some(Err(why)),
                };
            }
        }
    }
    let mut rest = inputs.into_iter();
    met.map(|met| {
        let rest = rest.next().unwrap();
        met.expect("it ends").map(|peer| (peer, rest))
    })
}

/// What one end knows of the other.
fn peer(ours: &str, theirs: &str) -> Arc<Peer> {
    let [met, _] = meet(ours, theirs, 1000);
    met.unwrap().0
}

/// What a reader says, with messages copied.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Message(Vec<u8>),
    Parts(Vec<Vec<u8>>),
    Strange,
    Ping(Vec<u8>),
    Error(String),
    Wrong(Violation),
}

/// Reads pieces as they would arrive, what was not taken before the next.
fn read<'a>(
    reader: &mut Reader,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> Vec<Said> {
    let mut said = Vec::new();
    let mut input: Vec<u8> = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut position = 0;
        loop {
            let (taken, event) = match reader.next(&input[position..], limit) {
                Ok(read) => read,
                Err(violation) => {
                    said.push(Said::Wrong(violation));
                    return said;
                }
            };
            position += taken;
            match event {
                Event::Incomplete => break,
                Event::Part => {}
                Event::Message(message) => said.push(Said::Message(message.to_vec())),
                Event::Parts(parts) => {
                    said.push(Said::Parts(parts.iter().map(<[u8]>::to_vec).collect()));
                }
                Event::Strange(_) => said.push(Said::Strange),
                Event::Ping(pong) => said.push(Said::Ping(pong)),
                Event::Error(text) => said.push(Said::Error(text)),
            }
            assert!(reader.held() <= limit + super::topics::MOST);
        }
        input.drain(..position);
        // A header, or a command.
        assert!(input.len() <= 9 + LONGEST_COMMAND, "{}", input.len());
        reader.rest();
    }
    said
}

fn read_all(ours: &str, theirs: &str, form: Form, bytes: &[u8]) -> Vec<Said> {
    let whole = read(
        &mut Reader::boxed(&peer(ours, theirs), form),
        [bytes],
        LIMIT,
    );
    let mut by_bytes = Reader::boxed(&peer(ours, theirs), form);
    assert_eq!(read(&mut by_bytes, bytes.chunks(1), LIMIT), whole);
    whole
}

/// A message of these parts.
fn message(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, one) in parts.iter().enumerate() {
        part(&mut out, one, at + 1 < parts.len());
    }
    out
}

fn said(name: &str, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    command(&mut out, name, &[data]);
    out
}

#[test]
fn the_right_types_meet_at_any_pace() {
    let pairs = [
        ("dealer", "rep dealer router"),
        ("router", "req dealer router"),
        ("req", "rep router"),
        ("rep", "req dealer"),
        ("pub", "sub"),
        ("sub", "pub"),
        ("push", "pull"),
        ("pull", "push"),
    ];
    for (ours, partners) in pairs {
        for theirs in TYPES {
            for step in [1, 7, 1000] {
                let [met, other] = meet(&format!("type={ours}"), &format!("type={theirs}"), step);
                let fits = partners.split(' ').any(|partner| partner == theirs);
                assert_eq!(met.is_ok(), fits, "{ours} {theirs}");
                assert_eq!(other.is_ok(), fits, "{ours} {theirs}");
            }
        }
    }
    let [met, _] = meet("type=pub", "type=dealer", 1);
    let why = met.unwrap_err();
    assert_eq!(why, "PUB talks with SUB, and not with DEALER");
}

#[test]
fn names_are_heard() {
    let [met, other] = meet("type=dealer&id=hub", "type=router&id=\\x7fa", 3);
    assert_eq!(other.unwrap().0.name().unwrap().as_ref(), "hub");
    let met = met.unwrap().0;
    assert_eq!(met.name().unwrap().as_ref(), "0x7f61");
    assert_eq!((name(met.ours), name(met.theirs)), ("DEALER", "ROUTER"));
    let [met, _] = meet("type=sub", "type=pub", 3);
    assert_eq!(met.unwrap().0.name(), None);
}

/// What was recorded of libzmq 4.3.5 (`hololinked_vectors.json`).
#[test]
fn libzmq_greets_like_this() {
    let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    greeting.extend(b"NULL");
    greeting.resize(64, 0);
    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0".to_vec();
    let length = ready.len() as u8;
    ready.splice(..0, [COMMAND, length]);
    let mut ours = Handshake::new(&socket("type=dealer"));
    assert_eq!(ours.output(), greeting);
    assert!(matches!(ours.advance(&mut greeting), Step::Wait));
    assert!(greeting.is_empty());
    assert_eq!(ours.output(), ready);
    assert!(matches!(ours.advance(&mut ready), Step::Done(_)));
    assert!(ours.output().is_empty());
}

#[test]
fn what_is_no_greeting_is_refused_at_the_first_wrong_byte() {
    let greeting = || Handshake::new(&socket("type=dealer")).output();
    let with = |place: usize, byte: u8| {
        let mut greeting = greeting();
        greeting[place] = byte;
        greeting
    };
    let before = |bytes: &[u8]| bytes[..bytes.len().min(64)].to_vec();
    for (bytes, up_to, why) in [
        (b"GET / HTTP/1.1".to_vec(), 1, "it does not speak ZMTP"),
        (with(9, 0x7e), 10, "it does not speak ZMTP"),
        (with(10, 1), 11, "it speaks ZMTP 2 or older"),
        (with(12, b'P'), 64, "it wants the mechanism `PULL`"),
        (with(16, b'L'), 64, "it wants the mechanism `NULLL`"),
        (with(31, b'L'), 64, "it wants the mechanism `NULL\\x00"),
    ] {
        let mut ours = Handshake::new(&socket("type=dealer"));
        let bytes = before(&bytes);
        let mut input = bytes[..up_to - 1].to_vec();
        assert!(matches!(ours.advance(&mut input), Step::Wait), "{why}");
        input.push(bytes[up_to - 1]);
        match ours.advance(&mut input) {
            Step::Refused(said) => assert!(said.starts_with(why), "{said}"),
            other => panic!("{why}: {other:?}"),
        }
        // Whatever comes then.
        assert!(matches!(ours.advance(&mut greeting()), Step::Wait));
    }
    // A later version speaks ours.
    for (place, byte) in [(10, 4), (11, 9), (8, 77), (32, 1), (63, 1)] {
        let mut ours = Handshake::new(&socket("type=dealer"));
        assert!(matches!(ours.advance(&mut with(place, byte)), Step::Wait));
        assert!(ours.output().len() > 64, "it goes on");
    }
}

#[test]
fn what_is_not_ready_is_refused() {
    let property = |name: &str, value: &[u8]| {
        let mut out = vec![name.len() as u8];
        out.extend(name.as_bytes());
        out.extend((value.len() as u32).to_be_bytes());
        out.extend(value);
        out
    };
    let ready = |data: &[u8]| said("READY", data);
    let router = property("socket-TYPE", b"ROUTER");
    let long = [LONG | COMMAND, 0, 0, 0, 0, 0, 0, 1, 0].to_vec();
    let cases = [
        (message(&[b"{}"]), "it began with something else"),
        (vec![COMMAND | MORE], "it began with something else"),
        (vec![COMMAND | 8], "it began with something else"),
        (vec![COMMAND, 0], "its first command has no name"),
        (vec![COMMAND, 1, 9], "its first command has no name"),
        (
            [&long[..1], &[0xff; 8][..]].concat(),
            "its first command has more than",
        ),
        (said("HELLO", b""), "it began with a command `HELLO`"),
        (said("ERROR", b"\x03bad"), "it refuses: `bad`"),
        (said("ERROR", b"\xffbad"), "it refuses: `\\xffbad`"),
        (ready(b""), "it does not say what type"),
        (ready(&router[..9]), "its metadata is cut off"),
        (
            ready(&router[..router.len() - 1]),
            "its metadata is cut off",
        ),
        (
            ready(&property("Socket-Type", b"PAIR")),
            "DEALER talks with REP, DEALER, ROUTER",
        ),
        (ready(&property("Socket-Type", b"")), "DEALER talks with"),
        (
            ready(&[router.clone(), property("identity", &[b'x'; 256])].concat()),
            "an identity has at most 255 bytes",
        ),
        (
            ready(&[router.clone(), property("identity", b"\0x")].concat()),
            "an identity has at most 255 bytes",
        ),
    ];
    for (bytes, why) in cases {
        let mut ours = Handshake::new(&socket("type=dealer"));
        let mut input = ours.output();
        ours.advance(&mut input);
        ours.output();
        input.extend(&bytes);
        match ours.advance(&mut input) {
            Step::Refused(said) => assert!(said.starts_with(why), "{why}: {said}"),
            other => panic!("{why}: {other:?}"),
        }
    }
    // A long command, metadata of a program, and what follows is left.
    let more = [router, property("X-Rack", &[7; 300])].concat();
    let mut ours = Handshake::new(&socket("type=dealer"));
    let mut input = ours.output();
    input.extend(ready(&more));
    input.extend(b"\x00\x01x");
    let Step::Done(peer) = ours.advance(&mut input) else {
        panic!("it is ready");
    };
    assert_eq!((name(peer.theirs), &*input), ("ROUTER", &b"\x00\x01x"[..]));
}

#[test]
fn subscriptions_go_out_as_the_peer_knows_them() {
    let mut ours = Handshake::new(&socket("type=sub&subscribe=a,bc"));
    let mut theirs = Handshake::new(&socket("type=pub"));
    for minor in [1, 0] {
        let mut greeting = theirs.output();
        greeting[11] = minor;
        ours.output();
        ours.advance(&mut greeting);
        ours.output();
        theirs.advance(&mut Handshake::new(&socket("type=sub")).output());
        assert!(matches!(ours.advance(&mut theirs.output()), Step::Done(_)));
        let subscribed = ours.output();
        let expected = match minor {
            1 => [said("SUBSCRIBE", b"a"), said("SUBSCRIBE", b"bc")].concat(),
            _ => [message(&[b"\x01a"]), message(&[b"\x01bc"])].concat(),
        };
        assert_eq!(subscribed, expected);
        ours = Handshake::new(&socket("type=sub&subscribe=a,bc"));
        theirs = Handshake::new(&socket("type=pub"));
    }
    // Without any, all is wanted.
    let [_, met] = meet("type=sub", "type=pub", 5);
    assert_eq!(met.unwrap().1, said("SUBSCRIBE", b""));
}

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
};
const CALL: About<'_> = About::Call {
    method: "call",
    id: Some(1),
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
    assert!(reader.held() <= super::topics::MOST);
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

#[test]
fn a_short_name_of_each_type() {
    let all = [ZmqType::Req, ZmqType::Rep, ZmqType::Pub, ZmqType::Sub];
    assert_eq!(all.map(name), ["REQ", "REP", "PUB", "SUB"]);
}
