//! Handlers that run, or wait for their turn.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use quickrpc::{CallError, Error, Processing, Promise};
use quickrpc_tests::{DatagramPort, OwnDir, Telnet, bounded};

use super::{Server, Told, client, client_on};
use crate::settled;

const MODES: [Processing; 3] = [Processing::Queue, Processing::Pool(2), Processing::Manual];

fn tcp(processing: Processing) -> Server {
    Server::new("jrpc", "tcpserv:127.0.0.1:0", processing)
}

#[test]
fn cancel_ends_a_handler_that_runs() {
    for codec in ["jrpc", "jrpc:\\n", "jrpc:content-length", "terse"] {
        for processing in MODES {
            let server = Server::new(codec, "tcpserv:127.0.0.1:0", processing);
            let api = client(codec, server.addr());
            let job = api.all().work("a");
            server.begun("a");
            job.cancel();
            server.given_up("a");
            assert!(matches!(settled(job), Err(Error::Cancelled)), "{codec}");
            // Nothing is left of it in the way of others.
            assert_eq!(settled(api.all().add(1, 2)).unwrap(), 3, "{codec}");
        }
    }
}

#[test]
fn over_every_transport() {
    let dir = OwnDir::new();
    let socket = dir.path("works");
    let mut pairs = vec![("wsserv:127.0.0.1:0".to_owned(), "ws://ADDR/".to_owned())];
    pairs.push((
        "internal:cancel:server".into(),
        "internal:cancel:client".into(),
    ));
    if cfg!(unix) {
        let path = socket.display();
        pairs.push((format!("unixserv:{path}"), format!("unix:{path}")));
    }
    for (server, address) in pairs {
        let server = Server::new("jrpc", &server, Processing::Queue);
        let address = match server.works.local_addrs().first() {
            Some(addr) => address.replace("ADDR", &addr.to_string()),
            None => address,
        };
        let api = client_on("jrpc", &address);
        let job = api.all().work("a");
        server.begun("a");
        job.cancel();
        server.given_up("a");
        assert_eq!(settled(api.all().add(1, 2)).unwrap(), 3, "{address}");
        // And the end of the caller.
        let job = api.all().work("b");
        server.begun("b");
        drop(job);
        api.stop().unwrap();
        server.given_up("b");
    }
}

#[test]
fn over_datagrams() {
    let port = DatagramPort::new();
    let server = Server::new("jrpc", &port.wire(1), Processing::Queue);
    let api = client_on("jrpc", &port.wire(2));
    let job = api.to("127.0.0.1").work("a");
    server.begun("a");
    job.cancel();
    server.given_up("a");
}

#[test]
fn over_a_codec_of_ones_own() {
    quickrpc_tests::register_lists();
    let server = Server::new("lists", "tcpserv:127.0.0.1:0", Processing::Queue);
    let api = client("lists", server.addr());
    let job = api.all().work("a");
    server.begun("a");
    job.cancel();
    server.given_up("a");
}

#[test]
fn over_a_secured_wire() {
    let sealed = crate::seal::shared();
    let works = super::Works::builder()
        .transport("tcpserv:127.0.0.1:0")
        .security(sealed.hub.as_str())
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let told = super::serve(&works);
    works.start().unwrap();
    let api = super::WorksInverse::builder()
        .transport(format!("tcp:{}", works.local_addrs()[0]).as_str())
        .security(sealed.alice.as_str())
        .build()
        .unwrap();
    api.start().unwrap();
    let job = api.all().work("a");
    assert_eq!(told.next(), Told::Begun("a".into()));
    job.cancel();
    assert_eq!(told.next(), Told::GivenUp("a".into()));
}

fn poll_once<T: Send + 'static>(promise: &mut Promise<T>) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Future::poll(Pin::new(promise), &mut cx).is_pending());
}

#[test]
fn dropping_a_future_that_was_polled_cancels() {
    let server = tcp(Processing::Queue);
    let api = client("jrpc", server.addr());
    let mut job = api.all().work("a");
    poll_once(&mut job);
    server.begun("a");
    drop(job);
    server.given_up("a");
}

#[test]
fn dropping_a_promise_that_was_never_polled_does_not() {
    let server = tcp(Processing::Pool(2));
    let api = client("jrpc", server.addr());
    let other = client("jrpc", server.addr());
    let job = api.all().work("a");
    server.begun("a");
    drop(job);
    // Had it been cancelled, this would have been told of after that.
    let job = other.all().work("b");
    server.begun("b");
    job.cancel();
    server.given_up("b");
    api.stop().unwrap();
    server.given_up("a");
}

#[test]
fn the_deadline_of_the_caller_cancels() {
    let server = tcp(Processing::Queue);
    let api = client("jrpc", server.addr());
    // Long enough for it to begin, also on a busy machine.
    let brief = api.all().timeout(Duration::from_secs(2));
    // Noticed by whoever waits, and by the poll thread where nobody does.
    let job = brief.work("a");
    server.begun("a");
    assert!(matches!(settled(job), Err(Error::Timeout { .. })));
    server.given_up("a");
    let job = brief.work("b");
    server.begun("b");
    server.given_up("b");
    assert!(matches!(settled(job), Err(Error::Timeout { .. })));
}

/// A caller that vanishes without a word, over a wire on which that can be found out.
#[test]
fn the_end_of_the_caller_cancels() {
    let server = tcp(Processing::Queue);
    let mut caller = Telnet::connect(server.addr());
    caller.send(call("work", r#"{"name":"a"}"#, 1));
    server.begun("a");
    caller.send(call("work", r#"{"name":"b"}"#, 2));
    drop(caller);
    server.given_up("a");
    // What waited was not begun.
    let api = client("jrpc", server.addr());
    let job = api.all().work("c");
    server.begun("c");
    job.cancel();
    server.given_up("c");
}

/// `nc -N` and its like want their answers.
#[test]
fn a_caller_that_has_ended_its_side_is_answered() {
    let server = tcp(Processing::Queue);
    let mut busy = Telnet::connect(server.addr());
    busy.send(call("work", r#"{"name":"a"}"#, 1));
    server.begun("a");
    let mut caller = Telnet::connect(server.addr());
    caller.send(call("add", r#"{"a":1,"b":2}"#, 1));
    caller.close_write();
    // That its side has ended is known by now, while its call waits.
    busy.send(cancel(1));
    server.given_up("a");
    let answers = caller.rest();
    assert!(answers.contains(r#""result":3"#), "{answers}");
}

fn call(method: &str, params: &str, id: u64) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params},\"id\":{id}}}\0")
}

fn cancel(id: u64) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{{\"id\":{id}}}}}\0")
}

#[test]
fn a_call_that_waits_is_not_begun() {
    for processing in MODES {
        let server = tcp(processing);
        let mut caller = Telnet::connect(server.addr());
        caller.send(call("work", r#"{"name":"a"}"#, 1));
        server.begun("a");
        caller.send(call("work", r#"{"name":"b"}"#, 2));
        caller.send(call("add", r#"{"a":1,"b":2}"#, 3));
        caller.send(cancel(2));
        caller.send(cancel(1));
        server.given_up("a");
        let answers: Vec<_> = (0..3).map(|_| caller.json()).collect();
        for (place, id) in [(0, 1), (1, 2)] {
            assert_eq!(answers[place]["id"], id);
            assert_eq!(answers[place]["error"]["code"], CallError::CANCELLED);
        }
        assert_eq!(answers[0]["error"]["message"], "`a` was given up");
        assert_eq!(answers[2]["result"], 3);
    }
}

#[test]
fn one_peers_cancel_is_not_held_up_by_another_ones_handler() {
    let server = tcp(Processing::Queue);
    let (one, other) = (client("jrpc", server.addr()), client("jrpc", server.addr()));
    let job = one.all().work("a");
    server.begun("a");
    // It waits behind the other peer's, and is given up before its turn.
    let waiting = other.all().work("b");
    waiting.cancel();
    assert!(matches!(settled(waiting), Err(Error::Cancelled)));
    job.cancel();
    server.given_up("a");
    // The next that is begun is another one.
    let last = other.all().work("c");
    server.begun("c");
    last.cancel();
    server.given_up("c");
}

#[test]
fn every_way_to_say_it_is_understood() {
    let server = Server::new("jrpc:\\n", "tcpserv:127.0.0.1:0", Processing::Queue);
    for (id, cancel) in [
        (
            r#"7"#,
            r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":7}}"#,
        ),
        (
            r#"7"#,
            r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":7}}"#,
        ),
        (
            r#"7"#,
            r#"{"params": [7], "method": "rpc.cancel", "jsonrpc": "2.0"}"#,
        ),
        (
            r#""a b""#,
            r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"why":[{}],"id":"a b"}}"#,
        ),
        (
            r#"7"#,
            r#"[{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":7}}]"#,
        ),
        (
            r#""5f0c2b1e-7c3a-4a55-9a53-1d2f5f6f7a10""#,
            r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":"5f0c2b1e-7c3a-4a55-9a53-1d2f5f6f7a10"}}"#,
        ),
    ] {
        let mut caller = Telnet::connect(server.addr());
        caller.send(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"work\",\"params\":{{\"name\":\"a\"}},\"id\":{id}}}\n"
        ));
        server.begun("a");
        caller.send(format!("{cancel}\n"));
        assert_eq!(server.told.next(), Told::GivenUp("a".into()), "{cancel}");
        let answer = caller.line();
        assert!(answer.ends_with(&format!("\"id\":{id}}}")), "{answer}");
    }
    let server = Server::new("terse", "tcpserv:127.0.0.1:0", Processing::Queue);
    let mut person = Telnet::connect(server.addr());
    for (id, given) in [("7", "7"), ("seven", "\"seven\""), ("x-1", "\"x-1\"")] {
        person.send(format!("work[{id}] name:\"a\"\n"));
        server.begun("a");
        person.send(format!("rpc.cancel id:{given}\n"));
        assert_eq!(server.told.next(), Told::GivenUp("a".into()), "{given}");
        let answer = person.line();
        assert!(answer.starts_with(&format!("[{id}]!")), "{answer}");
        assert!(answer.ends_with("code:-32800"), "{answer}");
    }
}

#[test]
fn an_entry_of_a_batch() {
    let server = Server::new("jrpc:\\n", "tcpserv:127.0.0.1:0", Processing::Queue);
    let mut caller = Telnet::connect(server.addr());
    let call =
        |id| format!(r#"{{"jsonrpc":"2.0","method":"work","params":{{"name":"a"}},"id":{id}}}"#);
    caller.send(format!("[{},{}]\n", call(1), call(2)));
    server.begun("a");
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":2}}\n");
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":1}}\n");
    server.given_up("a");
    let answers: serde_json::Value = serde_json::from_str(&caller.line()).unwrap();
    assert_eq!(answers.as_array().unwrap().len(), 2);
    for answer in answers.as_array().unwrap() {
        assert_eq!(answer["error"]["code"], CallError::CANCELLED);
    }
}

#[test]
fn a_stop_ends_handlers_that_look() {
    let server = tcp(Processing::Queue);
    let api = client("jrpc", server.addr());
    let job = api.all().work("a");
    server.begun("a");
    let works = server.works.clone();
    bounded("the stop", move || works.stop()).unwrap();
    server.given_up("a");
    let Err(Error::Call(error)) = settled(job) else {
        panic!("it has given up");
    };
    // Nobody has cancelled it.
    assert!(error.is_shutting_down(), "{error:?}");
}
