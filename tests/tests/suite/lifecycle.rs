//! Starting and stopping, and what is left afterwards.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use quickrpc::Error;
use quickrpc_tests::{
    Lab, LabInverse, OwnHost, RefusingPort, SOON, Telnet, bounded, client, eventually, inbox,
    serve, server,
};

use crate::settled;

#[track_caller]
fn start_error(result: quickrpc::Result<()>, expression: &str, expected: ErrorKind) {
    let error = result.expect_err("it cannot start");
    let Error::Start {
        transport, kind, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(&**transport, expression);
    assert_eq!(*kind, Some(expected));
    assert!(error.to_string().contains(expression), "{error}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind((OwnHost::new().ip(), 0)).unwrap();
    let expression = format!("tcpserv:{}", taken.local_addr().unwrap());
    let lab = Lab::bind("terse", expression.as_str()).unwrap();
    start_error(lab.start(), &expression, ErrorKind::AddrInUse);
    // Once the port is free, the same API starts.
    drop(taken);
    // A child that is just being started has a copy of it for a moment.
    eventually("the port is free", || lab.start().is_ok());
}

#[test]
fn a_refused_connection_is_named() {
    let nobody = RefusingPort::new();
    let expression = format!("tcp:{}", nobody.addr());
    let caller = LabInverse::bind("terse", expression.as_str()).unwrap();
    start_error(caller.start(), &expression, ErrorKind::ConnectionRefused);
    start_error(caller.start(), &expression, ErrorKind::ConnectionRefused);
    assert!(caller.peers().is_empty());
}

#[test]
fn an_unknown_host_is_an_error() {
    let caller = LabInverse::bind("terse", "tcp:no-such-host.invalid:1").unwrap();
    let error = bounded("start", move || caller.start()).unwrap_err();
    assert!(
        error.to_string().contains("no-such-host.invalid"),
        "{error}"
    );
}

#[test]
fn one_failing_transport_closes_the_others() {
    let nobody = RefusingPort::new();
    let host = OwnHost::new();
    let failing = format!("tcp:{}", nobody.addr());
    let expression = format!("mux:({})({failing})", host.server(0));
    let lab = Lab::bind("terse", expression.as_str()).unwrap();
    start_error(lab.start(), &failing, ErrorKind::ConnectionRefused);
    assert!(lab.local_addrs().is_empty());
    lab.set_transport(host.server(0).as_str()).unwrap();
    lab.start().unwrap();
    assert_eq!(lab.local_addrs().len(), 1);
}

#[test]
fn starting_without_blocking_gives_a_promise() {
    let lab = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    settled(lab.start_nonblocking()).unwrap();
    assert_eq!(lab.local_addrs().len(), 1);
    let nobody = RefusingPort::new();
    let expression = format!("tcp:{}", nobody.addr());
    let caller = LabInverse::bind("terse", expression.as_str()).unwrap();
    let result = settled(caller.start_nonblocking());
    start_error(result, &expression, ErrorKind::ConnectionRefused);
}

#[test]
fn restart_counts_as_open_after_its_first_attempt() {
    let nobody = RefusingPort::new();
    let expression = format!("restart:60:tcp:{}", nobody.addr());
    let caller = LabInverse::bind("terse", expression.as_str()).unwrap();
    let started = Instant::now();
    caller.start().unwrap();
    let result = settled(caller.all().add(1, 2));
    assert!(matches!(result, Err(Error::NoPeer { .. })), "{result:?}");
    // Waiting for the next attempt does not delay the stop.
    caller.stop().unwrap();
    assert!(started.elapsed() < SOON / 2);
}

#[test]
fn stop_closes_connections_and_the_port() {
    let host = OwnHost::new();
    let lab = Lab::bind("terse", host.server(0).as_str()).unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let mut person = Telnet::connect(addr);
    person.send("add[1] a:1 b:2\n");
    assert_eq!(person.line(), "[1]:3");
    lab.stop().unwrap();
    assert_eq!(person.rest(), "");
    let refused = TcpStream::connect(addr).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(lab.peers().is_empty());
}

#[test]
fn stopping_twice_is_fine() {
    let (lab, _addr, _served) = server("jrpc");
    lab.stop().unwrap();
    lab.stop().unwrap();
    let never_started = Lab::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    never_started.stop().unwrap();
}

#[test]
fn stopping_from_two_threads_at_once() {
    let (lab, addr, _served) = server("jrpc");
    let _caller = client("jrpc", addr);
    let stoppers: Vec<_> = (0..2)
        .map(|_| {
            let lab = lab.clone();
            thread::spawn(move || lab.stop())
        })
        .collect();
    for stopper in stoppers {
        bounded("stop", move || stopper.join().unwrap()).unwrap();
    }
}

#[test]
fn wait_returns_when_stopped() {
    let (lab, _addr, _served) = server("jrpc");
    let waiting = lab.clone();
    let waiter = thread::spawn(move || waiting.wait());
    lab.stop().unwrap();
    bounded("wait", move || waiter.join().unwrap()).unwrap();
}

#[test]
fn stopping_in_a_handler_only_asks_for_it() {
    let (lab, addr, _served) = server("terse");
    let (seen, log) = inbox();
    // This makes a cycle, which a test can afford.
    let same = lab.clone();
    lab.notify.connect(move |_sender, _text| {
        seen.send(same.stop()).unwrap();
    });
    let mut person = Telnet::connect(addr);
    person.send("notify text:\"stop\"\n");
    log.next().unwrap();
    bounded("wait", move || lab.wait()).unwrap();
    person.expect_closed();
}

#[test]
fn a_stopped_api_starts_again() {
    let (lab, _addr, _served) = server("terse");
    for _ in 0..3 {
        let mut person = Telnet::connect(lab.local_addrs()[0]);
        person.send("add[1] a:1 b:2\n");
        assert_eq!(person.line(), "[1]:3");
        lab.stop().unwrap();
        person.expect_closed();
        lab.start().unwrap();
    }
}

#[test]
fn the_port_can_be_bound_again_at_once() {
    let host = OwnHost::new();
    let first = Lab::bind("terse", host.server(0).as_str()).unwrap();
    let _served = serve(&first);
    first.start().unwrap();
    let addr = first.local_addrs()[0];
    let mut person = Telnet::connect(addr);
    person.send("add[1] a:1 b:2\n");
    assert_eq!(person.line(), "[1]:3");
    // With a client connected, so that the server's side waits in TIME_WAIT.
    first.stop().unwrap();
    let second = Lab::bind("terse", host.server(addr.port()).as_str()).unwrap();
    let _served = serve(&second);
    second.start().unwrap();
    assert_eq!(second.local_addrs(), [addr]);
    let mut person = Telnet::connect(addr);
    person.send("add[1] a:2 b:2\n");
    assert_eq!(person.line(), "[1]:4");
}

#[test]
fn pending_promises_fail_when_stopped() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let caller = client("jrpc", silent.local_addr().unwrap());
    let promise = caller.all().add(1, 2);
    caller.stop().unwrap();
    let result = settled(promise);
    assert!(matches!(result, Err(Error::Stopped)), "{result:?}");
    assert!(settled(caller.all().add(1, 2)).is_err());
}

#[test]
fn dropping_the_last_handle_stops() {
    let (lab, addr, _served) = server("terse");
    let sending_half = lab.all();
    let last = lab.clone();
    drop(lab);
    let mut person = Telnet::connect(addr);
    person.send("add[1] a:1 b:2\n");
    assert_eq!(person.line(), "[1]:3");
    bounded("drop", move || drop(last));
    person.expect_closed();
    assert!(sending_half.peers().is_empty());
    assert!(settled(sending_half.question("anybody?")).is_err());
}

#[test]
fn the_transport_is_changed_while_stopped() {
    let (_one, addr_one, _s1) = server("jrpc");
    let (_two, addr_two, _s2) = server("jrpc");
    let caller = client("jrpc", addr_one);
    let to_two = format!("tcp:{addr_two}");
    assert!(caller.set_transport(to_two.as_str()).is_err());
    caller.stop().unwrap();
    caller.set_transport(to_two.as_str()).unwrap();
    caller.start().unwrap();
    assert_eq!(caller.peers()[0], *addr_two.to_string());
}

#[test]
fn without_a_transport_there_is_nothing_to_start() {
    let lab = Lab::builder().build().unwrap();
    let _ = lab.start();
    lab.all().notified("nobody hears this").ok();
    assert!(settled(lab.all().question("?")).is_err());
}
