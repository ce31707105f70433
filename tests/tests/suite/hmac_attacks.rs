//! Attacks on signed messages, by somebody who sees, changes, holds back and repeats
//! everything, on servers and on clients.

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use quickrpc::security::SecurityError;
use quickrpc::{DisconnectReason, Error, Limits};
use quickrpc_tests::{DatagramPort, KeyFile, LabInverse, SOON, Signer, Telnet};
use serde_json::{Value, json};

use crate::between::{intercepted, telegrams};
use crate::hmac::{Hub, connect};
use crate::settled;

fn alice_of(keys: &KeyFile) -> String {
    format!("{}&to=hub", keys.hmac("alice"))
}

fn keys() -> KeyFile {
    KeyFile::of(&["alice", "bob"])
}

impl Hub {
    /// A connection of alice, made by hand, that is greeted.
    #[track_caller]
    fn alice(&self) -> (Telnet, Signer) {
        let mut wire = self.telnet();
        let mut alice = Signer::new("alice", "hub").greeted(&mut wire);
        wire.send(alice.echo("hello", 1));
        let answer = answer(&mut wire);
        assert_eq!(answer["result"], "hello", "{answer}");
        self.users.next();
        (wire, alice)
    }

    #[track_caller]
    fn refuses(&self) -> SecurityError {
        match self.errors.next() {
            Error::Security(error) => error,
            other => panic!("another error: {other:?}"),
        }
    }
}

/// The message behind the next header.
#[track_caller]
fn answer(wire: &mut Telnet) -> Value {
    let header = wire.json();
    assert_eq!(header["method"], "rpc.secinfo", "{header}");
    assert_eq!(header["params"]["user"], "hub");
    wire.json()
}

#[test]
fn a_hand_made_peer_is_as_good_as_any() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let (mut wire, mut alice) = hub.alice();
    wire.send(alice.notify("first"));
    assert_eq!(hub.served.notes.next().1, "first");
    // Gaps are allowed: a peer may have sent to somebody else.
    alice.counter += 100;
    wire.send(alice.notify("second"));
    assert_eq!(hub.served.notes.next().1, "second");
    assert!(hub.errors.so_far().is_empty());
}

#[test]
fn no_bit_can_be_changed() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let length = {
        let mut alice = Signer::new("alice", "hub").greeted(&mut hub.telnet());
        alice.notify("changed").len()
    };
    for position in 0..length * 8 {
        let mut wire = hub.telnet();
        let mut alice = Signer::new("alice", "hub").greeted(&mut wire);
        let mut bytes = alice.notify("changed");
        let Some(byte) = bytes.get_mut(position / 8) else {
            continue; // The length of the session's name is always the same, in truth.
        };
        *byte ^= 1 << (position % 8);
        wire.try_send(bytes);
        wire.close_write();
        wire.expect_closed();
    }
    assert!(hub.served.notes.so_far().is_empty() && hub.came.so_far().is_empty());
    let (mut wire, mut alice) = hub.alice();
    wire.send(alice.notify("unchanged"));
    assert_eq!(hub.served.notes.next().1, "unchanged");
}

#[test]
fn no_field_can_be_left_out_emptied_or_swapped() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let payload = json!({"jsonrpc": "2.0", "method": "notify", "params": {"text": "x"}});
    let payload = payload.to_string();
    let names = ["user", "to", "session", "peer", "counter", "time", "mac"];
    let mut attempts = 0;
    let mut attempt = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut wire = hub.telnet();
        let alice = Signer::new("alice", "hub").greeted(&mut wire);
        let mut header = alice.header(payload.as_bytes());
        let before = header.clone();
        change(header.as_object_mut().unwrap());
        if header != before {
            attempts += 1;
            wire.try_send(Signer::telegrams(&header, payload.as_bytes()));
            wire.expect_closed();
        }
    };
    for name in names {
        attempt(&|header| drop(header.remove(name)));
        for value in [
            json!(""),
            json!("x"),
            json!("alice"),
            json!(1),
            json!(null),
            json!([]),
        ] {
            attempt(&|header| drop(header.insert(name.into(), value.clone())));
        }
        // Cut at every place.
        for cut in 0..44 {
            attempt(&|header| {
                let value: String = header[name].as_str().unwrap().chars().take(cut).collect();
                header[name] = json!(value);
            });
        }
        for other in names {
            attempt(&|header| {
                let (one, two) = (header[name].clone(), header[other].clone());
                header[name] = two;
                header[other] = one;
            });
        }
    }
    assert!(attempts > 100, "{attempts}");
    assert!(hub.served.notes.so_far().is_empty() && hub.came.so_far().is_empty());
}

#[test]
fn line_ends_move_nothing_from_one_field_to_the_next() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let mut wire = hub.telnet();
    let mut alice = Signer::new("alice", "hub").greeted(&mut wire);
    // The same bytes are signed, cut into fields at another place.
    let (session, peer) = (alice.session.clone(), alice.peer.clone());
    alice.session = format!("{session}\n{peer}");
    alice.peer = "0".into();
    alice.counter = 0;
    wire.send(alice.notify("x"));
    assert!(matches!(hub.refuses(), SecurityError::InvalidSignature(_)));
    wire.expect_closed();
}

#[test]
fn nothing_is_accepted_twice_at_once_or_later() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let (mut wire, mut alice) = hub.alice();
    let (first, second) = (alice.notify("1"), alice.notify("2"));
    wire.send([first.clone(), first.clone()].concat());
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    wire.send(&second);
    // Later, and an older one.
    for old in [&first, &second] {
        wire.send(old);
        assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    }
    // The connection is as good as before.
    wire.send(alice.notify("3"));
    let texts: Vec<_> = hub
        .served
        .notes
        .take(3)
        .into_iter()
        .map(|note| note.1)
        .collect();
    assert_eq!(texts, ["1", "2", "3"]);
}

#[test]
fn nothing_is_accepted_on_another_connection_or_after_a_restart() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let (mut wire, mut alice) = hub.alice();
    let sent = alice.notify("once");
    wire.send(&sent);
    assert_eq!(hub.served.notes.next().1, "once");
    // Held back on its own connection, so that it would be new.
    let held = alice.notify("never");
    for stolen in [&sent, &held] {
        let mut other = hub.telnet();
        other.send(stolen);
        assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
        other.expect_closed();
    }
    // Among alice's own connections, too.
    let (mut second, _) = hub.alice();
    second.send(&held);
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    // And by bob on his.
    let mut bobs = hub.telnet();
    let mut bob = Signer::new("bob", "hub").greeted(&mut bobs);
    bobs.send(bob.echo("I am bob", 1));
    assert_eq!(answer(&mut bobs)["result"], "I am bob");
    bobs.send(&held);
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));

    hub.lab.stop().unwrap();
    hub.lab.start().unwrap();
    let mut other = hub.telnet();
    other.send(&sent);
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    drop(hub);
    let again = Hub::tcp(&keys.hmac("hub"));
    for stolen in [&sent, &held] {
        let mut other = again.telnet();
        other.send(stolen);
        assert!(matches!(again.refuses(), SecurityError::Replayed(_)));
        other.expect_closed();
    }
    assert!(again.served.notes.so_far().is_empty());
}

#[test]
fn unsigned_messages_are_refused_before_and_after_the_greeting() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let call = r#"{"jsonrpc":"2.0","method":"notify","params":{"text":"x"}}"#;
    let secinfo = |params: Value| {
        json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": params}).to_string()
    };
    let attempts = [
        format!("{call}\0"),
        format!("[{call}]\0"),
        format!("{}\0{call}\0", secinfo(json!({}))),
        format!("{}\0{call}\0", secinfo(json!({"user": "alice"}))),
        // What a greeting has, with a call in its place.
        format!(
            "{}\0{call}\0",
            secinfo(json!({"user": "alice", "session": "s"}))
        ),
    ];
    for attempt in &attempts {
        let mut wire = hub.telnet();
        wire.send(attempt);
        assert!(matches!(hub.refuses(), SecurityError::InvalidSignature(_)));
        wire.expect_closed();
    }
    let (mut wire, mut alice) = hub.alice();
    for attempt in &attempts {
        wire.send(attempt);
        assert!(matches!(hub.refuses(), SecurityError::InvalidSignature(_)));
    }
    // A header counts for the message behind it, and for no other.
    let signed = alice.notify("signed");
    wire.send(format!("{}{call}\0", String::from_utf8(signed).unwrap()));
    assert_eq!(hub.served.notes.next().1, "signed");
    assert!(matches!(hub.refuses(), SecurityError::InvalidSignature(_)));
    assert!(hub.served.notes.so_far().is_empty());
}

#[test]
fn a_message_for_somebody_else_is_refused_even_if_it_is_authentic() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    for to in ["lab", "alice", "", "*"] {
        let mut wire = hub.telnet();
        let mut alice = Signer::new("alice", to).greeted(&mut wire);
        wire.send(alice.notify("x"));
        assert!(
            matches!(hub.refuses(), SecurityError::Misdirected(_)),
            "{to}"
        );
        wire.expect_closed();
    }
    // One user with the name of another.
    let mut wire = hub.telnet();
    let mut bob = Signer::new("bob", "hub").greeted(&mut wire);
    bob.user = "alice".into();
    wire.send(bob.notify("x"));
    assert!(matches!(hub.refuses(), SecurityError::InvalidSignature(_)));
    // On the connection of another.
    let (mut wire, _) = hub.alice();
    let mut bob = Signer::new("bob", "hub").greeted(&mut hub.telnet());
    wire.send(bob.notify("x"));
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    assert!(hub.served.notes.so_far().is_empty());
}

#[test]
fn what_a_side_has_sent_is_not_accepted_by_it() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let (mut wire, mut alice) = hub.alice();
    // A call and an answer of the hub, sent back to it.
    alice.to = "hub".into();
    wire.send(alice.sign(&json!({
        "jsonrpc": "2.0", "method": "ask", "params": {"text": "q"}, "id": 7,
    })));
    let (header, call) = (wire.json(), wire.until(0));
    assert!(String::from_utf8_lossy(&call).contains("question"));
    wire.send(Signer::telegrams(&header["params"], &call));
    assert!(matches!(hub.refuses(), SecurityError::Misdirected(_)));
    // Signed anew by alice in the name of the hub: the key is the same, the direction not.
    alice.user = "hub".into();
    alice.to = "alice".into();
    wire.send(alice.notify("reflected"));
    assert!(matches!(
        hub.refuses(),
        SecurityError::UnknownUser(_) | SecurityError::Misdirected(_)
    ));
    // The greeting, too.
    let mut other = hub.telnet();
    let (greeting, hello) = (other.until(0), other.until(0));
    other.send([greeting, vec![0], hello, vec![0]].concat());
    assert!(matches!(hub.refuses(), SecurityError::Misdirected(_)));
    other.expect_closed();
    assert!(hub.served.notes.so_far().is_empty());
}

#[test]
fn an_answer_belongs_to_its_connection_and_comes_once() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let (mut one, mut two) = (
        intercepted(&hub, &alice_of(&keys)),
        intercepted(&hub, &alice_of(&keys)),
    );
    // Both ask their first question; the answers are exchanged.
    let (asked, also) = (one.lab.all().echo("one"), two.lab.all().echo("two"));
    let mut answers = Vec::new();
    for client in [&mut one, &mut two] {
        let call = telegrams(&mut client.between.client, 2);
        client.between.server.write_all(&call).unwrap();
        answers.push(telegrams(&mut client.between.server, 2));
    }
    one.between.client.write_all(&answers[1]).unwrap();
    two.between.client.write_all(&answers[0]).unwrap();
    for client in [&one, &two] {
        let error = client.errors.next();
        assert!(
            matches!(error, Error::Security(SecurityError::Replayed(_))),
            "{error:?}"
        );
    }
    one.between.client.write_all(&answers[0]).unwrap();
    two.between.client.write_all(&answers[1]).unwrap();
    assert_eq!(settled(asked).unwrap(), "one");
    assert_eq!(settled(also).unwrap(), "two");
    // A second question is not answered by the first answer.
    let asked = one.lab.all().echo("again");
    telegrams(&mut one.between.client, 2);
    one.between.client.write_all(&answers[0]).unwrap();
    let error = one.errors.next();
    assert!(
        matches!(error, Error::Security(SecurityError::Replayed(_))),
        "{error:?}"
    );
    assert!(settled_soon(asked).is_err());
}

fn settled_soon(promise: quickrpc::Promise<String>) -> quickrpc::Result<String> {
    promise.result_timeout(Duration::from_millis(50))
}

#[test]
fn no_bit_of_an_answer_can_be_changed() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let mut client = intercepted(&hub, &alice_of(&keys));
    let asked = client.lab.all().timeout(SOON).echo("right");
    let call = telegrams(&mut client.between.client, 2);
    client.between.server.write_all(&call).unwrap();
    let answer = telegrams(&mut client.between.server, 2);
    let flips = answer.len() * 8;
    for position in 0..flips {
        let mut changed = answer.clone();
        changed[position / 8] ^= 1 << (position % 8);
        // With delimiters around it, so that a changed one spoils only this.
        changed.insert(0, 0);
        changed.push(0);
        client.between.client.write_all(&changed).unwrap();
    }
    client.between.client.write_all(&answer).unwrap();
    assert_eq!(settled(asked).unwrap(), "right");
    let refused = client.errors.so_far();
    assert!(refused.len() >= flips, "{} of {flips}", refused.len());
    assert!(
        refused
            .iter()
            .all(|error| matches!(error, Error::Security(_) | Error::Decode(_)))
    );
}

#[test]
fn a_false_server_cannot_greet_and_gets_no_call() {
    let keys = keys();
    for attempt in 0..5 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let lab = LabInverse::builder()
            .security(format!("{}&to=hub", keys.hmac("alice")))
            .transport(format!("tcp:{}", listener.local_addr().unwrap()))
            .build()
            .unwrap();
        let started = lab.start_nonblocking();
        let mut wire = Telnet::over(listener.accept().unwrap().0);
        let mut hub = Signer::new("hub", "alice").greeted(&mut wire);
        let right = quickrpc_tests::secret("alice");
        let answer = json!({"jsonrpc": "2.0", "result": null, "id": 9_007_199_254_740_991_u64});
        match attempt {
            // A key of its own.
            0 => {}
            // The name of the client's user.
            1 => (hub.user, hub.secret) = ("alice".into(), right),
            // For another user.
            2 => (hub.to, hub.secret) = ("bob".into(), right),
            // Another server with alice's key.
            3 => (hub.user, hub.secret) = ("lab".into(), right),
            // Made for another connection.
            _ => (hub.peer, hub.secret) = ("0".repeat(32), right),
        }
        wire.send(hub.hello());
        wire.send(hub.sign(&answer));
        wire.try_send(hub.sign(&answer));
        wire.expect_closed();
        assert!(settled(started).is_err(), "{attempt}");
        let refused = settled(lab.all().echo("secret"));
        assert!(refused.is_err());
    }
}

#[test]
fn a_session_of_another_cannot_take_over_a_connection() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let (mut wire, mut alice) = hub.alice();
    // Another program of alice, which has seen this connection.
    let mut other = alice.clone();
    other.session = "another".into();
    other.counter = 1_000;
    wire.send(other.notify("x"));
    assert!(matches!(hub.refuses(), SecurityError::Misdirected(_)));
    // The greeting comes once.
    let greeting = alice.hello();
    wire.send(&greeting);
    assert_eq!(answer(&mut wire)["id"], 9_007_199_254_740_991_u64);
    wire.send(&greeting);
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    wire.send(alice.notify("mine"));
    assert_eq!(hub.served.notes.next().1, "mine");
}

#[test]
fn a_thousand_greetings_that_never_end() {
    let keys = keys();
    let hub = Hub::start(
        &keys.hmac("hub"),
        "tcpserv:127.0.0.1:0?greeting=300ms&connections=400",
    );
    let alice = connect(&keys.hmac("alice"), &hub.transport()).unwrap();
    let mut waves = 0;
    for _ in 0..3 {
        let mut silent: Vec<Telnet> = (0..350).map(|_| hub.telnet()).collect();
        for (number, wire) in silent.iter_mut().enumerate() {
            // Some say nothing, some begin, some greet and go no further.
            match number % 3 {
                0 => {}
                1 => drop(wire.try_send(b"{\"jsonrpc\":\"2.0\",\"method\":\"rpc.sec")),
                _ => drop(wire.try_send(Signer::new("alice", "hub").hello())),
            }
        }
        assert_eq!(settled(alice.all().add(1, 2)).unwrap(), 3, "others go on");
        silent.iter_mut().for_each(Telnet::expect_closed);
        waves += silent.len();
    }
    assert!(waves > 1_000);
    assert_eq!(hub.lab.peers().len(), 1);
    hub.came.next();
    assert!(hub.came.so_far().is_empty() && hub.gone.so_far().is_empty());
    assert_eq!(settled(alice.all().add(1, 2)).unwrap(), 3);
}

#[test]
fn datagrams_are_accepted_once_in_any_order_while_they_are_young() {
    let keys = keys();
    let port = DatagramPort::new();
    let hub = Hub::start(&keys.hmac("hub"), &port.wire(2));
    let now = || {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        u64::try_from(since.as_micros()).unwrap()
    };
    let wire = port.raw(1);
    let mut alice = Signer::new("alice", "hub");
    alice.time = now();
    let datagrams: Vec<_> = (0..4)
        .map(|number| alice.notify(&number.to_string()))
        .collect();
    for number in [2, 0, 3] {
        wire.send(2, &datagrams[number]);
        assert_eq!(hub.served.notes.next().1, number.to_string());
    }
    for number in [2, 0, 3] {
        wire.send(2, &datagrams[number]);
        assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    }
    // From another address, too.
    port.raw(3).send(2, &datagrams[0]);
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    wire.send(2, &datagrams[1]);
    assert_eq!(hub.served.notes.next().1, "1");
    // Too old, from the future, for a connection, for somebody else, not signed.
    alice.time = now() - 31_000_000;
    wire.send(2, alice.notify("old"));
    assert!(matches!(hub.refuses(), SecurityError::Expired(_)));
    alice.time = now() + 60_000_000;
    wire.send(2, alice.notify("future"));
    assert!(matches!(hub.refuses(), SecurityError::Expired(_)));
    alice.time = now();
    alice.peer = "peer".into();
    wire.send(2, alice.notify("bound"));
    assert!(matches!(hub.refuses(), SecurityError::Replayed(_)));
    (alice.peer, alice.to) = (String::new(), "lab".into());
    wire.send(2, alice.notify("elsewhere"));
    assert!(matches!(hub.refuses(), SecurityError::Misdirected(_)));
    for unsigned in [
        alice.hello(),
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notify\"}\0".to_vec(),
    ] {
        wire.send(2, unsigned);
        assert!(matches!(hub.refuses(), SecurityError::InvalidSignature(_)));
    }
    alice.to = "hub".into();
    alice.time = now();
    let captured = alice.notify("before the restart");
    drop(hub);
    let again = Hub::start(&keys.hmac("hub"), &port.wire(2));
    for datagram in datagrams.iter().chain([&captured]) {
        wire.send(2, datagram);
        assert!(matches!(again.refuses(), SecurityError::Expired(_)));
    }
    assert!(again.served.notes.so_far().is_empty());
}

#[test]
fn no_text_shows_a_secret() {
    let keys = keys();
    let hub = Hub::tcp(&keys.hmac("hub"));
    let alice = connect(&keys.hmac("alice"), &hub.transport()).unwrap();
    let expr: quickrpc::SecurityExpr = keys.hmac("alice").parse().unwrap();
    let source = quickrpc::expr::KeySource::File(keys.path());
    let provider = quickrpc::security::Hmac::open("alice", source).unwrap();
    let builder = LabInverse::builder().security(keys.hmac("alice"));
    let (mut wire, _) = hub.alice();
    wire.send("nonsense\0");
    let error = hub.errors.next();
    let texts = [
        format!("{provider:?} {expr:?} {expr} {builder:?}"),
        format!("{:?} {:?} {:#?}", *hub.lab, *alice, hub.lab.peers()),
        format!("{error} {error:?} {:?}", Limits::default()),
        format!("{:?}", DisconnectReason::Refused(hub_error())),
    ];
    for secret in ["alice", "bob"] {
        let bytes = quickrpc_tests::secret(secret);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{:?}", &bytes[..8]);
        let list = list.trim_matches(['[', ']']);
        for shown in [
            KeyFile::written(secret),
            hex,
            list.into(),
            "the secret of".into(),
        ] {
            for text in &texts {
                assert!(!text.contains(&shown), "{text}");
            }
        }
    }
}

fn hub_error() -> SecurityError {
    SecurityError::UnknownUser("carl".into())
}
