//! Who is there, and the events of coming and going.

use std::net::{SocketAddr, TcpListener};

use quickrpc::{Limits, Processing};
use quickrpc_tests::{Inbox, Lab, LabInverse, Telnet, client, inbox, serve, server};

use crate::settled;

/// A server whose events and calls go into one log, in order.
fn watched(processing: Processing) -> (Lab, SocketAddr, Inbox<String>) {
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .processing(processing)
        .build()
        .unwrap();
    let (seen, log) = inbox();
    let (connect, disconnect) = (seen.clone(), seen.clone());
    lab.on_connect(move |peer| connect.send(format!("+{peer}")).unwrap());
    lab.on_disconnect(move |peer, _reason| disconnect.send(format!("-{peer}")).unwrap());
    lab.notify.connect(move |sender, text| {
        seen.send(format!("{sender} {text}")).unwrap();
    });
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    (lab, addr, log)
}

#[test]
fn events_surround_the_calls() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(3)] {
        let (_lab, addr, log) = watched(processing);
        let mut peer = Telnet::connect(addr);
        let name = peer.name();
        peer.send("notify text:\"a\"\nnotify text:\"b\"\n");
        drop(peer);
        let expected = [
            format!("+{name}"),
            format!("{name} a"),
            format!("{name} b"),
            format!("-{name}"),
        ];
        assert_eq!(log.take(4), expected);
    }
}

#[test]
fn peers_lists_who_is_connected() {
    let (lab, addr, log) = watched(Processing::Inline);
    assert!(lab.peers().is_empty());
    let one = Telnet::connect(addr);
    log.next();
    let two = Telnet::connect(addr);
    log.next();
    let mut names: Vec<_> = lab.peers().iter().map(|peer| peer.to_string()).collect();
    names.sort();
    let mut expected = [one.name(), two.name()];
    expected.sort();
    assert_eq!(names, expected);
    drop(one);
    log.next();
    assert_eq!(lab.peers().len(), 1);
    assert_eq!(lab.peers()[0], *two.name());
    assert_eq!(lab.all().peers().len(), 1);
}

#[test]
fn a_client_knows_its_server_by_the_expression() {
    let (_lab, addr, _served) = server("jrpc");
    let by_name = format!("tcp:localhost:{}", addr.port());
    let caller = LabInverse::bind("jrpc", by_name.as_str()).unwrap();
    caller.start().unwrap();
    let names: Vec<_> = caller.peers().iter().map(|peer| peer.to_string()).collect();
    assert_eq!(names, [format!("localhost:{}", addr.port())]);
    assert_eq!(settled(caller.to(&names[0]).add(1, 2)).unwrap(), 3);
}

#[test]
fn disconnecting_a_peer_ends_it_and_nobody_else() {
    let (lab, addr, log) = watched(Processing::Inline);
    let mut one = Telnet::connect(addr);
    log.next();
    let mut two = Telnet::connect(addr);
    log.next();
    let peer = lab.peers().into_iter().find(|peer| *peer == *one.name());
    lab.disconnect(peer.unwrap()).unwrap();
    one.expect_closed();
    assert_eq!(log.next(), format!("-{}", one.name()));
    two.send("notify text:\"still here\"\n");
    assert_eq!(log.next(), format!("{} still here", two.name()));
    lab.all().disconnect(two.name()).unwrap();
    two.expect_closed();
    assert!(lab.disconnect("nobody").is_err());
}

#[test]
fn a_handler_may_disconnect_its_caller() {
    let (lab, addr, _log) = watched(Processing::Inline);
    let everybody = lab.all();
    lab.add.connect(move |sender, a, b| {
        everybody.disconnect(sender).ok();
        a + b
    });
    let mut peer = Telnet::connect(addr);
    peer.send("add[1] a:1 b:2\n");
    peer.expect_closed();
}

#[test]
fn both_sides_learn_of_the_end() {
    let (lab, addr, _served) = server("jrpc");
    let caller = LabInverse::bind("jrpc", format!("tcp:{addr}").as_str()).unwrap();
    let (seen, log) = inbox();
    let connected = seen.clone();
    caller.on_connect(move |peer| connected.send(format!("+{peer}")).unwrap());
    caller.on_disconnect(move |peer, reason| {
        assert!(!reason.to_string().is_empty());
        seen.send(format!("-{peer}")).unwrap();
    });
    caller.start().unwrap();
    assert_eq!(log.next(), format!("+{addr}"));
    lab.stop().unwrap();
    assert_eq!(log.next(), format!("-{addr}"));
    assert!(caller.peers().is_empty());
}

#[test]
fn reasons_tell_a_goodbye_from_a_disconnect() {
    let (lab, addr, _served) = server("terse");
    let (seen, log) = inbox();
    let (here, connected) = inbox();
    lab.on_connect(move |_peer| here.send(()).unwrap());
    lab.on_disconnect(move |_peer, reason| seen.send(reason.to_string()).unwrap());
    drop(Telnet::connect(addr));
    connected.next();
    let goodbye = log.next();
    let mut peer = Telnet::connect(addr);
    connected.next();
    lab.disconnect(peer.name()).unwrap();
    peer.expect_closed();
    assert_ne!(log.next(), goodbye);
}

#[test]
fn a_limit_on_connections_closes_the_new_one() {
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .limits(Limits {
            connections: 1,
            ..Limits::default()
        })
        .build()
        .unwrap();
    let _served = serve(&lab);
    let (here, connected) = inbox();
    lab.on_connect(move |_peer| here.send(()).unwrap());
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let mut first = Telnet::connect(addr);
    connected.next();
    Telnet::connect(addr).expect_closed();
    first.send("add[1] a:1 b:2\n");
    assert_eq!(first.line(), "[1]:3");
}

#[test]
fn mux_gathers_the_peers_of_its_parts() {
    let (_one, addr_one, _) = server("jrpc");
    let (_two, addr_two, _) = server("jrpc");
    let caller = LabInverse::bind(
        "jrpc",
        format!("mux:(tcp:{addr_one})[tcp:{addr_two}]").as_str(),
    )
    .unwrap();
    caller.start().unwrap();
    assert_eq!(caller.peers().len(), 2);
    let answers: Vec<_> = caller.all().each().add(2, 3).results().collect();
    assert_eq!(answers.len(), 2);
    for (_peer, sum) in answers {
        assert_eq!(sum.unwrap(), 5);
    }
}

#[test]
fn several_wires_at_once() {
    let lab = Lab::builder()
        .bind("terse", "tcpserv:127.0.0.1:0")
        .bind("jrpc", "tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let addrs = lab.local_addrs();
    let mut person = Telnet::connect(addrs[0]);
    let program = client("jrpc", addrs[1]);
    let (seen, log) = inbox();
    program
        .notified
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    assert_eq!(settled(program.all().add(1, 2)).unwrap(), 3);
    person.send("notify text:\"hello\"\n");
    assert_eq!(person.line(), "notified text:\"hello\"");
    assert_eq!(log.next(), "hello");
}

#[test]
fn restart_connects_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let caller = LabInverse::bind("terse", format!("restart:1:tcp:{addr}").as_str()).unwrap();
    let (seen, log) = inbox();
    let ended = seen.clone();
    caller.on_connect(move |_peer| seen.send("+").unwrap());
    caller.on_disconnect(move |_peer, _reason| ended.send("-").unwrap());
    caller.start().unwrap();
    for _ in 0..2 {
        let (stream, _) = listener.accept().unwrap();
        assert_eq!(log.next(), "+");
        caller.all().notify("here").unwrap();
        let mut connection = Telnet::over(stream);
        assert_eq!(connection.line(), "notify text:\"here\"");
        drop(connection);
        assert_eq!(log.next(), "-");
    }
}
