//! Attacks on encrypted messages, by somebody who sees, changes, holds back and repeats
//! everything, on servers and on clients.

use std::borrow::Cow;
use std::io::Write;
use std::net::TcpListener;

use quickrpc::expr::KeySource;
use quickrpc::security::{
    Opened, PeerContext, Seal, SecInfo, Security, SecurityError, SecuritySession, Telegram,
};
use quickrpc::{BoxError, DisconnectReason, Error};
use quickrpc_tests::{DatagramPort, KeyFile, LabInverse, SOON, Telnet};
use serde_json::json;

use crate::between::{intercepted, telegrams};
use crate::hmac::{Hub, connect};
use crate::seal::{both_kinds, pairs, shared};
use crate::settled;

/// One side of a connection in memory.
struct Side {
    session: Box<dyn SecuritySession>,
    out: Vec<Telegram>,
}

type Wire = (Option<SecInfo>, Vec<u8>);

/// What is sent in the place of three messages, with three of another connection.
type Attempt = fn(&[Wire; 3], &[Wire; 3]) -> Vec<Wire>;

impl Side {
    fn new(provider: &Seal) -> Self {
        let session = provider.session(&PeerContext::new("peer")).unwrap();
        let out = session.greeting();
        Side { session, out }
    }

    fn say(&mut self, telegram: Telegram) -> Wire {
        match telegram {
            Telegram::Plain(header, payload) => (header, payload),
            Telegram::Sealed(payload) => {
                let (header, sealed) = self.session.seal(&payload).unwrap();
                (header, sealed.into_owned())
            }
        }
    }

    /// What it has to say.
    fn said(&mut self) -> Vec<Wire> {
        let out = std::mem::take(&mut self.out);
        out.into_iter().map(|telegram| self.say(telegram)).collect()
    }

    /// A message, if it is one.
    fn hear(&mut self, wire: &Wire) -> Result<Option<String>, BoxError> {
        let (header, payload) = wire;
        match self.session.open(Cow::Borrowed(payload), header.as_ref())? {
            Opened::Message(plain, info) => {
                assert!(["hub", "alice"].contains(&&*info["user"]));
                Ok(Some(String::from_utf8(plain.into_owned()).unwrap()))
            }
            Opened::Greeting(answers) => {
                self.out.extend(answers);
                Ok(None)
            }
        }
    }
}

/// Lets two sides greet each other, with something done to what is said.
fn greet(
    providers: &[Seal; 2],
    mut change: impl FnMut(usize, usize, &mut Wire),
) -> Result<[Side; 2], BoxError> {
    let [one, two] = providers;
    let mut sides = [Side::new(one), Side::new(two)];
    let (mut greeted, mut number) = ([false; 2], [0; 2]);
    for _ in 0..8 {
        for speaker in 0..2 {
            for mut wire in sides[speaker].said() {
                change(speaker, number[speaker], &mut wire);
                number[speaker] += 1;
                let listener = 1 - speaker;
                greeted[listener] |= sides[listener].hear(&wire)? == Some(String::new());
            }
        }
    }
    match greeted {
        [true, true] => Ok(sides),
        _ => Err("not greeted".into()),
    }
}

fn providers(keys: &crate::seal::Sealed) -> [Seal; 2] {
    let [hubs, alices] = &keys.files[..] else {
        panic!("two files");
    };
    let open = |user, file: &KeyFile| Seal::open(user, KeySource::File(file.path())).unwrap();
    [open("hub", hubs), open("alice", alices).to("hub").unwrap()]
}

#[test]
fn no_bit_of_a_handshake_can_be_changed() {
    for keys in both_kinds() {
        let providers = providers(&keys);
        // How long what each side says is; it depends on who begins.
        let mut changed = 0;
        for speaker in 0..2 {
            for number in 0..3 {
                for bit in 0..200 * 8 {
                    // Every bit in the first bytes, then one here and there.
                    if bit > 64 && bit % 37 != 0 {
                        continue;
                    }
                    let mut hit = false;
                    let greeted = greet(&providers, |who, which, (header, payload)| {
                        if (who, which) != (speaker, number) {
                            return;
                        }
                        let session = header.as_mut().and_then(|header| header.get_mut("session"));
                        let mut bytes = match session {
                            Some(session) => std::mem::take(session).into_bytes(),
                            None => payload.clone(),
                        };
                        if let Some(byte) = bytes.get_mut(bit / 8) {
                            *byte ^= 1 << (bit % 8);
                            hit = true;
                        }
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        match header.as_mut().and_then(|header| header.get_mut("session")) {
                            Some(session) => *session = text,
                            None => *payload = bytes,
                        }
                    });
                    changed += usize::from(hit);
                    assert_eq!(greeted.is_ok(), !hit, "{speaker} {number} {bit}");
                }
            }
        }
        assert!(changed > 300, "{changed}");
    }
}

#[test]
fn no_name_in_a_greeting_can_be_changed() {
    for keys in both_kinds() {
        let providers = providers(&keys);
        assert!(greet(&providers, |_, _, _| ()).is_ok());
        for (speaker, name) in [(0, "lab"), (0, "alice"), (1, "bob"), (1, "hub"), (1, "")] {
            let greeted = greet(&providers, |who, which, (header, _)| {
                if (who, which) == (speaker, 0) {
                    let header = header.as_mut().unwrap();
                    header.insert("user".into(), name.into());
                }
            });
            assert!(greeted.is_err(), "{name}");
        }
    }
}

#[test]
fn no_bit_of_a_message_can_be_changed() {
    for keys in both_kinds() {
        let providers = providers(&keys);
        let mut position = 0;
        loop {
            let [mut hub, mut alice] = greet(&providers, |_, _, _| ()).unwrap();
            let mut wire = alice.say(Telegram::Sealed(b"m".to_vec()));
            let Some(byte) = wire.1.get_mut(position / 8) else {
                break;
            };
            *byte ^= 1 << (position % 8);
            assert!(hub.hear(&wire).is_err(), "{position}");
            // What was not changed comes too late.
            wire.1[position / 8] ^= 1 << (position % 8);
            assert!(hub.hear(&wire).is_err(), "{position}");
            position += 1;
        }
        assert!(position >= 24 * 8, "{position}");
    }
}

#[test]
fn messages_come_whole_once_and_in_their_order() {
    let keys = pairs();
    let providers = providers(&keys);
    let fresh = || greet(&providers, |_, _, _| ()).unwrap();
    let texts = |alice: &mut Side| ["1", "2", "3"].map(|t| alice.say(Telegram::Sealed(t.into())));
    let [mut hub, mut alice] = fresh();
    for (wire, text) in texts(&mut alice).iter().zip(["1", "2", "3"]) {
        assert_eq!(hub.hear(wire).unwrap().as_deref(), Some(text));
    }
    // Twice; one is missing; swapped; of another connection; reflected; unsealed; empty.
    let other = texts(&mut fresh()[1]);
    let attempts: [Attempt; 8] = [
        |wires, _| vec![wires[0].clone(), wires[0].clone()],
        |wires, _| vec![wires[1].clone()],
        |wires, _| vec![wires[2].clone(), wires[1].clone()],
        |_, other| vec![other[0].clone()],
        |wires, _| vec![(None, wires[0].1[..wires[0].1.len() - 4].to_vec())],
        |_, _| vec![(None, br#"{"jsonrpc":"2.0","method":"notify"}"#.to_vec())],
        |wires, _| vec![(Some(SecInfo::new()), wires[0].1.clone())],
        |wires, _| vec![(None, [&wires[0].1[..], &wires[1].1[..]].concat())],
    ];
    for (number, attempt) in attempts.into_iter().enumerate() {
        let [mut hub, mut alice] = fresh();
        let wires = texts(&mut alice);
        let heard: Result<Vec<_>, _> = attempt(&wires, &other)
            .iter()
            .map(|wire| hub.hear(wire))
            .collect();
        assert!(heard.is_err(), "{number}");
        assert!(hub.hear(&wires[0]).is_err(), "nothing follows: {number}");
    }
    let [_, mut alice] = fresh();
    let own = alice.say(Telegram::Sealed(b"own".to_vec()));
    assert!(alice.hear(&own).is_err());
}

#[test]
fn a_message_of_parts_cannot_lose_one() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let keys = shared();
    let providers = providers(&keys);
    for kept in [65_535, 2 * 65_535] {
        let [mut hub, mut alice] = greet(&providers, |_, _, _| ()).unwrap();
        let (header, text) = alice.say(Telegram::Sealed(vec![b'x'; 150_000]));
        let mut bytes = STANDARD.decode(text).unwrap();
        bytes.truncate(kept);
        let cut = (header, STANDARD.encode(bytes).into_bytes());
        assert!(hub.hear(&cut).is_err());
    }
    // Two messages are not one.
    let [mut hub, mut alice] = greet(&providers, |_, _, _| ()).unwrap();
    let (_, one) = alice.say(Telegram::Sealed(vec![b'x'; 65_518]));
    let (_, two) = alice.say(Telegram::Sealed(b"y".to_vec()));
    let both = [STANDARD.decode(one).unwrap(), STANDARD.decode(two).unwrap()].concat();
    assert!(
        hub.hear(&(None, STANDARD.encode(both).into_bytes()))
            .is_err()
    );
}

#[test]
fn a_changed_or_repeated_call_ends_the_connection_and_runs_nothing() {
    for keys in both_kinds() {
        for attempt in 0..4 {
            let hub = Hub::tcp(&keys.hub);
            let mut alice = intercepted(&hub, &keys.alice);
            alice.lab.all().notify("once").unwrap();
            let call = telegrams(&mut alice.between.client, 1);
            alice.between.server.write_all(&call).unwrap();
            assert_eq!(hub.served.notes.next().1, "once");
            let attack = match attempt {
                0 => call.clone(),
                1 => b"{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{}}\0".to_vec(),
                2 => b"AAAA\0".to_vec(),
                _ => alice.seen.clone(),
            };
            alice.between.server.write_all(&attack).unwrap();
            let reason = hub.gone.next();
            assert!(matches!(reason, DisconnectReason::Refused(_)), "{reason}");
            assert!(hub.served.notes.so_far().is_empty());
        }
    }
}

#[test]
fn a_changed_or_repeated_answer_ends_the_connection() {
    for keys in both_kinds() {
        let hub = Hub::tcp(&keys.hub);
        for repeated in [false, true] {
            let mut alice = intercepted(&hub, &keys.alice);
            let asked = alice.lab.all().timeout(SOON).echo("first");
            let call = telegrams(&mut alice.between.client, 1);
            alice.between.server.write_all(&call).unwrap();
            let mut answer = telegrams(&mut alice.between.server, 1);
            if repeated {
                alice.between.client.write_all(&answer).unwrap();
                assert_eq!(settled(asked).unwrap(), "first");
                let again = alice.lab.all().timeout(SOON).echo("second");
                alice.between.client.write_all(&answer).unwrap();
                assert!(matches!(settled(again), Err(Error::Disconnected { .. })));
            } else {
                answer[10] ^= 1;
                alice.between.client.write_all(&answer).unwrap();
                assert!(matches!(settled(asked), Err(Error::Disconnected { .. })));
            }
            let error = alice.errors.next();
            assert!(matches!(error, Error::Security(_)), "{error:?}");
        }
    }
}

#[test]
fn nothing_counts_on_another_connection_or_after_a_restart() {
    for keys in both_kinds() {
        let hub = Hub::tcp(&keys.hub);
        let mut alice = intercepted(&hub, &keys.alice);
        alice.lab.all().notify("once").unwrap();
        let call = telegrams(&mut alice.between.client, 1);
        let everything = [&alice.seen[..], &call].concat();
        for restart in [false, true] {
            if restart {
                hub.lab.stop().unwrap();
                hub.lab.start().unwrap();
            }
            for stolen in [&call, &everything, &alice.seen] {
                let mut wire = hub.telnet();
                wire.try_send(stolen);
                wire.expect_closed();
            }
        }
        assert!(hub.served.notes.so_far().is_empty());
    }
}

#[test]
fn a_false_server_gets_no_call() {
    for keys in both_kinds() {
        for said in [
            "",
            "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":1}\0",
            "AAAA\0",
            "its own\0",
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let lab = LabInverse::builder()
                .security(&*keys.alice)
                .transport(format!("tcp:{}", listener.local_addr().unwrap()))
                .build()
                .unwrap();
            let started = lab.start_nonblocking();
            let mut wire = Telnet::over(listener.accept().unwrap().0);
            let (header, hello) = (wire.until(0), wire.until(0));
            match said {
                "its own\0" => drop(wire.try_send([&header[..], b"\0", &hello, b"\0"].concat())),
                "" => wire.close_write(),
                said => drop(wire.try_send(said)),
            }
            wire.expect_closed();
            assert!(settled(started).is_err(), "{said}");
            assert!(settled(lab.all().echo("secret")).is_err());
        }
    }
}

#[test]
fn hundreds_of_handshakes_that_never_end() {
    for keys in both_kinds() {
        let transport = "tcpserv:127.0.0.1:0?greeting=300ms&connections=400";
        let hub = Hub::start(&keys.hub, transport);
        let alice = connect(&keys.alice, &hub.transport()).unwrap();
        for _ in 0..3 {
            let mut silent: Vec<Telnet> = (0..180).map(|_| hub.telnet()).collect();
            for (number, wire) in silent.iter_mut().enumerate() {
                // Always the one that begins, or always the other, or nothing at all.
                let session = ["0", "z", ""][number % 3];
                let params = json!({"user": "alice", "session": session});
                let header = json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": params});
                let hello = r#"{"jsonrpc":"2.0","method":"rpc.hello","params":{}}"#;
                if !session.is_empty() {
                    wire.try_send(format!("{header}\0{hello}\0"));
                }
            }
            assert_eq!(settled(alice.all().add(1, 2)).unwrap(), 3, "others go on");
            silent.iter_mut().for_each(Telnet::expect_closed);
        }
        assert_eq!(hub.lab.peers().len(), 1);
        assert_eq!(settled(alice.all().add(1, 2)).unwrap(), 3);
    }
}

#[test]
fn datagrams_are_accepted_once_and_unchanged() {
    let keys = shared();
    let (port, elsewhere) = (DatagramPort::new(), DatagramPort::new());
    // What alice says to the hub arrives at somebody else.
    let thief = elsewhere.raw(2);
    let alice = connect(&keys.alice, &elsewhere.wire(1)).unwrap();
    alice.to("127.0.0.2").notify("first").unwrap();
    let first = thief.receive();
    alice.to("127.0.0.2").notify("second").unwrap();
    let second = thief.receive();
    // The hub starts after that, so it cannot know whether it has seen them.
    let hub = Hub::start(&keys.hub, &port.wire(2));
    let wire = port.raw(1);
    let expired = |error: &Error| matches!(error, Error::Security(SecurityError::Expired(_)));
    wire.send(2, &first);
    let error = hub.errors.next();
    assert!(expired(&error), "{error:?}");
    alice.to("127.0.0.2").notify("third").unwrap();
    let third = thief.receive();
    for position in (0..third.len() * 8).step_by(3) {
        let mut changed = third.clone().into_bytes();
        changed[position / 8] ^= 1 << (position % 8);
        wire.send(2, &changed);
        // One after the other, lest the system drop some: of a header that is none, header and
        // message are refused, and what comes behind them says when that is done.
        wire.send(2, &first);
        hub.errors.next();
        while !expired(&hub.errors.next()) {}
    }
    wire.send(2, &third);
    assert_eq!(hub.served.notes.next().1, "third");
    hub.errors.so_far();
    wire.send(2, &third);
    let replayed = |error: &Error| matches!(error, Error::Security(SecurityError::Replayed(_)));
    while !replayed(&hub.errors.next()) {}
    // Its parts do not fit those of another.
    let (header, _) = third.split_once('\0').unwrap();
    let (_, payload) = second.split_once('\0').unwrap();
    wire.send(2, format!("{header}\0{payload}"));
    hub.errors.next();
    assert!(hub.served.notes.so_far().is_empty());
}

#[test]
fn no_text_shows_a_secret() {
    for keys in both_kinds() {
        let [hub, alice] = providers(&keys);
        let [one, _two] = greet(&[hub, alice], |_, _, _| ()).unwrap();
        let providers = providers(&keys);
        let pair = quickrpc::security::generate_key_pair().unwrap();
        let texts = format!("{providers:?} {:?} {pair:?}", one.session);
        let files = keys
            .files
            .iter()
            .map(|file| std::fs::read_to_string(file.path()).unwrap());
        let secrets = files.flat_map(|text| {
            let quoted = text.split('"').skip(1).step_by(2).map(str::to_owned);
            let long: Vec<_> = quoted.filter(|text| text.len() > 30).collect();
            long
        });
        let mut seen = 0;
        for secret in secrets.chain([pair.private.clone()]) {
            // A public key is none.
            if !keys.alice.contains("seal") || !texts.contains(&secret) {
                seen += 1;
                continue;
            }
            panic!("{texts}");
        }
        assert!(seen >= 3);
    }
}
