//! The protocols of Python packages that have sessions: Zonis, Juggler and hololinked.

use quickrpc_tests::{Peer, Python, SOON};

use super::{failed, heard, port, tool, with};
use crate::juggler;

#[test]
fn zonis() {
    let Some(tool) = tool() else { return };
    let Some(python) = Python::with_zonis(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let mut command = python.script("zonis_peer.py");
    let patience = SOON.as_secs().to_string();
    command.args(["--quiet", "--seconds", "100", "--timeout", &patience]);
    let mut peer = Peer::start(command.args(["server", "0", "-"]));
    let address = format!("ws://127.0.0.1:{}/ws", port(&peer));
    let wire = format!("-c zonis:tool {address}");
    let call = |rest: &[&str]| tool.run(&with("call", &wire, rest));
    assert_eq!(call(&["add", "a=2", "b=3"]).stdout, "5\n");
    assert_eq!(call(&["who", "--raw"]).stdout, "SERVER\n");
    failed(&call(&["nope"]), 1, &["nope is not a valid route name"]);
    failed(
        &call(&["add", "[2, 3]"]),
        2,
        &["takes arguments by their names"],
    );
    let ran = tool.run(&with("describe", &wire, &[]));
    failed(
        &ran,
        1,
        &["does not describe itself", "can be called nevertheless"],
    );
    // Who does not know what is spoken there.
    let ran = tool.run(&["call", "-t", "3s", &address, "add", "a=2", "b=3"]);
    failed(&ran, 3, &["--codec zonis:NAME"]);
    assert_eq!(
        tool.says(&with("notify", &wire, &["note", "text=hello"])),
        ""
    );
    assert_eq!(peer.expect("note")["text"], "hello");
    let ran = tool.with_input(&with("repl", &wire, &[]), "add a=2 b=3\necho text=x\n");
    assert_eq!(ran.stdout, "5\n\"x\"\n", "{}", ran.stderr);

    let listener = tool.start(&with("listen --count 1", &wire, &[]));
    // It refuses to send to whom it does not know yet.
    let line = heard(&listener, || peer.command("tool note text=hi"));
    assert!(line.ends_with(": note text=\"hi\""), "{line}");
}

#[test]
fn juggler() {
    let Some(tool) = tool() else { return };
    for generation in ["0.7", "0.6"] {
        let Some(python) = juggler::python(generation) else {
            return;
        };
        let mut peer = juggler::start(python, &[], &["server", "0", "-"]);
        let address = format!("ws://127.0.0.1:{}/ws", port(&peer));
        let wire = format!("-c juggler:{generation} {address}");
        let call = |rest: &[&str]| tool.run(&with("call", &wire, rest));
        assert_eq!(call(&["add", "[2, 3]"]).stdout, "5\n");
        assert_eq!(call(&["echo", "a=1"]).stdout, "{\"a\":1}\n");
        failed(&call(&["fail"]), 1, &["error: failed on purpose\n"]);
        failed(&call(&["nope"]), 1, &["error: unknown name\n"]);
        let ran = tool.run(&with("notify", &wire, &["note", "a=1"]));
        failed(&ran, 2, &["has no notifications", "`quickrpc call`"]);
        let ran = tool.run(&with("describe", &wire, &[]));
        failed(&ran, 1, &["does not describe itself"]);
        let ran = tool.run(&["call", "-t", "3s", &address, "add", "[2, 3]"]);
        failed(&ran, 3, &["--codec juggler:0.7"]);

        // What it tells, and the state that it shows.
        let listener = tool.start(&with("listen --count 1", &wire, &[]));
        let line = heard(&listener, || peer.command(r#"notify hello {"a": 1}"#));
        assert!(line.ends_with(": hello a=1"), "{line}");
        drop(listener);
        let show = |peer: &mut Peer, value: u32| {
            peer.command(&format!("set {{\"temp\": {value}}}"));
            peer.command("flush");
        };
        let listener = tool.start(&with("listen", &wire, &[]));
        let mut value = 0;
        let line = heard(&listener, || {
            value += 1;
            show(&mut peer, value);
        });
        assert!(line.contains(": state temp="), "{line}");
        drop(listener);
        let listener = tool.start(&with("listen --method temp_changed", &wire, &[]));
        let line = heard(&listener, || {
            value += 1;
            show(&mut peer, value);
        });
        assert!(line.contains(": temp_changed value="), "{line}");
    }
}

/// There a state belongs to a connection, and is shown when somebody has come.
#[test]
fn a_state_of_juggler_is_read() {
    let Some(tool) = tool() else { return };
    let Some(python) = juggler::python("0.7") else {
        return;
    };
    let mut peer = juggler::start(python, &[], &["server", "0", "-"]);
    let wire = format!("-c juggler:0.7 ws://127.0.0.1:{}/ws", port(&peer));
    for (property, value) in [("temp", "3\n"), ("", "{\"temp\":3}\n")] {
        peer.command("until 1");
        peer.command(r#"set {"temp": 3}"#);
        peer.command("flush");
        assert_eq!(tool.says(&with("get", &wire, &[property])), value);
        // The one that was read has gone.
        while peer.expect("disconnected")["count"] != 0 {}
    }
    let ran = tool.run(&with("get", &wire, &["temp"]));
    failed(&ran, 1, &["unknown name", "the property ''"]);
}

#[test]
fn hololinked() {
    let Some(tool) = tool() else { return };
    let Some(python) = Python::with_hololinked(env!("CARGO_TARGET_TMPDIR"), "0.4") else {
        return;
    };
    let mut command = python.script("hololinked_peer.py");
    command.args(["thing", "--seconds", "110", "--no-ipc"]);
    let thing = Peer::start(&mut command);
    let ready = thing.expect("ready");
    let address = ready["tcp_server"].as_str().unwrap_or_default();
    let zmq = format!("zmq:{}", address.trim_start_matches("tcp://"));
    let wire = format!("-c hololinked:interop-server/interop-thing {zmq}");
    let call = |rest: &[&str]| tool.run(&with("call", &wire, rest));
    assert_eq!(call(&["add", "a=2", "b=3"]).stdout, "5\n");
    assert_eq!(call(&["add", "[2, 3]"]).stdout, "5\n");
    let mixed = "[{\"width\":2},{\"__bytes\":\"AAH+/w==\"}]\n";
    assert_eq!(call(&["mixed"]).stdout, mixed);
    let ran = call(&["fail", "message=oh"]);
    failed(
        &ran,
        1,
        &["error: oh\n", "hint: its data: {\"type\":\"ValueError\"}\n"],
    );
    failed(&call(&["nope"]), 1, &["'nope'"]);
    let ran = tool.run(&with("describe", &wire, &[]));
    failed(
        &ran,
        1,
        &["does not describe itself", "get_thing_description"],
    );
    let description = ["ignore_errors=true", "protocol=TCP", "skip_names=[]"];
    let description = [&["get_thing_description"][..], &description].concat();
    assert!(call(&description).stdout.contains("\"add\":{"));
    // Who does not know what is spoken there.
    let ran = tool.run(&["call", "-t", "1s", &zmq, "add", "a=2", "b=3"]);
    failed(&ran, 3, &["--codec hololinked:interop-server/THING"]);

    assert_eq!(tool.says(&with("get", &wire, &["value"])), "1.5\n");
    assert_eq!(tool.says(&with("set", &wire, &["value", "7.5"])), "");
    assert_eq!(tool.says(&with("get", &wire, &["value"])), "7.5\n");
    let ran = tool.run(&with("set", &wire, &["value", "text"]));
    failed(&ran, 1, &["given value not of type"]);
    let add = with("notify", &wire, &["add", "a=20", "b=3"]);
    assert_eq!(tool.says(&add), "");
    while thing.expect("call")["args"]["a"] != 20 {}
    let ran = tool.with_input(&with("repl", &wire, &[]), "add a=2 b=3\nfail\n");
    assert_eq!((ran.code, &*ran.stdout), (1, "5\n"), "{}", ran.stderr);

    // Events are heard by name, and changes as those of other wires.
    failed(
        &tool.run(&with("listen", &wire, &[])),
        1,
        &["--method PROPERTY_changed"],
    );
    let listener = tool.start(&with("listen --method tick", &wire, &[]));
    let line = heard(&listener, || drop(call(&["push_tick", "n=1"])));
    assert_eq!(line, "interop-server: tick n=0");
    drop(listener);
    let listener = tool.start(&with("listen --method value_changed", &wire, &[]));
    assert_eq!(
        listener.lines.next(),
        "interop-server: value_changed value=7.5"
    );
    let line = heard(&listener, || {
        tool.says(&with("set", &wire, &["value", "8.5"]));
    });
    assert_eq!(line, "interop-server: value_changed value=8.5");
}
