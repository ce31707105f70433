//! Two wires as one.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use crate::run::{Running, lab, quickrpc, run, says, tcp_lab, with_input};
use crate::streams::hub;

#[test]
fn calls_go_through_in_both_directions() {
    let (lab, tcp) = tcp_lab("terse");
    let mut bridge = Running::start(&[
        "bridge",
        "--back-codec",
        "terse",
        "--verbose",
        "wsserv:127.0.0.1:0/ws",
        &tcp,
    ]);
    let ws = format!("ws://{}/ws", bridge.address());
    assert_eq!(says(&["call", &ws, "add", "a=2", "b=3"]), "5\n");
    // Beside what the service tells of its property.
    while !bridge.error_line().ends_with(": add a=2 b=3") {}
    assert_eq!(says(&["call", &ws, "add", "a=2"]), "3\n");
    // What one side says of itself is what the other one can do.
    assert!(says(&["describe", &ws]).starts_with("Lab 0.1.0\nA laboratory.\n"));
    let ran = run(&["call", &ws, "measure", "channel=8"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("there is no such channel (code 404)"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("\"NoSuchChannel\""), "{}", ran.stderr);
    assert!(
        run(&["call", &ws, "ad", "a=2"])
            .stderr
            .contains("did you mean `add`?")
    );

    // What the service says.
    let mut listener = Running::start(&["listen", "-n", "1", "-m", "said", &ws]);
    let everybody = lab.all();
    let (done, heard) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || done.send(listener.rest()).unwrap());
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !thread.is_finished() {
        assert!(std::time::Instant::now() < end, "it was not heard");
        everybody.said("hello").unwrap();
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(heard.recv().unwrap().ends_with(": said text=\"hello\"\n"));
    thread.join().unwrap();

    // The service ends.
    lab.stop().unwrap();
    assert_eq!(bridge.code(), 3);
}

#[test]
fn streams_go_through() {
    let (_hub, tcp) = hub("jrpc");
    let mut bridge = Running::start(&["bridge", "tcpserv:127.0.0.1:0", &tcp]);
    let front = format!("tcp:{}", bridge.address());
    let many = says(&["call", &front, "count", "to=3000"]);
    assert_eq!(many.lines().last(), Some("3000"));
    assert_eq!(
        says(&["call", &front, "calibrate"]),
        "0\n50\n100\n\"fine\"\n"
    );
    // And those that are arguments.
    let many: String = (0..3000).map(|number| format!("{number}\n")).collect();
    let call = ["call", &front, "sum", "--stream", "numbers", "start=1"];
    let ran = with_input(&call, &many);
    assert_eq!(ran.stdout, "4498501.0\n", "{}", ran.stderr);
}

#[test]
fn people_at_the_front() {
    let (_lab, addr) = lab("jrpc", "wsserv:127.0.0.1:0");
    let mut bridge = Running::start(&[
        "bridge",
        "--front-codec",
        "terse",
        "tcpserv:127.0.0.1:0",
        &format!("ws:{addr}"),
    ]);
    let mut telnet = TcpStream::connect(bridge.address()).unwrap();
    telnet
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    telnet.write_all(b"add[1] a:2 b:3\n").unwrap();
    let lines = BufReader::new(telnet).lines();
    let answer = lines.map(Result::unwrap).find(|line| line.starts_with('['));
    assert_eq!(answer.as_deref(), Some("[1]:5"));
}

#[test]
fn a_program_on_its_standard_output() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let mut command = quickrpc(["bridge", "--front-codec", r"jrpc:\n", "stdio:", &tcp]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let call = r#"{"jsonrpc":"2.0","method":"add","params":{"a":2},"id":1}"#;
    writeln!(stdin, "{call}").unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (done, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = lines.map(Result::unwrap);
        done.send(lines.find(|line| line.contains("\"id\":1")))
            .unwrap();
    });
    let answer = told.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
    assert!(answer.contains("\"result\":3"), "{answer}");
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_joined_is_said() {
    let ran = run(&["bridge", "tcpserv:127.0.0.1:0", "tcp:127.0.0.1:1"]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("does the server run there?"),
        "{}",
        ran.stderr
    );
    assert_eq!(run(&["bridge", "nonsense", "tcp:127.0.0.1:1"]).code, 2);
}
