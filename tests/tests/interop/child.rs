//! Over pipes: a Rust child of a Python program, and a Python child of a Rust program.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use quickrpc_tests::bounded;

use crate::python;

#[test]
fn a_rust_child_of_a_python_program() {
    let Some(python) = python() else { return };
    let program = env!("CARGO_BIN_EXE_lab_stdio");
    let transport = format!("child:{program} jrpc");
    let mut peer = python.client(&[], &transport, "jrpc");
    assert_eq!(peer.result("add a=2 b=3"), 5);
    assert_eq!(peer.result("echo text=h\u{e4}"), "h\u{e4}");
    assert_eq!(peer.result("echo text=@1048576*x")["long"], 1 << 20);
    peer.command("notify text=hello");
    assert_eq!(peer.expect("notified")["text"], "hello");
    // The child ends when its input does.
    peer.close_input();
    assert_eq!(peer.expect("child_ended")["status"], 0);
}

#[test]
fn a_python_child_of_a_rust_program() {
    let Some(python) = python() else { return };
    let mut child = python
        .command(&["server", "stdio:", "jrpc"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let answer = bounded("the answer", move || {
        // Bytes sent before it is ready are lost.
        let mut ready = String::new();
        while !ready.contains("\"ready\"") {
            ready.clear();
            stderr.read_line(&mut ready).expect("an event");
        }
        let call = r#"{"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"id":1}"#;
        stdin.write_all(call.as_bytes()).expect("it reads");
        stdin.write_all(b"\0").expect("it reads");
        let mut answer = Vec::new();
        stdout.read_until(0, &mut answer).expect("an answer");
        // It stays at full load at the end of its input, so it is not left alone.
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).expect("the end");
        answer
    });
    let answer = answer.strip_suffix(b"\0").expect("a delimiter");
    let answer: serde_json::Value = serde_json::from_slice(answer).expect("JSON");
    assert_eq!(answer["result"], 5);
}
