//! What comes from the other side, at a prompt and without one.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::Value;
use quickrpc::dynamic::Api;

use crate::run::{Running, run, says, tcp_lab, with_input};

/// Says something until it is heard: a listener has no way to tell that it is there.
fn say_until(lab: &crate::run::Lab, text: &str, heard: impl Fn() -> bool) {
    let everybody = lab.all();
    let end = Instant::now() + Duration::from_secs(20);
    while !heard() {
        assert!(Instant::now() < end, "it was not heard");
        // Who has heard it may go at this very moment.
        let _ = everybody.said(text);
        thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn what_is_sent_is_shown() {
    let (lab, tcp) = tcp_lab("jrpc");
    for (args, line) in [
        (
            &["listen", "-n", "1", "-m", "said"][..],
            format!("{}: said text=\"hello\"\n", &tcp[4..]),
        ),
        (
            &["listen", "--json", "-n", "1", "-m", "said"],
            format!(
                "{{\"args\":{{\"text\":\"hello\"}},\"method\":\"said\",\"peer\":\"{}\"}}\n",
                &tcp[4..]
            ),
        ),
        (
            &["listen", "-n", "1", "--method", "voltage_changed"],
            format!("{}: voltage_changed value=5.0\n", &tcp[4..]),
        ),
    ] {
        let (done, result) = std::sync::mpsc::channel();
        let args: Vec<String> = args
            .iter()
            .map(|&arg| arg.into())
            .chain([tcp.clone()])
            .collect();
        let thread = thread::spawn(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            done.send(says(&args)).unwrap();
        });
        say_until(&lab, "hello", || thread.is_finished());
        assert_eq!(result.recv().unwrap(), line);
        thread.join().unwrap();
    }
    let ran = run(&["listen", "--for", "100ms", &tcp]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn the_end_of_the_other_side_ends_it() {
    let (lab, tcp) = tcp_lab("jrpc");
    let mut listener = Running::start(&["listen", &tcp]);
    let (come, peers) = std::sync::mpsc::channel();
    lab.on_connect(move |_peer| come.send(()).unwrap_or(()));
    if lab.peers().is_empty() {
        peers.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    lab.stop().unwrap();
    assert!(listener.error_line().starts_with("error: "));
    assert_eq!(listener.code(), 3);
}

#[test]
fn a_prompt_takes_scripts() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let ran = with_input(
        &["repl", &tcp],
        "add a=2 b=3\n\nadd {\"a\": 4}\n!say text='a b'\nhelp add\nset_voltage value=6\nquit\nadd a=1\n",
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // What the service tells meanwhile may come anywhere.
    let answers = |stdout: &str| -> Vec<String> {
        let lines = stdout.lines().filter(|line| !line.contains("127.0.0.1"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        answers(&ran.stdout),
        [
            "5",
            "5",
            "add(a: integer, b: integer = 1) -> integer",
            "  Adds two numbers."
        ]
    );
    let ran = with_input(&["repl", &tcp], "ad a=2\nadd a=2\n");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(answers(&ran.stdout).is_empty(), "{}", ran.stdout);
    assert!(ran.stderr.contains("did you mean `add`?"), "{}", ran.stderr);
}

#[test]
fn who_does_not_read_what_is_shown_holds_up_the_other_side() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = format!("tcp:{}", server.local_addr().unwrap());
    // Its output is a pipe that nobody reads.
    let _listener = Running::start(&["listen", "--method", "tick", &tcp]);
    let (mut peer, _) = server.accept().unwrap();
    peer.set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let text = "x".repeat(10_000);
    let telegram = format!(r#"{{"jsonrpc":"2.0","method":"tick","params":{{"text":"{text}"}}}}"#);
    let telegrams = format!("{telegram}\0").repeat(20);
    let mut sent = 0;
    let error = loop {
        match peer.write(telegrams.as_bytes()) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
        assert!(sent < 100 << 20, "all of that was taken");
    };
    let is_full = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(is_full, "{error}");
}

/// A service that tells a lot before it answers.
fn talkative() -> (Api, String) {
    let api = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let teller = api.clone();
    api.on("start", move |sender, _args| {
        for number in 0..200 {
            let args = Value::from_iter([("number", number)]);
            teller.to(sender).notify("tick", &args).unwrap();
        }
        Value::from(true)
    });
    api.start().unwrap();
    let tcp = format!("tcp:{}", api.local_addrs()[0]);
    (api, tcp)
}

#[test]
fn what_is_told_before_an_answer_is_shown_meanwhile() {
    let (_api, tcp) = talkative();
    let shown = says(&["listen", "--first", "start", "-n", "200", &tcp]);
    assert_eq!(shown.lines().count(), 200, "{shown}");
    assert!(shown.ends_with(": tick number=199\n"), "{shown}");
    // Where less is enough, the call is made all the same.
    let shown = says(&["listen", "--first", "start", "-n", "1", &tcp]);
    assert!(shown.ends_with(": tick number=0\n"), "{shown}");
    let ran = run(&["listen", "--first", "begin", "-n", "1", &tcp]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
}

#[test]
fn who_comes_again_is_asked_again() {
    let (api, tcp) = talkative();
    let (come, comers) = std::sync::mpsc::channel();
    let come = std::sync::Mutex::new(come);
    api.on("ready", move |sender, _args| {
        come.lock().unwrap().send(sender.clone()).unwrap();
        Value::from(true)
    });
    let listener = thread::spawn(move || {
        let again = format!("restart:0.01:{tcp}");
        let first = ["--first", "start", "--first", "ready"];
        says(&[&["listen"][..], &first, &["-n", "401", &again]].concat())
    });
    let peer = comers.recv_timeout(Duration::from_secs(20)).unwrap();
    // What it answers comes behind what it was answered. It shows that call, too.
    let unknown = api.to(&peer).call("unknown", &Value::Null).result();
    assert!(unknown.is_err());
    api.disconnect(&peer).unwrap();
    let shown = listener.join().unwrap();
    let last = ": tick number=199";
    let both: Vec<&str> = shown.lines().filter(|line| line.ends_with(last)).collect();
    assert_eq!((shown.lines().count(), both.len()), (401, 2), "{shown}");
}

#[test]
fn a_script_is_no_arguments() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let ran = with_input(&["repl", &tcp], "add a=1\nadd -\n");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stdout.contains("2\n"), "{}", ran.stdout);
    let said = "error: stdin has the calls, and cannot be arguments, too\nhint: ";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
}
