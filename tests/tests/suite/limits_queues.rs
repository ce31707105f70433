//! Peers that do not read: whose queue is full waits, or is given up, and harms nobody.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{DisconnectReason, Error, Limits, Processing, Promise, Result, Value};
use quickrpc_tests::{Inbox, Lab, LabInverse, SOON, Telnet, bounded, inbox};
use socket2::SockRef;

use crate::settled;

/// The queue of a peer in these tests.
const QUEUE: usize = 64 << 10;
/// What is sent, again and again; far below the limit.
const NOTE: usize = 8 << 10;

fn small_queue(stall: Duration) -> Limits {
    Limits {
        peer_queue: QUEUE,
        stall,
        ..Limits::default()
    }
}

/// A server that tells who comes and goes.
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
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        Hub { lab, addr, gone }
    }

    /// A peer that does not read, once it is connected.
    fn deaf(&self) -> Telnet {
        let peer = Telnet::narrow(self.addr);
        self.wait_for(&peer);
        peer
    }

    fn wait_for(&self, peer: &Telnet) {
        let name = peer.name();
        quickrpc_tests::eventually("it is connected", || {
            self.lab.peers().iter().any(|one| **one == *name)
        });
    }

    #[track_caller]
    fn is_slow(&self, peer: &Telnet) -> usize {
        let (name, reason) = self.gone.next();
        assert_eq!(name, peer.name());
        match reason {
            DisconnectReason::SlowConsumer { queued } => queued,
            other => panic!("{other:?}"),
        }
    }
}

fn note(number: usize) -> String {
    format!("{number:0NOTE$}")
}

#[track_caller]
fn is_note(peer: &mut Telnet, number: usize) {
    // Not printed when it is another one.
    assert!(peer.line() == format!("notified text:\"{}\"", note(number)));
}

/// Sends notes until one is not accepted; gives the number of those that were.
fn fill(mut send: impl FnMut(&str) -> Result<()>) -> (usize, Error) {
    for number in 0..100_000 {
        if let Err(error) = send(&note(number)) {
            return (number, error);
        }
    }
    panic!("all is accepted for a peer that does not read")
}

#[test]
fn a_sender_waits_for_room_up_to_its_deadline_and_the_peer_stays() {
    for (limits, option) in [
        (small_queue(SOON), ""),
        (Limits::default(), "?peer_queue=64k&stall=20"),
    ] {
        let hub = Hub::new(limits, option);
        let mut peer = hub.deaf();
        let to_peer = hub.lab.to(peer.name()).timeout(Duration::from_millis(100));
        let mut count = 0;
        let refused = (0..50).any(|_| {
            let (more, error) = fill(|text| to_peer.notified(text));
            count += more;
            let is_full = matches!(error, Error::QueueFull { queued, .. }
                if (QUEUE..2 * QUEUE).contains(&queued));
            assert!(is_full, "{error:?}");
            // A call is not accepted either, unless the system has found more room meanwhile.
            match settled(to_peer.question("?")) {
                Err(Error::QueueFull { .. }) => true,
                Err(Error::Timeout { .. }) => false,
                other => panic!("{other:?}"),
            }
        });
        assert!(refused);
        assert_eq!(hub.lab.peers().len(), 1);
        // Whoever waits gets room as soon as the peer reads.
        let patient = hub.lab.to(peer.name()).timeout(SOON);
        let waiting = thread::spawn(move || patient.notified("at last"));
        let mut notes = 0;
        loop {
            let line = peer.line();
            notes += usize::from(line.len() > NOTE);
            if line == "notified text:\"at last\"" {
                break;
            }
        }
        assert_eq!(notes, count);
        bounded("the waiting thread", move || waiting.join().unwrap()).unwrap();
    }
}

#[test]
fn a_peer_that_stalls_with_a_full_queue_is_disconnected() {
    let stall = Duration::from_millis(200);
    for (limits, option) in [
        (small_queue(stall), ""),
        (Limits::default(), "?peer_queue=64k&stall=200ms"),
    ] {
        let hub = Hub::new(limits, option);
        let peer = hub.deaf();
        let to_peer = hub.lab.to(peer.name()).timeout(SOON);
        let began = Instant::now();
        let (_, error) = bounded("sending", move || fill(|text| to_peer.notified(text)));
        assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
        assert!(began.elapsed() >= stall);
        assert!((QUEUE..2 * QUEUE).contains(&hub.is_slow(&peer)));
    }
}

#[test]
fn whoever_waits_for_room_hears_of_the_end() {
    for stops in [false, true] {
        let hub = Hub::new(small_queue(SOON), "");
        let peer = hub.deaf();
        let to_peer = hub.lab.to(peer.name()).timeout(2 * SOON);
        let (tell, sent) = inbox();
        let sending = thread::spawn(move || {
            fill(|text| {
                to_peer.notified(text)?;
                tell.send(()).unwrap();
                Ok(())
            })
        });
        // What the system takes does not fill the queue; nor is it much, for this peer.
        (0..2 * QUEUE / NOTE).for_each(|_| sent.next());
        match stops {
            true => hub.lab.stop().unwrap(),
            false => hub.lab.disconnect(peer.name()).unwrap(),
        }
        let (_, error) = bounded("sending", move || sending.join().unwrap());
        assert!(
            matches!(
                error,
                Error::Disconnected { .. } | Error::Stopped | Error::UnknownPeer { .. }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn what_a_peer_with_four_times_its_limit_is_sent_is_refused() {
    let hub = Hub::new(small_queue(SOON / 4), "");
    let peer = hub.deaf();
    // To several peers nobody waits.
    let other = Telnet::connect(hub.addr);
    hub.wait_for(&other);
    let everybody = hub.lab.all();
    let (_, error) = fill(|text| {
        everybody.notified(text)?;
        Ok(())
    });
    assert!(error.to_string().contains(&peer.name()), "{error}");
    assert!(error.to_string().contains("reads too slowly"), "{error}");
    assert_eq!(
        hub.lab.peers().len(),
        2,
        "whether it reads is not known yet"
    );
    // It does not, though the system takes some more. The other one has more room there.
    let queued = hub.is_slow(&peer);
    assert!((QUEUE..5 * QUEUE).contains(&queued), "{queued}");
    assert_eq!(*hub.lab.peers()[0], *other.name());
}

#[test]
fn a_loop_of_sends_disconnects_no_healthy_peer() {
    const COUNT: usize = 1_000;
    let hub = Hub::new(small_queue(SOON), "");
    let mut peer = hub.deaf();
    let to_peer = hub.lab.to(peer.name()).timeout(SOON);
    let sending = thread::spawn(move || {
        // The thread is never held up for long, since the peer reads.
        (0..COUNT).try_for_each(|number| to_peer.notified(&note(number)))
    });
    (0..COUNT).for_each(|number| is_note(&mut peer, number));
    bounded("the sender", move || sending.join().unwrap()).unwrap();
    assert!(hub.gone.so_far().is_empty());
}

/// The socket of the sender has room again, for the system, when a third of it is free: which takes
/// a slow reader longer than it may stall.
#[test]
fn who_reads_slowly_but_steadily_stays() {
    const STALL: Duration = Duration::from_secs(2);
    const PIECE: usize = 8 << 10;
    let hub = Hub::new(small_queue(STALL), "");
    let mut peer = hub.deaf();
    let to_peer = hub.lab.to(peer.name()).timeout(SOON);
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let sending = thread::spawn(move || {
        fill(|text| {
            to_peer.notified(text)?;
            count.fetch_add(1, Ordering::AcqRel);
            Ok(())
        })
    });
    // About 120 kB/s; each piece is far below what the system waits for.
    let until = Instant::now() + 3 * STALL;
    let mut total = 0;
    while Instant::now() < until {
        total += peer.read_some(PIECE);
        assert!(hub.gone.so_far().is_empty(), "after {total} bytes");
        thread::sleep(Duration::from_millis(60));
    }
    assert!(sent.load(Ordering::Acquire) * NOTE > total, "it was behind");
    // Only now it does not read.
    let (_, error) = bounded("sending", move || sending.join().unwrap());
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
    hub.is_slow(&peer);
}

#[test]
fn nor_does_a_loop_in_a_handler() {
    const QUEUE: usize = 512 << 10;
    let limits = Limits {
        peer_queue: QUEUE,
        ..small_queue(SOON)
    };
    let hub = Hub::new(limits, "");
    // What the system takes, and a full queue; then half as much again as may wait.
    let first = hub.deaf();
    let to_first = hub.lab.to(first.name()).timeout(Duration::from_millis(50));
    let (room, _) = fill(|text| to_first.notified(text));
    let ahead = room + QUEUE / NOTE;
    let count = 2 * ahead;
    let everybody = hub.lab.all();
    let (read, heard) = crossbeam_channel::unbounded();
    let (full, is_full) = inbox();
    // The handler runs on the very thread that else finds out that there is room.
    hub.lab.add.connect(move |sender, _a, _b| {
        let to_peer = everybody.to(sender);
        let mut seen = 0;
        for number in 0..count {
            if number == ahead {
                full.send(()).unwrap();
            }
            let until = Instant::now() + SOON;
            while seen + ahead < number {
                assert!(Instant::now() < until, "the peer reads, but gets nothing");
                match heard.recv_timeout(Duration::from_millis(10)) {
                    Ok(()) => seen += 1,
                    Err(_) => to_peer.notified("").unwrap(),
                }
            }
            to_peer.notified(&note(number)).unwrap();
        }
        0
    });
    let mut peer = hub.deaf();
    peer.send("add[1] a:1 b:1\n");
    is_full.next();
    let mut next = 0;
    while next < count {
        let line = peer.line();
        if line != "notified text:\"\"" {
            assert!(line == format!("notified text:\"{}\"", note(next)));
            next += 1;
            // The handler has ended when it needs to hear no more.
            let _ = read.send(());
        }
    }
    while peer.line() != "[1]:0" {}
    assert!(hub.gone.so_far().is_empty());
}

#[test]
fn one_deaf_receiver_of_a_broadcast_delays_nobody() {
    const OTHERS: usize = 99;
    const ROUNDS: usize = 60;
    let hub = Hub::new(small_queue(SOON), "");
    let deaf = hub.deaf();
    let mut others: Vec<Telnet> = (0..OTHERS).map(|_| Telnet::connect(hub.addr)).collect();
    for other in &others {
        hub.wait_for(other);
    }
    let began = Instant::now();
    let mut lost = 0;
    for number in 0..ROUNDS {
        let text = note(number);
        if let Err(error) = hub.lab.all().notified(&text) {
            assert!(error.to_string().contains(&deaf.name()), "{error}");
            lost += 1;
        }
        let line = format!("notified text:\"{text}\"");
        for other in &mut others {
            assert_eq!(other.line(), line);
        }
    }
    assert!(began.elapsed() < SOON / 2, "nobody waits for the deaf one");
    assert!(lost <= 1, "only once: from then on it is gone");
    assert!(hub.lab.peers().len() >= OTHERS);
}

/// A peer that calls much and reads nothing, and a bystander.
struct Greedy {
    lab: Lab,
    peer: Telnet,
    bystander: Telnet,
    handled: Arc<AtomicUsize>,
}

impl Greedy {
    const CALLS: usize = 600;

    fn new() -> Greedy {
        let limits = Limits {
            // Only what is not read shall stop anything here.
            peer_queue: 64 << 20,
            ..Limits::default()
        };
        let lab = Lab::builder()
            .codec("terse")
            .transport("tcpserv:127.0.0.1:0")
            .limits(limits)
            .build()
            .unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        lab.echo.connect(move |_sender, _text| {
            count.fetch_add(1, Ordering::AcqRel);
            note(0)
        });
        lab.add.connect(|_sender, a, b| a + b);
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let mut peer = Telnet::narrow(addr);
        peer.send("echo[1]\n".repeat(Greedy::CALLS));
        let bystander = Telnet::connect(addr);
        let mut greedy = Greedy {
            lab,
            peer,
            bystander,
            handled,
        };
        greedy.settle();
        greedy
    }

    /// Waits until no more calls are read: the server looks at the peer again and again,
    /// as the bystander shows, and handles none of its calls.
    fn settle(&mut self) -> usize {
        let until = Instant::now() + SOON;
        let mut before = usize::MAX;
        loop {
            for _ in 0..50 {
                self.bystander.send("add[2] a:1 b:2\n");
                assert_eq!(self.bystander.line(), "[2]:3");
            }
            let now = self.handled.load(Ordering::Acquire);
            if now == before && now > 0 {
                return now;
            }
            before = now;
            assert!(Instant::now() < until, "calls are read without end");
        }
    }

    fn read(&mut self, count: usize) {
        let answer = format!("[1]:\"{}\"", note(0));
        let mut left = count;
        while left > 0 {
            let line = self.peer.line();
            assert!(line == answer || line.starts_with("question"), "{line}");
            left -= usize::from(line == answer);
        }
    }
}

#[test]
fn calls_are_not_read_while_their_answers_are_not() {
    let mut greedy = Greedy::new();
    let handled = greedy.settle();
    // 1 MiB, and what the system holds.
    assert!(handled * NOTE >= 1 << 20, "{handled}");
    assert!(handled < Greedy::CALLS, "all calls were read");
    greedy.read(Greedy::CALLS);
    assert_eq!(greedy.handled.load(Ordering::Acquire), Greedy::CALLS);
    greedy.peer.send("add[3] a:1 b:2\n");
    assert_eq!(greedy.peer.line(), "[3]:3");
}

#[test]
fn unless_a_promise_depends_on_it() {
    let mut greedy = Greedy::new();
    assert!(greedy.settle() < Greedy::CALLS);
    let question = greedy
        .lab
        .to(greedy.peer.name())
        .timeout(SOON)
        .question("?");
    // The answer lies behind all calls, and it is given without having read the question.
    greedy.peer.send("[1]:\"blindly\"\n");
    assert_eq!(settled(question).unwrap(), "blindly");
    greedy.read(Greedy::CALLS);
}

#[test]
fn a_client_that_is_not_read_from_gets_through_in_the_end() {
    // The other way round: here the library is the one that calls.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let caller = LabInverse::builder()
        .codec("terse")
        .transport(format!("tcp:{}", listener.local_addr().unwrap()))
        .processing(Processing::Queue)
        .limits(small_queue(SOON))
        .build()
        .unwrap();
    caller.start().unwrap();
    let mut server = Telnet::over(listener.accept().unwrap().0);
    let hub = caller.all().timeout(Duration::from_millis(100));
    let (count, error) = fill(|text| hub.notify(text));
    assert!(matches!(error, Error::QueueFull { .. }), "{error:?}");
    for _ in 0..count {
        server.line();
    }
    let sum = caller.all().timeout(SOON).add(2, 3);
    assert!(server.line().starts_with("add["));
    drop(server);
    assert!(matches!(settled(sum), Err(Error::Disconnected { .. })));
}

#[test]
fn answers_that_are_owed_are_limited_too() {
    const LIMIT: usize = 5;
    let limits = Limits {
        pending_calls_per_peer: LIMIT,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .build()
        .unwrap();
    lab.add.connect(|_sender, a, b| a + b);
    let (owed, resolvers) = inbox();
    lab.nested.connect(move |_sender, _value| {
        let (promise, resolver) = Promise::pair();
        owed.send(resolver).unwrap();
        promise
    });
    lab.start().unwrap();
    let mut peer = Telnet::connect(lab.local_addrs()[0]);
    peer.send("nested[1] value:null\n".repeat(4 * LIMIT));
    let mut bystander = Telnet::connect(lab.local_addrs()[0]);
    let mut waiting = resolvers.take(LIMIT);
    for _ in 0..4 * LIMIT {
        // Others are served meanwhile.
        bystander.send("add[2] a:1 b:2\n");
        assert_eq!(bystander.line(), "[2]:3");
        waiting.extend(resolvers.so_far());
        assert!(waiting.len() <= LIMIT);
        let resolver = waiting.pop().unwrap_or_else(|| resolvers.next());
        resolver.set_result(Value::Null).unwrap();
        assert_eq!(peer.line(), "[1]:null");
    }
}
