//! What a caller sends, and what it makes of what comes late.

use std::net::TcpListener;
use std::time::Duration;

use quickrpc::Error;
use quickrpc_tests::Telnet;

use super::{WorksInverse, client};
use crate::settled;

fn by_hand(codec: &str) -> (WorksInverse, Telnet) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = client(codec, addr);
    let (stream, _) = listener.accept().unwrap();
    (client, Telnet::over(stream))
}

#[test]
fn a_notification_with_the_id() {
    let (api, mut server) = by_hand("jrpc:\\n");
    let job = api.all().work("a");
    let call: serde_json::Value = serde_json::from_str(&server.line()).unwrap();
    job.cancel();
    job.cancel();
    let id = &call["id"];
    let expected = format!(r#"{{"jsonrpc":"2.0","method":"rpc.cancel","params":{{"id":{id}}}}}"#);
    assert_eq!(server.line(), expected);
    // What comes late is dropped; and it was said once.
    server.send(format!(
        "{{\"jsonrpc\":\"2.0\",\"result\":\"late\",\"id\":{id}}}\n"
    ));
    let next = api.all().add(1, 2);
    let call: serde_json::Value = serde_json::from_str(&server.line()).unwrap();
    assert_eq!(call["method"], "add");
    server.send(format!(
        "{{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":{}}}\n",
        call["id"]
    ));
    assert_eq!(settled(next).unwrap(), 3);
    assert!(matches!(settled(job), Err(Error::Cancelled)));
}

#[test]
fn as_language_servers_know_it() {
    let (api, mut server) = by_hand("jrpc:content-length");
    let job = api.all().work("a");
    let call: serde_json::Value = serde_json::from_str(&server.announced()).unwrap();
    job.cancel();
    let said: serde_json::Value = serde_json::from_str(&server.announced()).unwrap();
    assert_eq!(said["method"], "$/cancelRequest");
    assert_eq!(said["params"]["id"], call["id"]);
}

#[test]
fn a_line_of_terse() {
    let (api, mut server) = by_hand("terse");
    let job = api.all().work("a");
    let line = server.line();
    let id = line.split(['[', ']']).nth(1).unwrap().to_owned();
    job.cancel();
    assert_eq!(server.line(), format!("rpc.cancel id:{id}"));
}

#[test]
fn a_deadline_is_told() {
    let (api, mut server) = by_hand("terse");
    let job = api.all().timeout(Duration::from_millis(100)).work("a");
    assert!(server.line().starts_with("work["));
    assert!(server.line().starts_with("rpc.cancel id:"));
    assert!(matches!(settled(job), Err(Error::Timeout { .. })));
}

#[test]
fn what_is_answered_already_is_not_told_of() {
    let (api, mut server) = by_hand("terse");
    let job = api.all().add(1, 2);
    let line = server.line();
    let id = line.split(['[', ']']).nth(1).unwrap().to_owned();
    server.send(format!("[{id}]:3\n"));
    assert_eq!(job.result_timeout(quickrpc_tests::SOON).unwrap(), 3);
    job.cancel();
    assert!(matches!(settled(job), Err(Error::Done)));
    drop(api.all().add(4, 5));
    assert!(
        server.line().starts_with("add["),
        "and neither is one that was never polled"
    );
}
