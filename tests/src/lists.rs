//! A codec of a user's own.

use std::sync::Once;

use quickrpc::codec::{Codec, Message};
use quickrpc::{BoxError, CallError, Value, register_codec};

/// A list on each line: `["call", method, params, id]` and so on.
#[derive(Debug)]
pub struct Lists {
    end: u8,
}

impl Default for Lists {
    /// Of lines.
    fn default() -> Self {
        Lists { end: b'\n' }
    }
}

/// Makes `lists` known to all expressions, with the character at the end of a message as
/// its parameter, if it is not a newline.
///
/// # Panics
///
/// If somebody else has taken the name.
pub fn register_lists() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let registered = register_codec("lists", |params| {
            Ok(match params.text().as_bytes() {
                [] => Lists::default(),
                [end, ..] => Lists { end: *end },
            })
        });
        registered.expect("a name that is free");
    });
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
                    error.data.unwrap_or_default(),
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
            [kind, id, code, message, data] if kind.as_str() == Some("failure") => {
                Message::Failure {
                    id: id.clone(),
                    error: CallError {
                        code: code.as_i64().ok_or("no code")?,
                        message: message.as_str().ok_or("no message")?.to_owned(),
                        data: (*data != Value::Null).then(|| data.clone()),
                    },
                }
            }
            _ => return Err("neither call, reply nor failure".into()),
        };
        Ok(vec![message])
    }
}
