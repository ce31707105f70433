//! Streams in both directions, and a peer that says anything about them in any order.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::__fuzz::{
    Framed, Piece, Said, decode, encode_call, encode_error, encode_result, tables,
};
use quickrpc::codec::{AnyCodec, IntoCodec};
use quickrpc::{CallError, Stream, Value, remote_api};

use crate::data::Data;

/// Calls with streams as results and as arguments, in both directions.
#[remote_api]
trait Pipes {
    #[incoming]
    fn echo(&self, number: u64) -> u64;
    #[incoming]
    fn count(&self, to: u32) -> Stream<u32>;
    #[incoming]
    fn add(&self, numbers: Stream<u32>) -> u64;
    #[incoming]
    fn pass(&self, numbers: Stream<u32>) -> Stream<u32>;
    /// Has the server make both calls to whoever asks.
    #[incoming]
    fn begin(&self) -> ();

    #[outgoing]
    fn lines(&self, to: u32) -> Stream<u32>;
    #[outgoing]
    fn take(&self, numbers: Stream<u32>) -> u64;
}

/// The first byte says which codec, the next ones what the peer says of which stream or call.
///
/// A call behind all that is answered, and when all is over, nothing is left in the tables.
pub fn items(data: &[u8]) {
    static SERVERS: OnceLock<[Server; 3]> = OnceLock::new();
    let servers = SERVERS.get_or_init(|| ["jrpc", "terse", "msgpack?named=on"].map(Server::new));
    let mut data = Data(data);
    let server = &servers[usize::from(data.byte()) % servers.len()];
    Peer::new(server).play(&mut data);
    server.has_nothing("nobody is connected");
}

/// How long something may take, on a busy machine.
const LONG: Duration = Duration::from_secs(20);
/// What the peer says at the most.
const STEPS: usize = 200;
/// How often the server makes calls at the most.
const BEGINS: usize = 4;
/// The calls of the peer that there always are.
const BEGIN: u64 = 1;
const COUNT: u64 = 2;
const ADD: u64 = 3;
const PASS: u64 = 4;
/// Further ones, and then those that are awaited.
const FURTHER: u64 = 10;
const AWAITED: u64 = 1_000_000;
/// Their streams.
const ADDED: i64 = -1;
const PASSED: i64 = -2;

struct Server {
    codec: AnyCodec,
    path: String,
    pipes: Pipes,
    /// What is in the tables when there is nothing.
    nothing: String,
}

impl Server {
    fn new(expr: &str) -> Self {
        let word = expr.split('?').next().unwrap_or(expr);
        let name = format!("quickrpc-fuzz-items-{}-{word}", std::process::id());
        let path = std::env::temp_dir().join(name).display().to_string();
        drop(std::fs::remove_file(&path));
        let pipes =
            Pipes::bind(expr, format!("unixserv:{path}")).expect("the expressions are right");
        pipes.echo.connect(|_sender, number| number);
        pipes.count.connect(|_sender, to| Stream::iter(0..to));
        pipes.pass.connect(|_sender, numbers| numbers);
        pipes.add.connect(|_sender, numbers| {
            let sum = Arc::new(AtomicU64::new(0));
            let seen = Arc::clone(&sum);
            let all = numbers.each(move |number| {
                sum.fetch_add(number.into(), Ordering::Relaxed);
            });
            all.map(move |()| seen.load(Ordering::Relaxed))
        });
        let hub = pipes.all();
        pipes.begin.connect(move |sender| {
            let peer = hub.to(sender);
            peer.lines(3).each(drop).then(drop, drop);
            peer.take(Stream::iter(0..50)).then(drop, drop);
        });
        pipes.start().expect("the server starts");
        Server {
            codec: expr.into_codec().expect("the expression is right"),
            path,
            nothing: tables(&pipes),
            pipes,
        }
    }

    /// Waits until nothing is in the tables.
    fn has_nothing(&self, when: &str) {
        let late = Instant::now() + LONG;
        loop {
            let there = tables(&self.pipes);
            if there == self.nothing {
                return;
            }
            assert!(Instant::now() < late, "{when}, and there is still {there}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Who says anything.
struct Peer<'a> {
    server: &'a Server,
    stream: UnixStream,
    /// All that it has read, and how much of that was looked at.
    input: Vec<u8>,
    heard: usize,
    /// What can be meant: ids that were read or given out, and some that mean nothing.
    ids: Vec<Value>,
    /// The calls of the server.
    asked: Vec<u64>,
    awaited: u64,
    begins: usize,
}

impl<'a> Peer<'a> {
    /// One that has begun a stream of each kind.
    fn new(server: &'a Server) -> Self {
        let stream = UnixStream::connect(&server.path).expect("the server accepts");
        let limited = stream.set_read_timeout(Some(LONG));
        limited.expect("a socket has a timeout");
        let limited = stream.set_write_timeout(Some(LONG));
        limited.expect("a socket has a timeout");
        let known = [COUNT, ADD, PASS, BEGIN].map(Value::from);
        let own = [ADDED, PASSED].map(Value::from);
        let wrong = [
            Value::from(0),
            Value::from(99),
            Value::from(-99),
            Value::from("2"),
            Value::from("a"),
            Value::from(2.5),
            Value::from(()),
            Value::from(u64::MAX),
        ];
        let further = [FURTHER, FURTHER + 1].map(Value::from);
        let ids = known.into_iter().chain(own).chain(further).chain(wrong);
        let mut peer = Peer {
            server,
            stream,
            input: Vec::new(),
            heard: 0,
            ids: ids.collect(),
            asked: Vec::new(),
            awaited: AWAITED,
            begins: 0,
        };
        peer.call("begin", Value::from_iter([("", 0); 0]), BEGIN);
        peer.call("count", Value::from_iter([("to", 100)]), COUNT);
        peer.say(
            "rpc.more",
            [("id", Value::from(COUNT)), ("items", 3.into())],
        );
        peer.give("add", Value::from(ADDED), ADD);
        peer.give("pass", Value::from(PASSED), PASS);
        peer.wait();
        assert_eq!(peer.asked.len(), 2, "the server has made its calls");
        peer
    }

    fn play(mut self, data: &mut Data<'_>) {
        let mut steps = 0;
        while !data.is_empty() && steps < STEPS {
            steps += 1;
            self.step(data);
        }
        self.wait();
        self.end();
        self.server.has_nothing("all is over");
    }

    fn step(&mut self, data: &mut Data<'_>) {
        let (what, number) = (data.byte(), data.byte());
        let count = data.byte();
        let id = self.ids[usize::from(number) % self.ids.len()].clone();
        let asked = self.asked[usize::from(number) % self.asked.len()];
        let further = FURTHER + u64::from(number % 2);
        let value = ("value", Value::from(count));
        let named = ("id", id.clone());
        match what % 16 {
            0 | 1 => self.say("rpc.item", [named, value]),
            2 => self.say("rpc.item", [named, ("value", "text".into())]),
            3 => self.say("rpc.more", [named, ("items", count.into())]),
            4 => self.say("rpc.more", [named, ("items", u64::MAX.into())]),
            5 => self.say("rpc.done", [named, value]),
            6 => self.say("rpc.done", [named, ("error", failure(count))]),
            7 => self.say("rpc.cancel", [named]),
            8 => self.answer(asked, &count.into()),
            9 => self.fail(asked),
            10 => self.call("count", Value::from_iter([("to", count)]), further),
            11 => self.give("add", id, further),
            12 => self.give("pass", id, further),
            13 => match count % 4 {
                0 => self.say("rpc.item", [value]),
                1 => self.say("rpc.more", [named, ("items", "many".into())]),
                2 => self.say("rpc.done", [("error", 7.into()), named]),
                _ => self.say("rpc.cancel", [value]),
            },
            14 if self.begins < BEGINS => {
                self.begins += 1;
                self.call("begin", Value::from_iter([("", 0); 0]), further);
            }
            _ => self.wait(),
        }
    }

    /// Ends all that was begun.
    fn end(&mut self) {
        for id in self.ids.clone() {
            self.say("rpc.done", [("id", id.clone()), ("value", ().into())]);
            self.say("rpc.cancel", [("id", id)]);
        }
        for id in self.asked.clone() {
            self.answer(id, &().into());
        }
        self.wait();
    }

    fn send(&mut self, telegram: Result<Vec<u8>, String>) {
        let telegram = telegram.expect("a telegram can be written");
        let framed = self.framed().frame(&telegram);
        let framed = framed.expect("a telegram has no delimiter");
        self.stream.write_all(&framed).expect("the server reads");
    }

    fn framed(&self) -> Framed {
        Framed::new(&self.server.codec, None, 16 << 20)
    }

    fn call(&mut self, method: &str, args: Value, id: u64) {
        self.send(encode_call(&self.server.codec, method, &args, Some(id)));
    }

    /// A call whose argument is a stream.
    fn give(&mut self, method: &str, stream: Value, id: u64) {
        let numbers = Value::from_iter([("__stream", stream)]);
        self.call(method, Value::from_iter([("numbers", numbers)]), id);
    }

    fn say<const N: usize>(&mut self, method: &str, args: [(&str, Value); N]) {
        let args = Value::from_iter(args);
        self.send(encode_call(&self.server.codec, method, &args, None));
    }

    fn answer(&mut self, id: u64, value: &Value) {
        self.send(encode_result(&self.server.codec, &id.to_string(), value));
    }

    fn fail(&mut self, id: u64) {
        let error = CallError::new(7, "the disk is full");
        self.send(encode_error(&self.server.codec, &id.to_string(), &error));
    }

    /// Makes a call, and reads until it is answered.
    fn wait(&mut self) {
        self.awaited += 1;
        let id = self.awaited;
        self.call("echo", Value::from_iter([("number", id)]), id);
        let mut chunk = [0; 16 << 10];
        while !self.hears(id) {
            match self.stream.read(&mut chunk) {
                Ok(0) => panic!("the server disconnects"),
                Ok(count) => self.input.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no answer: {error}; {}", self.input.escape_ascii()),
            }
        }
    }

    /// Looks at what has come. Gives whether there is the answer to a call in it.
    fn hears(&mut self, awaited: u64) -> bool {
        let (pieces, _) = self.framed().cut(&[&self.input]);
        let mut is_answered = false;
        for piece in &pieces[self.heard..] {
            let Piece::Message(message) = piece else {
                panic!("the server says what cannot be cut: {piece:?}");
            };
            let all = decode(&self.server.codec, message);
            let all = all.unwrap_or_else(|why| {
                panic!("the server says {}: {why:?}", message.escape_ascii())
            });
            for said in all {
                match said {
                    Said::Reply(Some(id), Ok(number)) if id == awaited => {
                        assert_eq!(number.as_u64(), Some(id), "it is its own number");
                        is_answered = true;
                    }
                    Said::Call(method, Ok(args), Some(id)) => {
                        let id = id.parse().expect("the server counts its calls");
                        self.asked.push(id);
                        self.ids.push(id.into());
                        if method == "take" {
                            self.ids.push(args["numbers"]["__stream"].clone());
                        }
                    }
                    _ => {}
                }
            }
        }
        self.heard = pieces.len();
        is_answered
    }
}

fn failure(code: u8) -> Value {
    Value::from_iter([("code", Value::from(code)), ("message", "no".into())])
}
