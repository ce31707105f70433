//! The memory that all peers of an API share: whoever holds most of it has to go.

use std::net::SocketAddr;
use std::time::Duration;

use quickrpc::{DisconnectReason, Error, Limits, Processing};
use quickrpc_tests::{Inbox, Lab, SOON, Telnet, eventually, inbox};

const KIB: usize = 1 << 10;
/// For all peers together.
const TOTAL: usize = 1 << 20;
/// Partial input up to this is everybody's own.
const FREE: usize = 64 * KIB;

struct Hub {
    lab: Lab,
    addr: SocketAddr,
    gone: Inbox<(String, DisconnectReason)>,
}

impl Hub {
    fn new(limits: Limits, option: &str) -> Hub {
        let lab = Lab::builder()
            .codec("terse")
            .transport(format!("tcpserv:127.0.0.1:0{option}"))
            .limits(limits)
            .build()
            .unwrap();
        let (tell, gone) = inbox();
        lab.on_disconnect(move |peer, reason| {
            tell.send((peer.to_string(), reason.clone())).unwrap();
        });
        lab.echo.connect(|_sender, text| text.len().to_string());
        lab.add.connect(|_sender, a, b| a + b);
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        Hub { lab, addr, gone }
    }

    fn works(&self, peer: &mut Telnet) {
        peer.send("add[1] a:1 b:2\n");
        assert_eq!(peer.line(), "[1]:3");
    }

    /// The next one that had to go, and what it held.
    #[track_caller]
    fn evicted(&self) -> (String, usize) {
        let (name, reason) = self.gone.next();
        match reason {
            DisconnectReason::OutOfMemory { held, limit: TOTAL } => (name, held),
            other => panic!("{other:?}"),
        }
    }
}

fn small() -> Limits {
    Limits {
        buffered_total: TOTAL,
        ..Limits::default()
    }
}

/// The beginning of a call that counts as so much.
fn beginning(counted: usize) -> String {
    let text = "echo[2] text:\"";
    let size = FREE + counted - text.len();
    format!("{text}{}", "x".repeat(size))
}

#[test]
fn partial_input() {
    for (limits, option) in [(small(), ""), (Limits::default(), "?buffered_total=1M")] {
        let hub = Hub::new(limits, option);
        let mut bystander = Telnet::connect(hub.addr);
        hub.works(&mut bystander);
        let mut small = Telnet::connect(hub.addr);
        let mut large = Telnet::connect(hub.addr);
        // Exactly what is allowed.
        small.send(beginning(TOTAL / 4));
        large.send(beginning(TOTAL - TOTAL / 4));
        // As others are answered, it is clear that everything was looked at.
        for _ in 0..50 {
            hub.works(&mut bystander);
        }
        assert!(hub.gone.so_far().is_empty());
        // One byte more, of somebody who holds less.
        small.send("y");
        let (name, held) = hub.evicted();
        assert_eq!((name, held), (large.name(), TOTAL - TOTAL / 4));
        large.expect_closed();
        // It has given everything back: there is room again.
        let mut next = Telnet::connect(hub.addr);
        next.send(beginning(TOTAL / 2));
        hub.works(&mut bystander);
        small.send("\"\n");
        assert_eq!(
            small.line(),
            format!("[2]:\"{}\"", beginning(TOTAL / 4).len() - 13)
        );
        next.send("\"\n");
        next.line();
        assert!(hub.gone.so_far().is_empty());
    }
}

#[test]
fn what_was_handled_is_given_back() {
    let hub = Hub::new(small(), "");
    let mut peer = Telnet::connect(hub.addr);
    for _ in 0..20 {
        peer.send(beginning(TOTAL / 2) + "\"\n");
        peer.line();
    }
    for _ in 0..20 {
        // An end within a message gives it back too.
        let mut short = Telnet::connect(hub.addr);
        short.send(beginning(TOTAL / 2));
        short.close_write();
        short.expect_closed();
    }
    hub.works(&mut peer);
    let gone = hub.gone.so_far();
    let orderly = |reason: &DisconnectReason| matches!(reason, DisconnectReason::EndOfInput);
    assert!(gone.iter().all(|(_, reason)| orderly(reason)), "{gone:?}");
}

#[test]
fn queued_output() {
    let limits = Limits {
        peer_queue: TOTAL,
        stall: SOON,
        ..small()
    };
    let hub = Hub::new(limits, "");
    let mut deaf: Vec<Telnet> = (0..8).map(|_| Telnet::narrow(hub.addr)).collect();
    let mut healthy = Telnet::connect(hub.addr);
    hub.works(&mut healthy);
    eventually("all are there", || hub.lab.peers().len() == 9);
    let text = "x".repeat(32 * KIB);
    let mut evicted = Vec::new();
    for _ in 0..1_000 {
        if let Err(error) = hub.lab.all().notified(&text) {
            assert!(matches!(error, Error::Partial(_)), "{error:?}");
        }
        assert_eq!(
            healthy.line().len(),
            text.len() + "notified text:\"\"".len()
        );
        evicted.extend(hub.gone.so_far());
        if evicted.len() >= 4 {
            break;
        }
    }
    assert!(evicted.len() >= 4, "nobody had to go");
    for (name, reason) in &evicted {
        let at = deaf.iter().position(|one| one.name() == *name);
        deaf.swap_remove(at.expect("one of those that do not read"));
        let DisconnectReason::OutOfMemory { held, .. } = reason else {
            panic!("{reason:?}");
        };
        // At least its part, and never more than its own limit.
        assert!((TOTAL / 16..TOTAL + 33 * KIB).contains(held), "{held}");
    }
    hub.works(&mut healthy);
}

#[test]
fn peers_that_were_closed_still_count_until_they_are_gone() {
    let limits = Limits {
        peer_queue: TOTAL / 4 * 3,
        stall: SOON,
        ..small()
    };
    let hub = Hub::new(limits, "");
    let fill = |peer: &Telnet| {
        let to_peer = hub.lab.to(peer.name()).timeout(Duration::from_millis(50));
        let text = "x".repeat(32 * KIB);
        let full = (0..10_000).find_map(|_| to_peer.notified(&text).err());
        full.expect("it does not read")
    };
    let closed = Telnet::narrow(hub.addr);
    eventually("it is there", || hub.lab.peers().len() == 1);
    // Just as much as its queue holds, then closed on our side: the rest is still to leave.
    let error = fill(&closed);
    assert!(matches!(error, Error::QueueFull { .. }), "{error:?}");
    hub.lab.disconnect(closed.name()).unwrap();
    let (_, reason) = hub.gone.next();
    assert!(matches!(reason, DisconnectReason::Local), "{reason:?}");
    // Somebody else who needs room gets it from the one that is closed already.
    let mut other = Telnet::connect(hub.addr);
    hub.works(&mut other);
    for _ in 0..5 {
        other.send(beginning(TOTAL / 2) + "\"\n");
        other.line();
    }
    assert_eq!(hub.lab.peers().len(), 1);
    drop(closed);
}

#[test]
fn nothing_is_left_of_a_run() {
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .limits(small())
        .build()
        .unwrap();
    lab.echo.connect(|_sender, text| text.len().to_string());
    for _ in 0..4 {
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let mut peer = Telnet::connect(addr);
        peer.send(beginning(TOTAL / 2));
        let mut other = Telnet::connect(addr);
        other.send(beginning(TOTAL / 4) + "\"\n");
        other.line();
        assert_eq!(lab.peers().len(), 2);
        lab.stop().unwrap();
    }
}
