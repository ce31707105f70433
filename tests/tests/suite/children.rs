//! How children of `process:` end, on each system: with their input, or since they are asked to,
//! or by force. What takes a shell is in `process`.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};

use quickrpc::DisconnectReason;
use quickrpc_tests::{LabInverse, OwnDir, SOON, bounded, inbox};

const STUBBORN: &str = env!("CARGO_BIN_EXE_lab_stubborn");

/// A caller whose child is stubborn in this way, and ready.
fn caller_of(how: &str, what: &str) -> LabInverse {
    let transport = format!("process:({STUBBORN} {how} {what})?stop=3");
    let caller = LabInverse::bind("terse", transport).unwrap();
    let (seen, texts) = inbox();
    caller.notified.connect(move |_sender, text| {
        seen.send(text.to_owned()).unwrap();
    });
    caller.start().unwrap();
    assert_eq!(texts.next(), "ready");
    caller
}

/// Waits until nobody holds the other end.
#[track_caller]
fn ends(mut connection: TcpStream) {
    connection.set_read_timeout(Some(SOON)).unwrap();
    match connection.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_does_not_end_with_its_input_is_asked_to() {
    let dir = OwnDir::new();
    let file = dir.path("asked");
    let caller = caller_of("asked", &file.display().to_string());
    let (gone, reasons) = inbox();
    caller.on_disconnect(move |_peer, reason| gone.send(reason.clone()).unwrap());
    bounded("stop", move || caller.stop()).unwrap();
    assert!(matches!(reasons.next(), DisconnectReason::Stopped));
    assert_eq!(fs::read_to_string(file).unwrap(), "asked");
}

#[test]
fn who_does_not_listen_is_killed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let caller = caller_of("deaf", &address);
    let (connection, _) = listener.accept().unwrap();
    bounded("stop", move || caller.stop()).unwrap();
    ends(connection);
}

/// A job has them all, from the first moment on. On other systems it is up to the child.
#[cfg(windows)]
#[test]
fn what_a_child_has_started_ends_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let caller = caller_of("parent", &address);
    let (connection, _) = listener.accept().unwrap();
    bounded("stop", move || caller.stop()).unwrap();
    ends(connection);
}
