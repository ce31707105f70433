//! What a child writes to its standard error is in the log. A program of its own, since
//! the log is one for the whole process.

use std::fmt;

use crossbeam_channel::Sender;
use quickrpc::remote_api;
use quickrpc_tests::{bounded, inbox};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Passes on the entries of children.
struct Log(Sender<Entry>);

#[derive(Debug, Default, PartialEq)]
struct Entry {
    child: String,
    pid: u64,
    message: String,
}

impl Visit for Entry {
    fn record_u64(&mut self, field: &Field, value: u64) {
        assert_eq!(field.name(), "pid");
        self.pid = value;
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "child" => self.child = text,
            "message" => self.message = text,
            other => panic!("{other}"),
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "quickrpc::child"
    }

    fn event(&self, event: &Event<'_>) {
        assert_eq!(*event.metadata().level(), Level::INFO);
        let mut entry = Entry::default();
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
trait Talker {
    #[incoming]
    fn pid(&self, pid: u64);
}

#[test]
fn standard_error_is_logged_line_by_line() {
    let (log, entries) = inbox();
    tracing::subscriber::set_global_default(Log(log)).unwrap();
    let script = r#"echo "pid pid:$$"; printf "one\ntwo\r\n\nth" >&2; printf "ree\n" >&2; printf "a\377b\n" >&2; head -c 10000 /dev/zero | tr "\0" x >&2; echo >&2; printf end >&2; exit 3"#;
    let talker = Talker::bind("terse", format!("process:(sh -c '{script}')")).unwrap();
    let (seen, pids) = inbox();
    talker
        .pid
        .connect(move |_sender, pid| seen.send(pid).unwrap());
    talker.start().unwrap();
    let pid = pids.next();
    bounded("wait", move || talker.wait()).unwrap();
    let entries = entries.so_far();
    let (long, lines): (Vec<_>, Vec<_>) = entries
        .iter()
        .partition(|entry| entry.message.starts_with('x'));
    let lines: Vec<&str> = lines.iter().map(|entry| &*entry.message).collect();
    assert_eq!(lines, ["one", "two", "", "three", "a\u{fffd}b", "end"]);
    let lengths: Vec<usize> = long.iter().map(|entry| entry.message.len()).collect();
    assert_eq!(
        lengths,
        [8192, 10_000 - 8192],
        "a long line comes in pieces"
    );
    for entry in &entries {
        assert_eq!((&*entry.child, entry.pid), ("sh", pid));
    }
}
