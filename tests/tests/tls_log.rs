//! What a server's log says of those who could not come in, and what no log says. A program of
//! its own, since the log is one for the whole process.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::Write as _;

use crossbeam_channel::Sender;
use quickrpc_tests::{
    Authority, Identity, Inbox, Lab, LabInverse, Telnet, TlsStream, inbox, serve,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Passes on all entries.
struct Log(Sender<(Level, String)>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let _ = self.0.send((*event.metadata().level(), text.0));
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// The next entry with this in it, of this level or a more serious one. (What somebody does
/// again is at level debug; whoever reads the log for a reason of his own turns that on.)
#[track_caller]
fn says(entries: &Inbox<(Level, String)>, all: &mut String, level: Level, part: &str) {
    loop {
        let (found, text) = entries.next();
        let _ = writeln!(all, "{text}");
        if text.contains(part) {
            assert!(found <= level, "{found}: {text}");
            return;
        }
    }
}

#[test]
fn the_log_says_why_and_nothing_of_keys() {
    let (log, entries) = inbox();
    tracing::subscriber::set_global_default(Log(log)).unwrap();
    let mut all = String::new();
    let authority = Authority::new("lab");
    let other = Authority::new("other lab");
    let (identity, ca) = (authority.server(), authority.file());
    let options = identity.options();
    let transport = format!("tlsserv:127.0.0.1:0?{options}&client_ca={}", ca.display());
    let api = Lab::bind("terse", transport).unwrap();
    let _served = serve(&api);
    api.start().unwrap();
    let addr = api.local_addrs()[0];

    let mut person = Telnet::connect(addr);
    let name = person.name();
    person.send("hello\r\n");
    says(&entries, &mut all, Level::INFO, "does not speak TLS");
    assert!(all.lines().last().unwrap().contains(&name), "{all}");
    person.expect_closed();
    let hello = |authority: &Authority, own: Option<&Identity>| {
        let mut stream = TlsStream::client(addr, &authority.file(), own);
        let _ = stream.handshake();
        let _ = stream.write_all(b"notify\n");
        let _ = std::io::Read::read(&mut stream, &mut [0]);
    };
    hello(&authority, None);
    says(&entries, &mut all, Level::DEBUG, "?cert=");
    hello(&authority, Some(&other.client("mallory")));
    says(&entries, &mut all, Level::DEBUG, "authority");
    let late = authority.issue("late", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    hello(&authority, Some(&late));
    says(&entries, &mut all, Level::DEBUG, "expired");
    // One that does not believe us.
    hello(&other, None);
    says(&entries, &mut all, Level::DEBUG, "authority");

    // Files that are wrong are an error, once, however many connect meanwhile.
    let alice = authority.client("alice");
    let good = || {
        let transport = format!("tls:{addr}?ca={}&{}", ca.display(), alice.options());
        let client = LabInverse::bind("terse", transport).unwrap();
        client.start().unwrap();
        assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
        format!("{client:?}")
    };
    let key = fs::read_to_string(&identity.key).unwrap();
    fs::write(&identity.key, &key[..key.len() / 2]).unwrap();
    for _ in 0..3 {
        all.push_str(&good());
    }
    says(&entries, &mut all, Level::ERROR, "old certificates");
    let half = all.lines().last().unwrap().to_owned();
    assert!(half.contains("server.key"), "{half}");
    authority.issue_into(&identity, "server", |params| {
        params.subject_alt_names = quickrpc_tests::names(&[], &["127.0.0.1"]);
    });
    good();
    says(&entries, &mut all, Level::INFO, "read again");
    api.stop().unwrap();
    for (level, text) in entries.so_far() {
        assert!(level > Level::ERROR, "{text}");
        let _ = writeln!(all, "{text}");
    }
    assert_eq!(all.matches("old certificates").count(), 1, "{all}");
    let _ = write!(all, "{api:?}");

    // Not even a part of one.
    let current = fs::read_to_string(&identity.key).unwrap();
    let own = fs::read_to_string(&alice.key).unwrap();
    let lines = [&key, &current, &own].map(|text| text.lines().map(str::to_owned));
    for line in lines
        .into_iter()
        .flatten()
        .filter(|line| !line.starts_with("---"))
    {
        assert!(line.len() > 20 && !all.contains(&line[..20]), "{all}");
    }
}
