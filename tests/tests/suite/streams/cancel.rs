//! Streams that nobody wants any more.

use std::sync::mpsc;

use quickrpc::{CallError, Error, Processing, Promise, Stream};
use quickrpc_tests::{SOON, Telnet, inbox};

use super::{MODES, client, server};

#[test]
fn dropped_before_its_end_it_is_cancelled() {
    for codec in ["jrpc", "jrpc:content-length", "terse", "msgpack"] {
        for mode in MODES {
            let (_hub, addr, fed) = server(codec, mode);
            let client = client(codec, addr);
            let mut stream = client.all().fed("x");
            let (_, items) = fed.next();
            let (told, cancelled) = inbox();
            items.on_cancel(move || told.send(()).unwrap());
            items.send(1).unwrap();
            assert_eq!(stream.next().unwrap().unwrap(), 1);
            assert!(!items.is_cancelled());
            drop(stream);
            cancelled.next();
            assert!(items.is_cancelled());
            assert!(matches!(items.send(2), Err(Error::Cancelled)));

            // With its result still wanted, or nothing.
            let mut stream = client.all().fed("y");
            let (_, items) = fed.next();
            let (told, cancelled) = inbox();
            items.on_cancel(move || told.send(()).unwrap());
            stream.cancel();
            assert!(matches!(stream.result(), Err(Error::Cancelled)));
            cancelled.next();
            assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
        }
    }
}

/// The promise of what calls back stands for the stream.
#[test]
fn cancelling_the_promise_of_callbacks_ends_it() {
    for mode in MODES {
        let (_hub, addr, fed) = server("jrpc", mode);
        let client = client("jrpc", addr);
        let (told, heard) = inbox();
        let end = client
            .all()
            .fed("x")
            .each(move |item| told.send(item).unwrap());
        let (_, items) = fed.next();
        let (gone, cancelled) = inbox();
        items.on_cancel(move || gone.send(()).unwrap());
        items.send(1).unwrap();
        assert_eq!(heard.next(), 1);
        end.cancel();
        cancelled.next();
        assert!(matches!(end.result(), Err(Error::Cancelled)));
        // One that is dropped does not.
        drop(client.all().fed("y").each(drop));
        let (_, items) = fed.next();
        items.send(2).unwrap();
        assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
        assert!(!items.is_cancelled());
    }
}

/// A handler that runs does not keep the peer's cancel waiting.
#[test]
fn it_takes_no_turn_behind_calls() {
    for mode in [Processing::Queue, Processing::Pool(2)] {
        let (hub, addr, fed) = server("jrpc", mode);
        let (begun, running) = inbox();
        let (end, ended) = mpsc::channel::<()>();
        let ended = std::sync::Mutex::new(ended);
        hub.ask.connect(move |_| {
            begun.send(()).unwrap();
            ended.lock().unwrap().recv_timeout(SOON).unwrap();
        });
        let client = client("jrpc", addr);
        let stream = client.all().fed("x");
        let (_, items) = fed.next();
        let (told, cancelled) = inbox();
        items.on_cancel(move || told.send(()).unwrap());
        let asked = client.all().ask();
        running.next();
        drop(stream);
        cancelled.next();
        end.send(()).unwrap();
        asked.result().unwrap();
    }
}

#[test]
fn by_hand_it_is_answered() {
    let (hub, addr, fed) = server("terse", Processing::Inline);
    let mut person = Telnet::connect(addr);
    person.send("fed[7] name:\"x\"\n");
    let (_, items) = fed.next();
    person.send("rpc.cancel id:7\n");
    assert!(person.line().contains(&CallError::CANCELLED.to_string()));
    assert!(items.is_cancelled());
    // One that is not there yet.
    let (told, promised) = inbox();
    hub.endless.connect(move |_| {
        let (promise, resolver) = Promise::<Stream<u32>>::pair();
        told.send(resolver).unwrap();
        promise
    });
    person.send("endless[8]\nrpc.cancel id:8\n");
    let resolver = promised.next();
    let (told, cancelled) = inbox();
    resolver.on_cancel(move || told.send(()).unwrap());
    cancelled.next();
    let (items, stream) = Stream::channel();
    resolver.set_result(stream).unwrap();
    assert!(person.line().contains(&CallError::CANCELLED.to_string()));
    assert!(items.is_cancelled());
    // Two at once with one id, and ids of nobody.
    person.send("rpc.cancel id:8\nrpc.more id:8 items:3\nfed[9] name:\"a\"\nfed[9] name:\"b\"\n");
    let streams = fed.take(2);
    assert!(person.line().contains("another stream"));
    streams[0].1.finish("fine".into()).unwrap();
    assert_eq!(person.line(), "[9]:\"fine\"");
    assert!(streams[1].1.is_cancelled());
}

#[test]
fn a_flood_of_them_leaves_nothing() {
    let (_hub, addr, fed) = server("jrpc", Processing::Inline);
    let client = client("jrpc", addr);
    for _ in 0..2000 {
        drop(client.all().fed("x"));
    }
    let all = fed.take(2000);
    assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
    for (_, items) in all {
        let (told, cancelled) = inbox();
        items.on_cancel(move || told.send(()).unwrap());
        cancelled.next();
    }
}
