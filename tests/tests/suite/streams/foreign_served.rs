//! Subscriptions in the convention of others, served by this library.

use std::net::SocketAddr;

use quickrpc::{CallError, Direction, Processing, Stream, StreamSender};
use quickrpc_tests::{Inbox, Telnet, inbox};
use serde_json::json;

use super::foreign::{Node, heard, item, say};

/// A node that serves, and whatever feeds its streams.
fn node(processing: Processing) -> (Node, SocketAddr, Inbox<(String, StreamSender<u32>)>) {
    let node = Node::builder()
        .processing(processing)
        .bind("jrpc:\n", "tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let (told, fed) = inbox();
    node.eth_subscribe.connect(move |_, kind: &str| {
        if kind == "nonsense" {
            return Err(CallError::new(-32602, "no such kind"));
        }
        let (items, stream) = Stream::channel();
        told.send((kind.to_owned(), items)).unwrap();
        Ok(stream)
    });
    node.price.connect(|_| Stream::iter([1.5, 2.5]));
    node.joined
        .connect(|_| Stream::iter([("ann".to_owned(), 7)]));
    node.add.connect(|_, a, b| a + b);
    node.start().unwrap();
    let addr = node.local_addrs()[0];
    (node, addr, fed)
}

fn ask(peer: &mut Telnet, method: &str, params: serde_json::Value) -> serde_json::Value {
    say(
        peer,
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
    );
    heard(peer)
}

#[test]
fn it_is_served_as_others_do() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let (_node, addr, fed) = node(processing);
        let mut peer = Telnet::connect(addr);
        let id = ask(&mut peer, "eth_subscribe", json!(["newHeads"]))["result"].clone();
        assert!(id.as_str().unwrap().starts_with("0x"), "{id}");
        let (kind, items) = fed.next();
        assert_eq!(kind, "newHeads");
        for number in 0..100 {
            items.send(number).unwrap();
            assert_eq!(heard(&mut peer), item(id.clone(), number));
        }
        let sum = ask(&mut peer, "add", json!([1, 2]));
        assert_eq!(
            sum["error"]["code"], -32602,
            "others take names still: {sum}"
        );
        let other = ask(&mut peer, "eth_subscribe", json!({"kind": "logs"}))["result"].clone();
        assert_ne!(other, id);
        let (_, logs) = fed.next();

        for wrong in [
            json!(["0x0"]),
            json!([]),
            json!([7]),
            json!({}),
            json!([id, id]),
        ] {
            assert_eq!(ask(&mut peer, "eth_unsubscribe", wrong)["result"], false);
        }
        assert_eq!(
            ask(&mut peer, "eth_unsubscribe", json!([id]))["result"],
            true
        );
        let (told, cancelled) = inbox();
        items.on_cancel(move || told.send(()).unwrap());
        cancelled.next();
        assert_eq!(
            ask(&mut peer, "eth_unsubscribe", json!([id]))["result"],
            false
        );

        logs.send(5).unwrap();
        assert_eq!(heard(&mut peer), item(other.clone(), 5));
        logs.fail(CallError::new(9, "reorganised")).unwrap();
        let last = heard(&mut peer);
        let error = json!({"code": 9, "message": "reorganised"});
        assert_eq!(
            last["params"],
            json!({"subscription": other, "error": error})
        );

        let refused = ask(&mut peer, "eth_subscribe", json!(["nonsense"]));
        assert_eq!(refused["error"]["code"], -32602);
        // Another peer has no business with it.
        let id = ask(&mut peer, "eth_subscribe", json!(["newHeads"]))["result"].clone();
        let (_, items) = fed.next();
        let mut stranger = Telnet::connect(addr);
        assert_eq!(
            ask(&mut stranger, "eth_unsubscribe", json!([id]))["result"],
            false
        );
        let (told, cancelled) = inbox();
        items.on_cancel(move || told.send(()).unwrap());
        drop(peer);
        cancelled.next();
        assert!(items.send(1).is_err());
    }
}

#[test]
fn events_are_served() {
    let (_node, addr, _fed) = node(Processing::Queue);
    let mut peer = Telnet::connect(addr);
    let answered = ask(
        &mut peer,
        "rpc.on",
        json!(["priceChanged", "unheardOf", "joined"]),
    );
    let expected = json!({
        "priceChanged": "ok", "unheardOf": "provided event invalid", "joined": "ok",
    });
    assert_eq!(answered["result"], expected);
    let mut all: Vec<_> = (0..5).map(|_| heard(&mut peer)).collect();
    all.sort_by_key(|one| one["notification"].as_str().map(str::to_owned));
    // Which others pass over: no more comes.
    assert_eq!(
        (&all[0]["method"], &all[1]["method"]),
        (&json!("rpc.done"), &json!("rpc.done"))
    );
    assert_eq!(all[2]["params"], json!(["ann", 7]));
    assert_eq!(
        (&all[3]["params"], &all[4]["params"]),
        (&json!([1.5]), &json!([2.5]))
    );
    let answered = ask(&mut peer, "rpc.off", json!(["priceChanged", "unheardOf"]));
    let expected = json!({
        "priceChanged": "not subscribed", "unheardOf": "provided event invalid",
    });
    assert_eq!(answered["result"], expected);
}

#[test]
fn a_peer_that_does_not_read_makes_the_stream_wait() {
    let (node, addr, fed) = node(Processing::Queue);
    let mut peer = Telnet::connect(addr);
    ask(&mut peer, "eth_subscribe", json!(["newHeads"]));
    let (_, items) = fed.next();
    let (told, waits) = inbox();
    let thread = std::thread::spawn(move || {
        for number in 0..1_000_000 {
            if items.try_send(number).is_err() {
                told.send(number).unwrap();
                items.send(number).unwrap();
                return number;
            }
        }
        panic!("nothing waits");
    });
    let last = waits.next();
    assert_eq!(node.peers().len(), 1);
    for number in 0..=last {
        assert_eq!(heard(&mut peer)["params"]["result"], number);
    }
    assert_eq!(thread.join().unwrap(), last);
}

#[test]
fn both_sides_of_this_library() {
    let (node, client) = Node::pair();
    node.eth_subscribe
        .connect(|_, kind| Stream::iter(0..kind.parse().unwrap_or(3_u32)));
    node.price.connect(|_| Stream::iter([0.5, 1.5]));
    let all: Result<Vec<_>, _> = client.all().eth_subscribe("1000").collect();
    assert_eq!(all.unwrap(), (0..1000).collect::<Vec<_>>(), "it has an end");
    let all: Result<Vec<_>, _> = client.all().price().collect();
    assert_eq!(all.unwrap(), [0.5, 1.5]);
    client.all().eth_subscribe("5").result().unwrap();
    let (told, items) = inbox();
    let each = client
        .all()
        .eth_subscribe("5")
        .each(move |item| told.send(item).unwrap());
    each.result().unwrap();
    assert_eq!(items.so_far(), [0, 1, 2, 3, 4]);
}

#[test]
fn descriptions_tell_of_it() {
    let [subscribe, price, ..] = Node::DESCRIPTION.calls else {
        panic!("no calls");
    };
    assert_eq!(subscribe.direction, Direction::Incoming);
    assert!(subscribe.positional);
    let text = Node::DESCRIPTION.to_string();
    let declared = "    #[incoming(subscription(item = \"eth_subscription\", \
                    cancel = \"eth_unsubscribe\"))]\n    fn eth_subscribe";
    assert!(text.contains(declared), "{text}");
    assert!(text.contains("#[incoming(subscription(event))]\n    #[name = \"priceChanged\"]"));
    assert_eq!(price.wire_name, "priceChanged");
    let (_node, addr, _fed) = node(Processing::Inline);
    let mut peer = Telnet::connect(addr);
    let document = ask(&mut peer, "rpc.discover", json!([]))["result"].clone();
    let methods = &document["methods"];
    let expected = json!({"item": "eth_subscription", "cancel": "eth_unsubscribe"});
    assert_eq!(methods[0]["x-subscription"], expected);
    assert_eq!(methods[0]["paramStructure"], "either");
    assert_eq!(methods[1]["x-subscription"], json!({"event": true}));
}
