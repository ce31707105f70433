//! A codec and a security provider of a user's, by object and by shorthand.

use quickrpc::codec::{Codec, Message};
use quickrpc::{BoxError, CallError, Error, Value, register_codec};
use quickrpc_tests::{Lab, LabInverse, Telnet, inbox, serve, value};

use crate::{call_error, settled};

/// A list on each line: `["call", method, params, id]` and so on.
#[derive(Debug)]
struct Lists {
    end: u8,
}

impl Codec for Lists {
    fn expression(&self) -> String {
        String::from("lists")
    }

    fn delimiter(&self) -> &[u8] {
        std::slice::from_ref(&self.end)
    }

    fn encode(&self, message: &Message) -> Result<Vec<u8>, BoxError> {
        let parts = match message.clone() {
            Message::Call { method, params, id } => {
                vec!["call".into(), method.into(), params, id.unwrap_or_default()]
            }
            Message::Reply { id, result } => vec!["reply".into(), id, result],
            Message::Failure { id, error } => {
                vec![
                    "failure".into(),
                    id,
                    error.code.into(),
                    error.message.into(),
                ]
            }
        };
        Ok(serde_json::to_vec(&Value::List(parts))?)
    }

    fn decode(&self, telegram: &[u8]) -> Result<Vec<Message>, BoxError> {
        let parts: Vec<Value> = serde_json::from_slice(telegram)?;
        let message = match &parts[..] {
            [kind, method, params, id] if kind.as_str() == Some("call") => Message::Call {
                method: method.as_str().ok_or("no method")?.to_owned(),
                params: params.clone(),
                id: (*id != Value::Null).then(|| id.clone()),
            },
            [kind, id, result] if kind.as_str() == Some("reply") => Message::Reply {
                id: id.clone(),
                result: result.clone(),
            },
            [kind, id, code, message] if kind.as_str() == Some("failure") => Message::Failure {
                id: id.clone(),
                error: CallError::new(
                    code.as_i64().ok_or("no code")?,
                    message.as_str().ok_or("no message")?,
                ),
            },
            _ => return Err("neither call, reply nor failure".into()),
        };
        Ok(vec![message])
    }
}

#[test]
fn a_codec_as_an_object() {
    let lab = Lab::builder()
        .codec(Lists { end: b'\n' })
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let served = serve(&lab);
    let (seen, errors) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| {
        seen.send(error.to_string()).unwrap();
    });
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    let mut person = Telnet::connect(addr);
    person.send("[\"call\", \"add\", {\"a\": 1, \"b\": 2}, 7]\n");
    assert_eq!(person.line(), "[\"reply\",7,3]");
    person.send("[\"nonsense\"]\n");
    assert!(errors.next().contains("neither call, reply nor failure"));
    person.send("[\"call\", \"notify\", {\"text\": \"x\"}, null]\n");
    assert_eq!(
        person.line(),
        "[\"call\",\"notified\",{\"text\":\"x\"},null]"
    );
    assert_eq!(served.notes.next().1, "x");
}

#[test]
fn a_registered_codec_works_in_expressions() {
    register_codec("lists", |params| {
        let end = match params.text() {
            "" => b'\n',
            text => text.as_bytes()[0],
        };
        let codec: Box<dyn Codec> = Box::new(Lists { end });
        Ok(codec)
    })
    .unwrap();
    let (_lab, addr, _served) = quickrpc_tests::server("lists:;");
    let caller = LabInverse::bind("lists:;", format!("tcp:{addr}").as_str()).unwrap();
    caller.start().unwrap();
    let all = caller.all();
    assert_eq!(settled(all.add(2, 3)).unwrap(), 5);
    assert_eq!(call_error(settled(all.fail("no luck"))).message, "no luck");
    let nested = value(serde_json::json!({"a": [1, null, 1.5]}));
    assert_eq!(settled(all.nested(nested.clone())).unwrap(), nested);
    // Names are given once.
    for taken in ["lists", "jrpc", "terse"] {
        let again = register_codec(taken, |_params| {
            let codec: Box<dyn Codec> = Box::new(Lists { end: b'\n' });
            Ok(codec)
        });
        assert!(matches!(again, Err(Error::Config(_))), "{taken}: {again:?}");
    }
}
