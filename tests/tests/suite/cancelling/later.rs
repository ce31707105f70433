//! Answers that are given later, by promises.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use quickrpc::{Error, Processing, Promise, Resolver};
use quickrpc_tests::{Inbox, Telnet, inbox};

use super::{Server, Told, Works, WorksInverse, client, is_given_up};
use crate::{call_error, settled};

/// Keeps the resolvers of `later`.
fn keeps(works: &Works) -> Inbox<Resolver<String>> {
    let (keep, kept) = inbox();
    works.later.connect(move |_sender, _name| {
        let (answer, resolver) = Promise::pair();
        keep.send(resolver).unwrap();
        answer
    });
    kept
}

#[test]
fn a_resolver_hears_of_it() {
    for processing in [Processing::Inline, Processing::Queue] {
        let works = Works::builder()
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build()
            .unwrap();
        let kept = keeps(&works);
        works.start().unwrap();
        let api = client("jrpc", works.local_addrs()[0]);
        let (tell, told) = inbox();
        let job = api.all().later("a");
        let resolver = kept.next();
        resolver.on_cancel(move || tell.send(()).unwrap());
        assert!(!resolver.is_cancelled());
        job.cancel();
        told.next();
        assert!(resolver.is_cancelled());
        // What comes late is dropped, and does no harm.
        resolver.set_result("late".into()).unwrap();
        assert!(matches!(settled(job), Err(Error::Cancelled)));
        // The end of the caller, as well.
        let job = api.all().later("b");
        let resolver = kept.next();
        let (tell, told) = inbox();
        resolver.on_cancel(move || tell.send(()).unwrap());
        api.stop().unwrap();
        told.next();
        assert!(matches!(settled(job), Err(Error::Stopped)));
        // And the stop of the API.
        let api = client("jrpc", works.local_addrs()[0]);
        let _job = api.all().later("c");
        let resolver = kept.next();
        works.stop().unwrap();
        assert!(resolver.is_cancelled());
    }
}

#[test]
fn over_a_pair() {
    let (works, api) = Works::pair();
    let kept = keeps(&works);
    let job = api.all().later("a");
    let resolver = kept.next();
    let (tell, told) = inbox();
    resolver.on_cancel(move || tell.send(()).unwrap());
    job.cancel();
    told.next();
    let jobs = api.all().each().later("b");
    let resolver = kept.next();
    let (tell, told) = inbox();
    resolver.on_cancel(move || tell.send(()).unwrap());
    jobs.cancel();
    told.next();
    for (_peer, result) in jobs.results() {
        assert!(matches!(result, Err(Error::Cancelled)));
    }
}

#[test]
fn who_gives_up_answers_so() {
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Inline);
    let kept = keeps(&server.works);
    let mut caller = Telnet::connect(server.addr());
    for (id, end) in [
        (1, (|resolver| drop(resolver)) as fn(Resolver<String>)),
        (2, |resolver| resolver.set_error("no time").unwrap()),
        (3, |resolver| resolver.set_error(Error::Cancelled).unwrap()),
    ] {
        caller.send(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"params\":{{\"name\":\"a\"}},\"id\":{id}}}\0"
        ));
        let resolver = kept.next();
        let (tell, told) = inbox();
        resolver.on_cancel(move || tell.send(()).unwrap());
        caller.send(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{{\"id\":{id}}}}}\0"
        ));
        told.next();
        end(resolver);
        let answer = caller.json();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["error"]["code"], -32800, "{answer}");
    }
    // One that is not cancelled keeps its own words and codes.
    caller
        .send("{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"params\":{\"name\":\"a\"},\"id\":4}\0");
    drop(kept.next());
    assert_eq!(caller.json()["error"]["code"], -32603);
}

/// A program between two others passes on what it is asked, and that it is given up.
#[test]
fn a_call_that_is_handed_on_is_given_up_as_well() {
    let behind = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Queue);
    let onward = client("jrpc", behind.addr());
    let between = Works::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let target = onward.all();
    between
        .later
        .connect(move |_sender, name| target.work(name));
    between.start().unwrap();
    let api = client("jrpc", between.local_addrs()[0]);
    let job = api.all().later("a");
    behind.begun("a");
    job.cancel();
    behind.given_up("a");
    assert!(matches!(settled(job), Err(Error::Cancelled)));
    // Where nobody can say that he has given up, it is answered at once.
    let mut caller = Telnet::connect(between.local_addrs()[0]);
    caller
        .send("{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"params\":{\"name\":\"b\"},\"id\":4}\0");
    behind.begun("b");
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":4}}\0");
    let answer = caller.json();
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&4.into(), &(-32800).into())
    );
    behind.given_up("b");
    drop(caller);
}

#[test]
fn cancelled_before_the_promise_is_there() {
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Queue);
    let (tell, told) = inbox();
    let (go, gone) = inbox::<()>();
    let gone = Mutex::new(gone);
    server.works.later.connect(move |sender, _name| {
        tell.send(None).unwrap();
        gone.lock().unwrap().next();
        assert!(sender.is_cancelled());
        let (answer, resolver) = Promise::<String>::pair();
        tell.send(Some(resolver)).unwrap();
        answer
    });
    let api = client("jrpc", server.addr());
    let job = api.all().later("a");
    assert!(told.next().is_none());
    job.cancel();
    // Read behind the cancel: a handler that runs has seen it by then.
    let other = client("jrpc", server.addr());
    let waits = other.all().add(1, 2);
    quickrpc_tests::eventually("the cancel has been read", || {
        go.is_empty() && server.works.peers().len() == 2
    });
    go.send(()).unwrap();
    let resolver = told.next().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let ran = runs.clone();
    let (tell, heard) = inbox();
    resolver.on_cancel(move || {
        ran.fetch_add(1, Ordering::SeqCst);
        tell.send(()).unwrap();
    });
    heard.next();
    drop(resolver);
    assert_eq!(settled(waits).unwrap(), 3);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[test]
fn an_api_without_a_trait() {
    use quickrpc::{Value, dynamic};
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Queue);
    let api = dynamic::Api::bind("jrpc", format!("tcp:{}", server.addr()).as_str()).unwrap();
    api.start().unwrap();
    let args = quickrpc_tests::value(serde_json::json!({"name": "a"}));
    let job = api.call("work", args);
    server.begun("a");
    job.cancel();
    server.given_up("a");
    assert!(matches!(settled(job), Err(Error::Cancelled)));
    // And the other way round.
    let works = dynamic::Api::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .build_dynamic()
        .unwrap();
    let (tell, told) = inbox();
    works.on("work", move |sender, _args| {
        tell.send(Told::Begun(String::new())).unwrap();
        while !sender.is_cancelled() {
            std::thread::yield_now();
        }
        tell.send(Told::GivenUp(String::new())).unwrap();
        Err::<Value, _>(Error::Cancelled)
    });
    works.start().unwrap();
    let api = client("jrpc", works.local_addrs()[0]);
    let job = api.all().work("a");
    told.next();
    job.cancel();
    assert_eq!(told.next(), Told::GivenUp(String::new()));
}

#[test]
fn a_peer_that_gives_up_by_itself_is_heard() {
    let (works, api): (Works, WorksInverse) = Works::pair();
    works
        .later
        .connect(|_sender, _name| Err::<String, _>(Error::Cancelled));
    is_given_up(&call_error(settled(api.all().later("a"))));
}
