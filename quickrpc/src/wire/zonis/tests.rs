//! Sessions without any network: what is heard, and what is said.

use super::*;
use crate::base::limits::Limits;
use crate::base::reason::DisconnectReason;
use crate::wire::codec::Envelope;
use crate::wire::session::{Deed, Heard, Meeting, Say, Verdict, Way};

fn zonis(identifier: &str, secret: &str, override_key: Option<&str>) -> Zonis {
    Zonis {
        expr: ZonisExpr::default(),
        keys: Arc::new(Keys {
            identifier: identifier.into(),
            secret: secret.into(),
            override_key: override_key.map(str::to_owned),
        }),
    }
}

fn hear(ear: &mut dyn Listening, text: &str) -> (Heard, Vec<String>) {
    let mut say = Say::default();
    let heard = ear.hear(text, &Limits::default(), &mut say).unwrap();
    (heard, texts(say))
}

fn texts(say: Say) -> Vec<String> {
    let texts = say.0.into_iter().map(String::from_utf8);
    texts.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_client_identifies_itself_and_both_call() {
    let (mut server, mut server_says) = zonis("", "s3", None).session(meeting(Role::Server));
    let (mut client, mut client_says) = zonis("cog", "s3", None).session(meeting(Role::Client));
    let mut say = Say::default();
    client.open(&mut say);
    let [identify] = &*texts(say) else { panic!() };
    let (heard, _) = hear(&mut *server, identify);
    let Heard::Claim(claim) = heard else {
        panic!("{heard:?}")
    };
    assert_eq!((&*claim.name, claim.replaces), ("cog", false));
    let mut say = Say::default();
    assert!(matches!(
        server.verdict(Verdict::Accepted, &mut say),
        Heard::Open
    ));
    let [answer] = &*texts(say) else { panic!() };
    assert!(matches!(hear(&mut *client, answer).0, Heard::Open));

    let mut out = Vec::new();
    server_says.call(&mut out, "ping", br#"{"a":1}"#, Some(7), WAY);
    let request = String::from_utf8(out).unwrap();
    assert_eq!(
        request,
        r#"{"packet_id":"7","type":"request","data":{"identifier":"cog","type":"REQUEST","data":{"route":"ping","arguments":{"a":1}}}}"#
    );
    let (Heard::Message(Envelope::Call { method, id, .. }), _) = hear(&mut *client, &request)
    else {
        panic!();
    };
    assert_eq!(method.of(&request), "ping");
    let id = id.unwrap();
    let mut out = Vec::new();
    client_says.answer(&mut out, id.of(&request), b"[true]", false);
    let answer = String::from_utf8(out).unwrap();
    let (Heard::Message(Envelope::Reply { id, .. }), _) = hear(&mut *server, &answer) else {
        panic!();
    };
    assert_eq!(id, Some(7));
    let mut out = Vec::new();
    client_says.answer(&mut out, "\"7\"", b"\"no\"", true);
    let answer = String::from_utf8(out).unwrap();
    let (Heard::Message(Envelope::Failure { id, error }), _) = hear(&mut *server, &answer) else {
        panic!();
    };
    assert_eq!((id, &*error.message), (Some(7), "no"));
}

fn end(heard: Heard) -> (u16, String) {
    match heard {
        Heard::End(DisconnectReason::Rejected { code, text }) => (code, text.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_not_let_in_hears_why() {
    let server = || {
        zonis("", "s3", Some("over"))
            .session(meeting(Role::Server))
            .0
    };
    let identify = |secret: &str, key: &str| {
        format!(
            r#"{{"packet_id":"p","type":"request","data":{{"identifier":"cog","type":"IDENTIFY","data":{{"secret_key":"{secret}","override_key":{key}}}}}}}"#
        )
    };
    let (heard, _) = hear(&mut *server(), &identify("wrong", "null"));
    assert_eq!(end(heard), (4100, "Invalid secret key.".into()));
    let request = r#"{"packet_id":"p","type":"request","data":{"identifier":"cog","type":"CLIENT_REQUEST","data":{}}}"#;
    let (heard, _) = hear(&mut *server(), request);
    assert_eq!(
        end(heard),
        (4101, "Expected IDENTIFY, received CLIENT_REQUEST".into())
    );
    let mut taken = server();
    assert!(
        matches!(hear(&mut *taken, &identify("s3", "\"nope\"")).0, Heard::Claim(claim) if !claim.replaces)
    );
    let heard = taken.verdict(Verdict::Taken, &mut Say::default());
    assert_eq!(
        end(heard),
        (4102, "Duplicate identifier on IDENTIFY".into())
    );
    let (heard, _) = hear(&mut *server(), &identify("s3", "\"over\""));
    assert!(matches!(heard, Heard::Claim(claim) if claim.replaces));
}

#[test]
fn an_identifier_is_a_short_text() {
    for name in ["x".repeat(1_000), r"a\nb".to_owned()] {
        let (mut ear, _) = zonis("", "", None).session(meeting(Role::Server));
        let packet = format!(
            r#"{{"packet_id":"p","type":"request","data":{{"identifier":"{name}","type":"IDENTIFY","data":{{"secret_key":""}}}}}}"#
        );
        let (heard, _) = hear(&mut *ear, &packet);
        assert_eq!(end(heard).0, 1008);
    }
    let packet = r#"{"packet_id":"p","data":{"identifier":"a","type":"IDENTIFY","data":{}}}"#;
    let (mut ear, _) = zonis("", "", None).session(meeting(Role::Server));
    assert_eq!(end(hear(&mut *ear, packet).0).0, 4100);
}

#[test]
fn anything_may_come_first() {
    for text in [
        "",
        "1",
        "[]",
        "{}",
        "{\"data\":1}",
        "{\"data\":{\"type\":[]}}",
    ] {
        let (mut ear, _) = zonis("", "", None).session(meeting(Role::Server));
        let heard = ear.hear(text, &Limits::default(), &mut Say::default());
        let rejected = |heard: &Heard| matches!(heard, Heard::End(_));
        assert!(heard.as_ref().map_or(true, rejected), "{text}: {heard:?}");
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
