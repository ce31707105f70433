//! A client without its peer: calls that wait for one, and what is lost is said to be.

use std::borrow::Cow;
use std::fmt;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::security::{SecInfo, Security};
use quickrpc::{
    BoxError, Error, Processing, Promise, Stream, TransportState, Value, dynamic, remote_api,
};
use quickrpc_tests::{OwnPort, SOON, bounded, inbox, own_bus};

use crate::settled;

#[remote_api]
trait Depot {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn note(&self, number: u64);
    #[incoming]
    fn lines(&self, count: u64) -> Stream<u64>;
    #[incoming]
    fn left(&self) -> Option<f64>;
    #[outgoing]
    fn told(&self, number: u64);
    #[outgoing]
    fn ready(&self) -> u32;
}

/// A client whose server is not there yet.
fn early(codec: &str, port: &OwnPort) -> DepotInverse {
    let api = DepotInverse::builder()
        .codec(codec)
        .transport(format!("restart:0.01:tcp:{}", port.addr()))
        .wait_for_peer(true)
        .build()
        .unwrap();
    api.start().unwrap();
    api
}

fn depot(codec: &str, port: &OwnPort) -> Depot {
    let depot = Depot::bind(codec, format!("tcpserv:{}", port.addr())).unwrap();
    depot.add.connect(|_sender, a, b| a + b);
    depot.lines.connect(|_sender, count| Stream::iter(0..count));
    depot.left.connect(|sender| {
        sender
            .deadline()
            .map(|at| at.duration_since(Instant::now()).as_secs_f64())
    });
    depot
}

#[test]
fn that_nobody_is_there_is_said_with_the_reason() {
    let port = OwnPort::new();
    let lost = |transport: &str| {
        let client = DepotInverse::bind("jrpc", transport).unwrap();
        let (tell, changes) = inbox();
        client.on_status(move |status| tell.send(status.state.clone()).unwrap());
        client.start().unwrap();
        let is_over = |state: &TransportState| {
            matches!(
                state,
                TransportState::Down { .. } | TransportState::Ended { .. }
            )
        };
        while !is_over(&changes.next()) {}
        let lost = client.all().add(1, 2).result().unwrap_err();
        assert_eq!(
            lost.to_string(),
            client
                .all()
                .note(1)
                .unwrap_err()
                .to_string()
                .replace("note", "add")
        );
        lost.to_string()
    };
    let addr = port.addr();
    let said = lost(&format!("restart:60:tcp:{addr}"));
    let begins = format!(
        "nobody is connected, so `add` was not sent: cannot start transport `tcp:{addr}`: "
    );
    assert!(said.starts_with(&begins), "{said}");
    assert!(said.contains("start the server first"), "{said}");
    assert!(said.ends_with(" (trying again in 60s)"), "{said}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let goes = thread::spawn(move || drop(listener.accept().unwrap()));
    let said = lost(&format!("tcp:{addr}"));
    goes.join().unwrap();
    assert!(said.contains(&addr.to_string()), "{said}");
}

#[test]
fn nobody_is_waited_for_who_cannot_come() {
    let port = OwnPort::new();
    let depot = depot("jrpc", &port);
    depot.start().unwrap();
    // Without `restart:`.
    let client = DepotInverse::builder()
        .transport(format!("tcp:{}", port.addr()))
        .wait_for_peer(true)
        .call_timeout(Duration::from_secs(3600))
        .build()
        .unwrap();
    client.start().unwrap();
    assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
    let absent = client.to("tester");
    let waiting = absent.add(1, 2);
    let (told, tester) = inbox();
    let notes = thread::spawn(move || told.send(absent.note(1)).unwrap());
    depot.stop().unwrap();
    for lost in [settled(waiting).map(|_| ()), tester.next()] {
        assert!(matches!(lost, Err(Error::UnknownPeer { .. })), "{lost:?}");
    }
    notes.join().unwrap();
    let lost = settled(client.all().add(1, 2)).unwrap_err();
    assert!(matches!(lost, Error::NoPeer { .. }), "{lost}");
    assert_eq!(
        lost.to_string(),
        client
            .all()
            .note(1)
            .unwrap_err()
            .to_string()
            .replace("note", "add")
    );
    // Who comes by another transport is waited for.
    let later = OwnPort::new();
    let transport = format!("restart:0.01:tcp:{}", later.addr());
    client.add_transport(transport.as_str()).unwrap();
    let waiting = client.all().add(2, 2);
    let depot = self::depot("jrpc", &later);
    depot.start().unwrap();
    assert_eq!(settled(waiting).unwrap(), 4);
}

type Does = Box<dyn FnOnce() + Send>;

/// Does something just before the first call to `add` leaves.
#[derive(Clone)]
struct Before(Arc<Mutex<Option<Does>>>);

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Before")
    }
}

impl Security for Before {
    fn expression(&self) -> String {
        "before".into()
    }

    fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        let does = self.0.lock().unwrap().take();
        match does {
            Some(does) if payload.windows(5).any(|bytes| bytes == b"\"add\"") => does(),
            does => *self.0.lock().unwrap() = does,
        }
        Ok((None, payload))
    }

    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        _header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        Ok((payload, SecInfo::new()))
    }
}

#[test]
fn a_call_that_is_given_up_as_it_leaves_is_given_up_there() {
    let port = OwnPort::new();
    let before = Before(Arc::default());
    let client = DepotInverse::builder()
        .security(before.clone())
        .transport(format!("restart:0.01:tcp:{}", port.addr()))
        .wait_for_peer(true)
        .build()
        .unwrap();
    client.start().unwrap();
    let call = client.all().add(1, 2);
    *before.0.lock().unwrap() = Some(Box::new(move || call.cancel()));
    let server = Depot::builder()
        .transport(format!("tcpserv:{}", port.addr()))
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let (tell, told) = inbox();
    let next = tell.clone();
    server.add.connect(move |sender, _a, _b| {
        let end = Instant::now() + SOON / 2;
        while !sender.is_cancelled() && Instant::now() < end {
            thread::yield_now();
        }
        tell.send(Some(sender.is_cancelled())).unwrap();
        0
    });
    server
        .note
        .connect(move |_sender, _number| next.send(None).unwrap());
    server.start().unwrap();
    client.all().note(1).unwrap();
    // It may be given up before it is begun.
    while let Some(is_cancelled) = told.next() {
        assert!(is_cancelled, "it ran in vain");
    }
}

#[test]
fn calls_wait_for_a_server_that_starts_later() {
    for codec in ["jrpc", "terse"] {
        let port = OwnPort::new();
        let client = early(codec, &port);
        let calls: Vec<_> = (0..20)
            .map(|n| client.all().timeout(SOON).add(n, 1))
            .collect();
        let stream = client.all().timeout(SOON).lines(200);
        let (tell, told) = inbox();
        client.all().timeout(SOON).add(40, 2).then(
            move |sum| tell.send(sum).unwrap(),
            |error| panic!("{error}"),
        );
        let depot = depot(codec, &port);
        depot.start().unwrap();
        for (n, call) in calls.into_iter().enumerate() {
            assert_eq!(settled(call).unwrap(), n as i64 + 1);
        }
        assert_eq!(told.next(), 42);
        let items = bounded("a stream", move || stream.collect::<Result<Vec<_>, _>>());
        assert_eq!(items.unwrap(), (0..200).collect::<Vec<u64>>());
    }
}

#[test]
fn a_future_waits_without_a_thread() {
    let port = OwnPort::new();
    let client = early("jrpc", &port);
    let calls = (0..10).map(|n| client.all().timeout(SOON).add(n, n));
    let calls: Vec<_> = calls.collect();
    let depot = depot("jrpc", &port);
    depot.start().unwrap();
    let sums = bounded("futures", move || {
        pollster(async move {
            let mut sums = Vec::new();
            for call in calls {
                sums.push(call.await.unwrap());
            }
            sums
        })
    });
    assert_eq!(sums, (0..10).map(|n| 2 * n).collect::<Vec<i64>>());
}

fn pollster<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => thread::park(),
        }
    }
}

/// Each handler hears them in the order in which one thread has made them, those that waited and
/// those that did not.
#[test]
fn calls_keep_their_order() {
    let port = OwnPort::new();
    let client = early("jrpc", &port);
    let depot = Depot::bind("jrpc", format!("tcpserv:{}", port.addr())).unwrap();
    let (tell, told) = inbox();
    depot.add.connect(move |_sender, a, _b| {
        tell.send(a).unwrap();
        a
    });
    let mut calls: Vec<Promise<i64>> = Vec::new();
    let hub = client.all().timeout(SOON);
    for n in 0..100 {
        calls.push(hub.add(n, 0));
        if n == 50 {
            depot.start().unwrap();
        }
    }
    assert_eq!(told.take(100), (0..100).collect::<Vec<i64>>());
    for call in calls {
        settled(call).unwrap();
    }
}

/// Nor does a call overtake those that wait where the peer comes while one more is put behind them.
#[test]
fn who_comes_amid_calls_hears_them_in_order() {
    for _ in 0..10 {
        let port = OwnPort::new();
        let client = early("jrpc", &port);
        let depot = Depot::bind("jrpc", format!("tcpserv:{}", port.addr())).unwrap();
        let (tell, told) = inbox();
        depot.add.connect(move |_sender, a, _b| {
            tell.send(a).unwrap();
            a
        });
        let hub = client.all().timeout(SOON);
        let mut heard = Vec::new();
        let mut calls: Vec<Promise<i64>> = (0..300).map(|n| hub.add(n, 0)).collect();
        thread::scope(|scope| {
            scope.spawn(|| depot.start().unwrap());
            let mut n = 300;
            // Until it has come, and somewhat longer.
            while n < 400 || heard.is_empty() && n < 1000 {
                heard.extend(told.so_far());
                calls.push(hub.add(n, 0));
                n += 1;
            }
        });
        let order: Vec<i64> = (0..).take(calls.len()).collect();
        heard.extend(told.take(calls.len() - heard.len()));
        assert_eq!(heard, order);
        for call in calls {
            settled(call).unwrap();
        }
    }
}

#[test]
fn nobody_waits_beyond_the_deadline_and_nothing_is_sent_later() {
    let port = OwnPort::new();
    let client = early("jrpc", &port);
    let soon = client.all().timeout(Duration::from_millis(30));
    let late = settled(soon.add(1, 1));
    assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    let never_sent = "`add` was not sent: nobody it was for was connected within 30ms";
    assert_eq!(late.unwrap_err().to_string(), never_sent);
    let (tell, told) = inbox();
    soon.add(1, 1)
        .then(|_| (), move |error| tell.send(error.to_string()).unwrap());
    assert_eq!(told.next(), never_sent);
    let lines = soon.lines(1);
    let late = bounded("a stream", move || lines.result()).unwrap_err();
    assert!(matches!(late, Error::Timeout { .. }), "{late:?}");
    assert_eq!(late.to_string(), never_sent.replace("add", "lines"));
    let cancelled = client.all().timeout(SOON).add(2, 2);
    cancelled.cancel();
    assert!(matches!(settled(cancelled), Err(Error::Cancelled)));
    // Not as a notification either.
    let lost = soon.note(3);
    assert!(matches!(lost, Err(Error::NoPeer { .. })), "{lost:?}");
    let depot = Depot::bind("jrpc", format!("tcpserv:{}", port.addr())).unwrap();
    let (tell, told) = inbox();
    depot.add.connect(move |_sender, a, b| {
        tell.send((a, b)).unwrap();
        a + b
    });
    depot.start().unwrap();
    assert_eq!(settled(client.all().timeout(SOON).add(4, 4)).unwrap(), 8);
    assert_eq!(told.so_far(), [(4, 4)]);
}

#[test]
fn a_notification_waits_where_it_is_sent() {
    let port = OwnPort::new();
    let client = early("jrpc", &port);
    let sending = thread::spawn({
        let hub = client.all().timeout(SOON);
        move || hub.note(7)
    });
    let depot = Depot::bind("jrpc", format!("tcpserv:{}", port.addr())).unwrap();
    let notes = depot.note.subscribe();
    depot.start().unwrap();
    assert_eq!(notes.recv_timeout(SOON).unwrap().1, 7);
    sending.join().unwrap().unwrap();
}

#[test]
fn what_waits_ends_with_the_api() {
    let port = OwnPort::new();
    let client = early("jrpc", &port);
    let call = client.all().timeout(SOON).add(1, 1);
    let noting = thread::spawn({
        let hub = client.all().timeout(SOON);
        move || hub.note(7)
    });
    client.stop().unwrap();
    assert!(matches!(settled(call), Err(Error::Stopped)));
    let noted = bounded("the notification", || noting.join().unwrap());
    assert!(
        matches!(noted, Err(Error::Stopped | Error::NoPeer { .. })),
        "{noted:?}"
    );
}

/// A name is waited for; a connection that is gone does not come again.
#[test]
fn receivers_are_waited_for_by_name() {
    let bus = own_bus();
    let client = DepotInverse::builder()
        .transport(format!("internal:{bus}:client"))
        .wait_for_peer(true)
        .build()
        .unwrap();
    client.start().unwrap();
    let call = client.to("second").timeout(SOON).add(1, 2);
    let named = |name: &str, plus: i64| {
        let depot = Depot::bind("jrpc", format!("internal:{bus}:{name}")).unwrap();
        depot.add.connect(move |_sender, a, b| a + b + plus);
        depot.start().unwrap();
        depot
    };
    let first = named("first", 100);
    assert_eq!(settled(client.all().timeout(SOON).add(0, 0)).unwrap(), 100);
    let gone = client.peers()[0].clone();
    let second = named("second", 200);
    assert_eq!(settled(call).unwrap(), 203);
    first.stop().unwrap();
    let to_gone = bounded("a call", move || {
        loop {
            match client.to(&gone).add(0, 0).result() {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    });
    assert!(matches!(to_gone, Error::Disconnected { .. }), "{to_gone:?}");
    drop(second);
}

#[test]
fn the_deadline_that_travels_is_what_is_left() {
    let port = OwnPort::new();
    let client = early("jrpc?deadlines=on", &port);
    let call = client.all().timeout(SOON).left();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(50) {
        thread::park_timeout(Duration::from_millis(50));
    }
    let depot = depot("jrpc", &port);
    depot.start().unwrap();
    let left = settled(call).unwrap().expect("a deadline");
    assert!(left <= SOON.as_secs_f64() - 0.05, "{left}");
}

#[test]
fn ready_waits_and_gives_the_handle() {
    let port = OwnPort::new();
    let api = DepotInverse::bind("jrpc", format!("restart:0.01:tcp:{}", port.addr())).unwrap();
    let unstarted = quickrpc::Api::ready(&api, SOON);
    assert!(matches!(unstarted, Err(Error::NotStarted)), "{unstarted:?}");
    api.start().unwrap();
    let nobody = api.all().ready(Duration::from_millis(20));
    assert!(matches!(nobody, Err(Error::NoPeer { .. })), "{nobody:?}");
    let missing = api.to("nobody").ready(Duration::from_millis(20));
    assert!(
        matches!(missing, Err(Error::UnknownPeer { .. })),
        "{missing:?}"
    );
    let waiting = thread::spawn({
        let hub = api.all();
        move || hub.ready(SOON)?.add(1, 2).result()
    });
    let depot = depot("jrpc", &port);
    depot.start().unwrap();
    assert_eq!(bounded("the call", || waiting.join().unwrap()).unwrap(), 3);
    quickrpc::Api::ready(&api, Duration::ZERO).unwrap();
    // A declared call of that name is what the name means.
    let outgoing: DepotOutgoing = depot.all();
    let asked: Promise<u32> = outgoing.ready();
    asked.cancel();
    let _: DepotOutgoing = quickrpc::Handle::ready(&outgoing, SOON).unwrap();
}

#[test]
fn ready_in_a_handler_would_wait_for_itself() {
    let (depot, client) = Depot::pair();
    let everybody = depot.all();
    let (tell, told) = inbox();
    depot.note.connect(move |_sender, _number| {
        let ready = quickrpc::Handle::ready(&everybody, SOON);
        tell.send(ready.map(drop)).unwrap();
    });
    client.all().note(1).unwrap();
    assert!(matches!(told.next(), Err(Error::Deadlock(_))));
}

/// A server may have nobody to tell; a client without its server has lost what it says.
#[test]
fn a_notification_that_nobody_got_is_an_error() {
    let port = OwnPort::new();
    let depot = depot("jrpc", &port);
    depot.start().unwrap();
    depot.all().told(1).unwrap();
    let transport = format!("restart:0.01:tcp:{}", port.addr());
    let client = DepotInverse::bind("jrpc", transport).unwrap();
    let (tell, gone) = inbox();
    client.on_disconnect(move |_peer, _reason| tell.send(()).unwrap());
    client.start().unwrap();
    client.all().ready(SOON).unwrap().note(1).unwrap();
    depot.stop().unwrap();
    gone.next();
    let lost = client.all().note(2).unwrap_err().to_string();
    // Why, if the transport knows of it already.
    let said = "nobody is connected, so `note` was not sent";
    assert!(lost.starts_with(said), "{lost}");
    assert!(client.all().each().note(2).is_empty());
    let nobody: [&str; 0] = [];
    client.to(nobody).note(2).unwrap();
    // The same without a declaration; on a bus anybody may listen, and nobody need.
    let transport = format!("restart:0.01:tcp:{}", port.addr());
    let api = dynamic::Api::bind("terse", transport).unwrap();
    api.start().unwrap();
    let lost = api.notify("note", ());
    assert!(matches!(lost, Err(Error::NoPeer { .. })), "{lost:?}");
    let api = dynamic::Api::bind("terse", format!("internal:{}:a", own_bus())).unwrap();
    api.start().unwrap();
    api.notify("note", ()).unwrap();
}

/// What waits is bounded as what waits for a peer that is there.
#[test]
fn what_waits_takes_no_more_than_a_peers_queue() {
    let client = dynamic::Api::builder()
        .transport("restart:60:tcp:127.0.0.1:1")
        .processing(Processing::Queue)
        .limits(quickrpc::Limits {
            peer_queue: 10_000,
            ..quickrpc::Limits::default()
        })
        .wait_for_peer(true)
        .build_dynamic()
        .unwrap();
    client.start().unwrap();
    let text = "x".repeat(4_000);
    let send = || {
        client
            .all()
            .timeout(SOON)
            .call("put", (Value::from(text.as_str()),))
    };
    let (first, second) = (send(), send());
    let third = settled(send());
    assert!(matches!(third, Err(Error::QueueFull { .. })), "{third:?}");
    first.cancel();
    // There is room again.
    let fourth = send();
    assert!(fourth.try_result().is_none());
    drop((second, fourth));
}
