//! `stdio:` as a child program has it: the wire is its stdin and stdout.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use quickrpc_tests::{SOON, bounded, kill};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;

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

#[test]
fn the_end_of_the_input_is_waited_for_without_work() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stdio_late"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin
        .write_all(b"echo[1] text:\"late\"\n")
        .expect("it reads");
    drop(stdin);
    let output = bounded("the child", move || child.wait_with_output()).expect("it ends");
    // The answer was still owed when the input ended.
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[1]:\"late\"\n");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let busy = stderr
        .lines()
        .find_map(|line| line.strip_prefix("busy for ")?.strip_suffix(" ms"));
    let busy: u64 = busy.expect("its last line").parse().expect("a number");
    assert!(busy < 150, "of 300 ms it worked {busy} ms");
}

#[test]
fn a_parent_that_does_not_read_ends_the_program() {
    let mut child = Command::new(PROGRAM)
        .args(["terse", "stdio:?peer_queue=16k&stall=200ms"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    bounded("the child", move || {
        let mut stdin = child.stdin.take().expect("piped");
        let note = format!("notify text:\"{}\"\n", "x".repeat(1 << 10));
        // Each comes back, and nobody reads that.
        let refused = (0..100_000).any(|_| stdin.write_all(note.as_bytes()).is_err());
        assert!(refused, "it reads on and on");
        assert!(child.wait().expect("it ends").success());
    });
}

/// The flags of a descriptor of ours (`man 5 proc`), as of everybody who shares it.
fn flags(descriptor: &impl AsRawFd) -> u32 {
    let path = format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd());
    let text = fs::read_to_string(path).expect("a system with /proc");
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    u32::from_str_radix(flags.expect("flags").trim(), 8).expect("an octal number")
}

/// A program on this descriptor, which answers, and leaves its modes as they are.
fn leaves_the_modes(descriptor: OwnedFd, mut far: impl Read + Write) {
    let copy = || Stdio::from(descriptor.try_clone().expect("a descriptor"));
    let before = flags(&descriptor);
    let mut child = Command::new(PROGRAM)
        .arg("terse")
        .stdin(copy())
        .stdout(copy())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    far.write_all(b"add[1] a:1 b:2\n").expect("it reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"[1]:3\n") && !answer.ends_with(b"[1]:3\r\n") {
        let mut byte = [0];
        far.read_exact(&mut byte).expect("an answer");
        answer.push(byte[0]);
    }
    assert_eq!(flags(&descriptor), before, "while it runs");
    kill(&child.id().to_string());
    child.wait().expect("it ends");
    assert_eq!(flags(&descriptor), before, "even if it was killed");
}

#[test]
fn what_is_shared_with_the_parent_keeps_its_modes() {
    let (near, far) = UnixStream::pair().expect("a pair");
    far.set_read_timeout(Some(SOON)).expect("a time limit");
    leaves_the_modes(near.into(), far);
}

#[test]
fn a_terminal_keeps_its_modes() {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let master = openpt(flags).expect("a terminal");
    grantpt(&master)
        .and_then(|()| unlockpt(&master))
        .expect("a terminal");
    let name = ptsname(&master, Vec::new()).expect("a terminal");
    let slave = fs::File::options()
        .read(true)
        .write(true)
        .open(name.to_str().expect("text"))
        .expect("a terminal");
    let modes = || {
        let all = tcgetattr(&slave).expect("a terminal");
        (
            all.input_modes,
            all.output_modes,
            all.control_modes,
            all.local_modes,
        )
    };
    let before = modes();
    let copy = slave.try_clone().expect("a descriptor");
    let master = fs::File::from(master);
    let far = master.try_clone().expect("a descriptor");
    bounded("the terminal", move || leaves_the_modes(copy.into(), far));
    assert_eq!(modes(), before);
    drop(master);
}

#[test]
fn a_person_at_a_terminal_gets_help() {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let master = openpt(flags).expect("a terminal");
    grantpt(&master)
        .and_then(|()| unlockpt(&master))
        .expect("a terminal");
    let name = ptsname(&master, Vec::new()).expect("a terminal");
    let slave = fs::File::options()
        .read(true)
        .write(true)
        .open(name.to_str().expect("text"))
        .expect("a terminal");
    let both = || slave.try_clone().expect("a descriptor");
    let mut child = Command::new(PROGRAM)
        .arg("terse")
        .stdin(both())
        .stdout(both())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    bounded("the terminal", move || {
        let mut master = fs::File::from(master);
        master.write_all(b"help\nblnik\n").expect("it reads");
        let lines = BufReader::new(master.try_clone().expect("a descriptor"));
        let mut lines = lines.lines().map(|line| line.expect("text"));
        let mut has = |text: &str| lines.find(|line| line.contains(text)).expect("a line");
        has("Lab: Calls of every kind");
        has("add[1] a:");
        has("! unknown method `blnik`");
        // The end of what somebody types.
        master.write_all(&[4]).expect("it reads");
        assert!(child.wait().expect("it ends").success());
    });
    drop(slave);
}
