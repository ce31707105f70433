//! What is left after an API: nothing. One test in a program of its own, since threads
//! and descriptors are counted for the whole process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quickrpc::announcer::Announcer;
use quickrpc::{Processing, Promise};
use quickrpc_tests::{
    Authority, DatagramPort, Lab, LabInverse, OwnDir, OwnPort, RefusingPort, Resources, Telnet,
    bounded, children, eventually, inbox, kill, own_bus, serve, thread_names,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lab_stdio");

/// Runs `cycle` a few times; the first time may leave what is made once for all.
#[track_caller]
fn leaves_nothing(what: &str, cycle: impl Fn()) {
    cycle();
    leaves_workers(what, 0);
    let before = Resources::now();
    for _ in 0..5 {
        cycle();
    }
    eventually(what, || {
        let now = Resources::now();
        now.threads <= before.threads && now.descriptors <= before.descriptors
    });
}

/// The library's own threads, which all have names of its own.
fn workers() -> Vec<String> {
    let mut names = thread_names();
    names.retain(|name| name.contains("quickrpc"));
    names
}

/// Waits until the system shows so many of them. A thread that was joined may still be shown
/// for a moment: the system wakes who joins it before it takes it off the list. That they are
/// joined in time is proved in `suite/joins.rs`.
#[track_caller]
fn leaves_workers(what: &str, count: usize) {
    eventually(what, || workers().len() == count);
}

fn lab_with(processing: Processing, transport: &str) -> Lab {
    let lab = Lab::builder()
        .codec("terse")
        .transport(transport)
        .processing(processing)
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab
}

/// Connections that are over give back their descriptors at once, even if the answer to
/// one of their calls is still owed.
fn short_connections() {
    const COUNT: usize = 100;
    let lab = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    let (owed, promises) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        let _ = owed.send(resolver);
        promise
    });
    let (came, connected) = inbox();
    lab.on_connect(move |_peer| {
        let _ = came.send(());
    });
    let (gone, ended) = inbox();
    lab.on_disconnect(move |_peer, _reason| {
        let _ = gone.send(());
    });
    lab.start().unwrap();
    let before = Resources::now().descriptors;
    for _ in 0..COUNT {
        let mut person = Telnet::connect(lab.local_addrs()[0]);
        connected.next();
        person.send("nonsense");
    }
    ended.take(COUNT);
    let started = Instant::now();
    eventually("short connections", || {
        Resources::now().descriptors <= before + 10
    });
    assert!(started.elapsed() < Duration::from_secs(2));
    for _ in 0..COUNT {
        let mut person = Telnet::connect(lab.local_addrs()[0]);
        person.send("echo[1]\n");
        let _owed = promises.next();
        lab.disconnect(person.name()).unwrap();
        std::mem::forget(_owed);
    }
    ended.take(COUNT);
    eventually("connections with an answer owed", || {
        Resources::now().descriptors <= before + 10
    });
}

fn talk(lab: &Lab) {
    let addr = lab.local_addrs()[0];
    let mut person = Telnet::connect(addr);
    person.send("add[1] a:1 b:2\n");
    assert_eq!(person.line(), "[1]:3");
    let caller = LabInverse::bind("terse", format!("tcp:{addr}").as_str()).unwrap();
    caller.start().unwrap();
    let sum = caller.all().add(2, 3);
    assert_eq!(bounded("the sum", move || sum.result()).unwrap(), 5);
}

fn sum(caller: &LabInverse) {
    let sum = caller.all().add(2, 3);
    assert_eq!(bounded("the sum", move || sum.result()).unwrap(), 5);
}

/// Ten times, what was killed is there again, and so many threads do all of it.
#[track_caller]
fn stays_the_same(caller: &LabInverse, threads: usize, mut kill_and_await: impl FnMut()) {
    sum(caller);
    leaves_workers("all threads", threads);
    let before = Resources::now().descriptors;
    for _ in 0..10 {
        kill_and_await();
        sum(caller);
        eventually("as much as before", || {
            workers().len() == threads && Resources::now().descriptors <= before
        });
    }
}

/// Ten restarts of a child take no more than one.
fn child_that_is_killed() {
    let script = format!(r#"echo "notified text:\"$$\""; exec {PROGRAM} terse"#);
    let expression = format!("restart:0.001:(process:(sh -c '{script}'))");
    let caller = LabInverse::bind("terse", expression).unwrap();
    let (seen, pids) = inbox();
    caller
        .notified
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    caller.start().unwrap();
    let mut pid = pids.next();
    // Those that poll, read, write and watch.
    stays_the_same(&caller, 4, || {
        kill(&pid);
        pid = pids.next();
    });
    assert_eq!(children().len(), 1);
    caller.stop().unwrap();
    assert_eq!(children(), [0; 0]);
}

/// A server in a process of its own.
fn server(transport: &str) -> Child {
    let mut server = Command::new(env!("CARGO_BIN_EXE_lab_server"))
        .args(["terse", transport])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let ready = bounded("the server", move || {
        let mut line = String::new();
        output.read_line(&mut line).map(|_| line)
    });
    assert_eq!(ready.unwrap(), "ready\n");
    server
}

/// Ten servers that crash take no more of their client than one.
fn server_that_is_killed(serves: &str, calls: &str) {
    let mut running = server(serves);
    let caller = LabInverse::bind("terse", format!("restart:0.001:({calls})")).unwrap();
    let (here, connected) = inbox();
    caller.on_connect(move |_peer| {
        let _ = here.send(());
    });
    caller.start().unwrap();
    connected.next();
    stays_the_same(&caller, 1, || {
        running.kill().unwrap();
        running.wait().unwrap();
        running = server(serves);
        // One that is about to end may still accept a connection.
        loop {
            connected.next();
            let sum = caller.all().add(2, 3);
            if bounded("the sum", move || sum.result()).is_ok() {
                break;
            }
        }
    });
    caller.stop().unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
}

/// How often the library's threads have gone to sleep, each time after being woken.
fn sleeps() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let counts = tasks.flatten().filter_map(|task| {
        let text = |file: &str| std::fs::read_to_string(task.path().join(file)).ok();
        text("comm").filter(|name| name.contains("quickrpc"))?;
        let status = text("status")?;
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        count.trim().parse::<u64>().ok()
    });
    counts.sum()
}

/// Without anything to do, no thread wakes: neither those of a server nor those of a client
/// that has called it a moment ago.
fn idle_threads_sleep() {
    let lab = lab_with(Processing::Inline, "tcpserv:127.0.0.1:0?spin=50us");
    lab.start().unwrap();
    let hub = LabInverse::bind("terse", format!("tcp:{}", lab.local_addrs()[0])).unwrap();
    hub.start().unwrap();
    for number in 0..100 {
        let promise = hub.all().add(number, 1);
        let sum = bounded("an answer", move || promise.result());
        assert_eq!(sum.unwrap(), number + 1);
    }
    leaves_workers("two APIs", 2);
    eventually("idle threads sleep", || {
        let before = sleeps();
        std::thread::park_timeout(Duration::from_millis(200));
        sleeps() == before
    });
}

/// A thousand handshakes that never finish take little memory, and give it back with their
/// descriptors when their time is over.
fn unfinished_handshakes() {
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let server = format!("tlsserv:127.0.0.1:0?{identity}&greeting=1&connections=1100");
    let lab = lab_with(Processing::Inline, &server);
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let (memory, before) = (resident(), Resources::now().descriptors);
    let mut slow: Vec<_> = (0..1000).map(|_| Telnet::connect(addr)).collect();
    for one in &mut slow {
        // The beginning of a hello. The time of the first ones may be over by then.
        one.try_send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    }
    let believing = format!("ca={}", authority.file().display());
    let caller = LabInverse::bind("terse", format!("tls:{addr}?{believing}")).unwrap();
    caller.start().unwrap();
    sum(&caller);
    let held = resident().saturating_sub(memory);
    assert!(held < 1000 * (24 << 10), "{held} bytes");
    for one in &mut slow {
        one.expect_closed();
    }
    caller.stop().unwrap();
    drop(slow);
    eventually("no descriptor", || Resources::now().descriptors <= before);
}

/// The memory of this process that is in use, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages = statm.split(' ').nth(1).unwrap();
    pages.parse::<usize>().unwrap() * 4096
}

#[test]
fn nothing_is_left_behind() {
    unfinished_handshakes();
    idle_threads_sleep();
    short_connections();
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(3)] {
        leaves_nothing("stop", || {
            let lab = lab_with(processing, "tcpserv:127.0.0.1:0");
            lab.start().unwrap();
            talk(&lab);
            lab.stop().unwrap();
            leaves_workers("a stop", 0);
        });
        leaves_nothing("drop", || {
            let lab = lab_with(processing, "tcpserv:127.0.0.1:0");
            lab.start().unwrap();
            talk(&lab);
        });
    }
    leaves_nothing("start, stop, start", || {
        let lab = lab_with(Processing::Inline, "tcpserv:127.0.0.1:0");
        for _ in 0..3 {
            lab.start().unwrap();
            talk(&lab);
            lab.stop().unwrap();
        }
    });
    leaves_nothing("a failed start", || {
        let nobody = RefusingPort::new();
        let parts = format!("mux:(tcpserv:127.0.0.1:0)(tcp:{})", nobody.addr());
        let lab = lab_with(Processing::Queue, &parts);
        lab.start().unwrap_err();
    });
    leaves_nothing("attempts to connect again", || {
        let nobody = RefusingPort::new();
        let again = format!("restart:1:tcp:{}", nobody.addr());
        let lab = lab_with(Processing::Inline, &again);
        lab.start().unwrap();
    });
    leaves_nothing("a bus", || {
        let bus = format!("internal:{}:", own_bus());
        let (one, two) = (
            lab_with(Processing::Inline, &bus),
            LabInverse::bind("terse", bus.as_str()).unwrap(),
        );
        one.start().unwrap();
        two.start().unwrap();
        let sum = two.all().add(2, 3);
        assert_eq!(bounded("the sum", move || sum.result()).unwrap(), 5);
    });
    leaves_nothing("a pair", || {
        let (lab, caller) = Lab::pair();
        let _served = serve(&lab);
        let sum = caller.all().add(2, 3);
        assert_eq!(bounded("the sum", move || sum.result()).unwrap(), 5);
    });
    leaves_nothing("WebSockets, handshakes that go on, and a page", || {
        let dir = OwnDir::new();
        std::fs::write(dir.path("index.html"), "page").unwrap();
        let files = dir.path("").display().to_string();
        let lab = lab_with(
            Processing::Inline,
            &format!("wsserv:127.0.0.1:0?files={files}"),
        );
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let caller = LabInverse::bind("terse", format!("ws:{addr}")).unwrap();
        caller.start().unwrap();
        sum(&caller);
        let mut page = Telnet::connect(addr);
        page.send("GET / HTTP/1.1\r\n\r\n");
        assert!(page.rest().ends_with("page"));
        let mut greeting = Telnet::connect(addr);
        greeting.send("GET / HTTP/1.1\r\n");
        sum(&caller);
        leaves_workers("greetings", 2);
        lab.stop().unwrap();
        greeting.expect_closed();
    });
    leaves_nothing("a client that comes back over WebSocket", || {
        let port = OwnPort::new();
        let addr = port.addr();
        server_that_is_killed(&format!("wsserv:{addr}"), &format!("ws:{addr}"));
    });
    let authority = Authority::new("lab");
    let (identity, ca) = (authority.server().options(), authority.file());
    let believing = format!("ca={}&name=localhost", ca.display());
    leaves_nothing("TLS, and handshakes that go on and that fail", || {
        let server = format!("tlsserv:127.0.0.1:0?{identity}");
        let lab = lab_with(Processing::Inline, &server);
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let caller = LabInverse::bind("terse", format!("tls:{addr}?{believing}")).unwrap();
        caller.start().unwrap();
        sum(&caller);
        let mut plain = Telnet::connect(addr);
        plain.send("add[1] a:1 b:2\n");
        plain.expect_closed();
        let wrong = format!("tls:{addr}?ca={}&name=elsewhere", ca.display());
        let wrong = LabInverse::bind("terse", wrong).unwrap();
        wrong.start().unwrap_err();
        let mut greeting = Telnet::connect(addr);
        greeting.send([0x16]);
        sum(&caller);
        leaves_workers("greetings", 2);
        lab.stop().unwrap();
        greeting.expect_closed();
    });
    leaves_nothing("a client that comes back over TLS", || {
        let port = OwnPort::new();
        let addr = port.addr();
        let server = format!("tlsserv:{addr}?{identity}");
        server_that_is_killed(&server, &format!("tls:{addr}?{believing}"));
    });
    leaves_nothing("a Unix-domain socket", || {
        let dir = OwnDir::new();
        let path = dir.path("hub").display().to_string();
        let lab = lab_with(Processing::Inline, &format!("unixserv:{path}"));
        lab.start().unwrap();
        let caller = LabInverse::bind("terse", format!("unix:{path}")).unwrap();
        caller.start().unwrap();
        sum(&caller);
    });
    leaves_nothing("a child", || {
        let caller = LabInverse::bind("terse", format!("process:({PROGRAM} terse)")).unwrap();
        caller.start().unwrap();
        sum(&caller);
        caller.stop().unwrap();
        assert_eq!(children(), [0; 0], "stop() waits for the child");
    });
    leaves_nothing("a program that does not exist", || {
        let caller = LabInverse::bind("terse", "process:(/nowhere)").unwrap();
        caller.start().unwrap_err();
    });
    leaves_nothing("datagrams, and an announcer", || {
        let port = DatagramPort::new();
        let lab = Lab::builder()
            .codec("terse")
            .transport(port.wire(1))
            .announce(Announcer::new("lab").transport(port.wire(2)))
            .build()
            .unwrap();
        let _served = serve(&lab);
        lab.start().unwrap();
        let caller = LabInverse::bind("terse", port.wire(3)).unwrap();
        caller.start().unwrap();
        let sum = caller.to("127.0.0.1").add(2, 3);
        assert_eq!(bounded("the sum", move || sum.result()).unwrap(), 5);
        caller.stop().unwrap();
        lab.stop().unwrap();
        leaves_workers("an announcer", 0);
    });
    leaves_nothing("a supervisor", child_that_is_killed);
    leaves_nothing("a client that connects again", || {
        let port = OwnPort::new();
        let addr = port.addr();
        server_that_is_killed(&format!("tcpserv:{addr}"), &format!("tcp:{addr}"));
    });
    leaves_nothing("a client of a socket that is left behind", || {
        let dir = OwnDir::new();
        let path = dir.path("hub").display().to_string();
        server_that_is_killed(&format!("unixserv:{path}"), &format!("unix:{path}"));
    });
    leaves_nothing("connections beyond the limit", || {
        let lab = lab_with(Processing::Inline, "tcpserv:127.0.0.1:0?connections=1");
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let mut only = Telnet::connect(addr);
        only.send("add[1] a:1 b:2\n");
        assert_eq!(only.line(), "[1]:3");
        let before = Resources::now();
        for _ in 0..20 {
            Telnet::connect(addr).expect_closed();
        }
        eventually("as much as before", || Resources::now() == before);
    });
    leaves_nothing("peers that were given up", || {
        let lab = lab_with(
            Processing::Inline,
            "tcpserv:127.0.0.1:0?peer_queue=16k&message_size=64k&buffered_total=512k",
        );
        let (gone, ended) = inbox();
        lab.on_disconnect(move |_peer, _reason| {
            let _ = gone.send(());
        });
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let before = Resources::now().descriptors;
        let deaf: Vec<_> = (0..3).map(|_| Telnet::narrow(addr)).collect();
        eventually("all are there", || lab.peers().len() == deaf.len());
        let text = "x".repeat(8 << 10);
        while !lab.peers().is_empty() {
            let _ = lab.all().notified(&text);
        }
        let mut large = Telnet::connect(addr);
        large.try_send(text.repeat(10));
        large.expect_closed();
        ended.take(deaf.len() + 1);
        drop(large);
        // Ours are still open, theirs are not.
        let ours = deaf.len();
        eventually("nothing", || Resources::now().descriptors <= before + ours);
        drop(deaf);
    });
    leaves_nothing("a stop in the middle of a flood", || {
        for processing in [Processing::Inline, Processing::Pool(3)] {
            let lab = lab_with(processing, "tcpserv:127.0.0.1:0");
            lab.start().unwrap();
            let mut flood = Telnet::connect(lab.local_addrs()[0]);
            flood.send("notify text:\"x\"\n".repeat(5_000));
            bounded("stop", move || lab.stop()).unwrap();
            leaves_workers("a stop", 0);
        }
    });
    leaves_nothing("several poll threads", || {
        let names = ["quickrpc-io", "quickrpc-io-2", "quickrpc-io-3"];
        let lab = Lab::builder()
            .codec("terse")
            .transport("tcpserv:127.0.0.1:0")
            .io_threads(names.len())
            .build()
            .unwrap();
        let _served = serve(&lab);
        for ends in ["stop", "drop"] {
            lab.start().unwrap();
            let addr = lab.local_addrs()[0];
            let mut people: Vec<_> = (0..30).map(|_| Telnet::connect(addr)).collect();
            for person in &mut people {
                person.send("add[1] a:1 b:2\n");
                assert_eq!(person.line(), "[1]:3");
            }
            // Some go, and some are there at the end.
            people.truncate(15);
            eventually("those who are left", || lab.peers().len() == people.len());
            let mut workers = workers();
            workers.sort_unstable();
            assert_eq!(workers, names);
            if ends == "stop" {
                lab.stop().unwrap();
                leaves_workers("a stop", 0);
            }
        }
        drop(lab);
        leaves_workers("a drop", 0);
        // Nor is anything left of a start that fails.
        let port = OwnPort::new();
        let taken = Lab::bind("terse", format!("tcpserv:{}", port.addr())).unwrap();
        taken.start().unwrap();
        let lab = Lab::builder()
            .transport(format!("tcpserv:{}", port.addr()))
            .io_threads(names.len())
            .build()
            .unwrap();
        lab.start().unwrap_err();
        leaves_workers("a start that fails", 1);
    });
    leaves_nothing("many connections", || {
        let lab = lab_with(Processing::Inline, "tcpserv:127.0.0.1:0");
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let before = Resources::now().threads;
        let mut people: Vec<_> = (0..100).map(|_| Telnet::connect(addr)).collect();
        for person in &mut people {
            person.send("add[1] a:1 b:2\n");
            assert_eq!(person.line(), "[1]:3");
        }
        let now = Resources::now().threads;
        assert!(now <= before, "no thread for a connection: {before}, {now}");
    });
}
