//! Streams in the convention of other people, with peers made by hand.

use std::net::TcpListener;
use std::time::Duration;

use quickrpc::{CallError, Error, Stream, remote_api};
use quickrpc_tests::{Telnet, inbox, value};
use serde_json::json;

/// A node, as others have them.
#[remote_api]
pub trait Node {
    /// What happens to the chain.
    #[incoming(subscription(item = "eth_subscription", cancel = "eth_unsubscribe"))]
    fn eth_subscribe(&self, kind: &str) -> Stream<u32>;

    /// The price, whenever it changes.
    #[incoming(subscription(event))]
    #[name = "priceChanged"]
    fn price(&self) -> Stream<f64>;

    /// Who came, and when.
    #[incoming(subscription(event))]
    fn joined(&self) -> Stream<(String, u32)>;

    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

/// A client of a node that is made by hand.
pub(super) fn client() -> (NodeInverse, Telnet) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = NodeInverse::bind("jrpc:\n", format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    let (stream, _) = listener.accept().unwrap();
    (client, Telnet::over(stream))
}

pub(super) fn say(peer: &mut Telnet, message: serde_json::Value) {
    peer.send(format!("{message}\n"));
}

pub(super) fn heard(peer: &mut Telnet) -> serde_json::Value {
    serde_json::from_str(&peer.line()).unwrap()
}

pub(super) fn item(id: impl Into<serde_json::Value>, value: u32) -> serde_json::Value {
    json!({
        "jsonrpc": "2.0",
        "method": "eth_subscription",
        "params": {"subscription": id.into(), "result": value},
    })
}

/// Answers the call that comes next, and checks it.
pub(super) fn answer(
    peer: &mut Telnet,
    method: &str,
    params: serde_json::Value,
    result: serde_json::Value,
) {
    let call = heard(peer);
    assert_eq!(
        (&call["method"], &call["params"]),
        (&json!(method), &params)
    );
    say(
        peer,
        json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
    );
}

/// Checks that everything said so far was read, and no call is out.
pub(super) fn expect_ping(client: &NodeInverse, peer: &mut Telnet) {
    let sum = client.all().add(1, 2);
    answer(peer, "add", json!({"a": 1, "b": 2}), json!(3));
    assert_eq!(sum.result().unwrap(), 3);
}

#[test]
fn it_is_begun_and_ended_as_others_do() {
    let (client, mut node) = client();
    let (told, trouble) = inbox();
    client.on_error(move |_, error, _| told.send(error.to_string()).unwrap());
    for id in [json!("0xcd0c"), json!(7), json!(1_u64 << 53)] {
        let mut heads = client.all().eth_subscribe("newHeads");
        answer(&mut node, "eth_subscribe", json!(["newHeads"]), id.clone());
        for number in 0..3 {
            say(&mut node, item(id.clone(), number));
        }
        assert_eq!(
            heads
                .by_ref()
                .take(3)
                .collect::<Result<Vec<_>, _>>()
                .unwrap(),
            [0, 1, 2]
        );
        drop(heads);
        answer(&mut node, "eth_unsubscribe", json!([id]), json!(true));
        // What was on its way is for nobody, and no trouble.
        say(&mut node, item(id, 3));
        expect_ping(&client, &mut node);
        assert!(trouble.so_far().is_empty(), "{:?}", trouble.so_far());
    }
}

#[test]
fn items_that_come_before_the_answer_are_not_lost() {
    let (client, mut node) = client();
    let mut heads = client.all().eth_subscribe("newHeads");
    let call = heard(&mut node);
    say(&mut node, item("b", 10));
    say(&mut node, item("a", 0));
    say(&mut node, item("a", 1));
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "id": call["id"], "result": "a"}),
    );
    say(&mut node, item("a", 2));
    for number in 0..3 {
        assert_eq!(heads.next().unwrap().unwrap(), number);
    }
}

#[test]
fn several_have_their_items_each() {
    let (client, mut node) = client();
    let mut all: Vec<_> = (0..3)
        .map(|number| {
            let stream = client.all().eth_subscribe("logs");
            answer(&mut node, "eth_subscribe", json!(["logs"]), json!(number));
            stream
        })
        .collect();
    for number in [2, 0, 1] {
        say(&mut node, item(number, number * 10));
    }
    for (number, stream) in (0..).zip(&mut all) {
        assert_eq!(stream.next().unwrap().unwrap(), number * 10);
    }
    drop(all.remove(1));
    answer(&mut node, "eth_unsubscribe", json!([1]), json!(true));
    say(&mut node, item(2, 21));
    assert_eq!(all[1].next().unwrap().unwrap(), 21);
}

#[test]
fn a_refusal_is_the_error_of_the_stream() {
    let (client, mut node) = client();
    let mut heads = client.all().eth_subscribe("nonsense");
    let call = heard(&mut node);
    let error = json!({"code": -32602, "message": "no such kind", "data": 7});
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "id": call["id"], "error": error}),
    );
    let expected = CallError::new(-32602, "no such kind").with_data(7);
    assert_eq!(heads.next().unwrap(), Err(Error::Call(expected)));
    assert!(heads.next().is_none());

    let mut heads = client.all().eth_subscribe("newHeads");
    answer(
        &mut node,
        "eth_subscribe",
        json!(["newHeads"]),
        json!({"no": "id"}),
    );
    let Err(Error::BadResult { method, .. }) = heads.next().unwrap() else {
        panic!("no id, and no error");
    };
    assert_eq!(&*method, "eth_subscribe");
}

#[test]
fn the_other_side_may_end_it_with_an_error() {
    let (client, mut node) = client();
    let errors = [
        (json!("too slow"), CallError::new(-32000, "too slow")),
        (
            json!({"code": 5, "message": "over"}),
            CallError::new(5, "over"),
        ),
        (
            json!([1]),
            CallError::new(-32000, "the subscription has ended with an error")
                .with_data(value(json!([1]))),
        ),
    ];
    for (error, expected) in errors {
        let mut heads = client.all().eth_subscribe("newHeads");
        answer(&mut node, "eth_subscribe", json!(["newHeads"]), json!("a"));
        say(&mut node, item("a", 1));
        let params = json!({"subscription": "a", "error": error});
        say(
            &mut node,
            json!({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}),
        );
        assert_eq!(heads.next().unwrap().unwrap(), 1);
        assert_eq!(heads.next().unwrap(), Err(Error::Call(expected)));
    }
    // Nothing is ended that has ended.
    expect_ping(&client, &mut node);
}

#[test]
fn it_ends_when_the_connection_does() {
    let (client, mut node) = client();
    let mut heads = client.all().eth_subscribe("newHeads");
    let mut unanswered = client.all().eth_subscribe("logs");
    answer(&mut node, "eth_subscribe", json!(["newHeads"]), json!("a"));
    say(&mut node, item("a", 1));
    assert_eq!(heads.next().unwrap().unwrap(), 1);
    say(&mut node, item("a", 2));
    drop(node);
    assert_eq!(
        heads.next().unwrap().unwrap(),
        2,
        "what has come before counts"
    );
    for stream in [&mut heads, &mut unanswered] {
        let Some(Err(Error::Disconnected { .. })) = stream.next() else {
            panic!("it goes on");
        };
        assert!(stream.next().is_none());
    }
}

#[test]
fn silence_is_no_end_once_it_has_begun() {
    let (client, mut node) = client();
    // Time enough for an answer by hand.
    let limit = Duration::from_secs(2);
    let mut heads = client.all().timeout(limit).eth_subscribe("newHeads");
    answer(&mut node, "eth_subscribe", json!(["newHeads"]), json!("a"));
    // The first deadline is over when the second one of these is.
    for _ in 0..2 {
        let mut late = client.all().timeout(limit).eth_subscribe("logs");
        let Some(Err(Error::Timeout { .. })) = late.next() else {
            panic!("it was not answered");
        };
    }
    say(&mut node, item("a", 1));
    assert_eq!(heads.next().unwrap().unwrap(), 1);
}

#[test]
fn one_that_was_dropped_before_the_answer_is_ended_behind_it() {
    let (client, mut node) = client();
    drop(client.all().eth_subscribe("newHeads"));
    say(&mut node, item("a", 1));
    answer(&mut node, "eth_subscribe", json!(["newHeads"]), json!("a"));
    answer(&mut node, "eth_unsubscribe", json!(["a"]), json!(true));
    expect_ping(&client, &mut node);
}

#[test]
fn who_reads_too_slowly_is_told_so_and_nobody_else_notices() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let wire = format!("tcp:{addr}?waiting_bytes=4k");
    let client = NodeInverse::bind("jrpc:\n", wire).unwrap();
    client.start().unwrap();
    let mut node = Telnet::over(listener.accept().unwrap().0);
    let mut slow = client.all().eth_subscribe("slow");
    answer(&mut node, "eth_subscribe", json!(["slow"]), json!("slow"));
    let mut quick = client.all().eth_subscribe("quick");
    answer(&mut node, "eth_subscribe", json!(["quick"]), json!("quick"));
    for number in 0..100 {
        say(&mut node, item("slow", number));
        say(&mut node, item("quick", number));
        assert_eq!(quick.next().unwrap().unwrap(), number);
    }
    answer(&mut node, "eth_unsubscribe", json!(["slow"]), json!(true));
    let items: Vec<_> = slow.by_ref().collect();
    let Some(Err(Error::TooSlow {
        method,
        limit: 4096,
    })) = items.last()
    else {
        panic!("{items:?}");
    };
    assert_eq!(&**method, "eth_subscribe");
    assert!((20..100).contains(&items.len()), "{}", items.len());
    expect_ping(&client, &mut node);

    // Before the answer, too.
    let mut early = client.all().eth_subscribe("early");
    let call = heard(&mut node);
    for number in 0..100 {
        say(&mut node, item("early", number));
    }
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "id": call["id"], "result": "early"}),
    );
    let Some(Err(Error::TooSlow { .. })) = early.next() else {
        panic!("some items are missing");
    };
    answer(&mut node, "eth_unsubscribe", json!(["early"]), json!(true));
    expect_ping(&client, &mut node);
}

#[test]
fn a_node_that_means_no_good_ends_its_own_only() {
    let (client, mut node) = client();
    let (told, trouble) = inbox();
    client.on_error(move |_, error, _| told.send(error.to_string()).unwrap());
    let mut good = client.all().eth_subscribe("good");
    answer(&mut node, "eth_subscribe", json!(["good"]), json!("good"));
    let mut bad = client.all().eth_subscribe("bad");
    answer(&mut node, "eth_subscribe", json!(["bad"]), json!("bad"));
    say(&mut node, item("unheard of", 1));
    let text = json!({"subscription": "bad", "result": "text"});
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "method": "eth_subscription", "params": text}),
    );
    let Some(Err(Error::BadResult { .. })) = bad.next() else {
        panic!("a text for a number");
    };
    answer(&mut node, "eth_unsubscribe", json!(["bad"]), json!(false));
    // Answers to what was never asked.
    for id in 1..20 {
        say(
            &mut node,
            json!({"jsonrpc": "2.0", "id": id, "result": "x"}),
        );
    }
    for params in [
        json!([]),
        json!({}),
        json!({"subscription": {}}),
        json!(null),
        json!({"x": 1}),
    ] {
        say(
            &mut node,
            json!({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}),
        );
    }
    for number in 0..5 {
        assert!(trouble.next().contains("eth_subscription"), "{number}");
    }
    let Some(Err(Error::BadResult { .. })) = good.next() else {
        panic!("answered twice");
    };
    answer(&mut node, "eth_unsubscribe", json!(["good"]), json!(true));
}

// ---- events of rpc-websockets

#[test]
fn events_are_subscriptions_by_name() {
    let (client, mut node) = client();
    let mut prices = client.all().price();
    answer(
        &mut node,
        "rpc.on",
        json!(["priceChanged"]),
        json!({"priceChanged": "ok"}),
    );
    say(
        &mut node,
        json!({"notification": "priceChanged", "params": [1.5]}),
    );
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "method": "priceChanged", "params": [2.5]}),
    );
    assert_eq!(prices.next().unwrap().unwrap(), 1.5);
    assert_eq!(prices.next().unwrap().unwrap(), 2.5);

    // The same once more: the other side has one of each.
    let mut again = client.all().price();
    let already = "socket has already been subscribed to event";
    answer(
        &mut node,
        "rpc.on",
        json!(["priceChanged"]),
        json!({"priceChanged": already}),
    );
    say(
        &mut node,
        json!({"notification": "priceChanged", "params": [3.5]}),
    );
    assert_eq!(prices.next().unwrap().unwrap(), 3.5);
    assert_eq!(again.next().unwrap().unwrap(), 3.5);
    drop(prices);
    say(
        &mut node,
        json!({"notification": "priceChanged", "params": [4.5]}),
    );
    assert_eq!(again.next().unwrap().unwrap(), 4.5);
    drop(again);
    answer(
        &mut node,
        "rpc.off",
        json!(["priceChanged"]),
        json!({"priceChanged": "ok"}),
    );

    let mut joined = client.all().joined();
    answer(
        &mut node,
        "rpc.on",
        json!(["joined"]),
        json!({"joined": "ok"}),
    );
    say(
        &mut node,
        json!({"notification": "joined", "params": ["ann", 7]}),
    );
    assert_eq!(joined.next().unwrap().unwrap(), ("ann".to_owned(), 7));

    let mut prices = client.all().price();
    let invalid = "provided event invalid";
    answer(
        &mut node,
        "rpc.on",
        json!(["priceChanged"]),
        json!({"priceChanged": invalid}),
    );
    let error = prices.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "`priceChanged`: provided event invalid");
}
