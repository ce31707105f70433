//! Streams between two programs of which one is killed in the middle: the other end ends, and
//! nothing else does. One test in a program of its own, since threads and descriptors are counted
//! for the whole process.
#![cfg(target_os = "linux")]

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::thread;

use quickrpc::{Error, Processing, Promise, Stream, StreamSender};
use quickrpc_tests::{
    Inbox, Numbers, NumbersInverse, OwnDir, Resources, bounded, children, eventually, inbox,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_stream_peer");

/// Many times what may be on its way: who has got or sent so many is in the middle.
const MANY: u64 = 3000;

/// What is between this program and the one that is killed.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// This one listens.
    Here,
    /// That one does.
    There,
    Unix,
    WebSocket,
    /// Its standard input and output.
    Pipes,
}

const WAYS: [Way; 5] = [Way::Here, Way::There, Way::Unix, Way::WebSocket, Way::Pipes];

/// Where the numbers come from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// Whoever takes them asks for the next one.
    Iterator,
    /// A thread that waits for room.
    Thread,
}

/// A combination that is tried.
#[derive(Clone, Copy)]
struct Case {
    codec: &'static str,
    way: Way,
    processing: Processing,
    source: Source,
}

impl Case {
    /// Whether there is something to be sent that means nothing. Else nobody knows whether who has
    /// ended its side is gone or waits for an answer, until there is one.
    fn is_probed(self) -> bool {
        self.codec == "jrpc" || matches!(self.way, Way::WebSocket)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case {
            codec,
            way,
            processing,
            source,
        } = self;
        write!(f, "{codec}, {way:?}, {processing:?}, {source:?}")
    }
}

/// The program, killed in the end.
struct Program(Option<Child>);

impl Program {
    /// Gives where it listens, too.
    fn start(arguments: [&str; 3], listens: bool) -> (Self, String) {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = child.stdout.take();
        let program = Program(Some(child));
        let mut line = String::new();
        if listens {
            let mut output = BufReader::new(output.unwrap());
            line = bounded("its address", move || {
                output.read_line(&mut line).map(|_| line)
            })
            .unwrap();
        }
        let address = line.trim_end().strip_prefix("listening on ");
        (program, address.unwrap_or_default().to_owned())
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program to be killed, and where this one meets it.
struct Other {
    case: Case,
    role: &'static str,
    dir: OwnDir,
    program: Option<Program>,
}

impl Other {
    fn new(case: Case, role: &'static str) -> Self {
        let (dir, program) = (OwnDir::new(), None);
        Other {
            case,
            role,
            dir,
            program,
        }
    }

    /// The transport of this program, before the other one runs or after it.
    fn transport(&mut self) -> String {
        let Case { codec, way, .. } = self.case;
        match way {
            Way::Here => "tcpserv:127.0.0.1:0".into(),
            Way::Unix => format!("unixserv:{}", self.dir.path("socket").display()),
            Way::WebSocket => "wsserv:127.0.0.1:0".into(),
            Way::Pipes => {
                let role = self.role;
                format!("process:({PROGRAM} {role} {codec} stdio:)")
            }
            Way::There => {
                let (program, address) =
                    Program::start([self.role, codec, "tcpserv:127.0.0.1:0"], true);
                self.program = Some(program);
                format!("tcp:{address}")
            }
        }
    }

    /// Starts it, if it connects to this one.
    fn start(&mut self, addresses: &[std::net::SocketAddr]) {
        let transport = match self.case.way {
            Way::Here => format!("tcp:{}", addresses[0]),
            Way::WebSocket => format!("ws:{}", addresses[0]),
            Way::Unix => format!("unix:{}", self.dir.path("socket").display()),
            Way::There | Way::Pipes => return,
        };
        let (program, _) = Program::start([self.role, self.case.codec, &transport], false);
        self.program = Some(program);
    }

    fn kill(&mut self) {
        match &mut self.program {
            Some(program) => program.kill(),
            None => {
                let pids = children();
                assert_eq!(pids.len(), 1);
                quickrpc_tests::kill(&pids[0].to_string());
            }
        }
    }
}

/// Numbers without an end, what is told when nobody takes them any more, and what lives as long
/// as they do.
struct Endless {
    ended: Inbox<()>,
    held: Weak<()>,
    worker: Option<thread::JoinHandle<Error>>,
    passed: Inbox<()>,
}

fn endless(source: Source) -> (Stream<u64>, Endless) {
    let token = Arc::new(());
    let held = Arc::downgrade(&token);
    let (told, ended) = inbox();
    let (pass, passed) = inbox();
    let (stream, worker) = match source {
        Source::Iterator => {
            let lives = (token, End(told));
            let numbers = (0..).inspect(move |number| {
                let _ = &lives;
                if *number == MANY {
                    pass.send(()).unwrap();
                }
            });
            (Stream::iter(numbers), None)
        }
        Source::Thread => {
            let (items, stream) = Stream::channel();
            items.on_cancel(move || drop(End(told)));
            let feed = move || {
                let _token = token;
                feed(&items, &pass)
            };
            (stream, Some(thread::spawn(feed)))
        }
    };
    let endless = Endless {
        ended,
        held,
        worker,
        passed,
    };
    (stream, endless)
}

fn feed(items: &StreamSender<u64>, pass: &crossbeam_channel::Sender<()>) -> Error {
    for number in 0.. {
        if number == MANY {
            pass.send(()).unwrap();
        }
        if let Err(error) = items.send(number) {
            return error;
        }
    }
    unreachable!("u64 numbers")
}

/// Tells when it is dropped.
struct End(crossbeam_channel::Sender<()>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
    }
}

impl Endless {
    /// Somebody is in the middle of it.
    fn runs(&self) {
        self.passed.next();
        assert!(self.ended.so_far().is_empty());
    }

    /// Nobody takes it any more, and it is gone.
    fn wait_for_end(self) {
        self.ended.next();
        if let Some(worker) = self.worker {
            let error = bounded("the thread that sends", move || worker.join().unwrap());
            assert!(matches!(error, Error::Cancelled), "{error}");
        }
        let held = self.held;
        eventually("the stream is dropped", move || held.upgrade().is_none());
    }
}

/// The numbers in the middle of a stream.
fn take(mut stream: Stream<u64>) -> Stream<u64> {
    bounded("numbers", move || {
        for number in 0..MANY {
            assert_eq!(stream.next().unwrap().unwrap(), number);
        }
        stream
    })
}

/// What a stream ends with, behind what had come before.
fn end(mut stream: Stream<u64>) -> Error {
    bounded("the end", move || {
        let error = stream.find_map(Result::err).expect("an error");
        assert!(stream.next().is_none());
        let result = stream.result().unwrap_err();
        assert_eq!(result.to_string(), error.to_string());
        error
    })
}

#[track_caller]
fn disconnected(error: &Error) {
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
}

/// A peer that goes on: its own streams, both ways, begun before and ended afterwards.
struct Bystander {
    _api: NumbersInverse,
    counted: Stream<u64>,
    summed: Promise<u64>,
    sending: StreamSender<u64>,
}

impl Bystander {
    fn begin(codec: &str, transport: String) -> Self {
        let api = NumbersInverse::bind(codec, transport).unwrap();
        api.start().unwrap();
        let (sending, stream) = Stream::channel();
        let bystander = Bystander {
            counted: api.all().count(),
            summed: api.all().sum(stream),
            sending,
            _api: api,
        };
        bystander.goes_on(0)
    }

    /// Takes and gives ten numbers more.
    fn goes_on(mut self, from: u64) -> Self {
        bounded("the streams of another peer", move || {
            for number in from..from + 10 {
                assert_eq!(self.counted.next().unwrap().unwrap(), number);
                self.sending.send(number).unwrap();
            }
            self
        })
    }

    fn ends_well(self) {
        let Bystander {
            _api,
            counted,
            summed,
            sending,
        } = self.goes_on(10);
        drop(counted);
        sending.finish(()).unwrap();
        let sum = bounded("the sum", move || summed.result());
        assert_eq!(sum.unwrap(), (0..20).sum::<u64>());
    }
}

/// The other program calls, and this one serves.
fn a_caller_is_killed(case: Case, role: &'static str) {
    let mut other = Other::new(case, role);
    let api = Numbers::builder()
        .codec(case.codec)
        .processing(case.processing)
        .transport(format!("mux:({})(tcpserv:127.0.0.1:0)", other.transport()))
        .build()
        .unwrap();
    let (told, begun) = inbox();
    api.count.connect(move |sender| {
        let (stream, endless) = endless(case.source);
        told.send((sender.to_string(), endless)).unwrap();
        stream
    });
    let (told, given) = inbox();
    api.sum.connect(move |sender, numbers| {
        let (promise, resolver) = Promise::pair();
        told.send((sender.to_string(), numbers, resolver)).unwrap();
        promise
    });
    let (gone, lost) = inbox();
    api.on_disconnect(move |peer, _reason| gone.send(peer.to_string()).unwrap());
    api.start().unwrap();
    let addresses = api.local_addrs();

    // First a peer that goes on, as far as it is not in the middle yet.
    let near = format!("tcp:{}", addresses.last().unwrap());
    other.start(&addresses);
    let (mut counts, mut sums) = (Vec::new(), Vec::new());
    match role {
        "takes" => counts.push(begun.next()),
        _ => sums.push(given.next()),
    }
    let codec = case.codec;
    let starting = thread::spawn(move || Bystander::begin(codec, near));
    counts.push(begun.next());
    sums.push(given.next());
    let (_, numbers, resolver) = sums.pop().unwrap();
    let summing = thread::spawn(move || {
        let sum = numbers.map(|number| number.unwrap()).sum();
        resolver.set_result(sum).unwrap();
    });
    let bystander = bounded("another peer", move || starting.join().unwrap());
    let (_, others) = counts.pop().unwrap();

    match role {
        "takes" => {
            let (peer, endless) = counts.pop().unwrap();
            endless.runs();
            other.kill();
            assert_eq!(lost.next(), peer);
            endless.wait_for_end();
        }
        _ => {
            let (peer, numbers, resolver) = sums.pop().unwrap();
            let (told, given_up) = inbox();
            resolver.on_cancel(move || told.send(()).unwrap());
            let numbers = take(numbers);
            other.kill();
            disconnected(&end(numbers));
            if case.is_probed() {
                assert_eq!(lost.next(), peer);
                given_up.next();
                drop(resolver);
            } else {
                drop(resolver);
                assert_eq!(lost.next(), peer);
            }
        }
    }
    bystander.ends_well();
    others.wait_for_end();
    bounded("the sum of another peer", move || summing.join().unwrap());
    bounded("the stop", move || api.stop().unwrap());
}

/// The other program serves, and this one calls.
fn who_serves_is_killed(case: Case) {
    let mut other = Other::new(case, "serves");
    let api = NumbersInverse::builder()
        .codec(case.codec)
        .processing(case.processing)
        .transport(format!("mux:({})(tcpserv:127.0.0.1:0)", other.transport()))
        .build()
        .unwrap();
    let (here, came) = inbox();
    api.on_connect(move |peer| here.send(peer.clone()).unwrap());
    let (gone, lost) = inbox();
    api.on_disconnect(move |peer, _reason| gone.send(peer.clone()).unwrap());
    api.start().unwrap();
    let addresses = api.local_addrs();
    other.start(&addresses);
    let peer = came.next();
    // Another one that serves, over another wire.
    let near = Numbers::bind(case.codec, format!("tcp:{}", addresses.last().unwrap())).unwrap();
    near.count.connect(|_sender| Stream::iter(0..));
    near.start().unwrap();
    let bystander = came.next();
    let still = bounded("numbers of another peer", {
        let mut still = api.to(&bystander).count();
        move || {
            assert_eq!(still.next().unwrap().unwrap(), 0);
            still
        }
    });

    let hub = api.to(&peer);
    let counted = take(hub.count());
    let (stream, endless) = endless(case.source);
    let sum = hub.sum(stream);
    endless.runs();
    other.kill();
    disconnected(&end(counted));
    disconnected(&bounded("the sum", move || sum.result()).unwrap_err());
    assert_eq!(lost.next(), peer);
    endless.wait_for_end();
    // Those that come too late hear it at once.
    let (stream, late) = self::endless(case.source);
    let sum = api.to(&peer).sum(stream);
    let error = bounded("the sum", move || sum.result()).unwrap_err();
    assert!(
        matches!(error, Error::Disconnected { .. } | Error::NoPeer { .. }),
        "{error}"
    );
    late.wait_for_end();

    bounded("numbers of another peer", move || {
        let mut still = still;
        for number in 1..MANY {
            assert_eq!(still.next().unwrap().unwrap(), number);
        }
    });
    bounded("the stop", move || api.stop().unwrap());
}

#[test]
fn a_killed_program_ends_its_streams_and_nothing_else() {
    let cycle = |codec, processing, source: fn(usize) -> Source| {
        for (number, way) in WAYS.into_iter().enumerate() {
            let source = source(number);
            let case = Case {
                codec,
                way,
                processing,
                source,
            };
            let _named = Named(case);
            who_serves_is_killed(case);
            a_caller_is_killed(case, "takes");
            a_caller_is_killed(case, "gives");
        }
    };
    // The first time leaves what is made once for all.
    cycle("jrpc", Processing::Inline, |_| Source::Iterator);
    eventually("no child", || children().is_empty());
    let before = Resources::now();
    cycle("jrpc", Processing::Queue, |_| Source::Thread);
    cycle("terse", Processing::Inline, alternate);
    cycle("msgpack", Processing::Pool(2), |number| {
        alternate(number + 1)
    });
    eventually("nothing is left", || {
        let now = Resources::now();
        now.threads <= before.threads && now.descriptors <= before.descriptors
    });
    assert_eq!(children(), [0; 0]);
}

fn alternate(number: usize) -> Source {
    match number.is_multiple_of(2) {
        true => Source::Iterator,
        false => Source::Thread,
    }
}

/// Names the case that has failed.
struct Named(Case);

impl Drop for Named {
    #[allow(
        clippy::print_stderr,
        reason = "the test runner shows it with what failed"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed: {}", self.0);
        }
    }
}
