//! Between two sides, and what was said there said again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use quickrpc::Value;
use quickrpc::dynamic::Api;

use crate::run::{Dir, Lab, LabError, Running, lab, run, says, tcp_lab};

#[test]
fn what_two_say_is_shown_kept_and_said_again() {
    for codec in ["jrpc", "terse", "jrpc:content-length"] {
        let (lab, tcp) = tcp_lab(codec);
        let dir = Dir::new();
        let file = dir.path().join("talk.jsonl").display().to_string();
        let args = [
            "tap",
            "--once",
            "-c",
            codec,
            "--record",
            &file,
            "tcpserv:127.0.0.1:0",
            &tcp,
        ];
        let mut tap = Running::start(&args);
        let address = tap.address();
        let client = Api::bind(codec, format!("tcp:{address}").as_str()).unwrap();
        client.start().unwrap();
        let add = |a: i64| client.call("add", Value::from_iter([("a", a)])).result();
        assert_eq!(add(2).unwrap(), Value::from(3));
        let wrong = client
            .call("measure", Value::from_iter([("channel", 9)]))
            .result();
        assert_eq!(wrong.unwrap_err().code(), Some(404));
        client.stop().unwrap();
        let shown = tap.rest();
        for part in [
            " > ",
            " < ",
            "answers add, ",
            "failed measure, ",
            "is here",
            "is over",
        ] {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
        let said = says(&["replay", "-c", codec, "--speed", "0", &file, &tcp]);
        assert_eq!(said, "2 answers are the same, 0 differ\n");

        lab.stop().unwrap();
        let other = Api::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
        other.on("add", |_sender, _args| Value::from(7));
        other.start().unwrap();
        let tcp = format!("tcp:{}", other.local_addrs()[0]);
        let ran = run(&["replay", "-c", codec, "--speed", "0", &file, &tcp]);
        assert_eq!(ran.code, 1);
        assert!(ran.stdout.contains("#1 add\n  was "), "{}", ran.stdout);
        assert!(
            ran.stdout.ends_with("0 answers are the same, 2 differ\n"),
            "{}",
            ran.stdout
        );
    }
}

/// Between wires of the library: what goes in on one may go on by another.
#[test]
fn any_connection_is_looked_into() {
    let dir = Dir::new();
    let place = |name: &str| dir.path().join(name).display().to_string();
    let (_tcp_lab, tcp) = tcp_lab("jrpc");
    let (_web_lab, addr) = lab("jrpc", "wsserv:127.0.0.1:0/lab");
    let ws = format!("ws://{addr}/lab");
    let mut pairs = vec![("wsserv:127.0.0.1:0/tap".to_owned(), tcp.clone())];
    pairs.push(("wsserv:127.0.0.1:0/tap".to_owned(), ws.clone()));
    pairs.push(("tcpserv:127.0.0.1:0".to_owned(), ws.clone()));
    let socket = place("lab.sock");
    let unix_lab = Lab::bind("jrpc", format!("unixserv:{socket}").as_str()).unwrap();
    unix_lab.add.connect(|_sender, a, b| a + b);
    unix_lab
        .measure
        .connect(|_sender, _channel| Err::<f64, _>(LabError::NoSuchChannel));
    let unix = format!("unix:{socket}");
    if cfg!(unix) {
        unix_lab.start().unwrap();
        pairs.push((format!("unixserv:{}", place("tap.sock")), unix.clone()));
        pairs.push((format!("unixserv:{}", place("second.sock")), tcp.clone()));
    }
    for (front, back) in pairs {
        let file = place("talk.jsonl");
        let mut tap = Running::start(&["tap", "--once", "--record", &file, &front, &back]);
        let address = tap.address();
        let client = match front.split_once("serv:") {
            Some(("ws", _)) => format!("ws://{address}/tap"),
            Some(("tcp", _)) => format!("tcp:{address}"),
            _ => address.replace("unixserv:", "unix:"),
        };
        let client = Api::bind("jrpc", client.as_str()).unwrap();
        client.start().unwrap();
        let add = client.call("add", Value::from_iter([("a", 2), ("b", 3)]));
        assert_eq!(add.result().unwrap(), Value::from(5), "{front} {back}");
        let wrong = client.call("measure", Value::from_iter([("channel", 9)]));
        assert_eq!(
            wrong.result().unwrap_err().code(),
            Some(404),
            "{front} {back}"
        );
        client.stop().unwrap();
        let shown = tap.rest();
        for part in ["is here", "answers add, ", "failed measure, ", "is over"] {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
        // And said again wherever such a service is.
        for place in [&back, &tcp, &ws] {
            let said = says(&["replay", "--speed", "0", &file, place]);
            assert_eq!(said, "2 answers are the same, 0 differ\n", "{front} {back}");
        }
    }
}

#[test]
fn what_cannot_be_looked_into_says_what_can_be_done() {
    let say = |args: &[&str], hint: &str| {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{hint} in {}", ran.stderr);
    };
    let front = "tcpserv:127.0.0.1:0";
    say(
        &["tap", front, "zmq:localhost:1"],
        "`quickrpc bridge --verbose`",
    );
    say(&["tap", front, "nats:localhost:1/lab"], "`quickrpc listen`");
    say(
        &["tap", "-c", "msgpack", front, "tcp:localhost:1"],
        "`jrpc` and `terse`",
    );
    say(
        &["tap", "-c", "zonis", front, "ws:localhost:1"],
        "over WebSocket",
    );
    say(
        &["tap", "-c", "jrpc:content-length", front, "tls:localhost:1"],
        "both sides `tcpserv:` and `tcp:`",
    );
    // Nobody is there: told once, and the client knows at once.
    let mut tap = Running::start(&["tap", "--once", "wsserv:127.0.0.1:0", "tcp:127.0.0.1:1"]);
    let client = Api::bind("jrpc", format!("ws:{}", tap.address()).as_str()).unwrap();
    client.start().unwrap();
    assert_eq!(tap.code(), 3);
    assert!(tap.error_line().contains("nobody listens there"));
}

#[test]
fn what_the_server_tells_beside_answers_holds_up_nothing() {
    let server = Api::bind("jrpc", "wsserv:127.0.0.1:0").unwrap();
    let teller = server.clone();
    server.on("add", move |sender, _args| {
        for _ in 0..200 {
            teller.to(sender).notify("tick", ()).unwrap();
        }
        Value::from(5)
    });
    server.start().unwrap();
    let said = |from: &str, telegram: &str| {
        let members = [("from", from), ("telegram", telegram)];
        members.into_iter().collect::<Value>().to_string()
    };
    let mut talk = Vec::new();
    for id in 0..3 {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"add","id":{id}}}"#);
        talk.push(said("client", &call));
    }
    // That of the others is not waited for.
    talk.push(said("server", r#"{"jsonrpc":"2.0","result":5,"id":0}"#));
    let dir = Dir::new();
    let file = dir.file("talk.jsonl", &talk.join("\n"));
    let ws = format!("ws:{}", server.local_addrs()[0]);
    let said = says(&["replay", "--speed", "0", &file, &ws]);
    assert_eq!(said, "1 answers are the same, 0 differ\n");
}

#[test]
fn what_is_no_telegram_is_passed_on() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = format!("tcp:{}", server.local_addr().unwrap());
    let front = "tcpserv:127.0.0.1:0";
    let codec = "jrpc:content-length";
    let mut tap = Running::start(&["tap", "--once", "-c", codec, front, &tcp]);
    let mut client = TcpStream::connect(tap.address()).unwrap();
    let (mut peer, _) = server.accept().unwrap();
    let said = b"Content-Length: 18446744073709551615\r\n\r\nhello";
    client.write_all(said).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    peer.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    peer.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, said);
    drop(peer);
    let shown = tap.rest();
    assert!(shown.contains("is passed on and not shown"), "{shown}");
    assert_eq!(tap.code(), 0);
}

/// The system has no room for one more, which is no reason to leave those who are there.
#[cfg(target_os = "linux")]
#[test]
fn too_many_clients_end_no_talk() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let mut shell = std::process::Command::new("sh");
    let bin = env!("CARGO_BIN_EXE_quickrpc");
    let script = format!("ulimit -n 24; exec {bin} tap tcpserv:127.0.0.1:0 {tcp}");
    let mut tap = Running::spawn(shell.args(["-c", &script]));
    let address = tap.address();
    let here = Api::bind("jrpc", format!("tcp:{address}").as_str()).unwrap();
    here.start().unwrap();
    let add = |api: &Api| api.call("add", Value::from_iter([("a", 2)])).result();
    assert_eq!(add(&here).unwrap(), Value::from(3));
    let more: Vec<_> = (0..30)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    let line = tap.error_line();
    assert!(line.contains("Too many open files"), "{line}");
    assert_eq!(add(&here).unwrap(), Value::from(3));
    drop(more);
    // Until those have gone, one more may still be one too many.
    let end = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let later = Api::bind("jrpc", format!("tcp:{address}").as_str()).unwrap();
        if later.start().is_ok() && add(&later).is_ok() {
            break;
        }
        assert!(std::time::Instant::now() < end, "nobody is taken any more");
    }
}
