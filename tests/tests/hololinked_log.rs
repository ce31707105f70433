//! What a Thing logs during a call is in the log of its caller. A program of its own, since the log is one
//! for the whole process.

use std::fmt;

use crossbeam_channel::Sender;
use quickrpc::{CallError, Processing, Result, remote_api};
use quickrpc_tests::{Inbox, Peer, Python, bounded, inbox};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Passes on what comes from other programs.
struct Log(Sender<Entry>);

#[derive(Debug, Default)]
struct Entry {
    level: String,
    thing: String,
    at: String,
    message: String,
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        assert_eq!(field.name(), "thing");
        self.thing = value.to_owned();
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "at" => self.at = text,
            "message" => self.message = text,
            "thing" => self.thing = text,
            other => panic!("{other}"),
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "quickrpc::remote"
    }

    fn event(&self, event: &Event<'_>) {
        let mut entry = Entry {
            level: event.metadata().level().to_string(),
            ..Entry::default()
        };
        event.record(&mut entry);
        let _ = self.0.send(entry);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[remote_api]
trait Thing {
    #[incoming]
    fn chatty(&self) -> String;
    #[incoming]
    fn fail(&self, message: String) -> ();
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn client(codec: &str, transport: &str) -> ThingInverse {
    let client = ThingInverse::bind(codec, transport).unwrap();
    client.start().unwrap();
    client
}

/// Calls, and gives how it went.
fn settled<T: Send + 'static>(promise: quickrpc::Promise<T>) -> Result<T> {
    bounded("the promise", move || promise.result())
}

/// What the Thing logs during each call, and nothing without being asked.
fn logs(thing: &str, transport: &str, log: &Inbox<Entry>) {
    let quiet = client(&format!("hololinked:interop-server/{thing}"), transport);
    assert_eq!(settled(quiet.all().chatty()).unwrap(), "ok");
    let curious = client(
        &format!("hololinked:interop-server/{thing}?logs=on"),
        transport,
    );
    assert_eq!(settled(curious.all().add(2, 3)).unwrap(), 5);
    assert_eq!(settled(curious.all().chatty()).unwrap(), "ok");
    // In the order in which they were logged, behind what the package says of the call itself.
    let mut entries = Vec::new();
    while !entries
        .iter()
        .any(|one: &Entry| one.message.contains("second line"))
    {
        entries.push(log.next());
    }
    let of = |part: &str| {
        let mut found = entries.iter().filter(|one| one.message.contains(part));
        let one = found
            .next()
            .unwrap_or_else(|| panic!("{part}: {entries:?}"));
        assert!(found.next().is_none(), "{part} once: {entries:?}");
        assert_eq!(one.thing, thing);
        assert!(one.at.starts_with("20"), "{one:?}");
        one
    };
    assert_eq!(of("first line").level, Level::INFO.to_string());
    assert_eq!(of("second line").level, Level::WARN.to_string());
    let place = |part| entries.iter().position(|one| one.message.contains(part));
    assert!(place("first line") < place("second line"));
    // One that fails tells as well, and fails as ever.
    let error = settled(curious.all().fail("told you".into())).unwrap_err();
    assert!(error.to_string().contains("told you"), "{error}");
    while !log.next().message.contains("told you") {}
}

#[test]
fn what_things_log_is_in_our_log() {
    let (sender, log) = inbox();
    tracing::subscriber::set_global_default(Log(sender)).unwrap();
    // What 0.3.12 does with such a call is to fail, for want of a handler of its own log.
    if let Some(python) = Python::with_hololinked(env!("CARGO_TARGET_TMPDIR"), "0.4") {
        let mut command = python.script("hololinked_peer.py");
        command.args(["thing", "--seconds", "110", "--no-ipc"]);
        let peer = Peer::start(&mut command);
        let address = peer.expect("ready")["tcp_server"].clone();
        let address = address.as_str().unwrap().strip_prefix("tcp://").unwrap();
        logs("interop-thing", &format!("zmq:{address}"), &log);
    }

    // Ours.
    let thing = Thing::builder()
        .bind("hololinked:interop-server/ours", "zmqserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .build()
        .unwrap();
    thing.add.connect(|_client, a, b| a + b);
    thing.chatty.connect(|_client| {
        tracing::info!(target: "lab", "first line");
        tracing::warn!(target: "lab", "second line");
        "ok".to_owned()
    });
    thing
        .fail
        .connect(|_client, message: String| -> Result<()> {
            tracing::error!(target: "lab", "told you");
            Err(CallError::new(CallError::HANDLER_ERROR, message).into())
        });
    thing.start().unwrap();
    logs("ours", &format!("zmq:{}", thing.local_addrs()[0]), &log);
}
