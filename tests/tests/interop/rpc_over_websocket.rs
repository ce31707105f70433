//! Over WebSocket: jsonrpsee, a JSON-RPC library for async Rust, and rpc-websockets for Node.js.

use quickrpc::CallError;
use quickrpc_tests::Peer;
use serde_json::json;

use crate::methods::{self, Habits};
use crate::{jsonrpsee, node};

const CODEC: &str = "jrpc";
const SERVER: &str = "wsserv:127.0.0.1:0";

/// The transport to their server, once it is ready.
fn to(peer: &Peer) -> String {
    let port = &peer.expect("ready")["port"];
    format!("ws:ws://127.0.0.1:{port}")
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
fn our_client_of_rpc_websockets() {
    let Some(node) = node() else { return };
    let peer = node.peer("rpc_websockets_server.js", &[]);
    // It has no codes of errors but its own.
    let habits = Habits {
        refusal: CallError::new(-32000, "Error").with_data("no"),
        ..Habits::default()
    };
    methods::with_their_server(CODEC, &to(&peer), &peer, &habits);
}

/// Their clients, each with what it says of its connection.
fn clients(addr: std::net::SocketAddr) -> Vec<Peer> {
    let url = format!("ws://{addr}");
    let rust = jsonrpsee().map(|jsonrpsee| jsonrpsee.peer(&["client", &url]));
    let node = node().map(|node| node.peer("rpc_websockets_client.js", &[&url]));
    rust.into_iter().chain(node).collect()
}

#[test]
fn our_server() {
    for codec in [CODEC, "jrpc?strict=true"] {
        let (api, heard) = methods::server_by_name(codec, SERVER);
        for mut client in clients(api.local_addrs()[0]) {
            methods::with_their_client(&mut client, &heard);
        }
    }
}

#[test]
fn our_server_with_arguments_by_position() {
    let api = methods::server_by_position(CODEC, SERVER);
    for mut client in clients(api.local_addrs()[0]) {
        methods::with_their_client_by_position(&mut client);
    }
}

#[test]
fn a_batch_of_jsonrpsee() {
    let Some(jsonrpsee) = jsonrpsee() else { return };
    let (api, _heard) = methods::server_by_name(CODEC, SERVER);
    let url = format!("ws://{}", api.local_addrs()[0]);
    let mut client = jsonrpsee.peer(&["client", &url]);
    client.expect("ready");
    let batch = json!({"batch": [
        {"call": "subtract", "params": {"minuend": 3, "subtrahend": 1}},
        {"call": "unheardOf", "params": {}},
        {"call": "nothing"},
    ]});
    let expected = json!([{"result": 2}, {"error": {"code": -32601}}, {"result": null}]);
    assert_eq!(client.ask(batch).unwrap(), expected);
}
