//! jayson, a JSON-RPC library for Node.js, over TCP with a line for each message.

use quickrpc::{CallError, Error, remote_api};
use quickrpc_tests::{Peer, inbox, value};
use serde_json::json;

use crate::{node, settled};

/// The methods of the script `jayson_server.js`. Arguments are sent by name.
#[remote_api(rename_all = "camelCase")]
trait ByName {
    #[outgoing]
    fn subtract(&self, minuend: i64, subtrahend: i64) -> i64;

    #[outgoing]
    #[name = "lab.echoBack"]
    fn echo(&self, text: &str) -> String;

    #[outgoing]
    fn is_array(&self, x: i64, y: Option<i64>) -> bool;

    #[outgoing]
    fn nothing(&self) -> Option<bool>;

    #[outgoing]
    fn refuse(&self) -> bool;

    #[outgoing]
    fn no_such(&self) -> bool;

    #[outgoing]
    fn hear(&self, text: &str);
}

/// Some of them, with arguments by position.
#[remote_api(rename_all = "camelCase", positional)]
trait ByPosition {
    #[outgoing]
    fn subtract(&self, minuend: i64, subtrahend: i64) -> i64;

    #[outgoing]
    fn is_array(&self, x: i64, y: Option<i64>) -> bool;

    #[outgoing]
    fn hear(&self, text: &str, number: Option<i64>);
}

/// A server, and its address.
fn server() -> Option<(Peer, String)> {
    let peer = node()?.peer("jayson_server.js", &[]);
    let port = peer.expect("ready")["port"].clone();
    Some((peer, format!("tcp:127.0.0.1:{port}")))
}

#[test]
fn our_client_by_name() {
    let Some((peer, addr)) = server() else { return };
    let api = ByName::bind("jrpc:\\n", addr).unwrap();
    api.start().unwrap();
    let theirs = api.all();
    assert_eq!(settled(theirs.subtract(42, 23)).unwrap(), 19);
    assert_eq!(
        settled(theirs.echo("ä\n\"\u{1f600}")).unwrap(),
        "ä\n\"\u{1f600}"
    );
    assert!(!settled(theirs.is_array(1, None)).unwrap());
    assert_eq!(settled(theirs.nothing()).unwrap(), None);
    let Err(Error::Call(error)) = settled(theirs.refuse()) else {
        panic!("it refuses");
    };
    let expected = CallError::new(7, "no").with_data(value(json!({"why": [1]})));
    assert_eq!(error, expected);
    let Err(Error::Call(error)) = settled(theirs.no_such()) else {
        panic!("it has no such method");
    };
    assert_eq!(error.code, CallError::METHOD_NOT_FOUND);
    theirs.hear("hello").unwrap();
    assert_eq!(peer.expect("hear")["params"], json!({"text": "hello"}));
    let promises: Vec<_> = theirs.batch(|all| (0..100).map(|n| all.subtract(n, 1)).collect());
    for (n, promise) in (0..).zip(promises) {
        assert_eq!(settled(promise).unwrap(), n - 1);
    }
}

#[test]
fn our_client_by_position() {
    let Some((peer, addr)) = server() else { return };
    let api = ByPosition::bind("jrpc:\\n", addr).unwrap();
    api.start().unwrap();
    let theirs = api.all();
    assert_eq!(settled(theirs.subtract(42, 23)).unwrap(), 19);
    assert!(settled(theirs.is_array(1, Some(2))).unwrap());
    assert!(settled(theirs.is_array(1, None)).unwrap());
    theirs.hear("hello", Some(1)).unwrap();
    theirs.hear("again", None).unwrap();
    assert_eq!(peer.expect("hear")["params"], json!(["hello", 1]));
    assert_eq!(peer.expect("hear")["params"], json!(["again"]));
}

/// Ours, with the same methods: the inverse of the traits above.
#[test]
fn our_server() {
    let Some(node) = node() else { return };
    let api = ByNameInverse::bind("jrpc:\\n?strict=true", "tcpserv:127.0.0.1:0").unwrap();
    api.subtract
        .connect(|_sender, minuend, subtrahend| minuend - subtrahend);
    api.echo.connect(|_sender, text| text.to_owned());
    api.is_array.connect(|_sender, _x, _y| true);
    api.nothing.connect(|_sender| Some(None));
    api.refuse.connect(|_sender| {
        let why = value(json!({"why": [1]}));
        Err::<bool, _>(CallError::new(7, "no").with_data(why))
    });
    let (seen, heard) = inbox();
    api.hear.connect(move |_sender, text| {
        let _ = seen.send(text.to_owned());
    });
    api.start().unwrap();
    let port = api.local_addrs()[0].port().to_string();
    let mut client = node.peer("jayson_client.js", &[&port]);
    client.expect("ready");
    let subtract = json!({"minuend": 42, "subtrahend": 23});
    let call = json!({"call": "subtract", "params": subtract});
    assert_eq!(client.ask(call).unwrap(), 19);
    // Ids that jayson makes are texts; others are echoed too.
    for id in [json!(7), json!("seven"), json!(1.5)] {
        let call = json!({"call": "lab.echoBack", "params": {"text": "ä\n\u{1f600}"}, "id": id});
        assert_eq!(client.ask(call).unwrap(), "ä\n\u{1f600}");
    }
    assert_eq!(
        client
            .ask(json!({"call": "nothing", "params": []}))
            .unwrap(),
        json!(null)
    );
    for (call, code) in [
        (json!({"call": "refuse", "params": {}}), 7),
        (json!({"call": "unheardOf", "params": {}}), -32601),
        (json!({"call": "subtract", "params": [42, 23]}), -32602),
        (
            json!({"call": "subtract", "params": {"minuend": "x"}}),
            -32602,
        ),
    ] {
        let error = client.ask(call.clone()).unwrap_err();
        assert_eq!(error["code"], code, "{call}: {error}");
        let message = error["message"].as_str();
        assert!(message.is_some_and(|text| !text.is_empty()), "{error}");
    }
    client
        .ask(json!({"notify": "hear", "params": {"text": "hello"}}))
        .unwrap();
    assert_eq!(heard.next(), "hello");
    let batch = json!({"batch": [
        {"call": "subtract", "params": subtract, "id": 1},
        {"notify": "hear", "params": {"text": "in a batch"}},
        {"call": "unheardOf", "params": {}, "id": 2},
    ]});
    let answers = client.ask(batch).unwrap();
    assert_eq!(answers[0], json!({"jsonrpc": "2.0", "result": 19, "id": 1}));
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers.as_array().map(Vec::len), Some(2), "{answers}");
    assert_eq!(heard.next(), "in a batch");
}

#[test]
fn our_server_with_arguments_by_position() {
    let Some(node) = node() else { return };
    let api = ByPositionInverse::bind("jrpc:\\n", "tcpserv:127.0.0.1:0").unwrap();
    api.subtract
        .connect(|_sender, minuend, subtrahend| minuend - subtrahend);
    api.is_array.connect(|_sender, _x, y| y.is_some());
    api.start().unwrap();
    let port = api.local_addrs()[0].port().to_string();
    let mut client = node.peer("jayson_client.js", &[&port]);
    client.expect("ready");
    for (call, result) in [
        (json!({"call": "subtract", "params": [42, 23]}), json!(19)),
        (
            json!({"call": "subtract", "params": {"subtrahend": 23, "minuend": 42}}),
            json!(19),
        ),
        (json!({"call": "isArray", "params": [1]}), json!(false)),
        (
            json!({"call": "isArray", "params": [1, null]}),
            json!(false),
        ),
        (json!({"call": "isArray", "params": [1, 2]}), json!(true)),
    ] {
        assert_eq!(client.ask(call.clone()).unwrap(), result, "{call}");
    }
}
