//! TLS with Python's module `ssl`, and WebSocket over it with the package `websockets`.

use std::process::Command;

use quickrpc::DisconnectReason;
use quickrpc_tests::{Authority, Identity, Peer, Python, bounded, inbox};
use serde_json::json;

use crate::methods::{self, Habits};
use crate::python;

/// Our options for what the other side has.
fn believing(authority: &Authority) -> String {
    format!("ca={}", authority.file().display())
}

fn script<'a>(
    python: &Python,
    role: &str,
    files: impl IntoIterator<Item = &'a std::path::Path>,
) -> Command {
    let mut command = python.script("ssl_peer.py");
    command.arg(role).args(files);
    command
}

fn both(identity: &Identity) -> [&std::path::Path; 2] {
    [&identity.cert, &identity.key]
}

#[test]
fn our_client() {
    let Some(python) = python() else { return };
    let authority = Authority::new("lab");
    let identity = authority.server();
    let peer = Peer::start(&mut script(python, "server", both(&identity)));
    let port = &peer.expect("ready")["port"];
    let transport = format!("tls:localhost:{port}?{}", believing(&authority));
    methods::with_their_server("jrpc:\\n", &transport, &peer, &Habits::default());
    // It saw us go in an orderly way.
    let closed = peer.expect("closed");
    assert_eq!(closed["orderly"], true, "{closed}");
}

#[test]
fn our_client_with_a_certificate() {
    let Some(python) = python() else { return };
    let authority = Authority::new("lab");
    let identity = authority.server();
    let ca = authority.file();
    let mut server = script(python, "server", both(&identity));
    let peer = Peer::start(server.arg(&ca));
    let port = &peer.expect("ready")["port"];
    let transport = format!("tls:localhost:{port}?{}", believing(&authority));
    // Who has none is told so.
    let api = methods::ByName::bind("jrpc:\\n", &transport).unwrap();
    let text = api.start().unwrap_err().to_string();
    assert!(text.contains("?cert="), "{text}");
    assert_eq!(peer.expect("closed")["orderly"], false);
    let alice = authority.client("alice").options();
    let api = methods::ByName::bind("jrpc:\\n", format!("{transport}&{alice}")).unwrap();
    api.start().unwrap();
    let client = peer.expect("client");
    assert_eq!(client["subject"]["commonName"], "alice", "{client}");
    assert_eq!(client["version"], "TLSv1.3");
}

#[test]
fn our_server() {
    let Some(python) = python() else { return };
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let (api, heard) =
        methods::server_by_name("jrpc:\\n", &format!("tlsserv:127.0.0.1:0?{identity}"));
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.clone());
    });
    let port = api.local_addrs()[0].port().to_string();
    let client = || {
        let mut command = python.script("ssl_peer.py");
        command.args(["client", &port]).arg(authority.file());
        Peer::start(&mut command)
    };
    let mut peer = client();
    methods::with_their_client(&mut peer, &heard);
    peer.ask(json!({"end": "unwrap"})).unwrap();
    let reason = ends.next();
    assert!(matches!(reason, DisconnectReason::EndOfInput), "{reason:?}");
    // Most programs do not say goodbye.
    let mut peer = client();
    peer.expect("ready");
    peer.ask(json!({"end": "close"})).unwrap();
    let reason = ends.next().to_string();
    assert!(reason.contains("close_notify"), "{reason}");
    // We do.
    let mut peer = client();
    peer.expect("ready");
    peer.close_input();
    bounded("stop", move || api.stop()).unwrap();
    assert_eq!(peer.expect("closed")["orderly"], true);
}

#[test]
fn our_server_of_clients_with_certificates() {
    let Some(python) = python() else { return };
    let authority = Authority::new("lab");
    let (identity, ca) = (authority.server().options(), authority.file());
    let transport = format!("tlsserv:127.0.0.1:0?{identity}&client_ca={}", ca.display());
    let api = methods::ByPositionInverse::bind("jrpc:\\n", transport).unwrap();
    let (seen, callers) = inbox();
    api.subtract.connect(move |sender, minuend, subtrahend| {
        let _ = seen.send(sender.secinfo().clone());
        minuend - subtrahend
    });
    api.is_array.connect(|_sender, _x, y| y.is_some());
    api.start().unwrap();
    let port = api.local_addrs()[0].port().to_string();
    let alice = authority.client("alice");
    let mut command = python.script("ssl_peer.py");
    command.args(["client", &port]).arg(&ca).args(both(&alice));
    methods::with_their_client_by_position(&mut Peer::start(&mut command));
    let info = callers.next();
    assert_eq!(info["cn"], "alice");
    assert!(info["subject"].contains("O=lab"), "{info:?}");
}

#[test]
fn our_client_over_websocket() {
    let Some(python) = python() else { return };
    let authority = Authority::new("lab");
    let identity = authority.server();
    let mut command = python.script("websockets_peer.py");
    let peer = Peer::start(command.arg("server").args(both(&identity)));
    let port = &peer.expect("ready")["port"];
    let transport = format!("wss://localhost:{port}/?{}", believing(&authority));
    methods::with_their_server("jrpc", &transport, &peer, &Habits::default());
    assert_eq!(peer.expect("closed")["code"], 1001);
}

#[test]
fn our_server_over_websocket() {
    let Some(python) = python() else { return };
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let (api, heard) = methods::server_by_name("jrpc", &format!("wssserv:127.0.0.1:0?{identity}"));
    let url = format!("wss://localhost:{}/", api.local_addrs()[0].port());
    let mut command = python.script("websockets_peer.py");
    command.args(["client", &url]).arg(authority.file());
    methods::with_their_client(&mut Peer::start(&mut command), &heard);
}
