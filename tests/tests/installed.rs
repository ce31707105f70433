//! That what other tests are with can be had: by itself, this installs it.
#![cfg(unix)] // an environment of Python's lies elsewhere on Windows

use quickrpc_tests::{Jsonrpsee, Node, Python};

/// Where the other tests have it, too.
const PLACE: &str = env!("CARGO_TARGET_TMPDIR");

// Each in a test of its own, so that they are installed at the same time. What cannot be had panics in CI, and says
// so elsewhere.

#[test]
fn python_with_the_original() {
    Python::find(PLACE);
}

#[test]
fn python_with_servers() {
    Python::with_zonis(PLACE);
    Python::with_http(PLACE);
}

#[test]
fn python_with_messagepack() {
    Python::with_msgpackrpc(PLACE);
    Python::with_pynvim(PLACE);
}

#[test]
fn python_with_juggler() {
    for generation in ["0.5", "0.6", "0.7"] {
        Python::with_juggler(PLACE, generation);
    }
}

#[test]
fn python_with_zeromq() {
    Python::with_zmq(PLACE);
    for generation in ["0.3", "0.4"] {
        Python::with_hololinked(PLACE, generation);
    }
}

#[test]
fn python_with_brokers() {
    Python::with_nats(PLACE);
    Python::with_mqtt(PLACE);
}

#[test]
fn node() {
    Node::find(PLACE);
}

#[test]
fn jsonrpsee() {
    Jsonrpsee::find(PLACE);
}
