//! Encrypted messages between two sides of the library.

use std::thread;

use quickrpc::security::SecurityError;
use quickrpc::{Error, Value};
use quickrpc_tests::{
    DatagramPort, Inbox, KeyFile, LabInverse, OwnDir, bounded, eventually, inbox, own_bus,
};

use crate::between::{intercepted, telegrams};
use crate::hmac::{Hub, connect};
use crate::settled;

/// Keys of both kinds: the expressions of the hub and of alice, who expects the hub.
pub(crate) struct Sealed {
    pub(crate) hub: String,
    pub(crate) alice: String,
    /// Kept as long as they are used.
    pub(crate) files: Vec<KeyFile>,
}

pub(crate) fn both_kinds() -> [Sealed; 2] {
    [shared(), pairs()]
}

pub(crate) fn shared() -> Sealed {
    let table = KeyFile::table("alice", "alice", "roles = [\"alice-role\"]");
    let (hubs, alices) = (KeyFile::with(&table), KeyFile::of(&["alice"]));
    sealed(hubs, alices)
}

pub(crate) fn pairs() -> Sealed {
    let (hubs, alices) = KeyFile::pairs("hub", "alice");
    sealed(hubs, alices)
}

fn sealed(hubs: KeyFile, alices: KeyFile) -> Sealed {
    Sealed {
        hub: hubs.seal("hub"),
        alice: format!("{}&to=hub", alices.seal("alice")),
        files: vec![hubs, alices],
    }
}

#[test]
fn the_user_is_known_and_so_are_its_roles() {
    for keys in both_kinds() {
        let hub = Hub::tcp(&keys.hub);
        let alice = connect(&keys.alice, &hub.transport()).unwrap();
        assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
        assert_eq!(hub.users.next(), ("alice".into(), "alice-role".into()));
        alice.question.connect(|_sender, text| text.to_uppercase());
        assert_eq!(settled(alice.all().ask("ask me")).unwrap(), "ASK ME");
        assert!(hub.errors.so_far().is_empty());
    }
}

/// A client that says nothing, and what it hears, from whom.
fn listener(hub: &Hub, keys: &Sealed) -> (LabInverse, Inbox<(String, String)>) {
    let alice = LabInverse::builder()
        .security(&*keys.alice)
        .transport(hub.transport())
        .build()
        .unwrap();
    let (heard, notified) = inbox();
    alice.notified.connect(move |sender, text| {
        let user = sender.secinfo()["user"].clone();
        heard.send((user, text.to_owned())).unwrap();
    });
    alice.start().unwrap();
    hub.came.next();
    (alice, notified)
}

#[test]
fn who_only_listens_hears() {
    for keys in both_kinds() {
        let hub = Hub::tcp(&keys.hub);
        let (_alice, notified) = listener(&hub, &keys);
        hub.lab.all().notified("news").unwrap();
        assert_eq!(notified.next(), ("hub".into(), "news".into()));
    }
}

#[test]
fn over_every_stream() {
    let dir = OwnDir::new();
    for (number, keys) in both_kinds().iter().enumerate() {
        let path = dir.path(&format!("hub{number}")).display().to_string();
        let bus = own_bus();
        let unix = cfg!(unix).then(|| (format!("unixserv:{path}"), format!("unix:{path}")));
        for (server, client) in unix.into_iter().chain([
            (
                format!("internal:{bus}:hub"),
                format!("internal:{bus}:alice"),
            ),
            ("wsserv:127.0.0.1:0".into(), "ws:".into()),
        ]) {
            let hub = Hub::start(&keys.hub, &server);
            let client = hub.or_at_its_port(client);
            let alice = connect(&keys.alice, &client).unwrap();
            eventually("the hub is known", || !alice.peers().is_empty());
            assert_eq!(settled(alice.all().echo("a")).unwrap(), "a", "{server}");
            assert_eq!(hub.users.next().0, "alice");
            assert!(hub.errors.so_far().is_empty(), "{server}");
        }
    }
}

#[test]
fn over_datagrams() {
    let keys = shared();
    let port = DatagramPort::new();
    let hub = Hub::start(&keys.hub, &port.wire(2));
    let alice = connect(&keys.alice, &port.wire(1)).unwrap();
    let overheard = port.overhear();
    for number in 0..20 {
        let sum = settled(alice.to("127.0.0.2").add(number, 1));
        assert_eq!(sum.unwrap(), number + 1);
    }
    assert_eq!(settled(alice.all().echo("to all")).unwrap(), "to all");
    assert_eq!(hub.users.next().0, "alice");
    let text = overheard.receive();
    assert!(!text.contains("to all") && !text.contains("echo"), "{text}");
    assert!(text.contains("\"to\":\"*\""), "{text}");
    let long = settled(alice.to("127.0.0.2").echo(&"x".repeat(1_500)));
    assert!(
        matches!(long, Err(Error::MessageTooLarge { .. })),
        "{long:?}"
    );
    assert!(hub.errors.so_far().is_empty());
}

#[test]
fn messages_of_every_size() {
    let keys = pairs();
    let hub = Hub::tcp(&keys.hub);
    let alice = connect(&keys.alice, &hub.transport()).unwrap();
    // What a part holds, and what is around the text in the call and in the answer.
    let part = 65_518_usize;
    for size in (part - 90..part + 10)
        .step_by(7)
        .chain([0, 1, 2 * part, 3 << 20])
    {
        let text = "x".repeat(size);
        assert_eq!(settled(alice.all().echo(&text)).unwrap().len(), size);
    }
    let call = format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{{\"text\":\"{}\"}}}}",
        ""
    );
    for size in [
        part - 1,
        part,
        part + 1,
        2 * part - 1,
        2 * part,
        2 * part + 1,
    ] {
        let text = "x".repeat(size - call.len());
        alice.all().notify(&text).unwrap();
        assert_eq!(hub.served.notes.next().1.len(), text.len());
    }
    let transport = format!("{}?message_size=64k", hub.transport());
    let narrow = connect(&keys.alice, &transport).unwrap();
    let error = settled(narrow.all().echo(&"x".repeat(50_000))).unwrap_err();
    assert!(matches!(error, Error::MessageTooLarge { .. }), "{error:?}");
    assert_eq!(settled(narrow.all().echo("a")).unwrap(), "a");
}

#[test]
fn messages_of_many_threads_keep_their_order() {
    for keys in both_kinds() {
        let hub = Hub::tcp(&keys.hub);
        let alice = connect(&keys.alice, &hub.transport()).unwrap();
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let everybody = alice.all();
                thread::spawn(move || {
                    for number in 0..100 {
                        everybody.notify("x").unwrap();
                        assert_eq!(everybody.add(number, 1).result().unwrap(), number + 1);
                    }
                })
            })
            .collect();
        bounded("the callers", move || {
            callers
                .into_iter()
                .for_each(|caller| caller.join().unwrap());
        });
        assert_eq!(hub.served.notes.take(400).len(), 400);
        assert!(hub.errors.so_far().is_empty());
    }
}

#[test]
fn nobody_can_read_what_is_said() {
    for keys in both_kinds() {
        let hub = Hub::tcp(&keys.hub);
        let mut alice = intercepted(&hub, &keys.alice);
        let asked = alice.lab.all().echo("a secret text");
        let call = telegrams(&mut alice.between.client, 1);
        std::io::Write::write_all(&mut alice.between.server, &call).unwrap();
        let answer = telegrams(&mut alice.between.server, 1);
        std::io::Write::write_all(&mut alice.between.client, &answer).unwrap();
        assert_eq!(settled(asked).unwrap(), "a secret text");
        for bytes in [&alice.seen, &call, &answer] {
            let text = String::from_utf8_lossy(bytes);
            let known = ["secret", "echo", "result", "params\":{\"t"];
            assert!(!known.iter().any(|known| text.contains(known)), "{text}");
        }
        // And the same message is another one each time.
        let _asked = alice.lab.all().echo("a secret text");
        let again = telegrams(&mut alice.between.client, 1);
        assert!(call != again && call.len() == again.len());
    }
}

#[test]
fn both_sides_have_to_have_keys_that_fit() {
    let (hubs, alices) = KeyFile::pairs("hub", "alice");
    let (others_hub, others) = KeyFile::pairs("hub", "alice");
    let wrong = KeyFile::with(&KeyFile::table("alice", "bob", ""));
    let right = KeyFile::of(&["alice"]);
    let started = |server: &str, client: String| {
        let hub = Hub::tcp(server);
        let started = connect(&client, &hub.transport());
        let error = started.err().map(|error| error.to_string());
        assert!(server == "null" || hub.came.so_far().is_empty());
        assert!(hub.users.so_far().is_empty());
        error.expect("refused")
    };
    for error in [
        // Unknown pairs, on either side.
        started(&hubs.seal("hub"), others.seal("alice")),
        started(&others_hub.seal("hub"), alices.seal("alice")),
        // Other secrets, and users that are not known.
        started(&right.seal("hub"), wrong.seal("alice")),
        started(&right.seal("hub"), KeyFile::of(&["carl"]).seal("carl")),
        // Other kinds.
        started(&hubs.seal("hub"), right.seal("alice")),
        started(&right.seal("hub"), alices.seal("alice")),
        started(&right.hmac("hub"), right.seal("alice")),
        started(&right.seal("hub"), right.hmac("alice")),
        // None at all.
        started("null", right.seal("alice")),
        // Somebody else than expected, and nobody else.
        started(
            &hubs.seal("hub"),
            format!("{}&to=lab", alices.seal("alice")),
        ),
        started(&right.seal("alice"), right.seal("alice")),
    ] {
        assert!(error.contains("no greeting by security `"), "{error}");
    }
    // A right client after all of them.
    let hub = Hub::tcp(&hubs.seal("hub"));
    let alice = connect(&alices.seal("alice"), &hub.transport()).unwrap();
    assert_eq!(settled(alice.all().add(1, 2)).unwrap(), 3);
    let plain = connect("null", &hub.transport()).unwrap();
    assert!(settled(plain.all().echo("x")).is_err());
    assert!(hub.users.so_far().is_empty());
}

#[test]
fn rotated_keys_are_tried_and_those_that_are_taken_away_end_a_connection() {
    let [old, new] = ["old", "new"].map(KeyFile::written);
    let hubs = KeyFile::with(&format!("[users.alice]\nkeys = [\"{new}\", \"{old}\"]\n"));
    let hub = Hub::tcp(&hubs.seal("hub"));
    // With the old one only, it depends on who begins; with both it works.
    let alices = KeyFile::with(&format!("[users.alice]\nkeys = [\"{old}\", \"{new}\"]\n"));
    for _ in 0..8 {
        let alice = connect(&alices.seal("alice"), &hub.transport()).unwrap();
        assert_eq!(settled(alice.all().add(1, 2)).unwrap(), 3);
    }
    let alice = connect(&alices.seal("alice"), &hub.transport()).unwrap();
    hubs.write(&KeyFile::table("bob", "bob", ""));
    eventually("alice is refused", || {
        settled(alice.all().add(1, 2)).is_err()
    });
    let refused = |error: Error| matches!(error, Error::Security(SecurityError::UnknownUser(_)));
    assert!(hub.errors.so_far().into_iter().any(refused));
}

#[test]
fn nothing_is_sent_to_whom_the_key_was_taken_from() {
    for keys in both_kinds() {
        let hub = Hub::tcp(&keys.hub);
        let (_alice, notified) = listener(&hub, &keys);
        hub.lab.all().notified("before").unwrap();
        assert_eq!(notified.next().1, "before");
        let hubs = std::fs::read_to_string(keys.files[0].path()).unwrap();
        let (own, _) = hubs.split_once("[users.alice]").unwrap();
        keys.files[0].write(&format!("{own}{}", KeyFile::table("bob", "bob", "")));
        eventually("nothing is sent", || {
            hub.lab.all().notified("until then").is_err()
        });
        let error = hub.lab.all().notified("after").unwrap_err().to_string();
        assert!(error.contains("unknown user"), "{error}");
        // Whoever gets the key back goes on.
        keys.files[0].write(&hubs);
        eventually("it is sent again", || {
            hub.lab.all().notified("again").is_ok()
        });
        while notified.next().1 != "again" {}
    }
}

#[test]
fn values_are_what_they_were() {
    let keys = shared();
    let hub = Hub::tcp(&keys.hub);
    let alice = connect(&keys.alice, &hub.transport()).unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(settled(alice.all().blob(&bytes)).unwrap(), bytes);
    let value = Value::from("\u{0}\u{1f600}");
    assert_eq!(settled(alice.all().nested(value.clone())).unwrap(), value);
}
