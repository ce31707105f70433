//! Input that no honest peer sends. Whatever comes: the next message works, the other
//! peers are unharmed, and nothing hangs.

use std::net::SocketAddr;

use quickrpc::{Limits, Processing};
use quickrpc_tests::{Lab, Served, Telnet, inbox, serve};

/// A codec, and how to make a good call of `add` with it and read its answer.
struct Wire {
    codec: &'static str,
    delimiter: u8,
}

const JRPC: Wire = Wire {
    codec: "jrpc",
    delimiter: 0,
};
const TERSE: Wire = Wire {
    codec: "terse",
    delimiter: b'\n',
};

/// A page can make a browser send anything behind the headers of its request.
#[test]
fn calls_in_the_body_of_a_browsers_request_are_not_made() {
    for (codec, delimiter, call) in [
        (
            "jrpc:\\n",
            "\n",
            r#"{"jsonrpc":"2.0","method":"notify","params":{}}"#,
        ),
        (
            "jrpc",
            "\0",
            r#"{"jsonrpc":"2.0","method":"notify","params":{}}"#,
        ),
        ("terse", "\n", "notify"),
    ] {
        let lab = Lab::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
        let served = serve(&lab);
        let (gone, reasons) = inbox();
        lab.on_disconnect(move |_peer, reason| gone.send(reason.to_string()).unwrap());
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let mut browser = Telnet::connect(addr);
        browser.send(format!(
            "POST / HTTP/1.1\r\nHost: {addr}\r\nContent-Type: text/plain\r\n\r\n\
             {delimiter}{call}{delimiter}"
        ));
        assert_eq!(
            reasons.next(),
            "its messages cannot be told apart: it speaks HTTP; `wsserv` is for browsers",
            "{codec}"
        );
        // What somebody else calls is the first that is heard.
        let mut honest = Telnet::connect(addr);
        honest.send(format!("{call}{delimiter}"));
        let (peer, _) = served.notes.next();
        assert_eq!(peer, honest.name(), "{codec}");
    }
}

impl Wire {
    fn server(&self, limits: Limits) -> (Lab, SocketAddr, Served) {
        let lab = Lab::builder()
            .codec(self.codec)
            .transport("tcpserv:127.0.0.1:0")
            .processing(Processing::Inline)
            .limits(limits)
            .build()
            .unwrap();
        let served = serve(&lab);
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        (lab, addr, served)
    }

    /// A good call with id 4711, complete with its delimiter.
    fn good_call(&self) -> Vec<u8> {
        let call: &[u8] = match self.delimiter {
            0 => br#"{"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"id":4711}"#,
            _ => b"add[4711] a:2 b:3",
        };
        [call, &[self.delimiter]].concat()
    }

    fn is_good_answer(&self, telegram: &[u8]) -> bool {
        let text = std::str::from_utf8(telegram).expect("answers are text");
        if self.delimiter != 0 {
            return text == "[4711]:5";
        }
        let answer: serde_json::Value = serde_json::from_str(text).expect("answers are JSON");
        // A null id stops a Python peer.
        assert!(!answer["id"].is_null(), "{answer}");
        answer["id"] == 4711 && answer["result"] == 5
    }

    #[track_caller]
    fn works(&self, peer: &mut Telnet) {
        peer.send(self.good_call());
        while !self.is_good_answer(&peer.until(self.delimiter)) {}
    }

    /// Sends each input, and then a good call over the same connection.
    #[track_caller]
    fn survives<I: AsRef<[u8]>>(&self, inputs: impl IntoIterator<Item = I>) {
        let (_lab, addr, _served) = self.server(Limits::default());
        let mut bystander = Telnet::connect(addr);
        self.works(&mut bystander);
        let mut peer = Telnet::connect(addr);
        for input in inputs {
            peer.send(input);
            peer.send([self.delimiter]);
            self.works(&mut peer);
        }
        self.works(&mut bystander);
        self.works(&mut Telnet::connect(addr));
    }
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn jrpc_garbage() {
    JRPC.survives([
        "",
        " ",
        "garbage",
        "{",
        "}",
        "[",
        "[]",
        "[1]",
        "null",
        "42",
        "\"text\"",
        "{}",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"1.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}",
        "{\"jsonrpc\":2,\"method\":\"add\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":7,\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1} trailing",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1e999,\"b\":2},\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":null,\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":7}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"id\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"id\":[1]}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"id\":true}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"id\":null}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"no_such\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notified\",\"params\":{\"text\":\"\"},\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"stop\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.secinfo\",\"params\":{\"user\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.secinfo\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":null}",
        "{\"jsonrpc\":\"2.0\",\"result\":1}",
        "{\"jsonrpc\":\"2.0\",\"error\":7,\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":\"x\"},\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"error\":{},\"id\":null}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"text\":\"\\ud800\"},\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"text\":\"\\u12\"},\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"blob\",\"params\":{\"data\":{\"__bytes\":\"?\"}},\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"blob\",\"params\":{\"data\":{\"__bytes\":7}},\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"text\":NaN},\"id\":1}",
    ]);
}

#[test]
fn terse_garbage() {
    TERSE.survives([
        "",
        "\r",
        " ",
        ":",
        "[",
        "]",
        "[1]",
        "[1]:",
        "[1]!",
        "[1]:5",
        "[x]:5",
        "[99999999999999999999999999]:5",
        "[1]! message:7",
        "[1]:5add[2] a:1 b:2",
        "add[",
        "add[]",
        "add[1",
        "add[1] a:",
        "add[1] a:1 b",
        "add[1] a:1 b:2 c",
        "add[1] a:- b:.",
        "add[1] a:1e b:2",
        "add[1] a:99999999999999999999999999999999999999999999 b:1",
        "add/ a:1 b:2",
        "add/x a:1 b:2",
        "echo[1] text:\"unterminated",
        "echo[1] text:\"ends in \\",
        "echo[1] text:\"\\u{110000}\"",
        "echo[1] text:\"\\u{\"",
        "echo[1] text:\"\\q\"",
        "blob[1] data:'?'",
        "blob[1] data:'AAA",
        "nested[1] value:[1 2",
        "nested[1] value:{a:1",
        "nested[1] value:{a}",
        "nested[1] value:]",
        "no_such[1]",
        "notified[1] text:\"\"",
        "\u{0}\u{1}\u{7f}",
        "\u{feff}add[1] a:1 b:2",
    ]);
}

#[test]
fn bytes_that_are_not_text() {
    let inputs: [&[u8]; 5] = [
        b"\xff\xfe\xfd",
        b"\xc3",
        b"\xed\xa0\x80",
        b"echo text:\"\xff\"",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"text\":\"\xff\"},\"id\":1}",
    ];
    JRPC.survives(inputs);
    TERSE.survives(inputs);
}

#[test]
fn deep_nesting() {
    let call = |params: String| {
        format!("{{\"jsonrpc\":\"2.0\",\"method\":\"nested\",\"params\":{params},\"id\":1}}")
    };
    let depth = 100_000;
    JRPC.survives([
        nested("[", "]", depth),
        "[".repeat(depth),
        nested("{\"a\":", "}", depth),
        call(format!("{{\"value\":{}}}", nested("[", "]", depth))),
        // An unknown argument is skipped, not recursed into.
        call(format!("{{\"other\":{}}}", nested("[", "]", depth))),
        "{\"jsonrpc\":".repeat(depth),
    ]);
    TERSE.survives([
        format!("nested[1] value:{}", nested("[", "]", depth)),
        format!("nested[1] value:{}", "[".repeat(depth)),
        format!("nested[1] value:{}", nested("{a:", "}", depth)),
        format!("nested[1] other:{}", nested("[", "]", depth)),
        "[".repeat(depth),
    ]);
}

#[test]
fn nesting_up_to_the_limit_works() {
    let (_lab, addr, _served) = TERSE.server(Limits::default());
    let mut peer = Telnet::connect(addr);
    let value = nested("[", "]", 100);
    peer.send(format!("nested[1] value:{value}\n"));
    assert_eq!(peer.line(), format!("[1]:{value}"));
}

#[test]
fn an_oversized_message_costs_its_sender_the_connection() {
    for wire in [JRPC, TERSE] {
        let limits = Limits {
            message_size: 10_000,
            ..Limits::default()
        };
        let (lab, addr, _served) = wire.server(limits);
        let (seen, reasons) = inbox();
        lab.on_disconnect(move |_peer, reason| seen.send(reason.to_string()).unwrap());
        let mut bystander = Telnet::connect(addr);
        let mut peer = Telnet::connect(addr);
        wire.works(&mut peer);
        // No delimiter ever comes. The server need not read it all.
        while peer.try_send([b'x'; 5_000]) {}
        peer.expect_closed();
        assert!(!reasons.next().is_empty());
        wire.works(&mut bystander);
        wire.works(&mut Telnet::connect(addr));
    }
}

#[test]
fn input_byte_by_byte() {
    for wire in [JRPC, TERSE] {
        let (_lab, addr, _served) = wire.server(Limits::default());
        let mut peer = Telnet::connect(addr);
        peer.send_bytewise(wire.good_call());
        assert!(wire.is_good_answer(&peer.until(wire.delimiter)));
        // Cut everywhere, with the end of one message and the start of the next together.
        let two = [wire.good_call(), wire.good_call()].concat();
        for cut in 1..two.len() {
            peer.send(&two[..cut]);
            peer.send(&two[cut..]);
            for _ in 0..2 {
                assert!(wire.is_good_answer(&peer.until(wire.delimiter)));
            }
        }
    }
}

#[test]
fn many_messages_in_one_write() {
    for wire in [JRPC, TERSE] {
        let (_lab, addr, _served) = wire.server(Limits::default());
        let mut peer = Telnet::connect(addr);
        peer.send(wire.good_call().repeat(1_000));
        for _ in 0..1_000 {
            assert!(wire.is_good_answer(&peer.until(wire.delimiter)));
        }
    }
}

#[test]
fn connections_that_say_nothing_or_half_a_message() {
    for wire in [JRPC, TERSE] {
        let (_lab, addr, _served) = wire.server(Limits::default());
        let mut unfinished: Vec<_> = (0..50).map(|_| Telnet::connect(addr)).collect();
        for peer in unfinished.iter_mut().step_by(2) {
            let call = wire.good_call();
            peer.send(&call[..call.len() / 2]);
        }
        let mut peer = Telnet::connect(addr);
        wire.works(&mut peer);
        drop(unfinished);
        wire.works(&mut peer);
    }
}

#[test]
fn a_flood_without_reading_harms_nobody_else() {
    let (_lab, addr, _served) = JRPC.server(Limits::default());
    let mut bystander = Telnet::connect(addr);
    let flood = std::net::TcpStream::connect(addr).unwrap();
    let patience = std::time::Duration::from_millis(100);
    flood.set_write_timeout(Some(patience)).unwrap();
    let calls = JRPC.good_call().repeat(1_000);
    // Until the server reads no more, or has cut the connection.
    for _ in 0..2_000 {
        if std::io::Write::write(&mut &flood, &calls).is_err() {
            break;
        }
    }
    JRPC.works(&mut bystander);
    JRPC.works(&mut Telnet::connect(addr));
    drop(flood);
    JRPC.works(&mut bystander);
}

#[test]
fn undecodable_input_is_an_error_event() {
    for wire in [JRPC, TERSE] {
        let (lab, addr, _served) = wire.server(Limits::default());
        let (seen, errors) = inbox();
        lab.on_error(move |_sender, error, _in_reply_to| {
            seen.send(error.to_string()).unwrap();
        });
        let mut peer = Telnet::connect(addr);
        peer.send("garbage{\"");
        peer.send([wire.delimiter]);
        assert!(!errors.next().is_empty());
        wire.works(&mut peer);
    }
}

#[test]
fn a_panicking_error_handler_harms_nobody() {
    let (lab, addr, _served) = TERSE.server(Limits::default());
    lab.on_error(|_sender, error, _in_reply_to| panic!("{error}"));
    let mut peer = Telnet::connect(addr);
    peer.send("garbage{\n");
    TERSE.works(&mut peer);
}
