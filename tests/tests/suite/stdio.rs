//! `stdio:` as a child program has it: the wire is its stdin and stdout.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use quickrpc_tests::bounded;

const PROGRAM: &str = env!("CARGO_BIN_EXE_lab_stdio");

fn child(codec: &str) -> Child {
    Command::new(PROGRAM)
        .arg(codec)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// All that the program writes, if this is all that it reads.
fn output(codec: &str, input: &str) -> (String, String) {
    let mut child = child(codec);
    let input = input.to_owned();
    bounded("the child", move || {
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (text(output.stdout), text(output.stderr))
    })
}

#[test]
fn a_pipe_gets_its_answers_and_the_program_ends() {
    let (answers, _) = output("terse", "add[1] a:1 b:2\necho[2] text:\"x\"\n");
    assert_eq!(answers, "[1]:3\n[2]:\"x\"\n");
}

#[test]
fn a_stray_line_does_not_reach_the_wire() {
    let (answers, stderr) = output("terse", "add[1] a:1 b:2\n");
    assert_eq!(answers, "[1]:3\n");
    assert!(stderr.contains("this is no message"), "{stderr}");
}

#[test]
fn jrpc_over_a_pipe() {
    let call = r#"{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2},"id":1}"#;
    let (answers, _) = output("jrpc", &format!("{call}\0garbage\0{call}\0"));
    let results: Vec<serde_json::Value> = answers
        .split_terminator('\0')
        .map(|answer| serde_json::from_str(answer).expect("JSON"))
        .collect();
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|answer| answer["result"] == 3));
}

#[test]
fn a_conversation() {
    let mut child = child("terse");
    bounded("the conversation", move || {
        let mut stdin = child.stdin.take().expect("piped");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        for n in 0..100 {
            writeln!(stdin, "add[{n}] a:{n} b:1").expect("it reads");
            let line = lines.next().expect("an answer").expect("text");
            assert_eq!(line, format!("[{n}]:{}", n + 1));
        }
        writeln!(stdin, "notify text:\"hello\"").expect("it reads");
        let line = lines.next().expect("a note").expect("text");
        assert_eq!(line, "notified text:\"hello\"");
        drop(stdin);
        assert!(child.wait().expect("it ends").success());
    });
}

#[test]
fn a_big_answer_is_flushed_before_the_end() {
    let text = "x".repeat(1 << 20);
    let (answers, _) = output("terse", &format!("echo[1] text:\"{text}\"\n"));
    assert!(answers == format!("[1]:\"{text}\"\n"));
}

#[test]
fn a_reader_that_goes_away_ends_the_program() {
    let mut child = child("terse");
    bounded("the child", move || {
        let mut stdin = child.stdin.take().expect("piped");
        let mut stdout = child.stdout.take().expect("piped");
        stdin.write_all(b"add[1] a:1 b:2\n").expect("it reads");
        let mut answer = [0; 6];
        stdout.read_exact(&mut answer).expect("an answer");
        drop(stdout);
        let _ = stdin.write_all(b"add[2] a:1 b:2\n");
        drop(stdin);
        child.wait().expect("it ends");
    });
}

#[test]
fn what_was_said_before_a_stop_is_written() {
    for _ in 0..10 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stdio_farewell"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // Its input stays open: it is the stop that ends it.
        let stdin = child.stdin.take();
        let output = bounded("the child", move || child.wait_with_output());
        drop(stdin);
        let text = String::from_utf8(output.expect("it ends").stdout).expect("text");
        assert_eq!(text.lines().count(), 501);
        assert_eq!(text.lines().last(), Some("notified text:\"goodbye\""));
    }
}
