//! Peers that send more than is handled: they are not read until there is room. Nothing is
//! lost, and the others do not notice.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use quickrpc::{Limits, Processing, Sender, Subscription};
use quickrpc_tests::{Inbox, Lab, SOON, Telnet, bounded, eventually, inbox, press};

/// Of each note that floods.
const NOTE: usize = 60 << 10;
/// More than the system takes for a peer that is not read.
const COUNT: usize = 400;

/// A server whose handler of notes waits for the test.
struct Gated {
    addr: SocketAddr,
    lab: Lab,
    notes: Inbox<usize>,
    /// Dropped to let all notes pass.
    gate: crossbeam_channel::Sender<()>,
}

fn gated(limits: Limits, option: &str) -> Gated {
    let lab = Lab::builder()
        .codec("terse")
        .transport(format!("tcpserv:127.0.0.1:0{option}"))
        .processing(Processing::Pool(2))
        .limits(limits)
        .build()
        .unwrap();
    let (seen, notes) = inbox();
    let (gate, opened) = crossbeam_channel::bounded::<()>(0);
    lab.notify.connect(move |_sender, text| {
        let _ = opened.recv();
        seen.send(text.trim_start_matches('x').parse().unwrap())
            .unwrap();
    });
    lab.add.connect(|_sender, a, b| a + b);
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    Gated {
        addr,
        lab,
        notes,
        gate,
    }
}

/// A stream of numbered notes.
struct Flood {
    stream: TcpStream,
    bytes: Vec<u8>,
    sent: usize,
}

impl Flood {
    fn new(addr: SocketAddr) -> Flood {
        let line = |number| format!("notify text:\"{number:x>NOTE$}\"\n").into_bytes();
        Flood {
            stream: TcpStream::connect(addr).unwrap(),
            bytes: (0..COUNT).flat_map(line).collect(),
            sent: 0,
        }
    }

    /// Sends until nothing is taken any more for a while, or all is sent.
    fn press(&mut self, patience: Duration) {
        self.sent += press(&self.stream, &self.bytes[self.sent..], patience);
    }
}

/// A flood is held up, nobody else is, and it arrives as it was.
#[track_caller]
fn holds_up(limits: Limits, option: &str) {
    let Gated {
        addr,
        lab,
        notes,
        gate,
    } = gated(limits, option);
    let mut flood = Flood::new(addr);
    flood.press(Duration::from_millis(100));
    assert!(flood.sent < flood.bytes.len(), "everything was read");
    let mut bystander = Telnet::connect(addr);
    bystander.send("add[1] a:1 b:2\n");
    assert_eq!(bystander.line(), "[1]:3");
    // A lone message of somebody else still waits, and is not lost either.
    assert!(notes.so_far().is_empty());
    drop(gate);
    let sending = thread::spawn(move || {
        flood.press(SOON);
        assert_eq!(flood.sent, flood.bytes.len());
        flood
    });
    assert_eq!(notes.take(COUNT), Vec::from_iter(0..COUNT));
    let flood = bounded("the flood", move || sending.join().unwrap());
    assert_eq!(lab.peers().len(), 2);
    drop(flood);
}

#[test]
fn messages_that_wait_for_handlers() {
    let limits = Limits {
        waiting_messages: 10,
        ..Limits::default()
    };
    holds_up(limits, "");
    holds_up(Limits::default(), "?waiting_messages=10");
}

#[test]
fn bytes_that_wait_for_handlers() {
    let limits = Limits {
        waiting_bytes: 10 * NOTE,
        ..Limits::default()
    };
    holds_up(limits, "");
    holds_up(Limits::default(), "?waiting_bytes=600k");
}

#[test]
fn one_message_may_wait_at_a_time() {
    let limits = Limits {
        waiting_messages: 1,
        waiting_bytes: 1,
        ..Limits::default()
    };
    holds_up(limits, "");
}

#[test]
fn the_calls_of_a_batch_wait_as_one_message() {
    // 200 times its size would be far too much.
    let limits = Limits {
        waiting_bytes: 256 << 10,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .limits(limits)
        .build()
        .unwrap();
    lab.add.connect(|_sender, a, b| a + b);
    lab.start().unwrap();
    let call = |id| {
        let params = serde_json::json!({"a": id, "b": 1});
        serde_json::json!({"jsonrpc": "2.0", "method": "add", "params": params, "id": id})
    };
    let batch: Vec<_> = (0..200).map(call).collect();
    let mut peer = Telnet::connect(lab.local_addrs()[0]);
    for _ in 0..3 {
        peer.send(serde_json::json!(batch).to_string() + "\0");
    }
    for _ in 0..3 {
        assert_eq!(peer.json().as_array().unwrap().len(), 200);
    }
}

type Notes = Subscription<(Sender, String)>;

/// A server with a subscription that holds three notes.
fn subscribed(processing: Processing, option: bool) -> (Lab, Notes) {
    let (limits, option) = match option {
        true => (Limits::default(), "?subscription=3"),
        false => {
            let limits = Limits {
                subscription: 3,
                ..Limits::default()
            };
            (limits, "")
        }
    };
    let lab = Lab::builder()
        .codec("terse")
        .transport(format!("tcpserv:127.0.0.1:0{option}"))
        .processing(processing)
        .limits(limits)
        .build()
        .unwrap();
    let notes = lab.notify.subscribe();
    lab.add.connect(|_sender, a, b| a + b);
    lab.start().unwrap();
    (lab, notes)
}

#[test]
fn a_full_subscription_holds_up_its_peers_and_loses_nothing() {
    for (processing, option) in [
        (Processing::Inline, false),
        (Processing::Inline, true),
        (Processing::Queue, false),
    ] {
        let (lab, notes) = subscribed(processing, option);
        let mut peer = Telnet::connect(lab.local_addrs()[0]);
        for number in 0..10 {
            peer.send(format!("notify text:\"{number}\"\n"));
        }
        peer.send("add[1] a:1 b:2\n");
        for number in 0..10 {
            let fill = usize::min(3, 10 - number);
            eventually("it is full again", || notes.len() == fill);
            let (sender, text) = notes.recv_timeout(SOON).unwrap();
            assert_eq!(text, number.to_string());
            assert_eq!(*sender, *peer.name());
        }
        assert_eq!(peer.line(), "[1]:3");
    }
}

#[test]
fn a_stop_ends_the_wait_for_a_subscription() {
    for processing in [Processing::Inline, Processing::Queue] {
        let (lab, notes) = subscribed(processing, false);
        let mut peer = Telnet::connect(lab.local_addrs()[0]);
        peer.send("notify text:\"\"\n".repeat(10));
        eventually("it is full", || notes.len() == 3);
        let stopping = lab.clone();
        bounded("stop", move || stopping.stop()).unwrap();
        peer.expect_closed();
        // What was accepted is still there, and then there is nothing.
        assert!(notes.len() >= 3);
        while notes.try_recv().is_ok() {}
    }
}

#[test]
fn dropping_a_full_subscription_lets_its_peers_go_on() {
    let (lab, notes) = subscribed(Processing::Inline, false);
    let mut peer = Telnet::connect(lab.local_addrs()[0]);
    peer.send("notify text:\"\"\n".repeat(10));
    peer.send("add[1] a:1 b:2\n");
    eventually("it is full", || notes.len() == 3);
    drop(notes);
    assert_eq!(peer.line(), "[1]:3");
}
