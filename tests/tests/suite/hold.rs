//! Calls that are held back behind others, so that several leave with one write.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use quickrpc::{Promise, Resolver, remote_api};
use quickrpc_tests::{Authority, Inbox, KeyFile, SOON, bounded, inbox};

/// Longer than any test lasts.
const LONG: &str = "hold=60s";
/// So long that no call is in a hurry.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// More than leave at once.
const CALLS: u32 = 10;

#[remote_api]
trait Tape {
    #[incoming]
    fn call(&self, number: u32) -> u32;

    #[incoming]
    fn note(&self, number: u32);

    #[outgoing]
    fn heard(&self);
}

/// A server that says what comes, and a client that holds calls back.
struct Wire {
    _server: Tape,
    client: TapeInverse,
    came: Inbox<u32>,
    /// What answers the calls, where the server does not.
    asked: Inbox<Resolver<u32>>,
    _keys: Vec<KeyFile>,
    _authority: Option<Authority>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Jrpc,
    Terse,
    WebSocket,
    Tls,
    Sealed,
}

const KINDS: [Kind; 5] = [
    Kind::Jrpc,
    Kind::Terse,
    Kind::WebSocket,
    Kind::Tls,
    Kind::Sealed,
];

fn wire(kind: Kind, hold: &str, answers: bool) -> Wire {
    let mut keys = Vec::new();
    let mut authority = None;
    let (codec, listens) = match kind {
        Kind::Jrpc | Kind::Sealed => ("jrpc", "tcpserv:127.0.0.1:0".to_owned()),
        Kind::Terse => ("terse", "tcpserv:127.0.0.1:0".to_owned()),
        Kind::WebSocket => ("jrpc", "wsserv:127.0.0.1:0".to_owned()),
        Kind::Tls => {
            let made = authority.insert(Authority::new("hold"));
            let options = made.server().options();
            ("jrpc", format!("tlsserv:127.0.0.1:0?{options}"))
        }
    };
    let mut server = Tape::builder().codec(codec);
    let mut client = TapeInverse::builder().codec(codec).call_timeout(DAY);
    if let Kind::Sealed = kind {
        let (hubs, alices) = KeyFile::pairs("hub", "alice");
        server = server.security(&*hubs.seal("hub"));
        client = client.security(&*format!("{}&to=hub", alices.seal("alice")));
        keys.extend([hubs, alices]);
    }
    let server = server.transport(&*listens).build().unwrap();
    let (seen, came) = inbox();
    let noted = seen.clone();
    let (waits, asked) = inbox();
    server.call.connect(move |_sender, number| {
        seen.send(number).unwrap();
        let (promise, resolver) = Promise::pair();
        match answers {
            true => drop(resolver.set_result(number)),
            false => waits.send(resolver).unwrap(),
        }
        promise
    });
    server.note.connect(move |_sender, number| {
        noted.send(number).unwrap();
    });
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let connects = match (kind, &authority) {
        (Kind::WebSocket, _) => format!("ws:{addr}?{hold}"),
        (_, Some(authority)) => format!("tls:{addr}?ca={}&{hold}", authority.file().display()),
        _ => format!("tcp:{addr}?{hold}"),
    };
    let client = client.transport(&*connects).build().unwrap();
    client.start().unwrap();
    Wire {
        _server: server,
        client,
        came,
        asked,
        _keys: keys,
        _authority: authority,
    }
}

impl Wire {
    fn send(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Promise<u32>> {
        let hub = self.client.all();
        numbers.into_iter().map(|number| hub.call(number)).collect()
    }

    #[track_caller]
    fn expect(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            assert_eq!(self.came.next(), number);
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A server of nothing but a socket, and a client that has connected to it.
fn by_hand(hold: &str) -> (TapeInverse, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TapeInverse::builder()
        .codec("jrpc")
        .call_timeout(DAY)
        .transport(format!("tcp:{}?{hold}", listener.local_addr().unwrap()))
        .build()
        .unwrap();
    client.start().unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    (client, stream)
}

/// How many telegrams one read gives.
fn read(stream: &mut TcpStream) -> usize {
    let mut bytes = vec![0; 1 << 20];
    let count = stream.read(&mut bytes).expect("something comes");
    assert!(count > 0, "the connection ends");
    bytes[..count].iter().filter(|byte| **byte == 0).count()
}

#[test]
fn calls_behind_others_leave_with_one_write_when_an_answer_comes() {
    let (client, mut stream) = by_hand(LONG);
    let hub = client.all();
    let promises: Vec<_> = (0..CALLS).map(|number| hub.call(number)).collect();
    let mut at_once = 0;
    while at_once < 3 {
        at_once += read(&mut stream);
    }
    assert_eq!(at_once, 3);
    stream
        .write_all(b"{\"jsonrpc\":\"2.0\",\"result\":0,\"id\":1}\0")
        .unwrap();
    assert_eq!(read(&mut stream), CALLS as usize - 3);
    let mut promises = promises.into_iter();
    assert_eq!(promises.next().unwrap().result().unwrap(), 0);
}

#[test]
fn without_holding_each_call_leaves_at_once() {
    let (client, mut stream) = by_hand("hold=off");
    let hub = client.all();
    let _promises: Vec<_> = (0..CALLS).map(|number| hub.call(number)).collect();
    let mut came = 0;
    while came < CALLS as usize {
        came += read(&mut stream);
    }
}

#[test]
fn a_long_queue_leaves() {
    let (client, mut stream) = by_hand(LONG);
    let hub = client.all();
    // More than 16 KiB.
    let _promises: Vec<_> = (0..400).map(|number| hub.call(number)).collect();
    let mut came = 0;
    while came < 200 {
        came += read(&mut stream);
    }
}

#[test]
fn who_waits_gets_an_answer() {
    for kind in KINDS {
        let wire = wire(kind, LONG, true);
        let promises = wire.send(0..CALLS);
        for (number, promise) in (0..).zip(promises) {
            let result = bounded("an answer", move || promise.result());
            assert_eq!(result.unwrap(), number, "{kind:?}");
        }
    }
}

#[test]
fn what_waits_leaves_for_any_thread_that_waits() {
    let wire = wire(Kind::Jrpc, LONG, false);
    let mut promises = wire.send(0..CALLS);
    // The first has left long ago, and it is another thread that waits for it.
    let first = promises.remove(0);
    let waits = thread::spawn(move || first.result());
    wire.expect(0..CALLS);
    for resolver in wire.asked.so_far() {
        resolver.set_result(7).unwrap();
    }
    assert_eq!(
        bounded("the thread", move || waits.join())
            .unwrap()
            .unwrap(),
        7
    );
}

#[test]
fn calls_and_notifications_keep_their_order() {
    for kind in KINDS {
        let wire = wire(kind, "hold=1ms", true);
        let hub = wire.client.all();
        let mut promises = Vec::new();
        for number in 0..600 {
            match number % 7 {
                3 => hub.note(number).unwrap(),
                _ => promises.push(hub.call(number)),
            }
        }
        wire.expect(0..600);
        for promise in promises {
            bounded("an answer", move || promise.result()).unwrap();
        }
    }
}

#[test]
fn a_notification_takes_along_what_waits() {
    let wire = wire(Kind::Jrpc, LONG, false);
    let _promises = wire.send(0..CALLS);
    wire.client.all().note(CALLS).unwrap();
    wire.expect(0..=CALLS);
}

#[test]
fn what_nobody_waits_for_leaves_in_time() {
    for kind in KINDS {
        let wire = wire(kind, "hold=20ms", false);
        let (told, answers) = inbox();
        for promise in wire.send(0..CALLS) {
            let told = told.clone();
            promise.then(
                move |result| told.send(result).unwrap(),
                |error| panic!("{error}"),
            );
        }
        wire.expect(0..CALLS);
        for _ in 0..CALLS {
            wire.asked.next().set_result(1).unwrap();
        }
        for _ in 0..CALLS {
            assert_eq!(answers.next(), 1);
        }
    }
}

#[test]
fn a_call_in_a_hurry_leaves_at_once_with_those_before_it() {
    let wire = wire(Kind::Jrpc, LONG, false);
    let _promises = wire.send(0..CALLS);
    let hurry = wire.client.all().timeout(Duration::from_secs(300));
    let _promise = hurry.call(CALLS);
    wire.expect(0..=CALLS);
}

#[test]
fn a_task_that_waits_has_its_call_sent() {
    for kind in KINDS {
        let wire = wire(kind, LONG, true);
        let mut promises = wire.send(0..CALLS);
        let last = promises.pop().unwrap();
        assert_eq!(
            bounded("awaiting", move || block_on(last)).unwrap(),
            CALLS - 1,
            "{kind:?}"
        );
    }
}

#[test]
fn what_is_held_back_is_sent_before_an_end() {
    for kind in KINDS {
        let one = wire(kind, LONG, false);
        let _promises = one.send(0..CALLS);
        let peers = one.client.all().peers();
        one.client.all().disconnect(&peers[..]).unwrap();
        one.expect(0..CALLS);

        let other = wire(kind, LONG, false);
        let _promises = other.send(0..CALLS);
        other.client.stop().unwrap();
        other.expect(0..CALLS);
    }
}

#[test]
fn nothing_is_held_back_while_the_poll_thread_has_something_slow_to_do() {
    let (client, mut stream) = by_hand(LONG);
    let (begins, began) = inbox();
    let (end, ends) = crossbeam_channel::bounded::<()>(0);
    client.heard.connect(move |_sender| {
        begins.send(()).unwrap();
        let _ = ends.recv();
    });
    let hub = client.all();
    let mut promises: Vec<_> = (0..CALLS).map(|number| hub.call(number)).collect();
    stream
        .write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"heard\",\"params\":{}}\0")
        .unwrap();
    began.next();
    promises.extend((0..CALLS).map(|number| hub.call(number)));
    let mut came = 0;
    while came < 2 * CALLS as usize {
        came += read(&mut stream);
    }
    drop(end);
}

#[test]
fn several_threads_share_what_they_hold_back() {
    let wire = wire(Kind::Jrpc, "hold=1ms", true);
    thread::scope(|scope| {
        for thread in 0..8 {
            let hub = wire.client.all();
            scope.spawn(move || {
                for round in 0..50 {
                    let numbers = (0..10).map(|call| thread * 1000 + round * 10 + call);
                    let promises: Vec<_> = numbers.map(|n| (n, hub.call(n))).collect();
                    for (number, promise) in promises {
                        assert_eq!(promise.result().unwrap(), number);
                    }
                }
            });
        }
    });
}
