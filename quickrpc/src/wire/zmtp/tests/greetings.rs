//! The beginning of connections.

use super::*;

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

#[test]
fn a_short_name_of_each_type() {
    let all = [ZmqType::Req, ZmqType::Rep, ZmqType::Pub, ZmqType::Sub];
    assert_eq!(all.map(name), ["REQ", "REP", "PUB", "SUB"]);
}
