//! Answers as other programs write them: with more, or less, than the specification says.

use std::net::TcpListener;

use quickrpc::{CallError, Error, Promise};
use quickrpc_tests::{LabInverse, Telnet, inbox};

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

/// Not when its deadline comes, since the line says which call it is for.
#[test]
fn a_terse_answer_that_cannot_be_read_fails_its_call_at_once() {
    let (client, mut server) = by_hand("terse");
    let (seen, troubles) = inbox();
    client.on_error(move |_peer, error, _method| seen.send(error.to_string()).unwrap());
    let deep = format!("]:{}", "[".repeat(1000));
    for (behind, words) in [
        ("]:{broken", "expected `:`, found the end (at byte 11)"),
        ("]:\"open", "(at byte"),
        ("]:?", "(at byte 4)"),
        ("]:'AP8", "(at byte"),
        (deep.as_str(), "(at byte"),
        ("]! message:\"open", "(at byte"),
        ("]! message:1 details:{", "(at byte"),
        (
            "] 5",
            "expected `:` and a result, or `!` and an error (at byte 4)",
        ),
    ] {
        let promise = client.all().add(1, 2);
        let line = server.line();
        let (_, rest) = line.split_once('[').unwrap();
        let (id, _) = rest.split_once(']').unwrap();
        server.send(format!("[{id}{behind}\n"));
        let error = settled(promise).unwrap_err();
        assert!(matches!(error, Error::Decode(_)), "{behind}: {error:?}");
        assert!(error.to_string().contains(words), "{behind}: {error}");
        assert_eq!(troubles.next(), error.to_string());
    }
    // Behind an answer on the same line, as Python writes them.
    let first = client.all().add(1, 2);
    let second = client.all().add(1, 2);
    let ids = [(); 2].map(|()| {
        let line = server.line();
        let (_, rest) = line.split_once('[').unwrap();
        rest.split_once(']').unwrap().0.to_owned()
    });
    server.send(format!("[{}]:3[{}]:{{broken\n", ids[0], ids[1]));
    assert_eq!(settled(first).unwrap(), 3);
    let error = settled(second).unwrap_err();
    assert!(matches!(error, Error::Decode(_)), "{error:?}");
    // The connection goes on.
    let promise = client.all().add(1, 2);
    let line = server.line();
    let (_, rest) = line.split_once('[').unwrap();
    server.send(format!("[{}]:3\n", rest.split_once(']').unwrap().0));
    assert_eq!(settled(promise).unwrap(), 3);
}
