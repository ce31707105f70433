//! A server that anybody can call is warned about. A program of its own, since the log is
//! one for the whole process.

use std::fmt;
use std::time::Duration;

use crossbeam_channel::Sender;
use quickrpc::announcer;
use quickrpc_tests::{KeyFile, Lab, inbox};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Passes on the wires that are warned about.
struct Log(Sender<String>);

struct Wire(String);

impl Visit for Wire {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "wire" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "quickrpc::open"
    }

    fn event(&self, event: &Event<'_>) {
        assert_eq!(*event.metadata().level(), Level::WARN);
        let mut wire = Wire(String::new());
        event.record(&mut wire);
        let _ = self.0.send(wire.0);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[test]
fn a_server_that_anybody_can_call_is_warned_about_once() {
    let (log, warned) = inbox();
    tracing::subscriber::set_global_default(Log(log)).unwrap();
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
    assert_eq!(
        warned.so_far(),
        ["tcpserv::0", "tcpserv:0.0.0.0:0", "udp:0", "wsserv::0"]
    );
}
