//! Subscriptions of other people's: jsonrpsee, whose convention is that of Ethereum's nodes, and
//! rpc-websockets, which has events besides.

use quickrpc::{CallError, Error, Processing, Stream, StreamSender, remote_api};
use quickrpc_tests::{Inbox, Peer, inbox};
use serde_json::json;

use crate::{jsonrpsee, node};

/// What they serve, and what we do.
#[remote_api]
trait Node {
    /// Numbers up to one, and then perhaps an error.
    #[incoming(subscription(item = "node_subscription", cancel = "node_unsubscribe"))]
    fn node_subscribe(&self, to: u32, fails: bool) -> Stream<u32>;

    #[incoming(subscription(event))]
    #[name = "priceChanged"]
    fn price(&self) -> Stream<f64>;

    #[incoming(subscription(event))]
    fn joined(&self) -> Stream<(String, u32)>;

    /// Nobody has this.
    #[incoming(subscription(event))]
    fn unheard_of(&self) -> Stream<u32>;
}

/// A client of their server, once that is ready.
fn client(peer: &Peer) -> NodeInverse {
    let port = &peer.expect("ready")["port"];
    let client = NodeInverse::bind("jrpc", format!("ws:ws://127.0.0.1:{port}")).unwrap();
    client.start().unwrap();
    client
}

#[test]
fn our_client_of_jsonrpsee() {
    let Some(jsonrpsee) = jsonrpsee() else { return };
    let peer = jsonrpsee.peer(&["server"]);
    let client = client(&peer);
    let mut streams: Vec<_> = (1..4)
        .map(|count| client.all().node_subscribe(count * 1000, false))
        .collect();
    for (count, stream) in (1..4).zip(&mut streams) {
        let items: Result<Vec<_>, _> = stream.by_ref().take(count * 1000).collect();
        assert_eq!(items.unwrap(), (0..).take(count * 1000).collect::<Vec<_>>());
    }
    for stream in streams {
        drop(stream);
        peer.expect("unsubscribed");
    }

    let mut refused = client.all().node_subscribe(0, false);
    let expected = CallError::new(-32602, "how many?").with_data(0);
    assert_eq!(refused.next().unwrap(), Err(Error::Call(expected)));

    let mut failing = client.all().node_subscribe(2, true);
    let items: Vec<_> = failing.by_ref().collect();
    let error = Error::Call(CallError::new(-32000, "no more numbers"));
    assert_eq!(items, [Ok(0), Ok(1), Err(error)]);

    let mut last = client.all().node_subscribe(1, false);
    assert_eq!(last.next(), Some(Ok(0)));
    drop(peer);
    assert!(matches!(last.next(), Some(Err(Error::Disconnected { .. }))));
}

#[test]
fn our_client_of_rpc_websockets() {
    let Some(node) = node() else { return };
    let mut peer = node.peer("rpc_websockets_server.js", &[]);
    let client = client(&peer);
    let (mut prices, mut joined) = (client.all().price(), client.all().joined());
    // Behind the answers to these.
    let mut unheard_of = client.all().unheard_of();
    let error = unheard_of.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "`unheard_of`: provided event invalid");

    peer.command(r#"["priceChanged", 1.5]"#);
    peer.command(r#"["joined", "ann", 7]"#);
    peer.command(r#"["priceChanged", 2.5]"#);
    assert_eq!(prices.next(), Some(Ok(1.5)));
    assert_eq!(prices.next(), Some(Ok(2.5)));
    assert_eq!(joined.next(), Some(Ok(("ann".into(), 7))));

    let mut again = client.all().price();
    drop(prices);
    peer.command(r#"["priceChanged", 3.5]"#);
    assert_eq!(again.next(), Some(Ok(3.5)));
    drop(again);
    // It was ended, or this one would be refused.
    let mut anew = client.all().price();
    let mut unheard_of = client.all().unheard_of();
    assert!(unheard_of.next().unwrap().is_err());
    peer.command(r#"["priceChanged", 4.5]"#);
    assert_eq!(anew.next(), Some(Ok(4.5)));
}

/// Our server, what feeds its prices, and where it is.
fn server() -> (Node, Inbox<StreamSender<f64>>, String) {
    let node = Node::builder()
        .processing(Processing::Queue)
        .bind("jrpc", "wsserv:127.0.0.1:0")
        .build()
        .unwrap();
    node.node_subscribe.connect(|_, to, fails| {
        let (items, stream) = Stream::channel();
        match to {
            0 => return Err(CallError::new(-32602, "how many?")),
            _ => std::thread::spawn(move || {
                for number in 0..to {
                    items.send(number)?;
                }
                match fails {
                    true => items.fail(CallError::new(9, "no more numbers")),
                    // Endless otherwise.
                    false => (0..).try_for_each(|number| items.send(number)),
                }
            }),
        };
        Ok(stream)
    });
    let (told, fed) = inbox();
    node.price.connect(move |_| {
        let (items, stream) = Stream::channel();
        told.send(items).unwrap();
        stream
    });
    node.joined.connect(|_| Stream::iter([("ann".into(), 7)]));
    node.start().unwrap();
    let url = format!("ws://{}", node.local_addrs()[0]);
    (node, fed, url)
}

#[test]
fn our_server_for_jsonrpsee() {
    let Some(jsonrpsee) = jsonrpsee() else { return };
    let (_node, _fed, url) = server();
    let mut peer = jsonrpsee.peer(&["client", &url]);
    peer.expect("ready");
    let (begin, end) = ("node_subscribe", "node_unsubscribe");
    for count in [1, 10, 500] {
        let command = json!({
            "begin": begin, "end": end, "params": [count, false], "take": count + 1,
        });
        let items = peer.ask(command).unwrap();
        let expected: Vec<_> = (0..count).chain([0]).collect();
        assert_eq!(items, json!(expected));
    }
    // To its end, of which it hears.
    let all = json!({"begin": begin, "end": end, "params": [3, true]});
    assert_eq!(peer.ask(all).unwrap(), json!([0, 1, 2]));
    let refused = json!({"begin": begin, "end": end, "params": [0, false]});
    assert_eq!(peer.ask(refused).unwrap_err()["code"], -32602);
}

/// Gives a command, and its result; and the arguments of so many events, which may come before it.
fn with_events(
    peer: &mut Peer,
    command: &serde_json::Value,
    kind: &str,
    count: usize,
) -> (serde_json::Value, Vec<serde_json::Value>) {
    peer.command(&command.to_string());
    let (mut result, mut events) = (None, Vec::new());
    while result.is_none() || events.len() < count {
        let mut event = peer.expect_one_of(&["result", kind]);
        match event["event"] == "result" {
            true => result = Some(event["value"].take()),
            false => events.push(event["args"].take()),
        }
    }
    (result.unwrap_or_default(), events)
}

#[test]
fn our_server_for_rpc_websockets() {
    let Some(node) = node() else { return };
    let (_node, fed, url) = server();
    let mut peer = node.peer("rpc_websockets_client.js", &[&url]);
    peer.expect("ready");
    for event in ["priceChanged", "joined", "node_subscription"] {
        peer.ask(json!({"hear": event})).unwrap();
    }
    let on = peer
        .ask(json!({"on": ["priceChanged", "unheardOf"]}))
        .unwrap();
    let expected = json!({"priceChanged": "ok", "unheardOf": "provided event invalid"});
    assert_eq!(on, expected);
    let prices = fed.next();
    for price in [1.5, 2.5] {
        prices.send(price).unwrap();
        assert_eq!(peer.expect("priceChanged")["args"], json!([price]));
    }
    let command = json!({"on": "joined"});
    let (result, joined) = with_events(&mut peer, &command, "joined", 1);
    assert_eq!(result, json!({"joined": "ok"}));
    assert_eq!(joined, [json!(["ann", 7])]);
    let off = peer.ask(json!({"off": "priceChanged"})).unwrap();
    assert_eq!(off, json!({"priceChanged": "ok"}));
    let (told, cancelled) = inbox();
    prices.on_cancel(move || told.send(()).unwrap());
    cancelled.next();

    // By an id, as programs do that were made for nodes.
    let params = json!([2, true]);
    let command = json!({"call": "node_subscribe", "params": params});
    let (id, items) = with_events(&mut peer, &command, "node_subscription", 3);
    for (number, item) in (0..2).zip(&items) {
        assert_eq!(*item, json!([{"subscription": id, "result": number}]));
    }
    let error = json!({"code": 9, "message": "no more numbers"});
    assert_eq!(items[2], json!([{"subscription": id, "error": error}]));
    let ended = peer
        .ask(json!({"call": "node_unsubscribe", "params": [id]}))
        .unwrap();
    assert_eq!(ended, false);
}
