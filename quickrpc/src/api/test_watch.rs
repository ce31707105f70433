//! Threads of an API that panic all the same: it ends in an orderly way, and says so.

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use crate::api::dynamic::Api;
use crate::net::reactor::Command;
use crate::{Error, Promise, Resolver, TransportState, Value};

/// Only a defect takes longer.
const SOON: Duration = Duration::from_secs(20);

/// A server, and a client with a call that the server keeps.
fn pair() -> (Api, Api, Promise<Value>, Resolver<Value>) {
    let server = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let (tell, asked) = mpsc::channel();
    server.on("keep", move |_sender, _args: Value| {
        let (promise, resolver) = Promise::<Value>::pair();
        tell.send(resolver).unwrap();
        promise
    });
    server.start().unwrap();
    let port = server.local_addrs()[0].port();
    let client = Api::bind("jrpc", format!("tcp:127.0.0.1:{port}")).unwrap();
    client.start().unwrap();
    let kept = client.call("keep", ());
    let resolver = asked.recv_timeout(SOON).unwrap();
    (server, client, kept, resolver)
}

fn ended(api: &Api) -> Error {
    let (tell, told) = mpsc::channel();
    let waiting = api.clone();
    std::thread::spawn(move || tell.send(waiting.wait()).ok());
    let result = told.recv_timeout(SOON).expect("wait() returns");
    assert!(!api.is_running());
    result.unwrap_err()
}

#[track_caller]
fn is_panic(error: &Error, of: &str) {
    let is = matches!(error, Error::Panicked { thread, .. } if &**thread == of);
    assert!(is, "{error:?}");
}

fn is_down(api: &Api, thread: &str) {
    for status in api.status() {
        match status.state {
            TransportState::Ended {
                reason: Some(error),
            } => is_panic(&error, thread),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_poll_thread_that_dies_ends_the_api_and_says_so() {
    for badly in [false, true] {
        let (server, client, kept, _resolver) = pair();
        let (tell, told) = mpsc::channel();
        client.on_status(move |status| drop(tell.send(status.state.clone())));
        client.net().ends_badly.store(badly, Ordering::Relaxed);
        client.net().ask(Command::Panic);
        is_panic(&ended(&client), "io");
        is_down(&client, "io");
        let failed = kept.result_timeout(SOON).unwrap_err();
        assert!(matches!(failed, Error::Stopped), "{failed:?}");
        assert!(matches!(
            client.call("keep", ()).result(),
            Err(Error::Stopped)
        ));
        let state = told.recv_timeout(SOON).unwrap();
        assert!(
            matches!(state, TransportState::Ended { reason: Some(_) }),
            "{state:?}"
        );
        // The other side has lost a peer, and no more.
        server.on("sum", |_sender, _args: Value| Value::from(3));
        assert!(server.is_running());
        // It can be started again.
        client.net().ends_badly.store(false, Ordering::Relaxed);
        client.stop().unwrap();
        client.start().unwrap();
        assert_eq!(client.call("sum", ()).result().unwrap(), Value::from(3));
        client.stop().unwrap();
        client.wait().unwrap();
        server.stop().unwrap();
    }
}

#[test]
fn so_does_any_other_thread() {
    let (_server, client, kept, _resolver) = pair();
    client
        .net()
        .threads
        .spawn("worker", || panic!("as a test wants it"))
        .unwrap();
    is_panic(&ended(&client), "worker");
    is_down(&client, "worker");
    assert!(matches!(kept.result_timeout(SOON), Err(Error::Stopped)));
}

#[test]
fn so_does_a_further_poll_thread() {
    for thread in [1, 2] {
        let builder = Api::builder().io_threads(3);
        let server = builder.transport("tcpserv:127.0.0.1:0");
        let server = server.build_dynamic().unwrap();
        server.on("sum", |_sender, _args: Value| Value::from(3));
        server.start().unwrap();
        let port = server.local_addrs()[0].port();
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let client = Api::bind("jrpc", format!("tcp:127.0.0.1:{port}")).unwrap();
                client.start().unwrap();
                assert_eq!(client.call("sum", ()).result().unwrap(), Value::from(3));
                client
            })
            .collect();
        let reactors = server.net().reactors_behind_the_first();
        reactors[thread - 1].ask(Command::Panic);
        let name = format!("io-{}", thread + 1);
        is_panic(&ended(&server), &name);
        is_down(&server, &name);
        for client in clients {
            // All of them are disconnected.
            assert!(client.wait().is_ok());
        }
        server.start().unwrap();
        server.stop().unwrap();
    }
}

#[test]
fn nor_does_a_start_wait_for_ever() {
    let api = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    // Before anything is open.
    let watched = api.net().clone();
    api.net().ends_badly.store(true, Ordering::Relaxed);
    let starting = api.start_nonblocking();
    watched.ask(Command::Panic);
    // Unless it was open already.
    if let Err(error) = starting.result_timeout(SOON) {
        is_panic(&error, "io");
    }
    assert!(api.wait().is_err() || !api.is_running());
}
