//! What a server says when the system has no descriptor left. A program of its own, since the
//! log and the limit are those of the whole process.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use quickrpc_tests::{Lab, bounded, eventually, inbox, serve};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static ENTRIES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

/// Keeps what is said of accepting.
struct Log;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("quickrpc")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        if text.0.contains("accepting") {
            let entry = (*event.metadata().level(), text.0);
            ENTRIES.lock().unwrap().push(entry);
        }
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn entries(level: Level) -> Vec<String> {
    let entries = ENTRIES.lock().unwrap();
    let entries = entries.iter().filter(|entry| entry.0 == level);
    entries.map(|(_, text)| text.clone()).collect()
}

/// How often this was told, in whichever way.
fn told(what: &str) -> usize {
    let entries = ENTRIES.lock().unwrap();
    let entries = entries.iter().filter(|entry| entry.1.contains(what));
    entries.count()
}

/// Allows so many descriptors; gives what was allowed before.
fn allow(count: Option<u64>) -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: count,
        maximum: before.maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    before.current
}

/// Each connection that came while there was no descriptor gave a warning and a timer of its
/// own, and each of the timers another warning, and another timer. And outages that follow each
/// other, as somebody can cause them who comes and goes, are counted.
#[test]
fn an_outage_of_descriptors_is_warned_about_once() {
    const COUNT: usize = 40;
    bounded("two outages", || {
        tracing::subscriber::set_global_default(Log).unwrap();
        let lab = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
        let _served = serve(&lab);
        let (came, connected) = inbox();
        lab.on_connect(move |_peer| {
            let _ = came.send(());
        });
        lab.start().unwrap();
        let address = lab.local_addrs()[0].into();
        // Those of the first outage stay, since their end would end the second one.
        let mut connections = Vec::new();
        for outage in 1..=2 {
            let sockets: Vec<_> = (0..COUNT)
                .map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap())
                .collect();
            // The lowest number that is free is the first that is not to be had.
            let free = File::open("/dev/null").unwrap().as_raw_fd();
            let before = allow(Some(free as u64));
            for socket in &sockets {
                socket.connect(&address).unwrap();
                // So that it is an event by itself, as with clients that come one by one; where
                // it is not, there is less to be warned about.
                thread::sleep(Duration::from_millis(5));
            }
            eventually("the warning", || told("pauses") >= outage);
            allow(before);
            connected.take(COUNT);
            eventually("the end of the outage", || told("goes on") == outage);
            assert_eq!(told("pauses"), outage);
            assert_eq!(entries(Level::WARN).len(), 1);
            assert_eq!(entries(Level::INFO).len(), 1);
            connections.extend(sockets);
        }
        for text in entries(Level::INFO) {
            assert!(text.contains("seen="), "{text}");
        }
        lab.stop().unwrap();
        let counts = [Level::WARN, Level::INFO].map(|level| entries(level)[1..].concat());
        assert!(
            counts.iter().all(|text| text.contains("1 more within 60s")),
            "{counts:?}"
        );
    });
}
