//! Telegrams as messages of WebSocket, with every codec.

use std::net::TcpStream;

use quickrpc::codec::{Codec, Message as Told};
use quickrpc::{BoxError, Value as Any};
use quickrpc_tests::{Lab, LabInverse, inbox, serve, server_on};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::{Other, SERVER, echo, reply, server};
use crate::settled;

#[test]
fn messages_over_the_limit_end_the_connection_with_1009() {
    let (api, addr, _served) = server_on("jrpc", &format!("{SERVER}?message_size=1k"));
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.to_string());
    });
    let mut client = Other::connect(addr);
    client.say(echo(&"x".repeat(500), 1));
    assert_eq!(client.json(), reply(&"x".repeat(500), 1));
    client.say(echo(&"x".repeat(1024), 2));
    let end = client.closed().expect("a reason");
    assert_eq!(u16::from(end.code), 1009);
    assert!(end.reason.contains("1024 bytes"), "{end}");
    assert_eq!(ends.next(), "it sent a message of more than 1024 bytes");
    // In parts, too.
    let mut client = Other::connect(addr);
    let part = |data, last| {
        let data = OpCode::Data(data);
        Message::Frame(Frame::message("x".repeat(400), data, last))
    };
    client.send(part(Data::Text, false));
    client.send(part(Data::Continue, false));
    client.send(part(Data::Continue, false));
    assert_eq!(client.closed().map(|end| end.code.into()), Some(1009));
}

#[test]
fn what_arrives_in_parts_is_one_message() {
    let (_api, addr, _served) = server();
    let mut client = Other::connect(addr);
    let text = echo("ä\u{1f600}", 1);
    // Cut everywhere, also within characters, with pings between.
    for cut in 0..=text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        let part = |data, bytes: &[u8], last| {
            Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(data), last))
        };
        client.send(part(Data::Text, head, false));
        client.send(Message::Ping("x".into()));
        client.send(part(Data::Continue, b"", false));
        client.send(part(Data::Continue, tail, true));
        assert_eq!(client.message(), Message::Pong("x".into()));
        assert_eq!(client.json(), reply("ä\u{1f600}", 1));
    }
}

#[test]
fn subprotocols_are_agreed_on() {
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?subprotocol=lab.v1"));
    let offered = |offer: &str| {
        let mut request = format!("ws://{addr}/").into_client_request().unwrap();
        let header = "sec-websocket-protocol";
        request.headers_mut().insert(header, offer.parse().unwrap());
        let stream = TcpStream::connect(addr).unwrap();
        // Refused by the client, if it has no answer to its offer.
        let (_, answer) = tungstenite::client(request, stream).ok()?;
        let chosen = answer.headers().get(header)?;
        Some(chosen.to_str().unwrap().to_owned())
    };
    assert_eq!(offered("other, lab.v1").as_deref(), Some("lab.v1"));
    // Who offers others does not want to talk to us.
    assert_eq!(offered("other"), None);
    // Who offers none takes what there is.
    let mut client = Other::connect(addr);
    client.say(echo("x", 1));
    assert_eq!(client.json(), reply("x", 1));
}

/// A codec whose telegrams are bytes, without any delimiter.
#[derive(Debug)]
struct Reversed;

impl Codec for Reversed {
    fn expression(&self) -> String {
        String::from("reversed")
    }

    fn delimiter(&self) -> &[u8] {
        b""
    }

    fn binary(&self) -> bool {
        true
    }

    fn encode(&self, message: &Told) -> Result<Vec<u8>, BoxError> {
        let parts = match message.clone() {
            Told::Call { method, params, id } => {
                json!(["call", method, params, id.unwrap_or_default()])
            }
            Told::Reply { id, result } => json!(["reply", id, result]),
            Told::Failure { .. } => return Err("no failures".into()),
        };
        Ok(parts.to_string().into_bytes().into_iter().rev().collect())
    }

    fn decode(&self, telegram: &[u8]) -> Result<Vec<Told>, BoxError> {
        let bytes: Vec<u8> = telegram.iter().rev().copied().collect();
        let (kind, a, b, id): (String, Any, Any, Option<Any>) = match serde_json::from_slice(&bytes)
        {
            Ok(parts) => parts,
            Err(_) => {
                let (kind, a, b): (String, Any, Any) = serde_json::from_slice(&bytes)?;
                (kind, a, b, None)
            }
        };
        Ok(vec![match kind.as_str() {
            "call" => Told::Call {
                method: a.as_str().ok_or("no method")?.to_owned(),
                params: b,
                id: id.filter(|id| *id != Any::Null),
            },
            _ => Told::Reply { id: a, result: b },
        }])
    }
}

#[test]
fn a_codec_of_bytes_has_binary_messages_and_needs_no_delimiter() {
    let lab = Lab::builder()
        .codec(Reversed)
        .transport(SERVER)
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let client = LabInverse::builder()
        .codec(Reversed)
        .transport(format!("ws:{addr}"))
        .build()
        .unwrap();
    client.start().unwrap();
    assert_eq!(settled(client.all().echo("abc")).unwrap(), "abc");
    let mut other = Other::connect(addr);
    let call = json!(["call", "echo", {"text": "x"}, 7]).to_string();
    let bytes: Vec<u8> = call.into_bytes().into_iter().rev().collect();
    other.send(Message::binary(bytes));
    let answer = other.message();
    assert!(answer.is_binary(), "{answer:?}");
}

#[test]
fn a_security_header_is_a_message_of_its_own() {
    let lab = Lab::builder()
        .codec("jrpc")
        .security("blindly_believe_everything:server")
        .transport(SERVER)
        .build()
        .unwrap();
    lab.echo
        .connect(|sender, _text| sender.secinfo()["user"].clone());
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let client = LabInverse::builder()
        .codec("jrpc")
        .security("blindly_believe_everything:john")
        .transport(format!("ws:{addr}"))
        .build()
        .unwrap();
    client.start().unwrap();
    assert_eq!(settled(client.all().echo("")).unwrap(), "john");
    let mut other = Other::connect(addr);
    let header = json!({"jsonrpc": "2.0", "method": "rpc.secinfo", "params": {"user": "mary"}});
    other.say(header.to_string());
    other.say(echo("", 1));
    assert_eq!(other.json()["method"], "rpc.secinfo");
    assert_eq!(other.json(), reply("mary", 1));
}

#[test]
fn a_batch_is_one_message() {
    let (_api, addr, _served) = server();
    let mut client = Other::connect(addr);
    client.say(format!("[{},{}]", echo("a", 1), echo("b", 2)));
    assert_eq!(client.json(), json!([reply("a", 1), reply("b", 2)]));
}

/// As in `byte_order_mark`, which has the other transports.
#[test]
fn a_byte_order_mark_means_nothing() {
    const MARK: &str = "\u{feff}";
    for codec in ["jrpc", "terse"] {
        let (_lab, addr, _served) = server_on(codec, SERVER);
        let mut client = Other::connect(addr);
        let call = match codec {
            "jrpc" => echo("x", 1),
            _ => String::from("echo[1] text:\"x\""),
        };
        for message in [
            Message::text(format!("{MARK}{call}")),
            Message::text(MARK),
            Message::binary(format!("{MARK}{call}")),
        ] {
            let is_call = message.len() > MARK.len();
            client.send(message);
            if is_call {
                let said = client.message().to_text().unwrap().to_owned();
                match codec {
                    "jrpc" => {
                        assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), reply("x", 1))
                    }
                    _ => assert_eq!(said, "[1]:\"x\""),
                }
            }
        }
    }
}
