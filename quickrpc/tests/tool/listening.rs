//! What comes from the other side, at a prompt and without one.

use std::time::{Duration, Instant};

use crate::run::{Running, run, says, tcp_lab, with_input};

/// Says something until it is heard: a listener has no way to tell that it is there.
fn say_until(lab: &crate::run::Lab, text: &str, heard: impl Fn() -> bool) {
    let everybody = lab.all();
    let end = Instant::now() + Duration::from_secs(20);
    while !heard() {
        assert!(Instant::now() < end, "it was not heard");
        // Who has heard it may go at this very moment.
        let _ = everybody.said(text);
        std::thread::park_timeout(Duration::from_millis(20));
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
        let thread = std::thread::spawn(move || {
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
