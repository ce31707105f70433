//! Things over ZeroMQ: our own on both sides, and requests by hand.

mod by_hand;
mod several;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use quickrpc::{Bytes, CallError, Error, Limits, Processing, Result, Value, dynamic, remote_api};
use quickrpc_tests::{OwnHost, SOON, eventually, inbox};

use crate::settled;

/// A thing of a laboratory.
#[remote_api]
trait Scope {
    /// Adds.
    #[incoming]
    fn add(&self, a: i64, #[default(1)] b: i64) -> i64;
    #[incoming]
    fn join(&self, data: Bytes, #[default] name: String) -> (String, Bytes);
    #[incoming]
    fn keep(&self, #[whole] value: Value) -> Value;
    #[incoming]
    fn fail(&self) -> ();
    #[incoming]
    fn wait(&self) -> i64;
    #[incoming]
    fn note(&self, text: &str);
    #[incoming]
    fn log(&self) -> i64;
    #[incoming(property, writable)]
    fn channel(&self) -> u8;
    #[incoming(property)]
    fn peak(&self) -> f64;
    #[outgoing]
    fn tick(&self, n: i64, text: &str);
    #[outgoing(positional)]
    fn single(&self, n: i64);
    #[outgoing]
    fn waveform(&self, samples: Bytes);
    #[outgoing]
    fn everything(&self, #[whole] value: Value);
}

const CODEC: &str = "hololinked:srv/thg";

struct Served {
    scope: Scope,
    addr: SocketAddr,
    notes: quickrpc_tests::Inbox<String>,
    /// Lets one `wait` end.
    go: mpsc::Sender<()>,
    trouble: quickrpc_tests::Inbox<String>,
}

fn serve(codec: &str) -> Served {
    serve_at(codec, "zmqserv:127.0.0.1:0")
}

fn serve_at(codec: &str, transport: &str) -> Served {
    serve_within(codec, transport, Limits::default())
}

fn serve_within(codec: &str, transport: &str, limits: Limits) -> Served {
    let scope = Scope::builder()
        .bind(codec, transport)
        .limits(limits)
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let ((note, notes), (tell, trouble)) = (inbox(), inbox());
    let (go, gone) = mpsc::channel();
    let gone = std::sync::Mutex::new(gone);
    scope.add.connect(|_client, a, b| a + b);
    scope.join.connect(|_client, data: Bytes, name: String| {
        let reversed: Vec<u8> = data.iter().rev().copied().collect();
        (name, Bytes::from(reversed))
    });
    scope.keep.connect(|_client, value| value);
    scope.fail.connect(|_client| -> Result<()> {
        let data: Value = [("type", Value::from("KeyError")), ("n", 7.into())]
            .into_iter()
            .collect();
        Err(CallError::new(77, "no such thing").with_data(data).into())
    });
    scope.wait.connect(move |_client| {
        gone.lock().unwrap().recv_timeout(SOON).unwrap();
        1
    });
    scope
        .note
        .connect(move |_client, text| note.send(text.to_owned()).unwrap());
    scope.log.connect(|_client| {
        tracing::info!(target: "lab", n = 1, "as it is");
        2
    });
    scope.channel.set(1).unwrap();
    scope.channel.on_write(|_client, channel| match channel {
        0 => Err("there is no channel 0"),
        _ => Ok(()),
    });
    scope.peak.set(0.5).unwrap();
    scope.on_error(move |_client, error, _method| {
        tell.send(error.to_string()).ok();
    });
    scope.start().unwrap();
    let addr = scope.local_addrs()[0];
    Served {
        scope,
        addr,
        notes,
        go,
        trouble,
    }
}

fn client(addr: SocketAddr) -> ScopeInverse {
    let lab = ScopeInverse::bind(CODEC, format!("zmq:{addr}")).unwrap();
    lab.start().unwrap();
    lab
}

#[test]
fn ours_on_both_sides() {
    let served = serve(CODEC);
    let lab = client(served.addr);
    let scope = lab.all();
    assert_eq!(lab.peers().len(), 1, "what is beside is no peer");
    assert_eq!(lab.peers()[0].name(), "srv");
    assert_eq!(settled(scope.add(2, 3)).unwrap(), 5);
    let bytes = Bytes::from(vec![0, 255]);
    let joined = settled(scope.join(bytes, "x".into())).unwrap();
    assert_eq!(joined, ("x".into(), vec![255, 0].into()));
    for value in [7.into(), Value::from("x"), [("a", 1)].into_iter().collect()] {
        assert_eq!(settled(scope.keep(value.clone())).unwrap(), value);
    }
    let Error::Call(error) = settled(scope.fail()).unwrap_err() else {
        panic!("it answers");
    };
    assert_eq!((error.code, &*error.message), (77, "no such thing"));
    assert_eq!(error.data.unwrap()["n"], 7.into());
    scope.note("by the way").unwrap();
    assert_eq!(served.notes.next(), "by the way");

    settled(scope.set_channel(3)).unwrap();
    assert_eq!(settled(scope.channel()).unwrap(), 3);
    let error = settled(scope.set_channel(0)).unwrap_err();
    assert!(error.to_string().contains("no channel 0"), "{error}");
    assert_eq!(served.scope.channel.get(), Some(3));
}

#[test]
fn what_is_published_is_heard_of_the_thing() {
    let served = serve(CODEC);
    let lab = client(served.addr);
    let (tick, ticks) = inbox();
    lab.tick.connect(move |scope, n, text| {
        tick.send((scope.name().to_owned(), n, text.to_owned()))
            .unwrap();
    });
    let ((one, ones), (wave, waves), (all, alls), (peak, peaks)) =
        (inbox(), inbox(), inbox(), inbox());
    lab.single.connect(move |_scope, n| one.send(n).unwrap());
    lab.waveform
        .connect(move |_scope, samples: Bytes| wave.send(samples).unwrap());
    lab.everything
        .connect(move |_scope, value| all.send(value).unwrap());
    lab.peak
        .connect(move |_scope, volts| peak.send(volts).unwrap());
    // It may have been read before somebody was connected who hears it.
    let peer = lab.peers()[0].clone();
    eventually("what is there is read at once", || {
        lab.peak.latest(&peer) == Some(0.5)
    });

    // A subscription is on its way for a while.
    let everybody = served.scope.all();
    eventually("the subscription", || {
        everybody.tick(0, "x").unwrap();
        !ticks.so_far().is_empty()
    });
    everybody.tick(7, "é").unwrap();
    let seventh = ("srv".to_owned(), 7, "é".to_owned());
    while ticks.next() != seventh {}
    everybody.single(8).unwrap();
    assert_eq!(ones.next(), 8);
    everybody.waveform(vec![1, 2, 255].into()).unwrap();
    assert_eq!(*waves.next(), [1, 2, 255]);
    everybody
        .everything([1, 2].into_iter().collect::<Value>())
        .unwrap();
    assert_eq!(alls.next(), [1, 2].into_iter().collect());
    served.scope.peak.set(9.5).unwrap();
    // The first one may be told as well as read.
    while peaks.next() != 9.5 {}
    assert_eq!(lab.peak.latest(&peer), Some(9.5));

    // To one of them it cannot go.
    let client = served.scope.peers()[0].clone();
    let error = served.scope.to(&client).single(1).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    assert_eq!(served.scope.peers().len(), 1);
}

#[test]
fn both_times_say_which_of_them_it_was() {
    let served = serve(CODEC);
    let lab = client(served.addr);
    let begun = lab.all().wait();
    let hurried = lab.all().start_within(Duration::from_millis(50));
    let late = settled(hurried.add(1, 1)).unwrap_err();
    assert_eq!(late.code(), Some(CallError::TOO_LATE), "{late}");
    assert!(late.to_string().contains("invokation"), "{late}");
    served.go.send(()).unwrap();
    assert_eq!(settled(begun).unwrap(), 1);

    let short = lab.all().timeout(Duration::from_millis(50));
    let started = Instant::now();
    let long = settled(short.wait()).unwrap_err();
    assert_eq!(long.code(), Some(CallError::TOO_LONG), "{long}");
    assert!(long.to_string().contains("execution"), "{long}");
    assert!(started.elapsed() < SOON);
    // Its result goes nowhere, and others come behind it.
    served.go.send(()).unwrap();
    assert_eq!(settled(lab.all().add(1, 1)).unwrap(), 2);
}

#[test]
fn what_a_thing_cannot_do_is_known_when_it_is_built() {
    #[remote_api]
    trait Asks {
        #[outgoing]
        fn ask(&self) -> i64;
    }
    let error = Asks::bind(CODEC, "zmqserv:127.0.0.1:0").unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    let error = Scope::bind(CODEC, "zmq:127.0.0.1:1").unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    let error = dynamic::Api::bind(CODEC, "tcp:127.0.0.1:1").unwrap_err();
    assert!(error.to_string().contains("`zmq:`"), "{error}");
}

#[test]
fn a_thing_that_went_away_comes_back() {
    let host = OwnHost::new();
    let at = |port: u16| format!("zmqserv:{}:{port}", host.ip());
    // Its handler is not waited for when it goes.
    let limits = Limits {
        stop: Duration::from_millis(200),
        ..Limits::default()
    };
    let served = serve_within(CODEC, &at(0), limits);
    let port = served.addr.port();
    let lab = ScopeInverse::bind(CODEC, format!("restart:0.05:zmq:{}:{port}", host.ip())).unwrap();
    lab.start().unwrap();
    let waits = lab.all().wait();
    served.scope.disconnect("nobody").unwrap_err();
    served.go.send(()).unwrap();
    assert_eq!(settled(waits).unwrap(), 1);
    let waits = lab.all().wait();
    served.scope.stop().ok();
    drop(served);
    let error = settled(waits).unwrap_err();
    assert!(
        matches!(error, Error::Disconnected { .. } | Error::Call(_)),
        "{error}"
    );
    let again = serve_at(CODEC, &at(port));
    let scope = lab.all().ready(SOON).unwrap();
    assert_eq!(settled(scope.add(1, 2)).unwrap(), 3);
    let (tell, told) = inbox();
    lab.single.connect(move |_scope, n| tell.send(n).unwrap());
    eventually("its events", || {
        again.scope.all().single(1).unwrap();
        !told.so_far().is_empty()
    });
}
