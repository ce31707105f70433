//! JSON-RPC 2.0 from outside: the transcripts of `vectors/jsonrpc.txt`, over TCP with a line
//! for each message, as it is by default and with `?strict=true`.

use std::fmt;
use std::net::SocketAddr;

use quickrpc::{BoxError, CallError, Promise, remote_api};
use quickrpc_tests::{Inbox, Telnet, inbox, value};
use serde_json::{Value, json};

/// The methods of the specification's examples, and some more.
#[remote_api]
trait Examples {
    #[incoming(positional)]
    fn subtract(&self, minuend: i64, subtrahend: i64) -> i64;

    #[incoming(positional)]
    fn sum(&self, a: i64, b: i64, c: i64) -> i64;

    #[incoming(positional)]
    fn update(&self, a: i64, b: i64, c: i64, d: i64, e: i64);

    #[incoming(positional)]
    fn notify_sum(&self, a: i64, b: i64, c: i64);

    #[incoming(positional)]
    fn notify_hello(&self, who: i64);

    #[incoming]
    fn get_data(&self) -> (String, i64);

    #[incoming(positional)]
    fn double(&self, n: i64) -> i64;

    #[incoming]
    fn named(&self, text: &str, #[default(1)] times: usize) -> String;

    #[incoming]
    fn nothing(&self) -> Option<i64>;

    #[incoming]
    fn acknowledge(&self) -> ();

    #[incoming]
    fn refuse(&self) -> Result<i64, BoxError>;

    #[incoming]
    fn refuse_in_detail(&self) -> i64;

    #[incoming]
    fn break_down(&self) -> i64;

    #[incoming]
    fn later(&self, text: String) -> String;

    /// Lets `later` answer.
    #[incoming]
    fn release(&self) -> ();
}

struct Server {
    api: Examples,
    addr: SocketAddr,
    /// The notifications that were heard.
    heard: Inbox<String>,
}

impl Server {
    fn new(codec: &str) -> Self {
        let api = Examples::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
        let (seen, heard) = inbox();
        let tell = move |text: String| seen.send(text).map_err(|_| "nobody listens");
        let (update, hello) = (tell.clone(), tell.clone());
        api.update
            .connect(move |_sender, a, b, c, d, e| update(format!("update {a} {b} {c} {d} {e}")));
        api.notify_hello
            .connect(move |_sender, who| hello(format!("hello {who}")));
        api.notify_sum
            .connect(move |_sender, a, b, c| tell(format!("sum {a} {b} {c}")));
        api.subtract
            .connect(|_sender, minuend, subtrahend| minuend - subtrahend);
        api.sum.connect(|_sender, a, b, c| a + b + c);
        api.double.connect(|_sender, n| 2 * n);
        api.get_data.connect(|_sender| (String::from("hello"), 5));
        api.named.connect(|_sender, text, times| text.repeat(times));
        api.nothing.connect(|_sender| Some(None));
        api.acknowledge.connect(|_sender| ());
        api.refuse
            .connect(|_sender| Err::<i64, BoxError>("no".into()));
        api.refuse_in_detail.connect(|_sender| {
            let why = value(json!({"why": [1, null]}));
            Err::<i64, _>(CallError::new(42, "no").with_data(why))
        });
        api.break_down
            .connect(|_sender| -> i64 { panic!("broken down on purpose") });
        let (wait, waiting) = inbox();
        api.later.connect(move |_sender, text| {
            let (promise, resolver) = Promise::pair();
            let _ = wait.send((resolver, text));
            promise
        });
        api.release.connect(move |_sender| {
            for (resolver, text) in waiting.so_far() {
                let _ = resolver.set_result(text);
            }
        });
        api.start().unwrap();
        let addr = api.local_addrs()[0];
        Server { api, addr, heard }
    }

    /// What is answered to these bytes: all lines before that of a call behind them.
    fn answers(&self, bytes: &[u8]) -> Vec<String> {
        let mut client = Telnet::connect(self.addr);
        client.send(bytes);
        let mut answers = Vec::new();
        client.send("\n{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":\"the end\"}\n");
        loop {
            let line = client.line();
            if line.ends_with("\"id\":\"the end\"}") {
                return answers;
            }
            answers.push(line);
        }
    }
}

const DEFAULT: &str = "jrpc:\\n";
const STRICT: &str = "jrpc:\\n?strict=true";

/// One line that is sent, and the answers to it.
#[derive(Default)]
struct Exchange {
    title: &'static str,
    sent: &'static str,
    answer: Option<&'static str>,
    /// The answer in strict mode, where it is another one.
    strict: Option<&'static str>,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.sent)
    }
}

fn transcripts() -> Vec<Exchange> {
    let mut title = "";
    let mut exchanges: Vec<Exchange> = Vec::new();
    for line in include_str!("../../vectors/jsonrpc.txt").lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            "" | "#" => {}
            "##" => title = rest,
            "-->" => exchanges.push(Exchange {
                title,
                sent: rest,
                ..Exchange::default()
            }),
            "<--" | "<==" => {
                let last = exchanges.last_mut().expect("something was sent");
                let place = match mark {
                    "<--" => &mut last.answer,
                    _ => &mut last.strict,
                };
                assert_eq!(place.replace(rest), None, "two answers: {last}");
            }
            _ => panic!("what is this line: {line}"),
        }
    }
    exchanges
}

/// An answer without the texts that are our own, which must be there. The answers to a batch
/// may come in any order (section 6), so they are sorted here.
fn essence(answer: &str) -> Value {
    let mut answer: Value = serde_json::from_str(answer).expect("JSON");
    let answers = match &mut answer {
        Value::Array(answers) => answers.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for answer in answers {
        let members: Vec<_> = answer.as_object().expect("an object").keys().collect();
        assert_eq!(members.len(), 3, "{answer}");
        if let Some(error) = answer.get_mut("error") {
            let error = error.as_object_mut().expect("an object");
            if let Some(message) = error.remove("message") {
                assert!(message.as_str().is_some_and(|text| !text.is_empty()));
            }
        }
    }
    if let Value::Array(answers) = &mut answer {
        answers.sort_by_key(|answer| answer["id"].to_string());
    }
    answer
}

/// The ids as they are written.
fn ids(answer: &str) -> Vec<&str> {
    let parts = answer.split("\"id\":").skip(1);
    let ids = parts.map(|part| match part.trim_start() {
        text if text.starts_with('"') => text,
        text => text.split(['}', ' ']).next().unwrap_or_default(),
    });
    ids.collect()
}

#[track_caller]
fn same(found: &str, expected: &str, exchange: &Exchange) {
    assert_eq!(essence(found), essence(expected), "{exchange}");
    if !expected.starts_with('[') {
        assert_eq!(ids(found), ids(expected), "{exchange}");
    }
}

fn run(codec: &str) {
    let server = Server::new(codec);
    let exchanges = transcripts();
    assert!(exchanges.len() > 100, "the file was read");
    for exchange in &exchanges {
        let expected = match codec {
            STRICT => exchange.strict.or(exchange.answer),
            _ => exchange.answer,
        };
        let found = server.answers(format!("{}\n", exchange.sent).as_bytes());
        let texts: Vec<&str> = found.iter().map(String::as_str).collect();
        match (expected, &*texts) {
            (None, []) => {}
            (Some(expected), [found]) => same(found, expected, exchange),
            (expected, found) => panic!("{exchange}: expected {expected:?}, found {found:?}"),
        }
    }
    let heard = server.heard.so_far();
    assert_eq!(
        heard,
        [
            "update 1 2 3 4 5",
            "hello 7",
            "sum 1 2 4",
            "hello 7",
            "hello 7"
        ]
    );
    assert!(server.api.unhandled_calls().is_empty());
}

#[test]
fn by_default() {
    run(DEFAULT);
}

#[test]
fn with_strict() {
    run(STRICT);
}

/// By default there is no answer without an id, which would stop a Python peer.
#[test]
fn without_strict_no_id_is_null() {
    let server = Server::new(DEFAULT);
    for exchange in transcripts() {
        for answer in server.answers(format!("{}\n", exchange.sent).as_bytes()) {
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let answers = answer.as_array().cloned().unwrap_or(vec![answer]);
            assert!(answers.iter().all(|one| !one["id"].is_null()), "{exchange}");
        }
    }
}

/// Inputs that no text file can hold.
#[test]
fn bytes_that_are_no_text_and_lines_that_are_very_long() {
    let call = |params: &str, id: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"named","params":{params},"id":{id}}}"#)
    };
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let digits = |count: usize| "7".repeat(count);
    let entries = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
    let broken = br#"{"jsonrpc":"2.0","method":"named","params":{"text":"*"},"id":1}"#;
    let broken = broken.map(|byte| if byte == b'*' { 0xff } else { byte });
    let deep_member = format!(
        r#"{{"jsonrpc":"2.0","method":"nothing","x":{},"id":3}}"#,
        nested(200)
    );
    // What is sent, and the codes of the errors: by default, and strict.
    let cases: [(Vec<u8>, Option<i64>, Option<i64>); 11] = [
        (broken.into(), None, Some(-32700)),
        (
            // A byte order mark means nothing.
            "\u{feff}{\"jsonrpc\":\"2.0\",\"method\":\"unknown\",\"id\":1}".into(),
            Some(-32601),
            Some(-32601),
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"method\":\"\x00\",\"id\":1}".into(),
            None,
            Some(-32700),
        ),
        (call(&nested(127), "1").into(), Some(-32602), Some(-32602)),
        (call(&nested(129), "1").into(), None, Some(-32700)),
        (deep_member.into(), None, Some(-32700)),
        (nested(2000).into(), None, Some(-32700)),
        (call("{}", &digits(256)).into(), Some(-32602), Some(-32602)),
        (call("{}", &digits(257)).into(), None, Some(-32600)),
        (
            call("{}", &format!("\"{}\"", digits(257))).into(),
            None,
            Some(-32600),
        ),
        (entries(1001).into(), None, Some(-32600)),
    ];
    for (codec, strict) in [(DEFAULT, false), (STRICT, true)] {
        let server = Server::new(codec);
        for (bytes, by_default, if_strict) in &cases {
            let answers = server.answers(&[bytes, &b"\n"[..]].concat());
            let codes: Vec<_> = answers
                .iter()
                .map(|answer| essence(answer)["error"]["code"].as_i64())
                .collect();
            let expected = if strict { if_strict } else { by_default };
            let expected: Vec<_> = expected.iter().map(|code| Some(*code)).collect();
            assert_eq!(codes, expected, "{:?}", bytes.escape_ascii().to_string());
        }
    }
}
