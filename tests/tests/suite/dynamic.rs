//! An API without a trait.

use quickrpc::{CallError, Error, Value, dynamic};
use quickrpc_tests::{Telnet, inbox, server, value};
use serde_json::json;

use crate::{call_error, settled};

#[test]
fn calls_of_any_name() {
    let (_lab, addr, served) = server("jrpc");
    let api = dynamic::Api::bind("jrpc", format!("tcp:{addr}").as_str()).unwrap();
    api.start().unwrap();
    let sum = api.call("add", value(json!({"a": 2, "b": 3})));
    assert_eq!(settled(sum).unwrap(), Value::from(5));
    api.notify("notify", value(json!({"text": "hello"})))
        .unwrap();
    assert_eq!(served.notes.next().1, "hello");
    let peer = api.peers().remove(0);
    let echo = api.to(&peer).call("echo", value(json!({"text": "x"})));
    assert_eq!(settled(echo).unwrap(), Value::from("x"));
    let error = call_error(settled(api.call("no_such", Value::Null)));
    assert_eq!(error.code, CallError::METHOD_NOT_FOUND);
    let error = call_error(settled(api.call("add", value(json!({"a": 1})))));
    assert_eq!(error.code, CallError::INVALID_PARAMS);
}

#[test]
fn handlers_of_any_name() {
    let api = dynamic::Api::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    let (seen, log) = inbox();
    api.on("say", move |sender, args| {
        seen.send((sender.to_string(), args["text"].clone()))
            .unwrap();
        Ok::<_, CallError>(Value::from("said"))
    });
    api.start().unwrap();
    let mut person = Telnet::connect(api.local_addrs()[0]);
    person.send("say[1] text:\"hello\"\n");
    assert_eq!(person.line(), "[1]:\"said\"");
    assert_eq!(log.next(), (person.name(), Value::from("hello")));
    person.send("shout[2]\n");
    assert!(person.line().contains("code:-32601"));
}

#[test]
fn bytes_and_nested_values_survive() {
    let (_lab, addr, _served) = server("terse");
    let api = dynamic::Api::bind("terse", format!("tcp:{addr}").as_str()).unwrap();
    api.start().unwrap();
    let mut nested = value(json!([null, true, -1, 1.5, "t", {"a b": []}]));
    if let Value::List(items) = &mut nested {
        items.push(Value::Bytes(vec![0, 255]));
        items.push(Value::Integer(1 << 70));
    }
    let args = Value::Map([(String::from("value"), nested.clone())].into());
    assert_eq!(settled(api.call("nested", args)).unwrap(), nested);
}

#[test]
fn nobody_there() {
    let api = dynamic::Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    api.start().unwrap();
    let result = settled(api.call("add", Value::Null));
    assert!(matches!(result, Err(Error::NoPeer { .. })), "{result:?}");
    api.notify("say", Value::Null).unwrap();
}
