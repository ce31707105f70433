//! How wires of datagrams start, stop, and come and go.

use std::io::ErrorKind;
use std::net::UdpSocket;

use quickrpc::{Error, Processing, Promise};
use quickrpc_tests::{DatagramPort, Lab, OwnHost, eventually, inbox, serve};

use super::caller_at;
use crate::settled;

#[test]
fn in_every_mode_of_processing() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(3)] {
        let port = DatagramPort::new();
        let lab = Lab::builder()
            .codec("terse")
            .transport(port.wire(1))
            .processing(processing)
            .build()
            .unwrap();
        let served = serve(&lab);
        lab.start().unwrap();
        let caller = caller_at(&port, 2);
        let one = caller.to("127.0.0.1");
        for number in 0..100 {
            one.notify(&number.to_string()).unwrap();
            assert_eq!(settled(one.add(number, 1)).unwrap(), number + 1);
        }
        let texts: Vec<_> = served.notes.take(100).into_iter().map(|(_, t)| t).collect();
        let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(texts, expected);
    }
}

#[test]
fn a_start_that_fails_names_the_transport_and_the_address() {
    // An address for documentation, which nobody has.
    for transport in [
        "udp:8888?bind=203.0.113.7",
        "udp:8888?bind=127.0.0.1&broadcast=203.0.113.7",
    ] {
        let lab = Lab::bind("terse", transport).unwrap();
        let error = lab.start().unwrap_err();
        let text = error.to_string();
        assert!(text.contains(transport), "{text}");
        assert!(text.contains("203.0.113.7:8888"), "{text}");
        assert!(text.contains("no such address"), "{text}");
        assert!(
            matches!(
                error,
                Error::Start {
                    kind: Some(ErrorKind::AddrNotAvailable),
                    ..
                }
            ),
            "{error:?}"
        );
    }
    let lab = Lab::bind("terse", "udp:0?bind=127.0.0.1&broadcast=::1").unwrap();
    lab.start().unwrap_err();
    // A port that somebody does not share.
    let host = OwnHost::new().ip();
    let taken = UdpSocket::bind((host, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let lab = Lab::bind("terse", format!("udp:{port}?bind={host}")).unwrap();
    let error = lab.start().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Start {
                kind: Some(ErrorKind::AddrInUse),
                ..
            }
        ),
        "{error:?}"
    );
    drop(taken);
    // A child that is just being started has a copy of it for a moment.
    eventually("the port is free", || lab.start().is_ok());
}

#[test]
fn nothing_is_open_after_the_stop() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", port.wire(1)).unwrap();
    let (waiting, owed) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        let _ = waiting.send(resolver);
        promise
    });
    let raw = port.raw(2);
    for _ in 0..3 {
        lab.start().unwrap();
        raw.send(1, "echo[2] \n");
        let late = owed.next();
        let pending = lab.to("127.0.0.2").question("?");
        lab.stop().unwrap();
        let error = settled(pending).unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error:?}");
        let error = lab.to("127.0.0.2").notified("x").unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error:?}");
        // Though an answer is still owed, so that the address is still known.
        eventually("the port is free", || {
            UdpSocket::bind(("127.0.0.1", port.number())).is_ok()
        });
        late.set_result(String::from("too late")).unwrap();
        assert!(raw.receive().starts_with("question["));
        // Whoever was asked need not answer any more.
        assert!(raw.receive().starts_with("rpc.cancel id:"));
    }
    lab.start().unwrap();
    lab.to("127.0.0.2").notified("on").unwrap();
    assert_eq!(raw.receive(), "notified text:\"on\"\n");
}

#[test]
fn a_wire_that_restarts() {
    let port = DatagramPort::new();
    let lab = Lab::bind("terse", format!("restart:1:{}", port.wire(1))).unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    port.raw(2).send(1, "notify text:\"x\"\n");
    assert_eq!(served.notes.next().1, "x");
}

#[test]
fn a_wire_that_is_added_and_removed() {
    let port = DatagramPort::new();
    let (lab, _addr, served) = quickrpc_tests::server("terse");
    let added = lab.add_transport(port.wire(1)).unwrap();
    let raw = port.raw(2);
    raw.send(1, "notify text:\"x\"\n");
    assert_eq!(served.notes.next().1, "x");
    assert_eq!(lab.local_addrs().len(), 2);
    let pending = lab.to("127.0.0.2").question("?");
    lab.remove_transport(added).unwrap();
    let error = settled(pending).unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
    let error = lab.to("127.0.0.2").notified("x").unwrap_err();
    assert!(matches!(error, Error::UnknownPeer { .. }), "{error:?}");
    eventually("the port is free", || {
        UdpSocket::bind(("127.0.0.1", port.number())).is_ok()
    });
    assert_eq!(lab.local_addrs().len(), 1);
}
