//! What is said with libraries for JSON-RPC, whichever they are: the same methods on their
//! side and on ours.

use quickrpc::{CallError, Error, remote_api};
use quickrpc_tests::{Inbox, Peer, inbox, value};
use serde_json::{Value, json};

use crate::settled;

/// The methods of the scripts' servers, from a client's side. Arguments are sent by name.
#[remote_api(rename_all = "camelCase")]
pub(crate) trait ByName {
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
pub(crate) trait ByPosition {
    #[outgoing]
    fn subtract(&self, minuend: i64, subtrahend: i64) -> i64;

    #[outgoing]
    fn is_array(&self, x: i64, y: Option<i64>) -> bool;

    #[outgoing]
    fn hear(&self, text: &str, number: Option<i64>);
}

/// What their `refuse` answers.
pub(crate) fn refusal() -> CallError {
    CallError::new(7, "no").with_data(value(json!({"why": [1]})))
}

/// What is different about a server of theirs.
pub(crate) struct Habits {
    /// What it makes of the error of its `refuse`.
    pub(crate) refusal: CallError,
    /// Whether it does anything about notifications.
    pub(crate) hears: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Habits {
            refusal: refusal(),
            hears: true,
        }
    }
}

/// Our client talks to their server.
pub(crate) fn with_their_server(codec: &str, transport: &str, peer: &Peer, habits: &Habits) {
    let api = ByName::bind(codec, transport).unwrap();
    api.start().unwrap();
    let theirs = api.all();
    assert_eq!(settled(theirs.subtract(42, 23)).unwrap(), 19);
    for text in ["", "ä\n\"\u{1f600}", &"x".repeat(100_000)] {
        assert_eq!(settled(theirs.echo(text)).unwrap(), text);
    }
    assert!(!settled(theirs.is_array(1, None)).unwrap());
    assert_eq!(settled(theirs.nothing()).unwrap(), None);
    let Err(Error::Call(error)) = settled(theirs.refuse()) else {
        panic!("it refuses");
    };
    assert_eq!(error, habits.refusal);
    let Err(Error::Call(error)) = settled(theirs.no_such()) else {
        panic!("it has no such method");
    };
    assert_eq!(error.code, CallError::METHOD_NOT_FOUND);
    theirs.hear("hello").unwrap();
    if habits.hears {
        assert_eq!(peer.expect("hear")["params"], json!({"text": "hello"}));
    }
    let promises: Vec<_> = theirs.batch(|all| (0..100).map(|n| all.subtract(n, 1)).collect());
    for (n, promise) in (0..).zip(promises) {
        assert_eq!(settled(promise).unwrap(), n - 1);
    }
    drop(api);

    let api = ByPosition::bind(codec, transport).unwrap();
    api.start().unwrap();
    let theirs = api.all();
    assert_eq!(settled(theirs.subtract(42, 23)).unwrap(), 19);
    assert!(settled(theirs.is_array(1, Some(2))).unwrap());
    assert!(settled(theirs.is_array(1, None)).unwrap());
    theirs.hear("hello", Some(1)).unwrap();
    theirs.hear("again", None).unwrap();
    if habits.hears {
        assert_eq!(peer.expect("hear")["params"], json!(["hello", 1]));
        assert_eq!(peer.expect("hear")["params"], json!(["again"]));
    }
    assert_eq!(settled(theirs.subtract(1, 2)).unwrap(), -1);
}

/// Our server, and what it hears: by name, with the methods of theirs.
pub(crate) fn server_by_name(codec: &str, transport: &str) -> (ByNameInverse, Inbox<String>) {
    let api = ByNameInverse::bind(codec, transport).unwrap();
    api.subtract
        .connect(|_sender, minuend, subtrahend| minuend - subtrahend);
    api.echo.connect(|_sender, text| text.to_owned());
    api.is_array.connect(|_sender, _x, _y| false);
    api.nothing.connect(|_sender| Some(None));
    api.refuse.connect(|_sender| Err::<bool, _>(refusal()));
    let (seen, heard) = inbox();
    api.hear.connect(move |_sender, text| {
        let _ = seen.send(text.to_owned());
    });
    api.start().unwrap();
    (api, heard)
}

/// Their client, which has connected, talks to such a server.
pub(crate) fn with_their_client(client: &mut Peer, heard: &Inbox<String>) {
    client.expect("ready");
    let call = |method: &str, params: &Value| json!({"call": method, "params": params});
    let named = json!({"minuend": 42, "subtrahend": 23});
    assert_eq!(client.ask(call("subtract", &named)).unwrap(), 19);
    for text in ["", "ä\n\"\u{1f600}", &"x".repeat(100_000)] {
        let echoed = client.ask(call("lab.echoBack", &json!({"text": text})));
        assert_eq!(echoed.unwrap(), text);
    }
    let nothing = client.ask(call("nothing", &json!([])));
    assert_eq!(nothing.unwrap(), Value::Null);
    let error = client.ask(call("refuse", &json!({}))).unwrap_err();
    let said = (&error["code"], &error["message"], &error["data"]);
    assert_eq!(said, (&json!(7), &json!("no"), &json!({"why": [1]})));
    for (method, params, code) in [
        ("unheardOf", json!({}), -32601),
        ("subtract", json!([42, 23]), -32602),
        ("subtract", json!({"minuend": "x"}), -32602),
    ] {
        let error = client.ask(call(method, &params)).unwrap_err();
        assert_eq!(error["code"], code, "{method}: {error}");
        let message = error["message"].as_str();
        assert!(message.is_some_and(|text| !text.is_empty()), "{error}");
    }
    let note = json!({"notify": "hear", "params": {"text": "hello"}});
    client.ask(note).unwrap();
    assert_eq!(heard.next(), "hello");
}

/// Our server with arguments by position.
pub(crate) fn server_by_position(codec: &str, transport: &str) -> ByPositionInverse {
    let api = ByPositionInverse::bind(codec, transport).unwrap();
    api.subtract
        .connect(|_sender, minuend, subtrahend| minuend - subtrahend);
    api.is_array.connect(|_sender, _x, y| y.is_some());
    api.start().unwrap();
    api
}

/// Their client, which has connected, talks to such a server.
pub(crate) fn with_their_client_by_position(client: &mut Peer) {
    client.expect("ready");
    for (method, params, result) in [
        ("subtract", json!([42, 23]), json!(19)),
        (
            "subtract",
            json!({"subtrahend": 23, "minuend": 42}),
            json!(19),
        ),
        ("isArray", json!([1]), json!(false)),
        ("isArray", json!([1, null]), json!(false)),
        ("isArray", json!([1, 2]), json!(true)),
    ] {
        let answer = client.ask(json!({"call": method, "params": params}));
        assert_eq!(answer.unwrap(), result, "{method} {params}");
    }
}
