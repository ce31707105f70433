//! Answers as other programs write them: with more, or less, than the specification says.

use std::net::TcpListener;

use quickrpc::{CallError, Error, Promise};
use quickrpc_tests::{LabInverse, Telnet};

use crate::{call_error, settled};

/// A client, and the server that answers it by hand.
fn by_hand(codec: &str) -> (LabInverse, Telnet) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = quickrpc_tests::client(codec, addr);
    let (stream, _) = listener.accept().unwrap();
    (client, Telnet::over(stream))
}

/// Calls, and answers with these members.
fn answered(client: &LabInverse, server: &mut Telnet, members: &str) -> Promise<i64> {
    let promise = client.all().add(1, 2);
    let call: serde_json::Value = serde_json::from_str(&server.line()).unwrap();
    let answer = members.replace("ID", &call["id"].to_string());
    server.send(format!("{{{answer}}}\n"));
    promise
}

/// Sends something that has to be answered: what comes first shows what went before it.
#[track_caller]
fn nothing_was_sent(server: &mut Telnet) {
    server.send("{\"jsonrpc\":\"2.0\",\"method\":\"question\",\"params\":{\"text\":\"\"},\"id\":\"mine\"}\n");
    let line = server.line();
    assert!(line.contains("\"mine\""), "{line}");
}

#[test]
fn an_error_decides() {
    let (client, mut server) = by_hand("jrpc:\\n");
    for members in [
        r#""jsonrpc":"2.0","result":null,"error":{"code":7,"message":"no"},"id":ID"#,
        r#""jsonrpc":"2.0","error":{"code":7,"message":"no"},"result":3,"id":ID"#,
        r#""jsonrpc":"2.0","result":3,"id":ID,"error":{"code":7,"message":"no"}"#,
        r#""jsonrpc":"2.0","result":3,"error":{"code":7,"message":"no"},"id":ID"#,
        r#""jsonrpc":"2.0","method":null,"result":3,"error":{"code":7,"message":"no"},"id":ID"#,
        r#""result":null,"error":{"code":7,"message":"no"},"id":ID"#,
    ] {
        let error = call_error(settled(answered(&client, &mut server, members)));
        assert_eq!(error, CallError::new(7, "no"), "{members}");
    }
    nothing_was_sent(&mut server);
}

#[test]
fn an_error_that_is_null_is_none() {
    let (client, mut server) = by_hand("jrpc:\\n");
    for members in [
        r#""jsonrpc":"2.0","result":3,"error":null,"id":ID"#,
        r#""jsonrpc":"2.0","error":null,"result":3,"id":ID"#,
        r#""result":3,"error":null,"id":ID"#,
        r#""id":ID,"result":3"#,
        r#""jsonrpc":"1.0","id":ID,"result":3"#,
        r#""jsonrpc":"2.0","method":null,"params":null,"error":null,"result":3,"id":ID"#,
    ] {
        let sum = settled(answered(&client, &mut server, members));
        assert_eq!(sum.unwrap(), 3, "{members}");
    }
    nothing_was_sent(&mut server);
}

#[test]
fn an_answer_with_neither_fails_its_call_at_once() {
    let (client, mut server) = by_hand("jrpc:\\n");
    for members in [
        r#""jsonrpc":"2.0","id":ID"#,
        r#""jsonrpc":"2.0","id":"ID""#,
        r#""jsonrpc":"2.0","error":null,"id":ID"#,
        r#""jsonrpc":"2.0","method":null,"id":ID"#,
        r#""id":ID"#,
        r#""error":null,"id":ID"#,
    ] {
        let error = call_error(settled(answered(&client, &mut server, members)));
        assert_eq!(error.code, CallError::INTERNAL_ERROR, "{members}");
        assert_eq!(
            error.message, "the other side answered with neither a result nor an error",
            "{members}"
        );
    }
    // Nor when it comes too late.
    let late = answered(&client, &mut server, r#""jsonrpc":"2.0","id":ID"#);
    assert!(settled(late).is_err());
    server.send("{\"jsonrpc\":\"2.0\",\"id\":1}\n");
    nothing_was_sent(&mut server);
}

#[test]
fn in_a_batch_it_is_no_request_either() {
    let (client, mut server) = by_hand("jrpc:\\n");
    let promise = client.all().add(1, 2);
    let call: serde_json::Value = serde_json::from_str(&server.line()).unwrap();
    server.send(format!("[{{\"jsonrpc\":\"2.0\",\"id\":{}}}]\n", call["id"]));
    assert_eq!(call_error(settled(promise)).code, CallError::INTERNAL_ERROR);
    nothing_was_sent(&mut server);
}

#[test]
fn what_was_never_asked_is_a_wrong_request() {
    let (_lab, addr, _served) = quickrpc_tests::server("jrpc:\\n");
    let mut person = Telnet::connect(addr);
    person.send("{\"jsonrpc\":\"2.0\",\"id\":1}\n");
    let line = person.line();
    assert!(
        line.contains("-32600") && line.contains("\"id\":1"),
        "{line}"
    );
}

#[test]
fn in_terse_too() {
    let (client, mut server) = by_hand("terse");
    let promise = client.all().add(1, 2);
    let line = server.line();
    let id = line
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(id, _)| id.to_owned())
        .unwrap();
    server.send(format!("[{id}]:\n"));
    let error = settled(promise).unwrap_err();
    let Error::Call(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
}
