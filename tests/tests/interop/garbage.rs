//! What one client throws at a Rust server must not reach a Python peer in a form that
//! stops it; the original runs as it is (`--faithful`), with all that stops it.

use quickrpc_tests::{Telnet, server};

use crate::python;

/// Telegrams that a server answers, or passes on, wrongly if it is careless.
const THROWN: &[&str] = &[
    "garbage",
    "[]",
    "[{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"text\":\"batch\"},\"id\":1}]",
    "[{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":1},\"id\":null}]",
    "{\"jsonrpc\":\"2.0\",\"method\":\"no_such\",\"id\":1}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"no_such\",\"id\":null}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"no_such\"}",
    "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"text\":7},\"id\":1}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notify\",\"params\":{\"text\":\"\\ud800\"},\"id\":2}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.secinfo\",\"params\":{\"user\":\"x\"}}",
];

#[test]
fn another_clients_garbage_leaves_a_python_client_working() {
    let Some(python) = python() else { return };
    let (_lab, addr, _served) = server("jrpc");
    let mut peer = python.client(&["--faithful"], &format!("tcp:{addr}"), "jrpc");
    assert_eq!(peer.result("add a=1 b=1"), 2);
    let mut vandal = Telnet::connect(addr);
    for thrown in THROWN {
        vandal.send(thrown);
        vandal.send([0]);
        assert_eq!(peer.result("add a=1 b=1"), 2, "after {thrown}");
    }
    peer.command("notify text=still");
    while peer.expect("notified")["text"] != "still" {}
}

#[test]
fn what_a_python_client_throws_itself_is_never_answered_with_what_stops_it() {
    let Some(python) = python() else { return };
    let (_lab, addr, _served) = server("jrpc");
    let mut peer = python.client(&["--faithful"], &format!("tcp:{addr}"), "jrpc");
    for thrown in THROWN {
        // A batch is answered as a batch, which only its sender has to understand.
        if thrown.starts_with("[{") {
            continue;
        }
        let escaped = thrown.replace('\\', "\\\\");
        peer.command(&format!("raw {escaped}\\0"));
        assert_eq!(peer.result("add a=1 b=1"), 2, "after {thrown}");
    }
}
