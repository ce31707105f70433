//! The program `quickrpc`, by which people call, hear and script the programs of others.

mod brokers;
mod json_rpc;
mod sessions;

use std::time::{Duration, Instant};

use quickrpc_tests::{Neovim, Peer, Ran, Running, SOON, Tool, eventually};

use crate::python;

fn tool() -> Option<&'static Tool> {
    Tool::find(env!("CARGO_TARGET_TMPDIR"))
}

/// A command, split at spaces.
fn words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

/// The command with a wire and the rest, which may have spaces within.
fn with<'a>(command: &'a str, wire: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut all = words(command);
    all.extend(words(wire));
    all.extend(rest);
    all
}

/// Failed with this code, and said this.
#[track_caller]
fn failed(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    for part in parts {
        assert!(ran.stderr.contains(part), "{part}\nin\n{}", ran.stderr);
    }
}

/// Has something told until it was heard, since nobody says when somebody listens.
#[track_caller]
fn heard(listener: &Running, mut tell: impl FnMut()) -> String {
    let end = Instant::now() + SOON;
    loop {
        assert!(Instant::now() < end, "it was not heard");
        tell();
        let until = Instant::now() + Duration::from_millis(200);
        while Instant::now() < until {
            if let Some(line) = listener.lines.so_far().into_iter().next() {
                return line;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

/// The port at which a counterpart is ready.
fn port(peer: &Peer) -> String {
    peer.expect("ready")["port"].to_string()
}

#[test]
fn the_original_over_jrpc() {
    let (Some(tool), Some(python)) = (tool(), python()) else {
        return;
    };
    let (peer, addr) = python.server(&[], "jrpc");
    let wire = format!("tcp:{addr}");
    let call = |rest: &[&str]| tool.run(&with("call", &wire, rest));
    assert_eq!(call(&["add", "a=2", "b=3"]).stdout, "5\n");
    assert_eq!(call(&["echo", "text=he llo"]).stdout, "\"he llo\"\n");
    let blob = r#"{"data": {"__bytes": "AAH/"}}"#;
    assert_eq!(call(&["blob", blob]).stdout, "{\"__bytes\":\"AAH/\"}\n");
    // Of its traceback, only what went wrong.
    let ran = call(&["fail", "message=oh"]);
    failed(
        &ran,
        1,
        &["error: oh\n", "hint: its data: \"ValueError: oh\"\n"],
    );
    failed(
        &call(&["add", "[2, 3]"]),
        1,
        &["with named parameters only"],
    );
    failed(&call(&["nope"]), 1, &["Incoming call of nope not defined"]);
    let ran = tool.run(&with("describe", &wire, &[]));
    failed(
        &ran,
        1,
        &["does not describe itself", "can be called nevertheless"],
    );

    assert_eq!(
        tool.says(&with("notify", &wire, &["notify", "text=hello"])),
        ""
    );
    while peer.expect("call")["text"] != "hello" {}
    let listener = tool.start(&with("listen --count 1", &wire, &[]));
    let line = heard(&listener, || {
        tool.says(&with("notify", &wire, &["notify", "text=to all"]));
    });
    assert!(line.ends_with(": notified text=\"to all\""), "{line}");
    let script = "add a=2 b=3\n!notify text=here\necho text=done\nnope\necho\n";
    let ran = tool.with_input(&with("repl", &wire, &[]), script);
    failed(&ran, 1, &["Incoming call of nope"]);
    // What it was told comes back from its server some time, among the answers or not at all.
    let is_answer = |line: &&str| !line.contains(": notified ");
    let answers: Vec<_> = ran.stdout.lines().filter(is_answer).collect();
    assert_eq!(answers, ["5", "\"done\""], "{ran:?}");
    while peer.expect("call")["text"] != "here" {}
}

/// It has no answers there: who calls is told so.
#[test]
fn the_original_over_terse() {
    let (Some(tool), Some(python)) = (tool(), python()) else {
        return;
    };
    let (peer, addr) = python.server(&[], "terse");
    let wire = format!("-c terse -t 1s tcp:{addr}");
    let ran = tool.run(&with("call", &wire, &["add", "a=2", "b=3"]));
    failed(
        &ran,
        3,
        &["no answer to `add`", "answers nothing in `terse`"],
    );
    // To have asked has done no harm.
    assert_eq!(
        tool.says(&with("notify", &wire, &["notify", "text=he llo"])),
        ""
    );
    while peer.expect("call")["text"] != "he llo" {}
    let listener = tool.start(&with("listen --count 1", &wire, &[]));
    let line = heard(&listener, || {
        tool.says(&with("notify", &wire, &["notify", "text=hello"]));
    });
    assert!(line.ends_with(": notified text=\"hello\""), "{line}");
}

#[test]
fn neovim() {
    let Some(tool) = tool() else { return };
    let Some(nvim) = Neovim::start("hello\n") else {
        return;
    };
    let wire = format!("-c msgpack unix:{}", nvim.socket());
    let call = |rest: &[&str]| tool.run(&with("call", &wire, rest));
    eventually("it listens", || {
        call(&["nvim_eval", r#"["1+1"]"#]).stdout == "2\n"
    });
    let lines = call(&["nvim_buf_get_lines", "[0, 0, -1, true]"]);
    assert_eq!(lines.stdout, "[\"hello\"]\n");
    let buffer = call(&["nvim_get_current_buf"]).stdout;
    assert_eq!(buffer, "{\"__ext\":[0,{\"__bytes\":\"AQ==\"}]}\n");
    failed(
        &call(&["nvim_make_coffee"]),
        1,
        &["Invalid method: nvim_make_coffee"],
    );
    failed(&call(&["nvim_eval", "expr=1"]), 2, &["give them as a list"]);
    let ran = tool.run(&with("describe", &wire, &[]));
    failed(&ran, 1, &["does not describe itself"]);
    // Who speaks something else is told what is spoken there.
    let other = format!("-t 2s unix:{}", nvim.socket());
    let ran = tool.run(&with("call", &other, &["nvim_eval", r#"["1+1"]"#]));
    failed(&ran, 3, &["--codec 'msgpack'"]);

    let subscribe = ["--first", "nvim_subscribe [\"moved\"]"];
    let listener = tool.start(&with("listen --count 1", &wire, &subscribe));
    let line = heard(&listener, || {
        call(&["nvim_eval", r#"["rpcnotify(0, 'moved', 1, [2])"]"#]);
    });
    assert!(line.ends_with(": moved [1,[2]]"), "{line}");
    let script = "!nvim_command [\"let g:x = 7\"]\nnvim_eval [\"g:x\"]\n";
    let ran = tool.with_input(&with("repl", &wire, &[]), script);
    assert_eq!(ran.stdout, "7\n", "{}", ran.stderr);

    // One of one's own.
    let Some(child) = Neovim::command() else {
        return;
    };
    let child = format!("process:({child})");
    let sum = ["call", "-c", "msgpack", &child, "nvim_eval", r#"["2+2"]"#];
    assert_eq!(tool.says(&sum), "4\n");
}
