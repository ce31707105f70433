//! A log that cannot be written ends nothing. A program of its own, since the log is one for
//! the whole process.

use quickrpc_tests::Telnet;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Panics at every entry, like one that prints to a closed pipe.
struct Broken;

impl Subscriber for Broken {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("quickrpc")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic!("a closed pipe");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_log_that_panics_ends_nothing() {
    tracing::subscriber::set_global_default(Broken).unwrap();
    let (lab, addr, _served) = quickrpc_tests::server("jrpc:\\n");
    let mut person = Telnet::connect(addr);
    person.send("nonsense\n");
    person.send("{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}\n");
    assert!(person.line().contains("\"result\":3"));
    drop(person);
    let mut another = Telnet::connect(addr);
    another
        .send("{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}\n");
    assert!(another.line().contains("\"result\":3"));
    lab.stop().unwrap();
}
