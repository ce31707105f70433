//! Limits of connections and of time: how many connect, how long that may take, and how
//! long a stop may take.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, Limits, Processing};
use quickrpc_tests::{Lab, LabInverse, SOON, Telnet, bounded, eventually, inbox, serve};
use socket2::{Domain, Socket, Type};

fn works(peer: &mut Telnet) {
    peer.send("add[1] a:1 b:2\n");
    assert_eq!(peer.line(), "[1]:3");
}

#[test]
fn connections_of_a_server() {
    let limited = Limits {
        connections: 2,
        ..Limits::default()
    };
    for (limits, option) in [(limited, ""), (Limits::default(), "?connections=2")] {
        let lab = Lab::builder()
            .codec("terse")
            .transport(format!("tcpserv:127.0.0.1:0{option}"))
            .limits(limits)
            .build()
            .unwrap();
        let _served = serve(&lab);
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let mut one = Telnet::connect(addr);
        let mut two = Telnet::connect(addr);
        works(&mut one);
        works(&mut two);
        for _ in 0..3 {
            Telnet::connect(addr).expect_closed();
        }
        works(&mut one);
        works(&mut two);
        assert_eq!(lab.peers().len(), 2);
        // After one is gone there is room for one.
        drop(one);
        let mut next = None;
        for _ in 0..1_000 {
            let mut peer = Telnet::connect(addr);
            if peer.try_send("add[1] a:1 b:2\n") && peer.try_read() {
                next = Some(peer);
                break;
            }
        }
        let mut next = next.expect("room after the end of another");
        Telnet::connect(addr).expect_closed();
        works(&mut next);
        works(&mut two);
    }
}

/// An address where connecting is neither accepted nor refused.
fn black_hole() -> (SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).unwrap();
    // Its queue is full after the first few, and from then on nobody hears anything.
    listener.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut sockets = vec![listener];
    for _ in 0..16 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let connected = socket.connect_timeout(&addr, Duration::from_millis(50));
        sockets.push(socket);
        if connected.is_err() {
            return (addr.as_socket().unwrap(), sockets);
        }
    }
    panic!("the queue of the listener has no end")
}

#[test]
fn the_time_for_connecting() {
    let (addr, _sockets) = black_hole();
    let limited = Limits {
        connect: Duration::from_millis(100),
        ..Limits::default()
    };
    for (limits, option) in [(limited, ""), (Limits::default(), "?connect=100ms")] {
        let caller = LabInverse::builder()
            .transport(format!("tcp:{addr}{option}"))
            .limits(limits)
            .build()
            .unwrap();
        let began = Instant::now();
        let error = bounded("start", move || caller.start()).unwrap_err();
        assert!(matches!(error, Error::Start { .. }), "{error:?}");
        assert!(error.to_string().contains(&addr.to_string()), "{error}");
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(100) && took < SOON / 4,
            "{took:?}"
        );
    }
}

#[test]
fn a_stop_ends_an_attempt_to_connect() {
    let (addr, _sockets) = black_hole();
    let caller =
        LabInverse::bind("jrpc", format!("mux:(tcp:{addr})(tcpserv:127.0.0.1:0)")).unwrap();
    for _ in 0..3 {
        let started = caller.start_nonblocking();
        let stopping = caller.clone();
        bounded("stop", move || stopping.stop()).unwrap();
        let result = bounded("the start", move || started.result());
        assert!(result.is_err());
        assert!(!caller.is_running());
    }
}

/// A handler that does not return.
fn stuck(processing: Processing, limits: Limits, option: &str) -> String {
    let lab = Lab::builder()
        .codec("terse")
        .transport(format!("tcpserv:127.0.0.1:0{option}"))
        .processing(processing)
        .limits(limits)
        .build()
        .unwrap();
    let (entered, entries) = inbox();
    let (open, gate) = inbox::<()>();
    lab.notify.connect(move |_sender, _text| {
        entered.send(()).unwrap();
        gate.next();
    });
    lab.start().unwrap();
    let mut peer = Telnet::connect(lab.local_addrs()[0]);
    peer.send("notify text:\"\"\n");
    entries.next();
    let stopping = lab.clone();
    let began = Instant::now();
    let error = bounded("stop", move || stopping.stop()).unwrap_err();
    assert!(began.elapsed() < SOON / 4);
    // As soon as it returns after all, the stop is complete.
    open.send(()).unwrap();
    let stopping = lab.clone();
    bounded("stop", move || stopping.stop()).unwrap();
    peer.expect_closed();
    error.to_string()
}

#[test]
fn a_stop_names_the_thread_that_does_not_end() {
    let limited = Limits {
        stop: Duration::from_millis(200),
        ..Limits::default()
    };
    let plain = Limits::default();
    for (limits, option) in [(&limited, ""), (&plain, "?stop=200ms")] {
        let error = stuck(Processing::Inline, limits.clone(), option);
        assert!(error.contains("still running: io"), "{error}");
        let error = stuck(Processing::Queue, limits.clone(), option);
        // On a busy machine the thread that waits for the worker may need a moment more.
        assert!(error.contains("worker ("), "{error}");
    }
}

#[test]
fn a_stop_in_the_middle_of_a_flood() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let lab = Lab::builder()
            .codec("terse")
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build()
            .unwrap();
        let _served = serve(&lab);
        for _ in 0..2 {
            lab.start().unwrap();
            let addr = lab.local_addrs()[0];
            let flooding: Vec<_> = (0..4)
                .map(|_| {
                    thread::spawn(move || {
                        let mut peer = Telnet::connect(addr);
                        let calls = "echo[1] text:\"x\"\nnotify text:\"y\"\n".repeat(100);
                        let mut sent = 0;
                        // Reads, so that nothing but the stop can end it.
                        while peer.try_send(&calls) && peer.try_read() {
                            sent += 1;
                        }
                        sent
                    })
                })
                .collect();
            eventually("all are there", || lab.peers().len() == 4);
            let stopping = lab.clone();
            let began = Instant::now();
            bounded("stop", move || stopping.stop()).unwrap();
            assert!(began.elapsed() < SOON / 4);
            for flood in flooding {
                bounded("a client", move || flood.join().unwrap());
            }
        }
    }
}

/// Stops an API wherever user code runs on one of its threads: it is only asked for there,
/// and it happens.
#[test]
fn a_stop_in_each_kind_of_callback() {
    for (place, processing) in (0..5).flat_map(|place| {
        let modes = [Processing::Inline, Processing::Queue];
        modes.map(|processing| (place, processing))
    }) {
        let lab = Lab::builder()
            .codec("terse?answers=off")
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build()
            .unwrap();
        let (told, stops) = inbox();
        let same = lab.clone();
        let stop = move || {
            // Once; the farewells of the stop itself come here too.
            if same.is_running() {
                told.send(same.stop()).unwrap();
            }
        };
        match place {
            0 => lab.on_connect(move |_peer| stop()),
            1 => lab.on_disconnect(move |_peer, _reason| stop()),
            2 => lab.on_error(move |_peer, _error, _method| stop()),
            3 => drop(lab.notify.connect(move |_sender, _text| stop())),
            _ => {
                let everybody = lab.all();
                let stop = std::sync::Arc::new(stop);
                lab.notify.connect(move |sender, _text| {
                    let stop = std::sync::Arc::clone(&stop);
                    let question = everybody.to(sender).question("?");
                    question.then(move |_answer| stop(), |error| panic!("{error}"));
                });
            }
        }
        lab.start().unwrap();
        let mut peer = Telnet::connect(lab.local_addrs()[0]);
        peer.try_send("}{\nnotify text:\"\"\n");
        if place == 4 {
            assert_eq!(peer.line(), "question[1] text:\"?\"");
            peer.send("[1]:\"yes\"\n");
        }
        if place == 1 {
            peer.close_write();
        }
        stops.next().unwrap();
        let waiting = lab.clone();
        bounded("wait", move || waiting.wait()).unwrap();
        peer.expect_closed();
        assert!(!lab.is_running());
    }
}
