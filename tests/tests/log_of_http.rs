//! Whoever logs may call: what a crate of others says in the program's log while a call is given up is said where
//! nothing is locked. A program of its own, since the log is one for the whole process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use quickrpc::{Error, Promise};
use quickrpc_tests::{Lab, LabInverse, bounded, inbox};

/// Calls when a connection is closed, once for each way that a call is given up, and panics after that.
struct Calls;

static CLIENT: OnceLock<LabInverse> = OnceLock::new();
static CLOSED: AtomicUsize = AtomicUsize::new(0);
static WAYS: usize = 2;

impl Log for Calls {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let closes = record.target().starts_with("ureq")
            && record.args().to_string().starts_with("Shutdown");
        let Some(client) = CLIENT.get().filter(|_| closes) else {
            return;
        };
        assert!(CLOSED.fetch_add(1, Ordering::Relaxed) < WAYS, "enough");
        client.all().notify("somebody was given up").unwrap();
        assert_eq!(client.all().add(2, 3).result().unwrap(), 5);
    }

    fn flush(&self) {}
}

#[test]
fn a_log_that_calls_does_not_stop_what_it_tells_of() {
    log::set_logger(&Calls).unwrap();
    log::set_max_level(LevelFilter::Trace);

    let lab = Lab::bind("jrpc", "wsserv:127.0.0.1:0").unwrap();
    let (noted, notes) = inbox();
    lab.notify.connect(move |_sender, text| {
        let _ = noted.send(text.to_owned());
    });
    lab.add.connect(|_sender, a, b| a + b);
    let (asked, questions) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::<String>::pair();
        let _ = asked.send(resolver);
        promise
    });
    lab.start().unwrap();
    let transport = format!("http:{}", lab.local_addrs()[0]);
    let client = LabInverse::bind("jrpc", transport.as_str()).unwrap();
    client.start().unwrap();
    let client = CLIENT.get_or_init(|| client);

    // By its caller.
    let call = client.all().echo("given up");
    let _question = questions.next();
    bounded("the caller", move || call.cancel());
    assert_eq!(notes.next(), "somebody was given up");
    // By its deadline, once while somebody waits, and once by a log that panics.
    for told in [true, false] {
        let call = client
            .all()
            .timeout(Duration::from_millis(300))
            .echo("late");
        let _question = questions.next();
        let late = bounded("the deadline", move || call.result());
        assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
        if told {
            assert_eq!(notes.next(), "somebody was given up");
        }
    }
    let sum = bounded("a call", || client.all().add(40, 2).result());
    assert_eq!(sum.unwrap(), 42);
    bounded("the stop", || client.stop().unwrap());
    lab.stop().unwrap();
}
