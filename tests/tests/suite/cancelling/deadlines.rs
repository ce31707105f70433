//! Deadlines that travel with their calls.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use quickrpc::{CallError, Error, Processing, remote_api};
use quickrpc_tests::{Telnet, inbox};

use super::{Server, client};
use crate::settled;

#[test]
fn a_call_says_how_long_its_caller_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = client("jrpc:\\n?deadlines=on", listener.local_addr().unwrap());
    let mut server = Telnet::over(listener.accept().unwrap().0);
    let patient = api.all().timeout(Duration::from_secs(40));
    let _call = patient.work("a");
    let call: serde_json::Value = serde_json::from_str(&server.line()).unwrap();
    let left = call["timeout"].as_f64().unwrap();
    assert!((35.0..=40.0).contains(&left), "{call}");
    assert_eq!(
        (&call["method"], &call["params"]["name"]),
        (&"work".into(), &"a".into())
    );
    // A notification has no deadline, and other wires say nothing of theirs.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = client("jrpc:\\n", listener.local_addr().unwrap());
    let mut server = Telnet::over(listener.accept().unwrap().0);
    let _call = api.all().work("a");
    assert!(!server.line().contains("timeout"));
}

#[test]
fn a_handler_sees_it() {
    for processing in [Processing::Inline, Processing::Queue] {
        let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", processing);
        let (tell, told) = inbox();
        server.works.later.connect(move |sender, _name| {
            tell.send((sender.deadline(), sender.is_cancelled()))
                .unwrap();
            String::new()
        });
        let api = client("jrpc?deadlines=on", server.addr());
        let begun = Instant::now();
        settled(api.all().timeout(Duration::from_secs(40)).later("a")).unwrap();
        let (deadline, is_cancelled) = told.next();
        let left = deadline.unwrap().duration_since(begun);
        assert!(left > Duration::from_secs(35) && left < Duration::from_secs(70));
        assert!(!is_cancelled);
        // Without, there is none.
        let api = client("jrpc", server.addr());
        settled(api.all().later("a")).unwrap();
        assert_eq!(told.next(), (None, false));
    }
}

#[test]
fn a_call_that_has_waited_too_long_is_not_begun() {
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Queue);
    let mut caller = Telnet::connect(server.addr());
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"work\",\"params\":{\"name\":\"a\"},\"id\":1}\0");
    server.begun("a");
    let call = |timeout: &str, id: u64| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{{\"a\":1,\"b\":2}},\
             \"timeout\":{timeout},\"id\":{id}}}\0"
        )
    };
    caller.send(call("0.001", 2));
    // What is no number of seconds means nothing.
    for (id, timeout) in [
        (3, "60"),
        (4, "null"),
        (5, "\"x\""),
        (6, "-1"),
        (7, "1e300"),
        (8, "{}"),
    ] {
        caller.send(call(timeout, id));
    }
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":1}}\0");
    server.given_up("a");
    assert_eq!(caller.json()["error"]["code"], CallError::CANCELLED);
    let late = caller.json();
    // Written with the deadline behind the parameters, it looks like one without until it has its
    // turn; so it may have been begun.
    assert!(
        late["error"]["code"] == CallError::TOO_LATE || late["result"] == 3,
        "{late}"
    );
    for id in 3..=8 {
        let answer = caller.json();
        assert_eq!(
            (&answer["id"], &answer["result"]),
            (&id.into(), &3.into()),
            "{answer}"
        );
    }
    // As this library writes it.
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"work\",\"params\":{\"name\":\"b\"},\"id\":1}\0");
    server.begun("b");
    caller.send(
        "{\"timeout\":0,\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":2}\0",
    );
    caller.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.cancel\",\"params\":{\"id\":1}}\0");
    server.given_up("b");
    assert_eq!(caller.json()["error"]["code"], CallError::CANCELLED);
    let error = &caller.json()["error"];
    assert_eq!(error["code"], CallError::TOO_LATE);
    assert_eq!(error["data"]["reason"], "too_late");
}

#[test]
fn a_handler_is_over_at_the_deadline() {
    // Nobody cancels: the deadline alone does it.
    let server = Server::new("jrpc", "tcpserv:127.0.0.1:0", Processing::Inline);
    let mut caller = Telnet::connect(server.addr());
    caller.send(
        "{\"timeout\":0.05,\"jsonrpc\":\"2.0\",\"method\":\"work\",\"params\":{\"name\":\"a\"},\"id\":1}\0",
    );
    server.begun("a");
    server.given_up("a");
    assert_eq!(caller.json()["id"], 1);
}

#[remote_api]
trait Declared {
    #[incoming]
    #[timeout("50ms")]
    fn brief(&self) -> u8;
    #[incoming]
    #[timeout("1.5 h")]
    fn long(&self) -> u8;
    #[incoming]
    fn plain(&self) -> ();
}

#[test]
fn a_declaration_has_deadlines() {
    let calls = Declared::DESCRIPTION.calls;
    let timeouts: Vec<_> = calls.iter().map(|call| call.timeout).collect();
    let expected = [
        Some(Duration::from_millis(50)),
        Some(Duration::from_secs(5400)),
        None,
    ];
    assert_eq!(timeouts, expected);
    let (api, client) = Declared::pair();
    let (keep, kept) = inbox();
    api.brief.connect(move |_sender| {
        let (answer, resolver) = quickrpc::Promise::pair();
        keep.send(resolver).unwrap();
        answer
    });
    let error = settled(client.all().brief()).unwrap_err();
    let Error::Timeout { after, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(after, Duration::from_millis(50));
    drop(kept.next());
    // A handle says it better.
    let patient = client.all().timeout(Duration::from_secs(60)).brief();
    kept.next().set_result(7).unwrap();
    assert_eq!(settled(patient).unwrap(), 7);
}
