//! Spans of calls, as whoever subscribes to `tracing` sees them. A program of its own, since the
//! subscriber is one for the whole process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use quickrpc::{CallError, Promise, remote_api};
use quickrpc_tests::{bounded, eventually, inbox, own_bus};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[remote_api]
trait Lab {
    #[incoming]
    fn measure(&self, channel: u8) -> f64;
    #[incoming]
    fn later(&self, channel: u8) -> u8;
    #[incoming]
    fn note(&self, text: &str);
}

/// What is known of a span.
#[derive(Debug, Clone, Default)]
struct Seen {
    fields: BTreeMap<String, String>,
    entered: u32,
    closed: bool,
    events: u32,
}

static SPANS: Mutex<BTreeMap<u64, Seen>> = Mutex::new(BTreeMap::new());

thread_local! {
    static WITHIN: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}").trim_matches('"').to_owned();
        self.fields.insert(field.name().to_owned(), text);
    }
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "quickrpc::call" || metadata.target() == "spans"
    }

    fn event(&self, _event: &Event<'_>) {
        let within = WITHIN.with_borrow(|within| within.last().copied());
        if let Some(span) = within {
            SPANS.lock().unwrap().entry(span).or_default().events += 1;
        }
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        assert_eq!(*span.metadata().level(), Level::INFO);
        let mut seen = Seen::default();
        span.record(&mut seen);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        SPANS.lock().unwrap().insert(id, seen);
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = SPANS.lock().unwrap();
        values.record(spans.entry(span.into_u64()).or_default());
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, span: &Id) {
        WITHIN.with_borrow_mut(|within| within.push(span.into_u64()));
        SPANS
            .lock()
            .unwrap()
            .entry(span.into_u64())
            .or_default()
            .entered += 1;
    }

    fn exit(&self, span: &Id) {
        let left = WITHIN.with_borrow_mut(Vec::pop);
        assert_eq!(left, Some(span.into_u64()));
    }

    fn clone_span(&self, span: &Id) -> Id {
        let mut spans = SPANS.lock().unwrap();
        let seen = spans.entry(span.into_u64()).or_default();
        *seen.fields.entry("clones".into()).or_default() += "+";
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        let mut spans = SPANS.lock().unwrap();
        let seen = spans.entry(span.into_u64()).or_default();
        let clones = seen.fields.entry("clones".into()).or_default();
        seen.closed = clones.pop().is_none();
        seen.closed
    }
}

fn listen() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| tracing::subscriber::set_global_default(Listener).unwrap());
}

/// The spans of a method, of callers and of the called.
fn spans(method: &str) -> (Vec<Seen>, Vec<Seen>) {
    let spans = SPANS.lock().unwrap();
    let of = |kind: &str| {
        let is = |seen: &&Seen| {
            seen.fields.get("rpc.method").map(String::as_str) == Some(method)
                && seen.fields.get("otel.kind").map(String::as_str) == Some(kind)
        };
        spans.values().filter(is).cloned().collect()
    };
    (of("client"), of("server"))
}

#[test]
fn a_call_is_a_span_on_both_sides() {
    listen();
    bounded("spans", || {
        let bus = own_bus();
        let lab = Lab::bind("jrpc", format!("internal:{bus}:lab")).unwrap();
        let client = LabInverse::bind("jrpc?trace=on", format!("internal:{bus}:client")).unwrap();
        let (told, heard) = inbox();
        lab.measure.connect(move |sender, channel| {
            tracing::info!(target: "spans", "measuring");
            told.send(sender.traceparent()).unwrap();
            match channel {
                9 => Err(CallError::new(404, "no such channel")),
                channel => Ok(f64::from(channel)),
            }
        });
        lab.start().unwrap();
        client.start().unwrap();
        client.ready(Duration::from_secs(20)).unwrap();
        client.all().measure(7).result().unwrap();
        let (callers, called) = spans("measure");
        let ([caller], [called]) = (&*callers, &*called) else {
            panic!("{callers:?} {called:?}");
        };
        for (seen, name) in [(caller, "lab"), (called, "client")] {
            let text = |field: &str| seen.fields[field].clone();
            let service = text("rpc.service");
            assert!(service == "Lab" || service == "LabInverse", "{service}");
            assert_eq!(text("otel.name"), format!("{service}/measure"));
            assert_eq!(text("rpc.system"), "jsonrpc");
            assert_eq!(text("network.peer.address"), name);
            assert!(!seen.fields.contains_key("otel.status_code"));
        }
        assert_eq!(
            (called.entered, called.events),
            (1, 1),
            "the handler runs within it"
        );
        let place = heard.next().unwrap();
        assert_eq!(called.fields["traceparent"], place);
        assert_eq!(caller.fields["traceparent"], place);
        eventually("the spans have ended", || {
            let (callers, called) = spans("measure");
            callers.iter().chain(&called).all(|seen| seen.closed)
        });

        client.all().measure(9).result().unwrap_err();
        eventually("these have ended", || {
            let (callers, called) = spans("measure");
            let mut all = callers.iter().chain(&called);
            callers.len() + called.len() == 4 && all.all(|seen| seen.closed)
        });
        let (callers, called) = spans("measure");
        for seen in [&callers[1], &called[1]] {
            assert_eq!(seen.fields["otel.status_code"], "ERROR");
            assert_eq!(seen.fields["rpc.jsonrpc.error_code"], "404");
        }
    });
}

#[test]
fn it_lasts_until_the_answer() {
    listen();
    bounded("a late answer", || {
        let (lab, client) = Lab::pair();
        let (told, heard) = inbox();
        lab.later.connect(move |_, _| {
            let (promise, resolver) = Promise::pair();
            told.send(resolver).unwrap();
            promise
        });
        let promise = client.all().later(1);
        let resolver = heard.next();
        let (callers, called) = spans("later");
        assert!(callers.iter().chain(&called).all(|seen| !seen.closed));
        resolver.set_result(1).unwrap();
        promise.result().unwrap();
        eventually("the spans have ended", || {
            let (callers, called) = spans("later");
            callers.iter().chain(&called).all(|seen| seen.closed)
        });
        let soon = client.all().timeout(Duration::from_millis(1));
        soon.later(1).result().unwrap_err();
        // Who waits may see that it is late before the poll thread says so to others.
        eventually("its error is known", || {
            let (callers, _) = spans("later");
            callers[1].fields.get("error.type").map(String::as_str) == Some("Timeout")
        });
        drop(heard);
    });
}
