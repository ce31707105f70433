//! Security providers over ZeroMQ: each telegram that they make is a message of its own.

use std::thread;

use quickrpc::Error;
use quickrpc::security::SecurityError;
use quickrpc_tests::{KeyFile, LabInverse, OwnDir, bounded, eventually, inbox};
use serde_json::json;

use super::{Raw, frame};
use crate::hmac::{Hub, connect};
use crate::{seal, settled};

/// The expressions of the hub and of alice, who expects it, and what they need.
type Keys = (String, String, Vec<KeyFile>);

fn every_provider() -> [Keys; 3] {
    let [shared, pairs] =
        seal::both_kinds().map(|keys: seal::Sealed| (keys.hub, keys.alice, keys.files));
    let table = KeyFile::table("alice", "alice", "roles = [\"alice-role\"]");
    let (hubs, alices) = (KeyFile::with(&table), KeyFile::of(&["alice"]));
    let hmac = (
        hubs.hmac("hub"),
        format!("{}&to=hub", alices.hmac("alice")),
        vec![hubs, alices],
    );
    [hmac, shared, pairs]
}

/// The transport of its clients.
fn transport(hub: &Hub, otherwise: &str) -> String {
    match hub.lab.local_addrs()[..] {
        [addr] => format!("zmq:{addr}"),
        _ => otherwise.to_owned(),
    }
}

fn hub(security: &str) -> (Hub, String) {
    let hub = Hub::start(security, "zmqserv:127.0.0.1:0");
    let address = transport(&hub, "");
    (hub, address)
}

#[test]
fn calls_both_ways_of_every_size_over_tcp_and_unix() {
    let dir = OwnDir::new();
    for (number, (hubs, alices, _files)) in every_provider().iter().enumerate() {
        let path = dir.path(&format!("hub{number}")).display().to_string();
        let unix = cfg!(unix).then(|| format!("zmqserv+unix:{path}?mode=600"));
        for server in unix.as_deref().into_iter().chain(["zmqserv:127.0.0.1:0"]) {
            let hub = Hub::start(hubs, server);
            let address = transport(&hub, &format!("zmq+unix:{path}"));
            let alice = LabInverse::builder()
                .security(alices.as_str())
                .transport(format!("{address}?id=rack"))
                .build()
                .unwrap();
            alice.question.connect(|_sender, text| text.to_uppercase());
            let (heard, notified) = inbox();
            alice
                .notified
                .connect(move |_sender, text| heard.send(text.to_owned()).unwrap());
            alice.start().unwrap();
            hub.came.next();
            eventually("the hub is known", || !alice.peers().is_empty());

            assert_eq!(settled(alice.all().echo("a")).unwrap(), "a", "{server}");
            let known = ("alice".to_owned(), "alice-role".to_owned());
            assert_eq!(hub.users.next(), known, "{server}");
            assert_eq!(settled(alice.all().ask("ask me")).unwrap(), "ASK ME");
            assert_eq!(
                settled(hub.lab.to("rack").question("why")).unwrap(),
                "WHY",
                "by its identity"
            );
            // Frames with short lengths and long ones, and more than what strangers may send.
            for size in [0, 100, 255, 256, 70_000, 200_000] {
                let text = "x".repeat(size);
                assert_eq!(settled(alice.all().echo(&text)).unwrap(), text, "{server}");
                hub.lab.all().notified(&text).unwrap();
                assert_eq!(notified.next(), text, "{server}");
            }
            let calls = alice
                .all()
                .batch(|all| (0..100).map(|n| all.add(n, 1)).collect::<Vec<_>>());
            for (n, call) in (1..).zip(calls) {
                assert_eq!(settled(call).unwrap(), n, "{server}");
            }
            assert!(hub.errors.so_far().is_empty(), "{server}");
        }
    }
}

#[test]
fn several_clients_with_several_threads_each() {
    let users = ["alice", "bob", "carl"];
    let keys = KeyFile::of(&users);
    for provider in [KeyFile::hmac, KeyFile::seal] {
        let (hub, address) = hub(&provider(&keys, "hub"));
        let clients = users.map(|user| {
            let expression = format!("{}&to=hub", provider(&keys, user));
            connect(&expression, &format!("{address}?id=of-{user}")).unwrap()
        });
        let callers: Vec<_> = clients
            .iter()
            .flat_map(|client| [client.all(), client.all()])
            .map(|all| {
                thread::spawn(move || {
                    for number in 0..100 {
                        all.notify("x").unwrap();
                        assert_eq!(all.add(number, 1).result().unwrap(), number + 1);
                    }
                })
            })
            .collect();
        bounded("the callers", move || {
            callers
                .into_iter()
                .for_each(|caller| caller.join().unwrap());
        });
        assert_eq!(hub.served.notes.take(600).len(), 600);
        // Each is asked by its own name, and answers for itself.
        for (user, client) in users.into_iter().zip(&clients) {
            client
                .question
                .connect(move |_sender, text| format!("{user}: {text}"));
            let answer = hub.lab.to(format!("of-{user}").as_str()).question("who");
            assert_eq!(settled(answer).unwrap(), format!("{user}: who"));
        }
        assert!(hub.errors.so_far().is_empty());
    }
}

#[test]
fn wrong_keys_are_refused_and_named() {
    let right = KeyFile::of(&["alice"]);
    let wrong = KeyFile::with(&KeyFile::table("alice", "bob", ""));
    let carls = KeyFile::of(&["carl"]);
    let (hubs, alices) = KeyFile::pairs("hub", "alice");
    let (_, strangers) = KeyFile::pairs("hub", "alice");
    for (server, theirs, honest) in [
        (
            right.hmac("hub"),
            vec![wrong.hmac("alice"), carls.hmac("carl")],
            right.hmac("alice"),
        ),
        (
            right.seal("hub"),
            vec![wrong.seal("alice"), carls.seal("carl")],
            right.seal("alice"),
        ),
        (
            hubs.seal("hub"),
            vec![strangers.seal("alice"), right.hmac("alice")],
            alices.seal("alice"),
        ),
    ] {
        let (hub, address) = hub(&server);
        let alice = connect(&honest, &address).unwrap();
        hub.came.next();
        for security in theirs {
            let error = connect(&security, &address).expect_err("refused");
            assert!(matches!(error, Error::Start { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("no greeting by security `"), "{text}");
        }
        // Who does not expect the hub finds out itself.
        let error = connect(&format!("{honest}&to=lab"), &address).expect_err("another");
        assert!(error.to_string().contains("`lab`"), "{error}");
        assert!(hub.came.so_far().is_empty() && hub.gone.so_far().is_empty());
        assert_eq!(settled(alice.all().add(2, 3)).unwrap(), 5);
        assert_eq!(hub.lab.peers().len(), 1);
    }
}

#[test]
fn who_knows_nothing_of_it_gets_nowhere() {
    let keys = KeyFile::of(&["alice"]);
    for provider in [KeyFile::hmac, KeyFile::seal] {
        let (hub, address) = hub(&provider(&keys, "hub"));
        let alice = connect(&provider(&keys, "alice"), &address).unwrap();
        hub.came.next();
        let addr = hub.lab.local_addrs()[0];
        // One that only calls when it has been answered cannot greet.
        let mut raw = Raw::connect(addr);
        raw.say(&[super::greeting(), super::ready("REQ", b"")].concat());
        let said = raw.expect_closed();
        let said = said.escape_ascii().to_string();
        assert!(said.contains("no security provider has messages"), "{said}");
        // Calls without a signature, in one part, behind an empty one, and after a greeting.
        let greeting = json!({"jsonrpc": "2.0", "method": "rpc.secinfo",
            "params": {"user": "alice", "session": "00112233445566778899aabbccddeeff"}});
        for before in [
            Vec::new(),
            frame(1, b""),
            frame(0, greeting.to_string().as_bytes()),
        ] {
            let mut raw = Raw::greeted(addr, "DEALER", b"");
            raw.say(&[before, frame(0, &super::call(1))].concat());
            raw.expect_closed();
            let error = hub.errors.next();
            assert!(matches!(error, Error::Security(_)), "{error:?}");
        }
        assert!(hub.users.so_far().is_empty() && hub.came.so_far().is_empty());
        let plain = connect("null", &address).unwrap();
        assert!(settled(plain.all().echo("x")).is_err());
        assert!(matches!(hub.errors.next(), Error::Security(_)));
        assert_eq!(settled(alice.all().add(2, 3)).unwrap(), 5);
    }
    // And the other way round.
    let (_open, address) = hub("null");
    let error = connect(&keys.hmac("alice"), &address).expect_err("no signature");
    assert!(error.to_string().contains("not signed"), "{error}");
}

/// What comes without a greeting between each two messages: a header, which names who speaks.
#[test]
fn a_header_that_is_believed_comes_with_every_message() {
    let (hub, address) = hub("blindly_believe_everything:hub");
    let alice = connect("blindly_believe_everything:alice", &address).unwrap();
    alice.question.connect(|sender, text| {
        let user = &sender.secinfo()["user"];
        format!("{text}, {user}?")
    });
    assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
    assert_eq!(hub.users.next().0, "alice");
    assert_eq!(settled(alice.all().ask("why")).unwrap(), "why, hub?");

    // Those of another program: two messages, or none.
    let mut raw = Raw::greeted(hub.lab.local_addrs()[0], "DEALER", b"raw");
    let header = json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": {"user": "bob"}});
    let call = json!({"jsonrpc": "2.0", "method": "echo", "params": {"text": "b"}, "id": 1});
    raw.say(&frame(0, header.to_string().as_bytes()));
    raw.say(&frame(0, call.to_string().as_bytes()));
    assert_eq!(hub.users.next().0, "bob");
    let mut said = || -> serde_json::Value { serde_json::from_slice(&raw.frame().1).unwrap() };
    assert_eq!(said()["params"]["user"], "hub");
    assert_eq!(said()["result"], "b");
}

#[test]
fn a_refusal_says_why() {
    let keys = KeyFile::of(&["alice"]);
    let wrong = KeyFile::with(&KeyFile::table("alice", "bob", ""));
    let (hub, address) = hub(&keys.hmac("hub"));
    connect(&wrong.hmac("alice"), &address).expect_err("refused");
    match hub.errors.next() {
        Error::Security(SecurityError::InvalidSignature(_)) => {}
        other => panic!("{other:?}"),
    }
    for (security, transport) in [
        (keys.hmac("hub"), "zmqserv::0?type=pub"),
        (keys.seal("hub"), "zmq:h:1?type=req"),
    ] {
        let built = LabInverse::builder()
            .security(security)
            .transport(transport)
            .build();
        let error = built.err().unwrap().to_string();
        assert!(error.contains("`dealer` and `router`"), "{error}");
    }
}
