//! Cancels that mean nothing, or come in floods.

use quickrpc::{Limits, Processing, Promise};
use quickrpc_tests::{Telnet, inbox};

use super::{Server, client};
use crate::settled;

fn cancel(id: impl std::fmt::Display) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{{\"id\":{id}}}}}\0")
}

fn work(name: &str, id: u64) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"work\",\"params\":{{\"name\":\"{name}\"}},\"id\":{id}}}\0"
    )
}

#[test]
fn unknown_ids_mean_nothing() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Manual] {
        let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", processing);
        let mut caller = Telnet::connect(server.addr());
        for id in 0..10_000 {
            caller.send(cancel(id));
        }
        for wrong in ["null", "{}", "[1]", "true", "\"\"", "1e999"] {
            caller.send(cancel(wrong));
        }
        for wrong in ["{}", "[]", "{\"name\":1}"] {
            caller.send(format!(
                "{{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{wrong}}}\0"
            ));
        }
        caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\"}\0");
        caller.send(
            "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":5}\0",
        );
        assert_eq!(caller.json()["result"], 3, "{processing:?}");
    }
}

#[test]
fn a_cancel_that_wants_an_answer_is_a_call_of_nothing() {
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Queue);
    let mut caller = Telnet::connect(server.addr());
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":1},\"id\":2}\0");
    assert_eq!(caller.json()["error"]["code"], -32601);
}

#[test]
fn ids_may_be_used_again() {
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Queue);
    let mut caller = Telnet::connect(server.addr());
    caller.send(work("a", 1));
    server.begun("a");
    // The second of that id is not meant by what came before it.
    caller.send(cancel(1));
    caller.send(work("b", 1));
    server.given_up("a");
    server.begun("b");
    assert_eq!(caller.json()["error"]["message"], "`a` was given up");
    caller.send(cancel(1));
    server.given_up("b");
    assert_eq!(caller.json()["error"]["message"], "`b` was given up");
}

#[test]
fn another_peers_ids_mean_nothing() {
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Pool(2));
    let mut caller = Telnet::connect(server.addr());
    caller.send(work("a", 1));
    server.begun("a");
    let mut other = Telnet::connect(server.addr());
    other.send(work("b", 2));
    server.begun("b");
    other.send(cancel(1));
    other.send(cancel(2));
    server.given_up("b");
    caller.send(cancel(1));
    server.given_up("a");
}

/// More of them than may wait: the peer is not read while its handler runs, and nobody else has
/// anything of that.
#[test]
fn a_flood_takes_no_more_than_its_share() {
    let limits = Limits {
        waiting_messages: 100,
        ..Limits::default()
    };
    let works = super::Works::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Pool(2))
        .limits(limits)
        .build()
        .unwrap();
    let told = super::serve(&works);
    works.start().unwrap();
    let addr = works.local_addrs()[0];
    let mut caller = Telnet::connect(addr);
    caller.send(work("a", 1));
    assert_eq!(told.next(), super::Told::Begun("a".into()));
    for id in 2..5_000 {
        caller.send(cancel(id));
    }
    let other = client("jrpc", addr);
    assert_eq!(settled(other.all().add(1, 2)).unwrap(), 3);
    drop(other);
    works.stop().unwrap();
    assert_eq!(told.next(), super::Told::GivenUp("a".into()));
}

#[test]
fn ten_thousand_in_flight_leave_nothing() {
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Queue);
    let (keep, kept) = inbox();
    server.works.later.connect(move |_sender, _name| {
        let (answer, resolver) = Promise::<String>::pair();
        keep.send(resolver).unwrap();
        answer
    });
    let api = client("jrpc", server.addr());
    let hub = api.all();
    let jobs: Vec<_> = (0..10_000).map(|_| hub.later("a")).collect();
    let resolvers = kept.take(10_000);
    for job in &jobs {
        job.cancel();
    }
    // The last one that is cancelled is read last.
    quickrpc_tests::eventually("all are told of", || {
        resolvers.iter().all(quickrpc::Resolver::is_cancelled)
    });
    drop(resolvers);
    assert_eq!(settled(hub.add(1, 2)).unwrap(), 3);
}
