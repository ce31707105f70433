//! Services of others behind a broker, who do not say that they are there.

use quickrpc_tests::{Mosquitto, NatsServer, Peer, Python};

use super::{failed, heard, tool, with};

fn a_service_of_theirs(wire: &str, peer: &mut Peer) {
    let Some(tool) = tool() else { return };
    while peer.expect("text")["text"] != "ready" {}
    let call = |rest: &[&str]| tool.run(&with("call", wire, rest));
    assert_eq!(call(&["double", "x=4"]).stdout, "8\n");
    failed(&call(&["nope"]), 3, &["nobody in this namespace serves it"]);
    failed(
        &tool.run(&with("describe", wire, &[])),
        3,
        &["nobody in this namespace serves it"],
    );
    let ran = tool.with_input(&with("repl", wire, &[]), "double x=5\n");
    assert_eq!(ran.stdout, "10\n", "{}", ran.stderr);
    assert_eq!(tool.says(&with("notify", wire, &["say", "text=hello"])), "");
    let said = peer.expect("text")["text"].to_string();
    assert!(said.contains("all") && said.contains("hello"), "{said}");

    let listener = tool.start(&with("listen --method tick", wire, &[]));
    let line = heard(&listener, || peer.command("noon"));
    assert_eq!(line, "somebody: tick text=\"noon\"");
    // Those who come and go end nothing.
    let line = heard(&listener, || {
        tool.says(&with("notify", wire, &["tick", "text=one"]));
        listener.lines.so_far();
        peer.command("night");
    });
    assert!(line.contains(": tick text="), "{line}");
}

#[test]
fn nats() {
    let Some(python) = Python::with_nats(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let Some(server) = NatsServer::start() else {
        return;
    };
    let mut command = python.script("nats_peer.py");
    command.args([&server.addr().to_string(), "farm", "alone"]);
    let mut peer = Peer::start(&mut command);
    a_service_of_theirs(&format!("nats:{}/farm", server.addr()), &mut peer);
}

#[test]
fn mqtt() {
    let Some(python) = Python::with_mqtt(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let mut command = python.script("mqtt_peer.py");
    let (ip, port) = (server.addr().ip(), server.addr().port());
    command.args([&ip.to_string(), &port.to_string(), "farm", "alone"]);
    let mut peer = Peer::start(&mut command);
    a_service_of_theirs(&format!("mqtt:{}/farm", server.addr()), &mut peer);
}
