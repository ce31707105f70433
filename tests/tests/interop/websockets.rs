//! WebSocket with Python's package `websockets`.

use quickrpc::DisconnectReason;
use quickrpc_tests::{Peer, bounded, inbox};
use serde_json::json;

use crate::methods::{self, Habits};
use crate::python;

const SERVER: &str = "wsserv:127.0.0.1:0";

#[test]
fn our_client() {
    let Some(python) = python() else { return };
    let peer = Peer::start(python.script("websockets_peer.py").arg("server"));
    let port = &peer.expect("ready")["port"];
    let transport = format!("ws:127.0.0.1:{port}");
    methods::with_their_server("jrpc", &transport, &peer, &Habits::default());
    // It saw us go in an orderly way, and only text messages.
    assert_eq!(peer.expect("closed")["code"], 1001);
}

#[test]
fn our_server() {
    let Some(python) = python() else { return };
    let (api, heard) = methods::server_by_name("jrpc", SERVER);
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.clone());
    });
    let url = format!("ws://{}/", api.local_addrs()[0]);
    let client = || Peer::start(python.script("websockets_peer.py").args(["client", &url]));
    let mut peer = client();
    methods::with_their_client(&mut peer, &heard);
    assert_eq!(peer.ask(json!({"ping": true})).unwrap(), true);
    let close = json!({"close": 4001, "reason": "done"});
    assert_eq!(peer.ask(close).unwrap(), 4001);
    let reason = ends.next();
    let DisconnectReason::Closed { code: 4001, text } = &reason else {
        panic!("{reason:?}");
    };
    assert_eq!(&**text, "done");
    // It hears why we go.
    let mut peer = client();
    peer.expect("ready");
    peer.close_input();
    bounded("stop", move || api.stop()).unwrap();
    let closed = peer.expect("closed");
    assert_eq!(
        (&closed["code"], &closed["reason"]),
        (&json!(1001), &json!("stopped"))
    );
}

#[test]
fn our_server_with_arguments_by_position() {
    let Some(python) = python() else { return };
    let api = methods::server_by_position("jrpc", SERVER);
    let url = format!("ws://{}/", api.local_addrs()[0]);
    let mut peer = Peer::start(python.script("websockets_peer.py").args(["client", &url]));
    methods::with_their_client_by_position(&mut peer);
}
