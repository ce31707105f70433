//! What the log says, and what it must not. A program of its own, since the log is one for
//! the whole process.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use quickrpc::{CallError, TransportState, announcer};
use quickrpc_tests::{
    DatagramPort, KeyFile, Lab, LabInverse, OwnPort, SOON, Telnet, inbox, secret, serve,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An entry: its target, its level, and all of its fields.
#[derive(Debug, Clone)]
struct Entry {
    target: String,
    level: Level,
    wire: String,
    text: String,
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Keeps all entries of the library.
struct Log;

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.text, "{}={value:?} ", field.name()).unwrap();
        if field.name() == "wire" {
            self.wire = format!("{value:?}");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("quickrpc")
    }

    fn event(&self, event: &Event<'_>) {
        let mut entry = Entry {
            target: event.metadata().target().to_owned(),
            level: *event.metadata().level(),
            wire: String::new(),
            text: String::new(),
        };
        event.record(&mut entry);
        ENTRIES.lock().unwrap().push(entry);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn listen() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| tracing::subscriber::set_global_default(Log).unwrap());
}

fn entries() -> Vec<Entry> {
    ENTRIES.lock().unwrap().clone()
}

#[test]
fn a_server_that_anybody_can_call_is_warned_about_once() {
    listen();
    let run = |security: &str, transport: &str| {
        let lab = Lab::builder()
            .security(security)
            .transport(transport)
            .build()
            .unwrap();
        for _ in 0..2 {
            lab.start().unwrap();
            lab.stop().unwrap();
        }
    };
    let keys = KeyFile::of(&["alice"]);
    run("null", "tcpserv:127.0.0.1:0");
    run("null", "tcpserv:[::1]:0");
    run("null", "udp:0?bind=127.0.0.1");
    run("null", "internal:open:");
    run(&keys.hmac("hub"), "tcpserv::0");
    run("null", "tcpserv::0");
    run(
        "null",
        "mux:(tcpserv:0.0.0.0:0)(udp:0)(tcpserv:localhost:0)(wsserv::0)",
    );
    announcer::seek("", Duration::from_millis(1)).unwrap();
    let entries = entries();
    // Of this test: another one, beside it, has datagrams with echoes.
    let warnings = entries
        .iter()
        .filter(|entry| entry.target == "quickrpc::open" && !entry.wire.contains("echo=on"));
    let wires: Vec<_> = warnings
        .map(|entry| {
            assert_eq!(entry.level, Level::WARN);
            assert!(
                entry
                    .text
                    .contains("anybody who reaches this address can call")
            );
            entry.wire.as_str()
        })
        .collect();
    assert_eq!(
        wires,
        ["tcpserv::0", "tcpserv:0.0.0.0:0", "udp:0", "wsserv::0"]
    );
}

#[test]
fn no_entry_shows_a_secret() {
    listen();
    let (hubs, alices) = KeyFile::pairs("hub", "alice");
    let (shared, wrong) = (
        KeyFile::of(&["alice"]),
        KeyFile::with(&KeyFile::table("alice", "bob", "")),
    );
    for (hub, alice, stranger) in [
        (
            shared.hmac("hub"),
            shared.hmac("alice"),
            wrong.hmac("alice"),
        ),
        (
            shared.seal("hub"),
            shared.seal("alice"),
            wrong.seal("alice"),
        ),
        (hubs.seal("hub"), alices.seal("alice"), wrong.seal("alice")),
    ] {
        let lab = Lab::builder()
            .security(hub)
            .transport("tcpserv:127.0.0.1:0")
            .build()
            .unwrap();
        let _served = serve(&lab);
        lab.start().unwrap();
        let address = lab.local_addrs()[0];
        let connect = |security: &str| {
            let lab = LabInverse::builder()
                .security(security)
                .transport(format!("tcp:{address}"))
                .build()
                .unwrap();
            lab.start().map(|()| lab)
        };
        assert!(connect(&stranger).is_err());
        let right = connect(&alice).unwrap();
        assert_eq!(right.all().add(1, 2).result().unwrap(), 3);
        let mut wire = Telnet::connect(address);
        wire.send("nonsense\0");
        wire.expect_closed();
    }
    // A file that is broken while it is in use, and those that never were right.
    let broken = shared.hmac("hub");
    shared.write(&format!(
        "[users.alice]\nkeys = [\"{}\"",
        KeyFile::written("alice")
    ));
    let error = Lab::builder().security(broken).build().unwrap_err();
    let mut texts: Vec<_> = entries().into_iter().map(|entry| entry.text).collect();
    texts.push(error.to_string());
    assert!(texts.iter().any(|text| text.contains("not signed")));
    let files = [&hubs, &alices].map(|file| std::fs::read_to_string(file.path()).unwrap());
    let private = files
        .iter()
        .map(|text| text.split('"').nth(1).unwrap().to_owned());
    let secrets = ["alice", "bob"].into_iter().flat_map(|name| {
        let bytes = secret(name);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{:?}", &bytes[..8]);
        [
            KeyFile::written(name),
            hex,
            list.trim_matches(['[', ']']).to_owned(),
            String::from("the secret of"),
        ]
    });
    for secret in secrets.chain(private) {
        for text in &texts {
            assert!(!text.contains(&secret), "{text}");
        }
    }
}

/// A server that is away for long is told of once, and so is that it is back.
#[test]
fn an_outage_is_one_warning() {
    listen();
    let port = OwnPort::new();
    let transport = format!("tcp:{}", port.addr());
    let client = LabInverse::bind("jrpc", format!("restart:0.001:{transport}")).unwrap();
    let (tell, told) = inbox();
    client.on_status(move |status| tell.send(status.state.clone()).unwrap());
    client.start().unwrap();
    let failures = || {
        let is_down = |state: &TransportState| matches!(state, TransportState::Down { .. });
        let seen = std::iter::repeat_with(|| told.next()).filter(is_down);
        seen.take(30).count()
    };
    let logged = || -> Vec<(Level, bool)> {
        let entries = entries().into_iter();
        let ours = entries.filter(|entry| entry.wire == transport && entry.level <= Level::INFO);
        ours.map(|entry| (entry.level, entry.text.contains("failures")))
            .collect()
    };
    assert_eq!(failures(), 30);
    assert_eq!(logged(), [(Level::WARN, false)]);
    let lab = Lab::bind("jrpc", format!("tcpserv:{}", port.addr())).unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    client.ready(SOON).unwrap();
    assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
    // The poll thread may not have come so far.
    quickrpc_tests::eventually("its end", || logged().len() > 1);
    assert_eq!(logged(), [(Level::WARN, false), (Level::INFO, true)]);
    // That it is away again within the minute is counted.
    lab.stop().unwrap();
    assert_eq!(failures(), 30);
    let last = logged().split_off(2);
    assert_eq!(last, [(Level::INFO, false)], "it has ended, and no more");
}

/// Of the URL of a client, nothing but where it leads to.
#[test]
fn urls_are_logged_without_their_secrets() {
    listen();
    let lab = Lab::builder()
        .transport("wsserv:127.0.0.1:0/rpc")
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let connect = |path: &str| {
        let url = format!("ws://jo:url-secret@{addr}{path}?token=url-secret");
        let client = LabInverse::bind("jrpc", url).unwrap();
        let started = client.start();
        (client, started)
    };
    let (client, started) = connect("/rpc");
    started.unwrap();
    assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
    client.stop().unwrap();
    let (_client, refused) = connect("/elsewhere");
    assert!(refused.is_err());
    let logged: Vec<_> = entries().into_iter().map(|entry| entry.text).collect();
    let name = format!("ws:***@{addr}/rpc?***");
    assert!(
        logged.iter().any(|text| text.contains(&name)),
        "{logged:#?}"
    );
    // In base64, "jo:url-secret".
    for secret in ["url-secret", "am86dXJsLXNlY3JldA"] {
        for text in &logged {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// The entries with this text, once there are as many.
fn told(text: &str, count: usize) -> Vec<Entry> {
    let with = || -> Vec<Entry> {
        let entries = entries().into_iter();
        let told = entries.filter(|entry| entry.level <= Level::WARN);
        told.filter(|entry| entry.text.contains(text)).collect()
    };
    quickrpc_tests::eventually(text, || with().len() >= count);
    with()
}

#[test]
fn who_sends_lines_where_nobody_expects_them_is_told_about_once() {
    listen();
    let (lab, addr, _served) = quickrpc_tests::server("jrpc");
    let call =
        |id| format!(r#"{{"jsonrpc":"2.0","method":"add","params":{{"a":1,"b":2}},"id":{id}}}"#);
    let mut person = Telnet::connect(addr);
    // What only looks like one is in pieces.
    person.send("{\"jsonrpc\":\"2.0\",\n");
    person.send("\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}\0");
    assert_eq!(person.json()["id"], 1);
    person.send(format!("{}\r\n", call(2)));
    let entry = told("the end of a line behind it", 1).remove(0);
    assert_eq!(entry.level, Level::WARN);
    assert!(entry.text.contains(r"bind `jrpc:\n`"), "{}", entry.text);
    // It is still a message when its end comes.
    person.send(format!("\0{}\n\0", call(3)));
    assert_eq!(person.json()["id"], 2);
    assert_eq!(person.json()["id"], 3);
    let told = told("the end of a line behind it", 1);
    assert_eq!(told.len(), 1, "{told:?}");
    lab.stop().unwrap();
}

#[test]
fn what_cannot_be_read_is_shown_from_its_beginning() {
    listen();
    let (lab, addr, _served) = quickrpc_tests::server(r"jrpc:\n");
    let mut person = Telnet::connect(addr);
    let long = format!("nonsense \u{7} {}", "ä".repeat(300));
    person.send(format!("{long}\n"));
    let shown = format!("in `nonsense \u{fffd} {}…`", "ä".repeat(49));
    let entry = told("undecodable message", 1).remove(0);
    assert!(entry.text.contains(&shown), "{}", entry.text);
    lab.stop().unwrap();
}

/// A second mistake is not hidden behind the first one, nor what handlers do behind what peers do.
#[test]
fn other_mistakes_are_told_too() {
    listen();
    let lab = Lab::bind("terse?answers=off", "tcpserv:127.0.0.1:0").unwrap();
    lab.notify
        .connect(|_sender, text| -> Result<(), CallError> { Err(CallError::new(7, text)) });
    lab.echo
        .connect(|_sender, text| -> String { panic!("cannot repeat {text}") });
    lab.start().unwrap();
    let mut person = Telnet::connect(lab.local_addrs()[0]);
    // Whoever varies what he is wrong about does not fill the log.
    for number in 0..100 {
        person.send(format!("nosuch{number}\n"));
    }
    for text in [
        "the valve is stuck",
        "the pump is hot",
        "the valve is stuck",
    ] {
        person.send(format!("notify text:\"{text}\"\n"));
    }
    for id in 0..2 {
        for text in ["valves", "pumps"] {
            person.send(format!("echo[{id}] text:\"{text}\"\n"));
            assert!(person.line().starts_with(&format!("[{id}]!")));
        }
    }
    for text in [
        "the valve is stuck",
        "the pump is hot",
        "cannot repeat valves",
        "cannot repeat pumps",
    ] {
        let told = told(text, 1);
        assert_eq!(told.len(), 1, "{told:?}");
    }
    let told = told("unknown method `nosuch", 1);
    assert!((2..=8).contains(&told.len()), "{told:?}");
    lab.stop().unwrap();
}

/// Of two at one address, one hears nothing that is sent to it; on a port alone, all hear broadcasts.
#[cfg(target_os = "linux")]
#[test]
fn two_at_one_address_of_datagrams_are_warned_about() {
    listen();
    let port = DatagramPort::new();
    let everywhere = format!("udp:{}?echo=on", port.number());
    let start = |transport: &str| {
        let lab = Lab::bind("terse", transport).unwrap();
        lab.start().unwrap();
        lab
    };
    let others = [
        start(&port.wire(2)),
        start(&everywhere),
        start(&everywhere),
        start(&port.wire(1)),
    ];
    let address = format!(
        "another socket is bound to 127.0.0.1:{}, too",
        port.number()
    );
    let warned = || {
        entries()
            .iter()
            .filter(|one| one.text.contains(&address))
            .count()
    };
    assert_eq!(warned(), 0);
    let second = start(&port.wire(1));
    assert_eq!(warned(), 1);
    let entry = told(&address, 1).remove(0);
    assert_eq!((entry.level, entry.wire), (Level::WARN, port.wire(1)));
    for lab in others.iter().chain([&second]) {
        lab.stop().unwrap();
    }
    let ours = |one: &Entry| one.text.contains(&format!(":{}, too", port.number()));
    assert_eq!(entries().iter().filter(|one| ours(one)).count(), 1);
}
