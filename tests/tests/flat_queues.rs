//! Sockets of libzmq that do not read what they are sent, and little memory for them. One test in a
//! program of its own, since the memory of the whole process is looked at.
#![cfg(target_os = "linux")]

use std::cell::RefCell;
use std::fs::read_to_string;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use quickrpc::{DisconnectReason, dynamic};
use quickrpc_tests::{Inbox, Peer, Python, inbox};
use serde_json::{Value as Json, json};

/// Of what is sent, each time.
const SIZE: usize = 20_000;
/// So much is sent if nobody refuses it.
const MUCH: usize = 200_000_000 / SIZE;
/// A queue of 1 MiB may take four times as much of what nobody waits for; what comes in, what answers are made
/// in, and what the allocator keeps.
const MOST: usize = 12 << 20;
/// Of events, since who does not read them is told so many anew each time he comes.
const FEWER: usize = 60_000_000 / SIZE;
const LIMITS: &str = "peer_queue=1M&stall=300ms";
/// A build without optimisation on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// As much as this process has ever held, in bytes.
fn peak() -> usize {
    let status = read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<usize>().unwrap() * 1024
}

struct Server {
    api: dynamic::Api,
    came: Inbox<String>,
    gone: Inbox<(String, DisconnectReason)>,
}

fn serve(codec: &str) -> Server {
    let transport = format!("zmqserv:127.0.0.1:0?{LIMITS}");
    let api = dynamic::Api::bind(codec, transport.as_str()).unwrap();
    api.on("echo", |_sender, args| args);
    let ((come, came), (go, gone)) = (inbox(), inbox());
    api.on_connect(move |peer| {
        come.send(peer.name().to_owned()).ok();
    });
    api.on_disconnect(move |peer, reason| {
        go.send((peer.name().to_owned(), reason.clone())).ok();
    });
    api.start().unwrap();
    Server { api, came, gone }
}

/// A socket of libzmq, connected to one of the addresses.
fn started(python: &Python, kind: &str, server: &Server, address: usize, options: &[&str]) -> Peer {
    let address = format!("tcp://{}", server.api.local_addrs()[address]);
    let mut command = python.script("zmq_peer.py");
    command.args([kind, "connect", &address, "--hwm", "10"]);
    let peer = Peer::start(command.args(options));
    peer.expect("ready");
    peer
}

/// A DEALER that reads nothing.
fn deaf(python: &Python, server: &Server) -> Peer {
    let mut peer = started(python, "dealer", server, 0, &["--identity", "deaf"]);
    peer.ask(json!({"read": false})).unwrap();
    peer
}

/// A SUB that has begun to hear events, and reads nothing any more.
fn deaf_to_events(python: &Python, server: &Server) -> Peer {
    let mut peer = started(python, "sub", server, 1, &["--subscribe", "thg/note"]);
    let end = Instant::now() + PATIENCE;
    while peer.ask(json!({})).unwrap() == json!(0) {
        server.api.notify("note", json!({"text": "x"})).unwrap();
        assert!(Instant::now() < end, "it hears nothing");
    }
    peer.ask(json!({"read": false})).unwrap();
    peer
}

/// Asks again and again, until nobody takes it any more: its libzmq keeps ten messages, and then the server has
/// stopped reading. Somebody else is answered all the time.
fn asks(
    what: &str,
    server: &Server,
    deaf: &mut Peer,
    call: impl Fn(usize) -> Json,
    works: &dyn Fn(),
) {
    works();
    let before = peak();
    let (mut sent, mut refused) = (0, 0);
    while sent < MUCH && refused < 50 {
        match deaf.ask(json!({"send": call(sent)})) {
            Ok(_) => (sent, refused) = (sent + 1, 0),
            Err(_) => refused += 1,
        }
        if sent % 20 == 0 || refused > 0 {
            works();
        }
    }
    let more = peak() - before;
    assert!(more < MOST, "{what}: {more} bytes more for {sent} calls");
    for (_, reason) in server.gone.so_far() {
        given_up(&reason);
    }
}

fn given_up(reason: &DisconnectReason) {
    let slow = matches!(reason, DisconnectReason::SlowConsumer { .. });
    assert!(slow, "{reason}");
}

/// Tells it more and more, for as long as it is wanted.
fn tells(what: &str, server: &Server, wanted: impl Fn(usize) -> bool) {
    let (before, end) = (peak(), Instant::now() + PATIENCE);
    let text = "x".repeat(SIZE);
    let mut count = 0;
    while wanted(count) {
        // Its queue may be full.
        server.api.notify("note", json!({"text": text})).ok();
        count += 1;
        assert!(Instant::now() < end, "{what}: {count} were told");
    }
    let more = peak() - before;
    assert!(more < MOST, "{what}: {more} bytes more for {count}");
}

/// A part of so many bytes, for the script.
fn long(before: &str, after: &str) -> Json {
    json!({"text": "x", "times": SIZE, "before": before, "after": after})
}

fn passes(python: &Python) {
    // Calls of `jrpc`, and what its clients are told.
    let server = serve("jrpc");
    let addr = server.api.local_addrs()[0];
    let honest = dynamic::Api::bind("jrpc", format!("zmq:{addr}").as_str()).unwrap();
    honest.start().unwrap();
    server.came.next();
    let works = || {
        let answer = honest.call("echo", json!({"a": 1})).result();
        assert_eq!(answer.unwrap()["a"], 1.into());
    };
    let mut peer = deaf(python, &server);
    assert_eq!(server.came.next(), "deaf");
    let call = |n| {
        let before = format!(r#"{{"jsonrpc":"2.0","method":"echo","id":{n},"params":{{"a":""#);
        json!([long(&before, "\"}}")])
    };
    asks("calls of jrpc", &server, &mut peer, call, &works);
    peer.kill();

    let server = serve("jrpc");
    let _peer = deaf(python, &server);
    assert_eq!(server.came.next(), "deaf");
    let went = RefCell::new(None);
    tells("notifications of jrpc", &server, |_| {
        *went.borrow_mut() = server.gone.so_far().pop();
        went.borrow().is_none()
    });
    let (name, reason) = went.take().unwrap();
    assert_eq!(name, "deaf");
    given_up(&reason);

    // Operations of a Thing.
    let server = serve("hololinked:srv/thg");
    let addr = server.api.local_addrs()[0];
    let honest = dynamic::Api::bind("hololinked:srv/thg", format!("zmq:{addr}").as_str()).unwrap();
    honest.start().unwrap();
    let works = || {
        let answer = honest.call("echo", json!({"a": 1})).result();
        assert_eq!(answer.unwrap()["a"], 1.into());
    };
    let mut peer = deaf(python, &server);
    let call = |n| {
        let header = json!({
            "messageType": "OPERATION", "messageID": format!("m{n}"), "senderID": "deaf",
            "receiverID": "srv", "thingID": "thg", "objekt": "echo", "operation": "invokeaction",
        });
        json!(["", header.to_string(), long(r#"{"a":""#, "\"}"), ""])
    };
    asks("operations of a Thing", &server, &mut peer, call, &works);
    peer.kill();

    // And its events, to who has subscribed to them: he is given up, and comes again.
    let _peer = deaf_to_events(python, &server);
    tells("events of a Thing", &server, |count| count < FEWER);
    works();
}

#[test]
fn who_does_not_read_takes_little_memory() {
    let Some(python) = Python::with_zmq(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let (told, done) = channel();
    let worker = std::thread::spawn(move || {
        passes(python);
        told.send(()).unwrap();
    });
    match done.recv_timeout(2 * PATIENCE) {
        Err(RecvTimeoutError::Timeout) => panic!("it takes longer than {:?}", 2 * PATIENCE),
        _ => worker.join().unwrap(),
    }
}
