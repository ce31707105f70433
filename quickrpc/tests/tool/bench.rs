//! How fast a service answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use quickrpc::CallError;
use quickrpc::dynamic::Api;

use crate::run::{Dir, Running, run, says, tcp_lab};

#[test]
fn calls_are_counted_and_timed() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let text = says(&[
        "bench", "-n", "200", "-j", "2", "-i", "2", &tcp, "add", "a=2",
    ]);
    assert!(text.starts_with("200 calls in "), "{text}");
    assert!(text.contains("  99 %     "), "{text}");
    let json = says(&[
        "bench", "--json", "-n", "20", "--rate", "1000", &tcp, "add", "a=2",
    ]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["calls"], &json["errors"]), (&20.into(), &0.into()));
    assert!(json["within"]["99%"].as_f64().unwrap() > 0.0);
    // What is wrong is told once.
    let ran = run(&["bench", &tcp, "ad"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("did you mean `add`?"), "{}", ran.stderr);
}

#[test]
fn the_end_of_the_service_ends_it() {
    let service = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let (called, calls) = channel();
    service.on("add", move |_sender, args| {
        called.send(()).ok();
        args
    });
    service.start().unwrap();
    let tcp = format!("tcp:{}", service.local_addrs()[0]);
    let args = ["bench", "-i", "4", "--duration", "10m", &tcp, "add", "a=2"];
    let mut bench = Running::start(&args);
    for _ in 0..20 {
        calls.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    service.stop().unwrap();
    let told = bench.rest();
    assert!(told.contains(" calls in "), "{told}");
    let line = bench.error_line();
    assert!(
        line.starts_with("error: the service is gone after "),
        "{line}"
    );
    assert_eq!(bench.code(), 3);
}

#[test]
fn what_is_never_due_is_no_trouble() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let text = says(&["bench", "--rate", "1e-300", &tcp, "add", "a=2"]);
    assert!(text.starts_with("1 calls in "), "{text}");
    let dir = Dir::new();
    let line = |time: &str| format!(r#"{{"from":"client","time":{time},"telegram":"{{}}"}}"#);
    let far = dir.file("far.jsonl", &line("1e300"));
    let near = dir.file("near.jsonl", &line("1"));
    for args in [
        &["replay", &far, &tcp][..],
        &["replay", "--speed", "1e-300", &near, &tcp],
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("cannot be said again"),
            "{}",
            ran.stderr
        );
    }
    says(&["replay", "--speed", "0", &far, &tcp]);
}

#[test]
fn calls_that_fail_are_a_failure_however_it_is_told() {
    let service = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let called = AtomicU64::new(0);
    service.on("add", move |_sender, args| {
        // The first call is the one that is tried.
        match called.fetch_add(1, Ordering::Relaxed) {
            0..2 => Ok(args),
            _ => Err(CallError::new(500, "out of order")),
        }
    });
    service.start().unwrap();
    let tcp = format!("tcp:{}", service.local_addrs()[0]);
    let ran = run(&["bench", "--json", "-n", "20", &tcp, "add", "a=2"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["calls"], &json["errors"]), (&20.into(), &19.into()));
    assert!(
        ran.stderr.contains("19 of 20 calls have failed"),
        "{}",
        ran.stderr
    );
}
