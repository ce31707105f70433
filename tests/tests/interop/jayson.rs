//! jayson, a JSON-RPC library for Node.js, over TCP with a line for each message.

use quickrpc_tests::{Node, Peer};
use serde_json::json;

use crate::methods::{self, Habits};
use crate::node;

const CODEC: &str = "jrpc:\\n";
const SERVER: &str = "tcpserv:127.0.0.1:0";

/// Their client of our server at this address.
fn client(node: &Node, addr: std::net::SocketAddr) -> Peer {
    node.peer("jayson_client.js", &[&addr.port().to_string()])
}

#[test]
fn our_client() {
    let Some(node) = node() else { return };
    let peer = node.peer("jayson_server.js", &[]);
    let port = &peer.expect("ready")["port"];
    let transport = format!("tcp:127.0.0.1:{port}");
    methods::with_their_server(CODEC, &transport, &peer, &Habits::default());
}

#[test]
fn our_server() {
    let Some(node) = node() else { return };
    for codec in [CODEC, "jrpc:\\n?strict=true"] {
        let (api, heard) = methods::server_by_name(codec, SERVER);
        let mut client = client(node, api.local_addrs()[0]);
        methods::with_their_client(&mut client, &heard);
        // Ids that jayson makes are texts; others are echoed too.
        for id in [json!(7), json!("seven"), json!(1.5)] {
            let params = json!({"text": "x"});
            let call = json!({"call": "lab.echoBack", "params": params, "id": id});
            assert_eq!(client.ask(call).unwrap(), "x");
        }
        let batch = json!({"batch": [
            {"call": "subtract", "params": {"minuend": 3, "subtrahend": 1}, "id": 1},
            {"notify": "hear", "params": {"text": "in a batch"}},
            {"call": "unheardOf", "params": {}, "id": 2},
        ]});
        let answers = client.ask(batch).unwrap();
        assert_eq!(answers.as_array().map(Vec::len), Some(2), "{answers}");
        assert_eq!(answers[0], json!({"jsonrpc": "2.0", "result": 2, "id": 1}));
        assert_eq!(answers[1]["error"]["code"], -32601);
        assert_eq!(heard.next(), "in a batch");
    }
}

#[test]
fn our_server_with_arguments_by_position() {
    let Some(node) = node() else { return };
    let api = methods::server_by_position(CODEC, SERVER);
    let mut client = client(node, api.local_addrs()[0]);
    methods::with_their_client_by_position(&mut client);
}
