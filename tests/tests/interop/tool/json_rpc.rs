//! JSON-RPC as others speak it: over HTTP, WebSocket and TCP.

use quickrpc_tests::{Peer, Python};

use super::{failed, heard, port, tool, with};
use crate::{jsonrpsee, node};

/// What all of these servers have.
fn calls(wire: &str, refusal: &[&str]) {
    let Some(tool) = tool() else { return };
    let call = |rest: &[&str]| tool.run(&with("call -t 5s", wire, rest));
    assert_eq!(
        call(&["subtract", "minuend=5", "subtrahend=3"]).stdout,
        "2\n"
    );
    assert_eq!(call(&["subtract", "[5, 3]"]).stdout, "2\n");
    assert_eq!(call(&["lab.echoBack", "text=ä b"]).stdout, "\"ä b\"\n");
    failed(&call(&["refuse"]), 1, refusal);
    failed(
        &call(&["unheardOf"]),
        1,
        &["error: Method not found (code -32601)\n"],
    );
    let ran = tool.run(&with("describe", wire, &[]));
    failed(
        &ran,
        1,
        &["does not describe itself", "can be called nevertheless"],
    );
    let script = "subtract [5, 3]\nunheardOf\nsubtract [6, 3]\n";
    let ran = tool.with_input(&with("repl", wire, &[]), script);
    assert_eq!((ran.code, &*ran.stdout), (1, "2\n"), "{}", ran.stderr);
}

fn hears(wire: &str, peer: &Peer) {
    let Some(tool) = tool() else { return };
    let said = with("notify", wire, &["hear", "text=hello"]);
    assert_eq!(tool.says(&said), "");
    assert_eq!(peer.expect("hear")["params"]["text"], "hello");
}

const NO: [&str; 2] = ["error: no (code 7)\n", "hint: its data: {\"why\":[1]}\n"];

#[test]
fn jsonrpcserver_over_http() {
    let Some(python) = Python::with_http(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let peer = Peer::start(&mut python.script("http_peer.py"));
    let address = format!("127.0.0.1:{}/", port(&peer));
    let wire = format!("http://{address}");
    calls(&wire, &NO);
    hears(&wire, &peer);
    let Some(tool) = tool() else { return };
    let ran = tool.run(&["call", &format!("{wire}nowhere"), "subtract", "[5, 3]"]);
    failed(&ran, 3, &["status 404"]);
    let ran = tool.run(&["call", &format!("ws://{address}"), "subtract", "[5, 3]"]);
    failed(
        &ran,
        3,
        &["405 Method Not Allowed", "`http:` in the place of `ws:`"],
    );
}

#[test]
fn jayson_over_http_and_tcp() {
    let (Some(tool), Some(node)) = (tool(), node()) else {
        return;
    };
    let peer = node.peer("jayson_server.js", &["http"]);
    let wire = format!("http://127.0.0.1:{}/", port(&peer));
    calls(&wire, &NO);
    hears(&wire, &peer);
    let peer = node.peer("jayson_server.js", &[]);
    let tcp = format!("tcp:127.0.0.1:{}", port(&peer));
    let wire = format!("-c jrpc:\\n {tcp}");
    calls(&wire, &NO);
    hears(&wire, &peer);
    let ran = tool.run(&["call", "-t", "1s", &tcp, "subtract", "[5, 3]"]);
    failed(&ran, 3, &[r"--codec 'jrpc:\n'"]);
}

#[test]
fn rpc_websockets() {
    let (Some(tool), Some(node)) = (tool(), node()) else {
        return;
    };
    let mut peer = node.peer("rpc_websockets_server.js", &[]);
    let address = format!("127.0.0.1:{}", port(&peer));
    let wire = format!("ws://{address}");
    // It has no codes of errors but its own.
    calls(&wire, &["error: Error\n", "hint: its data: \"no\"\n"]);
    hears(&wire, &peer);
    // Its events are for those who have asked for them on the same connection.
    let subscribe = ["--first", "rpc.on [\"priceChanged\"]"];
    let listener = tool.start(&with("listen --count 1", &wire, &subscribe));
    let line = heard(&listener, || peer.command(r#"["priceChanged", 7]"#));
    assert!(line.contains("priceChanged"), "{line}");
}

/// What was meant is another wire.
#[test]
fn a_server_of_websockets_is_told_from_others() {
    let (Some(tool), Some(node)) = (tool(), node()) else {
        return;
    };
    let peer = node.peer("rpc_websockets_server.js", &[]);
    let address = format!("127.0.0.1:{}", port(&peer));
    let call = |wire: &str| tool.run(&["call", "-t", "2s", wire, "subtract", "[5, 3]"]);
    let ran = call(&format!("http://{address}/"));
    failed(&ran, 3, &["status 426", "`ws:` in the place of `http:`"]);
    let ran = call(&format!("tcp:{address}"));
    failed(&ran, 3, &["it speaks HTTP", &format!("`ws://{address}/`")]);
}

#[test]
fn jsonrpsee_over_websocket_and_http() {
    let (Some(tool), Some(jsonrpsee)) = (tool(), jsonrpsee()) else {
        return;
    };
    let peer = jsonrpsee.peer(&["server"]);
    let address = format!("127.0.0.1:{}", port(&peer));
    for wire in [format!("ws://{address}"), format!("http://{address}")] {
        calls(&wire, &NO);
        // It takes notifications, and does nothing about them.
        assert_eq!(tool.says(&["notify", &wire, "hear", "text=hello"]), "");
    }
}

/// A client of theirs is called by the program, which is a server then, and heard.
#[test]
fn a_client_of_theirs_is_heard() {
    let (Some(tool), Some(node)) = (tool(), node()) else {
        return;
    };
    let port = quickrpc_tests::OwnPort::new();
    let wire = format!("wsserv:{}", port.addr());
    let listener = tool.start(&["listen", "--count", "1", "--json", &wire]);
    quickrpc_tests::eventually("it listens", || {
        std::net::TcpStream::connect(port.addr()).is_ok()
    });
    let url = format!("ws://{}", port.addr());
    let mut peer = node.peer("rpc_websockets_client.js", &[&url]);
    let line = heard(&listener, || {
        peer.command(r#"{"notify": "hear", "params": {"text": "hello"}}"#);
    });
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["method"], "hear", "{line}");
    assert_eq!(said["args"]["text"], "hello", "{line}");
}
