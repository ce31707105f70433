//! JSON-RPC over HTTP: curl, jsonrpsee, jayson, jsonrpcserver, and Python's standard library.

use std::process::Command;

use quickrpc_tests::{Peer, Python};
use serde_json::{Value, json};

use crate::methods::{self, Habits};
use crate::{jsonrpsee, node};

const CODEC: &str = "jrpc";
const SERVER: &str = "wsserv:127.0.0.1:0";

/// The transport to their server, once it is ready.
fn to(peer: &Peer) -> String {
    let port = &peer.expect("ready")["port"];
    format!("http://127.0.0.1:{port}/")
}

#[test]
fn our_client_of_jsonrpsee() {
    let Some(jsonrpsee) = jsonrpsee() else { return };
    let peer = jsonrpsee.peer(&["server"]);
    // It takes notifications, and does nothing about them.
    let habits = Habits {
        hears: false,
        ..Habits::default()
    };
    methods::with_their_server(CODEC, &to(&peer), &peer, &habits);
}

#[test]
fn our_client_of_jayson() {
    let Some(node) = node() else { return };
    let peer = node.peer("jayson_server.js", &["http"]);
    methods::with_their_server(CODEC, &to(&peer), &peer, &Habits::default());
}

#[test]
fn our_client_of_jsonrpcserver() {
    let Some(python) = Python::with_http(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let peer = Peer::start(&mut python.script("http_peer.py"));
    let url = to(&peer);
    // It refuses members that it does not know.
    for codec in [CODEC, "jrpc?trace=on"] {
        methods::with_their_server(codec, &url, &peer, &Habits::default());
    }
}

/// Their clients.
fn clients(addr: std::net::SocketAddr) -> Vec<Peer> {
    let url = format!("http://{addr}/");
    let rust = jsonrpsee().map(|jsonrpsee| jsonrpsee.peer(&["client", &url]));
    let port = addr.port().to_string();
    let node = node().map(|node| node.peer("jayson_client.js", &[&port, "http"]));
    let clients: Vec<_> = rust.into_iter().chain(node).collect();
    for client in &clients {
        client.expect("ready");
    }
    clients
}

#[test]
fn our_server() {
    let (api, heard) = methods::server_by_name(CODEC, SERVER);
    for mut client in clients(api.local_addrs()[0]) {
        let call = |method: &str, params: Value| json!({"call": method, "params": params});
        let named = json!({"minuend": 42, "subtrahend": 23});
        assert_eq!(client.ask(call("subtract", named)).unwrap(), 19);
        for text in ["", "ä\n\"\u{1f600}", &"x".repeat(100_000)] {
            let echoed = client.ask(call("lab.echoBack", json!({"text": text})));
            assert_eq!(echoed.unwrap(), text);
        }
        assert_eq!(client.ask(call("nothing", json!([]))).unwrap(), Value::Null);
        let error = client.ask(call("refuse", json!({}))).unwrap_err();
        let said = (&error["code"], &error["message"], &error["data"]);
        assert_eq!(said, (&json!(7), &json!("no"), &json!({"why": [1]})));
        let error = client.ask(call("unheardOf", json!({}))).unwrap_err();
        assert_eq!(error["code"], -32601, "{error}");
        let note = json!({"notify": "hear", "params": {"text": "hello"}});
        client.ask(note).unwrap();
        assert_eq!(heard.next(), "hello");
        let batch = json!({"batch": [
            {"call": "subtract", "params": {"minuend": 3, "subtrahend": 1}, "id": 1},
            {"call": "unheardOf", "params": {}, "id": 2},
        ]});
        let answers = client.ask(batch).unwrap();
        assert_eq!(answers.as_array().map(Vec::len), Some(2), "{answers}");
    }
}

#[test]
fn our_server_with_arguments_by_position() {
    // Whatever is declared.
    let (api, _heard) = methods::server_by_name(CODEC, SERVER);
    for mut client in clients(api.local_addrs()[0]) {
        let call = json!({"call": "subtract", "params": [5, 3], "id": 1});
        assert_eq!(client.ask(call).unwrap(), 2);
    }
}

/// What a program writes, which is JSON.
#[track_caller]
fn output(program: &str, arguments: &[&str]) -> Value {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|why| panic!("{program} has to be installed: {why}"));
    let text = String::from_utf8(output.stdout).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {complaints}");
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text} {complaints}"))
}

const CALL: &str = r#"{"jsonrpc":"2.0","method":"subtract","params":[5,3],"id":1}"#;

#[test]
fn curl() {
    let (api, heard) = methods::server_by_name(CODEC, SERVER);
    let url = format!("http://{}/", api.local_addrs()[0]);
    let sum = json!({"jsonrpc": "2.0", "result": 2, "id": 1});
    for more in [
        &[][..],
        &["--http1.0"],
        &["-H", "Content-Type: application/json"],
        &["-H", "Transfer-Encoding: chunked"],
        &["-H", "Expect: 100-continue"],
        &["-H", "Origin: http://localhost:1"],
    ] {
        let arguments = [
            &["--silent", "--show-error", "--fail", "-d", CALL],
            more,
            &[&*url],
        ]
        .concat();
        let answer = output("curl", &arguments);
        assert_eq!(answer, sum, "{more:?}");
    }
    let note = r#"{"jsonrpc":"2.0","method":"hear","params":{"text":"by curl"}}"#;
    let status = ["--silent", "--write-out", "%{http_code}", "-d", note, &url];
    assert_eq!(output("curl", &status), 204);
    assert_eq!(heard.next(), "by curl");
}

#[test]
fn python() {
    const POST: &str = "
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1])
answers = []
for number in range(3):
    call = {'jsonrpc': '2.0', 'method': 'subtract', 'params': [number, 1], 'id': number}
    # With an iterator in chunks.
    body = iter([json.dumps(call).encode()]) if number else json.dumps(call)
    connection.request('POST', '/', body, {'Content-Type': 'application/json'})
    answers.append(json.load(connection.getresponse())['result'])
print(json.dumps(answers))
";
    let (api, _heard) = methods::server_by_name(CODEC, SERVER);
    let addr = api.local_addrs()[0].to_string();
    let answers = output("python3", &["-c", POST, &addr]);
    assert_eq!(answers, json!([-1, 0, 1]));
}
