//! Sessions without any network: what is heard, and what is said.

use std::time::{Duration, Instant};

use super::*;
use crate::base::limits::Limits;
use crate::base::reason::DisconnectReason;
use crate::expr::{CodecExpr, CodecKind};
use crate::wire::codec::{Envelope, Payload};
use crate::wire::session::{About, Deed, Due, Heard, Meeting, Say, Way};

fn session(codec: &str, role: Role) -> (Box<dyn Listening>, Box<dyn Speaking>) {
    let expr: CodecExpr = codec.parse().unwrap();
    let CodecKind::Juggler(juggler) = expr.kind() else {
        panic!("{codec}");
    };
    Juggler::new(juggler).session(meeting(role))
}

fn hear(ear: &mut dyn Listening, text: &str) -> (Heard, Vec<String>) {
    let (mut say, limits) = (Say::default(), Limits::default());
    let heard = ear.hear(text, &limits, &mut say).unwrap();
    (heard, texts(say))
}

fn texts(say: Say) -> Vec<String> {
    let texts = say.0.into_iter().map(String::from_utf8);
    texts.collect::<Result<_, _>>().unwrap()
}

fn said(say: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    say(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_said_in_each_generation() {
    let table = [
        (
            "juggler:0.5",
            r#"{"type":"MESSAGE","payload":{"type":"rpc","id":7,"direction":"request","action":"é\"","args":[1]}}"#,
            r#"{"type":"MESSAGE","payload":{"type":"rpc","id":[1],"direction":"response","success":false,"result":"no"}}"#,
        ),
        (
            "juggler:0.6",
            r#"{"type":"request","id":7,"name":"é\"","data":[1]}"#,
            r#"{"type":"response","id":[1],"data":"no","success":false}"#,
        ),
        (
            "juggler:0.7",
            r#"0{"type":"request","id":7,"name":"é\"","data":[1]}"#,
            r#"0{"type":"response","id":[1],"data":"no","success":false}"#,
        ),
    ];
    for (codec, call, answer) in table {
        let (_, mut speaking) = session(codec, Role::Client);
        assert_eq!(
            said(|out| speaking.call(out, "é\"", b"[1]", Some(7), WAY)),
            call
        );
        assert_eq!(
            said(|out| speaking.answer(out, "[1]", b"\"no\"", true)),
            answer
        );
    }
    let (_, mut server) = session("juggler:0.7", Role::Server);
    assert_eq!(
        said(|out| server.call(out, "n", b"{\"a\":1}", None, WAY)),
        r#"0{"type":"notify","name":"n","data":{"a":1}}"#
    );
}

#[test]
fn messages_of_the_fifth() {
    let (mut ear, mut mouth) = session("juggler:0.5", Role::Server);
    for (args, payload) in [
        (r#"{"x":{"a":[1]}}"#, r#"{"a":[1]}"#),
        (r#"[{"a":[1]}]"#, r#"{"a":[1]}"#),
        (r#"["a,b"]"#, r#""a,b""#),
        (
            "[1,2]",
            r#"{"type":"notify","name":"message","data":[1,2]}"#,
        ),
        ("{}", r#"{"type":"notify","name":"message","data":{}}"#),
    ] {
        let whole = said(|out| mouth.call(out, "message", args.as_bytes(), None, WAY));
        assert_eq!(
            whole,
            format!(r#"{{"type":"MESSAGE","payload":{payload}}}"#)
        );
        // And back.
        let (text, params) = match hear(&mut *ear, &whole).0 {
            Heard::Put(text, Envelope::Call { params, .. }) => (text.into_string(), params),
            Heard::Message(Envelope::Call { params, .. }) => (whole, params),
            other => panic!("{other:?}"),
        };
        let Payload::Text(params) = params else {
            panic!("{params:?}")
        };
        let back = params.of(&text);
        assert!(back == args || back == format!("[{payload}]"), "{back}");
    }
    let about = About::Call {
        method: "message",
        id: None,
        way: WAY,
    };
    assert!(mouth.can_say(about, br#"[{"type":"rpc"}]"#).is_err());
    assert!(mouth.can_say(about, br#"[{"type":"other"}]"#).is_ok());
    let call = About::Call {
        method: "message",
        id: Some(1),
        way: WAY,
    };
    assert!(mouth.can_say(call, br#"{"a":1}"#).is_err());
    assert!(mouth.can_say(call, b"{}").is_ok());
}

#[test]
fn the_first_message_tells_the_generation() {
    let table = [
        ("2", Some(Generation::V07)),
        ("0{\"type\":\"request\"}", Some(Generation::V07)),
        ("1", Some(Generation::V07)),
        (r#"{"type":"PING"}"#, Some(Generation::V05)),
        (r#"{"type":"other","payload":1}"#, Some(Generation::V05)),
        (r#"{"type":"request"}"#, Some(Generation::V06)),
        (r#"{"type":"Request"}"#, None),
        (r#"{"type":1}"#, None),
        ("{}", None),
        ("5", None),
        ("", None),
    ];
    for (text, generation) in table {
        assert_eq!(message::generation(text, 9), generation, "{text}");
    }
    let (mut ear, mut mouth) = session("juggler", Role::Server);
    let (heard, said) = hear(
        &mut *ear,
        r#"{"type":"request","id":1,"name":"","data":[2]}"#,
    );
    assert!(matches!(heard, Heard::Open));
    let answer = r#"{"type":"response","id":1,"data":[2],"success":true}"#;
    assert_eq!(said, [answer]);
    let mut out = Vec::new();
    mouth.answer(&mut out, "1", b"[2]", false);
    assert_eq!(out, answer.as_bytes());
}

#[test]
fn pieces_are_whole_characters() {
    let (mut ear, mouth) = session("juggler:0.7?max_segment_size=3", Role::Client);
    let text = r#"{"type":"notify","name":"aé😀","data":null}"#;
    let mut pieces = Vec::new();
    let cut = mouth.cut(format!("0{text}").as_bytes(), &mut |before, piece| {
        let piece = std::str::from_utf8(piece).unwrap();
        assert!(piece.len() <= 3 || piece == "😀", "{piece}");
        pieces.push(format!("{}{piece}", std::str::from_utf8(before).unwrap()));
    });
    assert!(cut);
    let (last, first) = pieces.split_last().unwrap();
    for piece in first {
        assert!(piece.starts_with('1'));
        assert!(matches!(hear(&mut *ear, piece).0, Heard::Nothing));
        assert_eq!(hear(&mut *ear, "2x").1, ["3x"]);
    }
    assert_eq!(ear.held(), text.len() - last.len() + 1);
    match hear(&mut *ear, last).0 {
        Heard::Put(put, Envelope::Call { method, .. }) => {
            assert_eq!((&*put, method.of(&put)), (text, "aé😀"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ear.held(), 0);
    for message in ["0{}", "2aaaaaaaaaa", "3aaaaaaaaaa"] {
        assert!(!mouth.cut(message.as_bytes(), &mut |_, _| panic!("{message}")));
    }
}

#[test]
fn no_more_is_put_together_than_a_message_may_have() {
    let (mut ear, _) = session("juggler:0.7", Role::Server);
    let limits = Limits {
        message_size: 10,
        ..Limits::default()
    };
    let mut hear = |text: &str| ear.hear(text, &limits, &mut Say::default()).unwrap();
    assert!(matches!(hear("1012345678"), Heard::Nothing));
    assert!(matches!(hear("1"), Heard::Nothing));
    assert!(matches!(
        hear("001"),
        Heard::End(DisconnectReason::MessageTooLarge { limit: 10 })
    ));
}

#[test]
fn keep_alive_by_the_clock() {
    let (mut ear, mut mouth) = session("juggler:0.7?ping_delay=10&ping_timeout=30", Role::Client);
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let due = |mouth: &mut dyn Speaking, after: u32| {
        let mut say = Say::default();
        let due = mouth.due(start + second * after, &mut say);
        (due, texts(say))
    };
    let (first, said) = due(&mut *mouth, 1);
    assert!(matches!(first, Due::At(_)) && said.is_empty());
    let (_, said) = due(&mut *mouth, 11);
    assert_eq!(said, ["2"]);
    let (wait, said) = due(&mut *mouth, 21);
    assert!(matches!(wait, Due::At(_)) && said.is_empty());
    // Once more, since something may have come that nobody has read.
    let (again, _) = due(&mut *mouth, 42);
    assert!(matches!(again, Due::At(at) if at == start + second * 42));
    let (end, _) = due(&mut *mouth, 43);
    assert!(matches!(end, Due::End(_)));
    hear(&mut *ear, "3");
    for codec in ["juggler:0.5", "juggler:0.6", "juggler:0.7?ping_delay=off"] {
        let (_, mut mouth) = session(codec, Role::Client);
        assert!(matches!(due(&mut *mouth, 99).0, Due::Never), "{codec}");
    }
}

#[test]
fn not_every_number_is_one_of_json() {
    for (text, plain) in [
        ("[1]", true),
        (r#"["NaN","\"NaN\\",{"Infinity":null}]"#, true),
        ("[NaN]", false),
        (r#"{"a":-Infinity}"#, false),
        (r#"["NaN\\",NaN]"#, false),
    ] {
        assert_eq!(message::is_plain_json(text.as_bytes()), plain, "{text}");
    }
}

#[test]
fn anything_may_come() {
    let texts = [
        "",
        "0",
        "1",
        "9{}",
        "{",
        "[]",
        "{}",
        "0{}",
        "0[]",
        r#"{"type":"request"}"#,
        r#"0{"type":"request","id":1}"#,
        r#"0{"type":"request","name":"a","data":1}"#,
        r#"0{"type":"response","id":1,"data":1}"#,
        r#"0{"type":"response","id":1,"data":1,"success":1}"#,
        r#"0{"type":"notify","name":"a"}"#,
        r#"0{"type":"state"}"#,
        r#"{"type":"MESSAGE"}"#,
        r#"{"type":"DATA"}"#,
        r#"{"type":"MESSAGE","payload":{"type":"rpc"}}"#,
        r#"{"type":"MESSAGE","payload":{"type":"rpc","id":1,"direction":"request","action":"a","args":{}}}"#,
    ];
    for codec in ["juggler", "juggler:0.5", "juggler:0.6", "juggler:0.7"] {
        for role in [Role::Client, Role::Server] {
            for text in texts {
                let (mut ear, _) = session(codec, role);
                let (heard, _) = hear(&mut *ear, text);
                let goes_on = text == "1" && matches!(heard, Heard::Nothing | Heard::Open);
                let ends = matches!(
                    heard,
                    Heard::End(DisconnectReason::Rejected { code: 1000, .. })
                );
                assert!(ends || goes_on, "{codec} {role:?} {text}: {heard:?}");
            }
        }
    }
}

fn meeting(role: Role) -> Meeting<'static> {
    Meeting {
        role,
        largest: usize::MAX,
        met: None,
        here: None,
    }
}

const WAY: Way = Way {
    deed: Deed::Call,
    within: None,
    start_within: None,
};
