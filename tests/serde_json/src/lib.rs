//! What a program sees whose dependencies turn on `arbitrary_precision` and `raw_value`.

#![cfg(test)]

use std::collections::BTreeMap;

use quickrpc::dynamic::Api;
use quickrpc::{Value, from_value, remote_api, to_value};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Number, json};

#[remote_api]
trait Store {
    #[incoming]
    fn echo(&self, value: serde_json::Value) -> serde_json::Value;
    #[incoming]
    fn number(&self, value: Number) -> Number;
    #[incoming]
    fn raw(&self, value: Box<RawValue>) -> Box<RawValue>;
    #[incoming]
    fn record(&self, value: Record) -> Record;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    size: Number,
    body: Box<RawValue>,
    more: Option<serde_json::Map<String, serde_json::Value>>,
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// A server that gives everything back, and its client.
fn pair(codec: &str) -> (Store, StoreInverse) {
    let server = Store::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
    server.echo.connect(|_sender, value| value);
    server.number.connect(|_sender, value| value);
    server.raw.connect(|_sender, value| value);
    server.record.connect(|_sender, value| value);
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let client = StoreInverse::bind(codec, format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    (server, client)
}

#[test]
fn numbers_and_trees_travel() {
    for codec in ["jrpc", "jrpc:\\n", "terse"] {
        let (_server, client) = pair(codec);
        let tree = json!({"a": [1, -2, 2.5, 1e3, null], "b": {"c": u64::MAX, "d": i64::MIN}});
        assert_eq!(
            client.all().echo(tree.clone()).result().unwrap(),
            tree,
            "{codec}"
        );
        for text in ["0", "-7", "2.5", "18446744073709551615"] {
            let number: Number = text.parse().unwrap();
            let back = client.all().number(number.clone()).result().unwrap();
            assert_eq!(back, number, "{codec}");
        }
    }
}

#[test]
fn raw_values_travel() {
    let text = "{\"z\": [1.50, \"a\\nb\"],\n \"a\": {}}";
    let (_server, client) = pair("jrpc:\\n");
    let back = client.all().raw(raw(text)).result().unwrap();
    // As it is, without the blanks.
    assert_eq!(back.get(), r#"{"z":[1.50,"a\nb"],"a":{}}"#);
    let (_server, client) = pair("terse");
    let back = client.all().raw(raw(text)).result().unwrap();
    assert_eq!(back.get(), r#"{"a":{},"z":[1.5,"a\nb"]}"#);
}

#[test]
fn within_structs() {
    for codec in ["jrpc", "terse"] {
        let (_server, client) = pair(codec);
        let more = serde_json::Map::from_iter([(String::from("x"), json!({"y": 1}))]);
        let record = Record {
            size: Number::from(7),
            body: raw("[1,2]"),
            more: Some(more),
        };
        let back = client.all().record(record.clone()).result().unwrap();
        assert_eq!(back.size, record.size, "{codec}");
        assert_eq!(back.body.get(), "[1,2]", "{codec}");
        assert_eq!(back.more, record.more, "{codec}");
    }
}

#[test]
fn values() {
    let tree = json!({"a": [1, 2.5], "b": 12345678901234567890_u64});
    let value = to_value(&tree).unwrap();
    assert_eq!(
        value["a"],
        Value::List(vec![Value::Integer(1), Value::Float(2.5)])
    );
    assert_eq!(from_value::<serde_json::Value>(value).unwrap(), tree);
    let back: Box<RawValue> = from_value(Value::from_iter([("a", 1)])).unwrap();
    assert_eq!(back.get(), r#"{"a":1}"#);
    let error = to_value(&raw("1")).unwrap_err().to_string();
    assert!(error.contains("parse it before"), "{error}");
}

/// Whatever comes of it, no private name is in what is sent.
#[test]
fn no_private_name_is_sent() {
    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        inner: Number,
    }
    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Raw(Box<RawValue>),
        Number(Number),
    }
    let error = to_value(&Flat { inner: 1.into() }).unwrap_err().to_string();
    assert!(error.contains("was made a map"), "{error}");
    for tagged in [Tagged::Raw(raw("1")), Tagged::Number(1.into())] {
        let error = to_value(&tagged).unwrap_err().to_string();
        assert!(error.contains("was made a map"), "{error}");
    }
    for codec in ["jrpc", "terse"] {
        let server = Api::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
        server.on("show", |_sender, args| Value::String(args.to_string()));
        server.start().unwrap();
        let addr = server.local_addrs()[0];
        let client = Api::bind(codec, format!("tcp:{addr}")).unwrap();
        client.start().unwrap();
        let show = |args: &dyn Fn() -> quickrpc::Promise<Value>| match args().result() {
            Ok(Value::String(shown)) => assert!(!shown.contains("serde_json"), "{shown}"),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains("was made a map") || error.contains("RawValue"),
                    "{error}"
                );
            }
        };
        show(&|| client.call("show", json!({"a": 1, "b": [1e300, 2.5]})));
        show(&|| client.call("show", Flat { inner: 1.into() }));
        show(&|| client.call("show", Tagged::Raw(raw("1"))));
        show(&|| client.call("show", raw("{\"a\":1}")));
        let map = BTreeMap::from([("a", raw("{\"a\":1}"))]);
        show(&|| client.call("show", &map));
    }
}
