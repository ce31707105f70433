//! Security providers: none, the credulous one, and one of a user's.

use std::borrow::Cow;

use quickrpc::security::{SecInfo, Security};
use quickrpc::{BoxError, Error};
use quickrpc_tests::{Inbox, Lab, LabInverse, Telnet, inbox, serve, value};
use serde_json::json;

use crate::settled;

const CREDULOUS: &str = "blindly_believe_everything";

/// A server with a provider, and the users that called `echo`.
fn guarded(security: &str) -> (Lab, String, Inbox<Option<String>>) {
    let lab = Lab::builder()
        .codec("jrpc")
        .security(security)
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let (seen, users) = inbox();
    lab.echo.connect(move |sender, text| {
        seen.send(sender.secinfo().get("user").cloned()).unwrap();
        text.to_owned()
    });
    lab.start().unwrap();
    let transport = format!("tcp:{}", lab.local_addrs()[0]);
    (lab, transport, users)
}

fn client_of(transport: &str, security: &str) -> LabInverse {
    let caller = LabInverse::builder()
        .codec("jrpc")
        .security(security)
        .transport(transport)
        .build()
        .unwrap();
    caller.start().unwrap();
    caller
}

#[test]
fn the_user_arrives_with_each_message() {
    let (_lab, transport, users) = guarded(CREDULOUS);
    let john = client_of(&transport, "blindly_believe_everything:john");
    let mary = client_of(&transport, "blindly_believe_everything:mary");
    assert_eq!(settled(john.all().echo("a")).unwrap(), "a");
    assert_eq!(users.next().as_deref(), Some("john"));
    assert_eq!(settled(mary.all().echo("b")).unwrap(), "b");
    assert_eq!(users.next().as_deref(), Some("mary"));
}

#[test]
fn the_header_is_a_telegram_of_its_own() {
    let (_lab, transport, users) = guarded("blindly_believe_everything:server");
    let addr = transport.strip_prefix("tcp:").unwrap().parse().unwrap();
    let mut peer = Telnet::connect(addr);
    let header = json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": {"user": "john"}});
    let call = json!({"jsonrpc": "2.0", "method": "echo", "params": {"text": "x"}, "id": 1});
    peer.send(format!("{header}\0"));
    peer.send(format!("{call}\0"));
    let answered = peer.json();
    assert_eq!(answered["method"], "rpc.secinfo");
    assert_eq!(answered["params"], json!({"user": "server"}));
    assert!(answered.get("id").is_none());
    assert_eq!(peer.json()["result"], "x");
    assert_eq!(users.next().as_deref(), Some("john"));
    // A header counts for one message; two in a row: the second one.
    let other = json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": {"user": "mary"}});
    peer.send(format!("{header}\0{other}\0{call}\0{call}\0"));
    assert_eq!(users.next().as_deref(), Some("mary"));
    assert_eq!(users.next(), None);
}

#[test]
fn without_a_provider_a_header_is_refused_and_believed_by_nobody() {
    let (lab, transport, users) = guarded("null");
    let (seen, errors) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| {
        seen.send(error.to_string()).unwrap();
    });
    let john = client_of(&transport, "blindly_believe_everything:john");
    let _ = settled(john.all().echo("x"));
    assert!(!errors.next().is_empty());
    assert!(users.so_far().iter().all(Option::is_none));
    let plain = client_of(&transport, "null");
    assert_eq!(settled(plain.all().echo("y")).unwrap(), "y");
}

#[test]
fn terse_has_no_place_for_a_header() {
    let built = Lab::builder()
        .codec("terse")
        .security(CREDULOUS)
        .transport("tcpserv:127.0.0.1:0")
        .build();
    let error = built.expect_err("refused when built");
    assert!(error.to_string().contains("terse"), "{error}");
    assert!(
        Lab::builder()
            .bind_secured("terse", CREDULOUS, "tcpserv:127.0.0.1:0")
            .build()
            .is_err()
    );
}

#[test]
fn a_delimiter_that_may_be_in_a_signature_is_refused() {
    for (delimiter, is_right) in [("END", false), ("=", false), ("%%", true), ("\\n", true)] {
        let built = Lab::builder()
            .codec(format!("jrpc:{delimiter}").as_str())
            .security(CREDULOUS)
            .transport("tcpserv:127.0.0.1:0")
            .build();
        let error = built.err().map(|error| error.to_string());
        let said = error.as_deref().unwrap_or("").contains("delimiter");
        assert_eq!((error.is_none(), said), (is_right, !is_right), "{error:?}");
    }
}

/// Turns the payload round, byte by byte, and signs with a name both sides know.
#[derive(Debug)]
struct Mirror;

impl Security for Mirror {
    fn expression(&self) -> String {
        String::from("mirror")
    }

    fn sec_out(&self, mut payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        payload.reverse();
        let header = SecInfo::from([(String::from("sign"), payload.len().to_string())]);
        Ok((Some(header), payload))
    }

    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        let sign = header.and_then(|header| header.get("sign"));
        if sign != Some(&payload.len().to_string()) {
            return Err("no valid sign".into());
        }
        let mut payload = payload.into_owned();
        payload.reverse();
        let verified = SecInfo::from([(String::from("by"), String::from("mirror"))]);
        Ok((payload.into(), verified))
    }
}

#[test]
fn a_provider_of_the_users() {
    let lab = Lab::builder()
        .security(Mirror)
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let _served = serve(&lab);
    let (seen, verified) = inbox();
    let (trouble, errors) = inbox();
    lab.nested.connect(move |sender, _value| {
        seen.send(sender.secinfo().clone()).unwrap();
        None::<quickrpc::Value>
    });
    lab.on_error(move |_sender, error, _in_reply_to| {
        trouble.send(error.clone()).unwrap();
    });
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let caller = LabInverse::builder()
        .security(Mirror)
        .transport(format!("tcp:{addr}").as_str())
        .build()
        .unwrap();
    caller.start().unwrap();
    assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
    let sent = value(json!({"a": [1]}));
    assert_eq!(settled(caller.all().nested(sent.clone())).unwrap(), sent);
    assert_eq!(verified.next()["by"], "mirror");

    // Without the sign nothing is handled, and the next message works.
    let mut stranger = Telnet::connect(addr);
    stranger
        .send("{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}\0");
    let error = errors.next();
    assert!(matches!(error, Error::Security(_)), "{error:?}");
    assert!(error.to_string().contains("no valid sign"), "{error}");
    assert_eq!(settled(caller.all().add(3, 4)).unwrap(), 7);
}
