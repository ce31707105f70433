//! What happens to calls when a peer goes.

use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::time::Instant;

use quickrpc::{Error, Processing, Promise};
use quickrpc_tests::{Lab, LabInverse, SOON, Telnet, bounded, client, inbox, serve, server};
use socket2::SockRef;

use crate::settled;

/// A server that never answers, and a client of it.
fn silent_server() -> (Telnet, LabInverse) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let caller = client("jrpc", addr);
    let (stream, _) = listener.accept().unwrap();
    (Telnet::over(stream), caller)
}

#[test]
fn pending_promises_fail_at_once_when_the_peer_closes() {
    let (mut connection, caller) = silent_server();
    let promises: Vec<_> = (0..3).map(|n| caller.all().add(n, n)).collect();
    for _ in 0..3 {
        connection.json();
    }
    let started = Instant::now();
    drop(connection);
    for promise in promises {
        let result = settled(promise);
        assert!(
            matches!(result, Err(Error::Disconnected { .. })),
            "{result:?}"
        );
    }
    assert!(started.elapsed() < SOON / 4, "before any deadline");
}

#[test]
fn pending_promises_fail_at_once_when_the_peer_resets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let caller = client("jrpc", addr);
    let (stream, _) = listener.accept().unwrap();
    let promise = caller.all().add(1, 2);
    // A killed machine, as the network shows it: no goodbye, a reset.
    SockRef::from(&stream)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(stream);
    let result = settled(promise);
    assert!(
        matches!(result, Err(Error::Disconnected { .. })),
        "{result:?}"
    );
}

#[test]
fn a_waiting_thread_is_woken_by_the_end() {
    let (mut connection, caller) = silent_server();
    let promise = caller.all().add(1, 2);
    let waiter = std::thread::spawn(move || promise.result());
    connection.json();
    drop(connection);
    let result = bounded("the waiting thread", move || waiter.join().unwrap());
    assert!(matches!(result, Err(Error::Disconnected { .. })));
}

#[test]
fn only_the_calls_of_that_peer_fail() {
    let (api, addr, _served) = server("jrpc");
    let (here, connected) = inbox();
    api.on_connect(move |peer| here.send(peer.clone()).unwrap());
    let mut one = Telnet::connect(addr);
    let peer_one = connected.next();
    let mut two = Telnet::connect(addr);
    let peer_two = connected.next();
    let (first, second) = (
        api.to(&peer_one).question("1"),
        api.to(&peer_two).question("2"),
    );
    one.json();
    let id = two.json()["id"].clone();
    drop(one);
    assert!(matches!(settled(first), Err(Error::Disconnected { .. })));
    two.send(format!(
        "{{\"jsonrpc\":\"2.0\",\"result\":\"two\",\"id\":{id}}}\0"
    ));
    assert_eq!(settled(second).unwrap(), "two");
}

#[test]
fn nobody_else_can_answer() {
    let (api, addr, _served) = server("jrpc");
    let (here, connected) = inbox();
    api.on_connect(move |peer| here.send(peer.clone()).unwrap());
    let mut asked = Telnet::connect(addr);
    let peer = connected.next();
    let mut stranger = Telnet::connect(addr);
    let promise = api.to(&peer).question("?");
    let id = asked.json()["id"].clone();
    let answer =
        |text: &str| format!("{{\"jsonrpc\":\"2.0\",\"result\":\"{text}\",\"id\":{id}}}\0");
    stranger.send(answer("false"));
    // Its next call shows that the false answer has been looked at.
    stranger
        .send("{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}\0");
    assert_eq!(stranger.json()["result"], 3);
    assert!(promise.try_result().is_none());
    asked.send(answer("true"));
    assert_eq!(settled(promise).unwrap(), "true");
}

/// `printf '...' | nc -N`: the input ends before the answers are read.
fn half_close(processing: Processing) {
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .processing(processing)
        .build()
        .unwrap();
    let _served = serve(&lab);
    let (gone, ended) = inbox();
    lab.on_disconnect(move |_peer, _reason| gone.send(()).unwrap());
    lab.start().unwrap();
    let mut person = Telnet::connect(lab.local_addrs()[0]);
    person.send("add[1] a:1 b:2\necho[2] text:\"last\"\n");
    person.close_write();
    assert_eq!(person.rest(), "[1]:3\n[2]:\"last\"\n");
    ended.next();
}

#[test]
fn answers_are_written_before_the_close() {
    half_close(Processing::Inline);
    half_close(Processing::Queue);
    half_close(Processing::Pool(2));
}

#[test]
fn a_big_answer_is_written_before_the_close() {
    let (_api, addr, _served) = server("terse");
    let mut person = Telnet::connect(addr);
    let text = "x".repeat(1 << 20);
    person.send(format!("echo[1] text:\"{text}\"\n"));
    person.close_write();
    assert_eq!(person.rest(), format!("[1]:\"{text}\"\n"));
}

#[test]
fn an_unfinished_line_at_the_end_is_no_call() {
    let (_api, addr, served) = server("terse");
    let mut person = Telnet::connect(addr);
    person.send("notify text:\"whole\"\nnotify text:\"ha");
    person.close_write();
    assert_eq!(person.rest(), "notified text:\"whole\"\n");
    assert_eq!(served.notes.next().1, "whole");
    assert!(served.notes.so_far().is_empty());
}

#[test]
fn an_answer_for_a_peer_that_is_gone_is_dropped_quietly() {
    let (api, addr) = {
        let api = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
        api.start().unwrap();
        let addr = api.local_addrs()[0];
        (api, addr)
    };
    let (waiting, resolvers) = inbox();
    api.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        waiting.send(resolver).unwrap();
        promise
    });
    api.add.connect(|_sender, a, b| a + b);
    let (gone, ended) = inbox();
    api.on_disconnect(move |_peer, _reason| gone.send(()).unwrap());
    let listener = std::net::TcpStream::connect(addr).unwrap();
    (&listener).write_all(b"echo[1]\n").unwrap();
    let resolver = resolvers.next();
    // Reset, since after a mere half-close the answer would still be awaited.
    SockRef::from(&listener)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    let _ = listener.shutdown(Shutdown::Read);
    drop(listener);
    ended.next();
    let _ = resolver.set_result("too late".into());
    let mut other = Telnet::connect(addr);
    other.send("add[1] a:1 b:2\n");
    assert_eq!(other.line(), "[1]:3");
}

#[cfg(target_os = "linux")] // the work of a thread is asked for in its own way
#[test]
fn an_answer_that_is_owed_to_a_half_closed_peer_is_waited_for_without_work() {
    let lab = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    let (waiting, resolvers) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        waiting.send(resolver).unwrap();
        promise
    });
    // Inline: the thread that reads.
    lab.add.connect(|_sender, _a, _b| {
        let busy = quickrpc_tests::busy("thread-self");
        i64::try_from(busy.as_millis()).unwrap()
    });
    let (gone, ended) = inbox();
    lab.on_disconnect(move |_peer, reason| gone.send(reason.to_string()).unwrap());
    lab.start().unwrap();
    let mut peer = Telnet::connect(lab.local_addrs()[0]);
    peer.send("echo[1]\n");
    peer.close_write();
    let resolver = resolvers.next();
    let mut bystander = Telnet::connect(lab.local_addrs()[0]);
    let mut busy = || {
        bystander.send("add[2] a:1 b:1\n");
        let answer = bystander.line();
        answer.trim_start_matches("[2]:").parse::<i64>().unwrap()
    };
    let before = busy();
    std::thread::park_timeout(std::time::Duration::from_millis(300));
    let worked = busy() - before;
    assert!(worked < 150, "of 300 ms it worked {worked} ms");
    assert!(ended.so_far().is_empty(), "the answer is still owed");
    resolver.set_result("late".into()).unwrap();
    assert_eq!(peer.rest(), "[1]:\"late\"\n");
    ended.next();
}
