//! Several poll threads for one API: what is promised of a peer stays, and peers are served at the
//! same time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use quickrpc::{Limits, Processing, Promise};
#[cfg(unix)]
use quickrpc_tests::OwnDir;
use quickrpc_tests::{
    Lab, LabInverse, OwnPort, SOON, Telnet, bounded, client, eventually, inbox, serve,
};

use crate::settled;

const THREADS: usize = 3;

/// A lab on so many poll threads, which is not started yet.
fn lab(transport: &str, processing: Processing) -> Lab {
    Lab::builder()
        .codec("terse")
        .transport(transport)
        .processing(processing)
        .io_threads(THREADS)
        .build()
        .unwrap()
}

fn tcp(processing: Processing) -> Lab {
    lab("tcpserv:127.0.0.1:0", processing)
}

fn started(lab: &Lab) -> SocketAddr {
    lab.start().unwrap();
    lab.local_addrs()[0]
}

/// A place where so many meet, or find out that they do not.
struct Meeting {
    expected: usize,
    here: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    fn of(expected: usize) -> Self {
        Meeting {
            expected,
            here: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    /// Whether all have come while the caller waits.
    fn attend(&self) -> bool {
        let mut here = self.here.lock().unwrap();
        *here += 1;
        self.changed.notify_all();
        let alone = |here: &mut usize| *here < self.expected;
        let waited = self.changed.wait_timeout_while(here, SOON / 4, alone);
        *waited.unwrap().0 >= self.expected
    }
}

/// Many clients at once, each of which checks its answers.
fn answers(connect: impl Fn() -> LabInverse) {
    let callers: Vec<_> = (0..12_i64)
        .map(|number| {
            let caller = connect();
            thread::spawn(move || {
                for step in 0..200 {
                    let sum = caller.all().add(number, step).result().unwrap();
                    assert_eq!(sum, number + step);
                }
                let many: Vec<_> = (0..50).map(|n| caller.all().add(number, n)).collect();
                for (n, sum) in (0..).zip(many) {
                    assert_eq!(sum.result().unwrap(), number + n);
                }
                let text = number.to_string().repeat(50_000);
                assert_eq!(caller.all().echo(&text).result().unwrap(), text);
                // Both ends of the connection ask.
                caller.question.connect(|_sender, text| text.to_uppercase());
                assert_eq!(caller.all().ask("why").result().unwrap(), "WHY");
            })
        })
        .collect();
    bounded("all callers", move || {
        callers
            .into_iter()
            .for_each(|caller| caller.join().unwrap());
    });
}

#[test]
fn many_clients_over_tcp() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let lab = tcp(processing);
        let _served = serve(&lab);
        let addr = started(&lab);
        answers(|| client("terse", addr));
    }
}

#[test]
#[cfg(unix)]
fn many_clients_over_unix() {
    let dir = OwnDir::new();
    let path = dir.path("lab").display().to_string();
    let lab = lab(&format!("unixserv:{path}"), Processing::Inline);
    let _served = serve(&lab);
    lab.start().unwrap();
    answers(|| {
        let caller = LabInverse::bind("terse", format!("unix:{path}")).unwrap();
        caller.start().unwrap();
        caller
    });
}

#[test]
fn a_client_of_many_servers_shares_them_out() {
    let servers: Vec<_> = (0..6)
        .map(|_| {
            let server = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
            let _served = serve(&server);
            let addr = started(&server);
            (server, format!("(tcp:{addr})"))
        })
        .collect();
    let links: String = servers.iter().map(|(_, link)| link.as_str()).collect();
    let caller = LabInverse::builder()
        .codec("terse")
        .transport(format!("mux:{links}"))
        .io_threads(THREADS)
        .build()
        .unwrap();
    caller.start().unwrap();
    for round in 0..50 {
        let sums: Vec<_> = caller
            .peers()
            .iter()
            .map(|server| caller.to(server).add(round, 1))
            .collect();
        assert_eq!(sums.len(), servers.len());
        for sum in sums {
            assert_eq!(settled(sum).unwrap(), round + 1);
        }
    }
}

#[test]
fn the_notes_of_a_peer_keep_their_order_and_no_two_run_at_once() {
    const CLIENTS: usize = 6;
    const NOTES: usize = 500;
    let lab = tcp(Processing::Inline);
    let (seen, log) = inbox();
    let running: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    lab.notify.connect(move |sender, text| {
        let name = sender.to_string();
        let beside = |change: fn(usize) -> usize| {
            let mut running = running.lock().unwrap();
            let count = running.entry(name.clone()).or_default();
            *count = change(*count);
            *count
        };
        let at_once = beside(|count| count + 1);
        thread::yield_now();
        beside(|count| count - 1);
        let number: usize = text.parse().unwrap();
        seen.send((name, number, at_once)).unwrap();
    });
    let addr = started(&lab);
    let senders: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let caller = client("terse", addr);
            thread::spawn(move || {
                for number in 0..NOTES {
                    caller.all().notify(&number.to_string()).unwrap();
                }
                caller
            })
        })
        .collect();
    let mut of_peers: HashMap<String, Vec<usize>> = HashMap::new();
    for (name, number, at_once) in log.take(CLIENTS * NOTES) {
        assert_eq!(at_once, 1, "two handlers of {name}");
        of_peers.entry(name).or_default().push(number);
    }
    for sender in senders {
        sender.join().unwrap();
    }
    assert_eq!(of_peers.len(), CLIENTS);
    for (name, numbers) in of_peers {
        assert_eq!(numbers, (0..NOTES).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn inline_handlers_of_different_peers_run_at_the_same_time() {
    let lab = tcp(Processing::Inline);
    let (meeting, names) = (Meeting::of(THREADS), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&names);
    lab.echo.connect(move |_sender, _text| {
        let name = thread::current().name().unwrap_or_default().to_owned();
        seen.lock().unwrap().push(name);
        meeting.attend().to_string()
    });
    let addr = started(&lab);
    let callers: Vec<_> = (0..THREADS).map(|_| client("terse", addr)).collect();
    let promises: Vec<_> = callers.iter().map(|one| one.all().echo("")).collect();
    for promise in promises {
        assert_eq!(settled(promise).unwrap(), "true");
    }
    let mut names = names.lock().unwrap().clone();
    names.sort_unstable();
    assert_eq!(names, ["quickrpc-io", "quickrpc-io-2", "quickrpc-io-3"]);
}

#[test]
fn on_one_thread_and_in_a_queue_they_do_not() {
    for (processing, threads) in [(Processing::Inline, 1), (Processing::Queue, THREADS)] {
        let lab = Lab::builder()
            .codec("terse")
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .io_threads(threads)
            .build()
            .unwrap();
        let (running, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        let highest = Arc::clone(&most);
        lab.echo.connect(move |_sender, text| {
            highest.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            text.to_owned()
        });
        let addr = started(&lab);
        let callers: Vec<_> = (0..THREADS).map(|_| client("terse", addr)).collect();
        for _ in 0..100 {
            let promises: Vec<_> = callers.iter().map(|one| one.all().echo("a")).collect();
            for promise in promises {
                assert_eq!(settled(promise).unwrap(), "a");
            }
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn callbacks_of_different_peers_run_at_the_same_time() {
    let lab = tcp(Processing::Inline);
    let addr = started(&lab);
    let callers: Vec<_> = (0..THREADS).map(|_| client("terse", addr)).collect();
    // Answered when all callbacks are there: what is settled already calls back at once.
    let (keep, owed) = inbox();
    for caller in &callers {
        let keep = keep.clone();
        caller.question.connect(move |_sender, _text| {
            let (promise, resolver) = Promise::pair();
            keep.send(resolver).unwrap();
            promise
        });
    }
    eventually("all peers", || lab.peers().len() == THREADS);
    let (meeting, (met, log)) = (Arc::new(Meeting::of(THREADS)), inbox());
    for peer in lab.peers() {
        let (meeting, met) = (Arc::clone(&meeting), met.clone());
        let failed = met.clone();
        lab.to(&peer).question("a").then(
            move |answer| {
                assert_eq!(answer, "a");
                met.send(meeting.attend()).unwrap();
            },
            move |_error| failed.send(false).unwrap(),
        );
    }
    for resolver in owed.take(THREADS) {
        resolver.set_result("a".to_owned()).unwrap();
    }
    assert_eq!(log.take(THREADS), [true; THREADS]);
}

#[test]
fn a_peer_comes_before_what_it_says_and_goes_after_it() {
    const PEERS: usize = 30;
    let lab = tcp(Processing::Inline);
    let (seen, log) = inbox();
    let (came, went) = (seen.clone(), seen.clone());
    lab.on_connect(move |peer| came.send((peer.to_string(), "came")).unwrap());
    lab.on_disconnect(move |peer, _reason| went.send((peer.to_string(), "went")).unwrap());
    lab.notify
        .connect(move |peer, _text| seen.send((peer.to_string(), "said")).unwrap());
    let addr = started(&lab);
    let people: Vec<_> = (0..PEERS)
        .map(|_| {
            thread::spawn(move || {
                let mut person = Telnet::connect(addr);
                let note = "notify text:\"a\"\n";
                person.send(note.repeat(20));
            })
        })
        .collect();
    for person in people {
        person.join().unwrap();
    }
    let mut of_peers: HashMap<String, Vec<&str>> = HashMap::new();
    for (name, what) in log.take(PEERS * 22) {
        of_peers.entry(name).or_default().push(what);
    }
    assert_eq!(of_peers.len(), PEERS);
    for (name, events) in of_peers {
        assert_eq!(events.first(), Some(&"came"), "{name}: {events:?}");
        assert_eq!(events.last(), Some(&"went"), "{name}: {events:?}");
        assert_eq!(events.len(), 22, "{name}: {events:?}");
    }
}

#[test]
fn a_handler_disconnects_its_caller_and_others() {
    let lab = tcp(Processing::Inline);
    let (gone, log) = inbox();
    lab.on_disconnect(move |peer, _reason| gone.send(peer.to_string()).unwrap());
    let api = lab.clone();
    let connection = lab.notify.connect(move |sender, text| match text {
        "me" => api.disconnect(sender).unwrap(),
        _ => {
            for peer in api.peers().iter().filter(|peer| *peer != sender) {
                api.disconnect(peer).unwrap();
            }
        }
    });
    let addr = started(&lab);
    for text in ["me", "others"] {
        let callers: Vec<_> = (0..6).map(|_| client("terse", addr)).collect();
        eventually("all peers", || lab.peers().len() == callers.len());
        match text {
            "me" => {
                for caller in &callers {
                    caller.all().notify(text).unwrap();
                }
                log.take(callers.len());
                assert!(lab.peers().is_empty());
            }
            _ => {
                callers[4].all().notify(text).unwrap();
                log.take(callers.len() - 1);
                assert_eq!(lab.peers().len(), 1);
            }
        }
        drop(callers);
        eventually("nobody", || lab.peers().is_empty());
    }
    // Handlers own a handle of the API.
    connection.disconnect();
}

#[test]
fn all_connections_count_for_the_limit() {
    const MOST: usize = 4;
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .limits(Limits {
            connections: MOST,
            ..Limits::default()
        })
        .io_threads(THREADS)
        .build()
        .unwrap();
    let _served = serve(&lab);
    let addr = started(&lab);
    let mut callers: Vec<_> = (0..MOST).map(|_| client("terse", addr)).collect();
    for caller in &callers {
        assert_eq!(settled(caller.all().add(1, 2)).unwrap(), 3);
    }
    let mut one_more = Telnet::connect(addr);
    one_more.expect_closed();
    // Whichever thread has had it, there is room when one has gone.
    while callers.pop().is_some() {
        eventually("one less", || lab.peers().len() == callers.len());
        let comes = || {
            let caller = LabInverse::bind("terse", format!("tcp:{addr}")).unwrap();
            caller.start().is_ok() && caller.all().add(1, 2).result().is_ok()
        };
        eventually("room for another one", comes);
        eventually("and it has gone", || lab.peers().len() == callers.len());
    }
}

#[test]
fn a_stop_in_a_flood() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let lab = tcp(processing);
        let (seen, log) = inbox();
        lab.notify.connect(move |_sender, _text| {
            let _ = seen.send(());
        });
        let addr = started(&lab);
        let note = "notify text:\"a\"\n";
        let _people: Vec<_> = (0..6)
            .map(|_| {
                let mut person = Telnet::connect(addr);
                person.send(note.repeat(2_000));
                person
            })
            .collect();
        log.take(10);
        let same = lab.clone();
        bounded("stop", move || same.stop()).unwrap();
        assert!(lab.peers().is_empty());
        // And again.
        let addr = started(&lab);
        let mut person = Telnet::connect(addr);
        log.so_far();
        person.send(note.repeat(3));
        log.take(3);
        bounded("another stop", move || lab.stop()).unwrap();
    }
}

#[test]
fn handlers_on_every_thread_stop_it() {
    let lab = tcp(Processing::Inline);
    let api = lab.clone();
    let connection = lab.notify.connect(move |_sender, _text| {
        api.stop().unwrap();
    });
    for place in 0..THREADS {
        let addr = started(&lab);
        let callers: Vec<_> = (0..THREADS).map(|_| client("terse", addr)).collect();
        eventually("all peers", || lab.peers().len() == THREADS);
        callers[place].all().notify("a").unwrap();
        let same = lab.clone();
        bounded("the end", move || same.wait()).unwrap();
        assert!(!lab.is_running());
    }
    connection.disconnect();
}

#[test]
fn a_running_handler_ends_and_is_answered_before_the_stop() {
    let lab = tcp(Processing::Inline);
    let (entered, entries) = inbox();
    let (open, gate) = inbox::<()>();
    lab.echo.connect(move |_sender, text| {
        entered.send(()).unwrap();
        gate.next();
        text.to_owned()
    });
    let addr = started(&lab);
    let callers: Vec<_> = (0..THREADS).map(|_| client("terse", addr)).collect();
    let answers: Vec<_> = callers.iter().map(|one| one.all().echo("a")).collect();
    for _ in 0..THREADS {
        entries.next();
    }
    let same = lab.clone();
    let stopping = thread::spawn(move || same.stop());
    for _ in 0..THREADS {
        open.send(()).unwrap();
    }
    for answer in answers {
        assert_eq!(settled(answer).unwrap(), "a");
    }
    bounded("stop", move || stopping.join().unwrap()).unwrap();
}

#[test]
fn large_answers_leave_at_the_stop() {
    const SIZE: usize = 4 << 20;
    let lab = tcp(Processing::Inline);
    let (asked, log) = inbox();
    lab.blob.connect(move |_sender, _data| {
        let _ = asked.send(());
        vec![7; SIZE]
    });
    let addr = started(&lab);
    let limits = Limits {
        message_size: 2 * SIZE,
        ..Limits::default()
    };
    let callers: Vec<_> = (0..THREADS)
        .map(|_| {
            let caller = LabInverse::builder()
                .codec("terse")
                .transport(format!("tcp:{addr}"))
                .limits(limits.clone())
                .build()
                .unwrap();
            caller.start().unwrap();
            caller
        })
        .collect();
    let answers: Vec<_> = callers.iter().map(|one| one.all().blob(b"")).collect();
    log.take(THREADS);
    bounded("stop", move || lab.stop()).unwrap();
    for answer in answers {
        assert_eq!(settled(answer).unwrap().len(), SIZE);
    }
}

#[test]
fn clients_that_restart_come_again_on_whichever_thread() {
    const LINKS: usize = 4;
    let port = OwnPort::new();
    let addr = port.addr();
    let server = || {
        let server = lab(&format!("tcpserv:{addr}"), Processing::Inline);
        let _served = serve(&server);
        server.start().unwrap();
        server
    };
    let first = server();
    let caller = LabInverse::builder()
        .codec("terse")
        .transport(format!(
            "mux:{}",
            format!("(restart:0.01:tcp:{addr})").repeat(LINKS)
        ))
        .io_threads(THREADS)
        .build()
        .unwrap();
    caller.start().unwrap();
    let all_answer = || {
        eventually("all links", || caller.peers().len() == LINKS);
        for peer in caller.peers() {
            assert_eq!(settled(caller.to(&peer).add(1, 2)).unwrap(), 3);
        }
    };
    all_answer();
    // The server throws them out,
    for _ in 0..3 {
        for peer in first.peers() {
            first.disconnect(peer).unwrap();
        }
        eventually("they come again", || {
            first.peers().len() == LINKS && caller.peers().len() == LINKS
        });
    }
    // or ends.
    let mut server_now = first;
    for _ in 0..3 {
        bounded("stop", move || server_now.stop()).unwrap();
        eventually("nobody", || caller.peers().is_empty());
        server_now = server();
        all_answer();
    }
}

#[test]
fn who_does_not_read_its_answers_is_not_read_until_it_does() {
    const CALLS: usize = 1000;
    const ANSWER: usize = 16 << 10;
    let limits = Limits {
        // Only what is not read shall stop anything here.
        peer_queue: 64 << 20,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .io_threads(THREADS)
        .build()
        .unwrap();
    let handled: Arc<[AtomicUsize; THREADS]> = Arc::default();
    let counts = Arc::clone(&handled);
    lab.echo.connect(move |_sender, text| {
        let place: usize = text.parse().unwrap();
        counts[place].fetch_add(1, Ordering::AcqRel);
        "x".repeat(ANSWER)
    });
    let addr = started(&lab);
    let count = |place: usize| handled[place].load(Ordering::Acquire);
    let mut people: Vec<_> = (0..THREADS)
        .map(|place| {
            let mut person = Telnet::narrow(addr);
            person.send(format!("echo[1] text:\"{place}\"\n").repeat(CALLS));
            person
        })
        .collect();
    for place in 0..THREADS {
        // 1 MiB of answers, and what the system holds.
        eventually("some calls", || count(place) * ANSWER >= 1 << 20);
    }
    let answer = format!("[1]:\"{}\"", "x".repeat(ANSWER));
    for (place, person) in people.iter_mut().enumerate() {
        for _ in 0..CALLS {
            assert!(person.line() == answer);
        }
        assert_eq!(count(place), CALLS);
    }
}
