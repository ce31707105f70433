//! What stands in the messages of the floor, and what a server makes of it.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use super::Floor;
use crate::message::{self, A, B, NOTE, SUM};
use crate::{BoxError, Result};

/// How messages are made and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Copied; nothing is read but the id.
    Plain,
    /// Written and read by serde_json, into types.
    Typed,
}

#[derive(Serialize, Deserialize)]
struct Request<'a, P> {
    jsonrpc: &'a str,
    method: &'a str,
    params: P,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Params<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct Response<'a, T> {
    jsonrpc: &'a str,
    result: T,
    id: u64,
}

impl Body {
    /// Appends a call; the answer is [`SUM`].
    pub(crate) fn call(self, out: &mut Vec<u8>, id: u64) -> Result {
        match self {
            Body::Plain => message::push_call(out, id),
            Body::Typed => request(out, "add", numbers(), Some(id))?,
        }
        Ok(())
    }

    /// Appends a notification.
    pub(crate) fn log(self, out: &mut Vec<u8>) -> Result {
        match self {
            Body::Plain => message::push_log(out),
            Body::Typed => request(out, "log", numbers(), None)?,
        }
        Ok(())
    }

    /// Appends an echo.
    pub(crate) fn text(self, out: &mut Vec<u8>, text: &str, id: u64) -> Result {
        match self {
            Body::Plain => message::push_text(out, text.as_bytes(), id),
            Body::Typed => {
                let params = Params {
                    text: Some(text),
                    ..Params::default()
                };
                request(out, "text", params, Some(id))?;
            }
        }
        Ok(())
    }

    /// Checks an answer to a call and gives its id.
    pub(crate) fn sum(self, frame: &[u8]) -> Result<u64> {
        match self {
            Body::Plain => Ok(message::id_of(frame)),
            Body::Typed => {
                let response: Response<'_, i64> = serde_json::from_slice(frame)?;
                match response.result {
                    SUM => Ok(response.id),
                    _ => Err("a wrong sum".into()),
                }
            }
        }
    }

    /// Checks an answer to an echo.
    pub(crate) fn echoed(self, frame: &[u8], length: usize) -> Result {
        let right = match self {
            Body::Plain => frame.len() > length,
            Body::Typed => {
                let response: Response<'_, String> = serde_json::from_slice(frame)?;
                response.result.len() == length
            }
        };
        if right {
            Ok(())
        } else {
            Err("a wrong echo".into())
        }
    }
}

impl Floor {
    /// What a server does with a message: appends the answer, if there is one.
    pub(crate) fn answer(&self, frame: &[u8], out: &mut Vec<u8>) -> Result {
        match self.body {
            Body::Plain => answer_plain(frame, out),
            Body::Typed => self.answer_typed(frame, out),
        }
    }

    fn answer_typed(&self, frame: &[u8], out: &mut Vec<u8>) -> Result {
        let request: Request<'_, Params<'_>> = serde_json::from_slice(frame)?;
        let params = request.params;
        let sum = params.a.unwrap_or(0) + params.b.unwrap_or(0);
        match (request.method, request.id) {
            ("log", None) => {
                for _ in 0..self.handlers {
                    black_box((sum, params.note));
                }
                Ok(())
            }
            ("add", Some(id)) => {
                black_box(params.note);
                response(out, sum, id)
            }
            ("text", Some(id)) => response(out, params.text.unwrap_or("").to_owned(), id),
            _ => Err("an unknown method".into()),
        }
    }
}

/// Knows the method by one byte at its place.
fn answer_plain(frame: &[u8], out: &mut Vec<u8>) -> Result {
    match frame.get(27) {
        Some(b'a') => {
            out.extend_from_slice(br#"{"jsonrpc":"2.0","result":579,"id":"#);
            out.extend_from_slice(message::id_digits(frame));
            out.extend_from_slice(b"}\0");
        }
        Some(b'l') => {
            black_box(frame);
        }
        Some(_) => {
            out.extend_from_slice(frame);
            out.push(0);
        }
        None => return Err(BoxError::from("a message that is too short")),
    }
    Ok(())
}

fn numbers() -> Params<'static> {
    Params {
        a: Some(A),
        b: Some(B),
        note: Some(NOTE),
        text: None,
    }
}

fn request(out: &mut Vec<u8>, method: &str, params: Params<'_>, id: Option<u64>) -> Result {
    let request = Request {
        jsonrpc: "2.0",
        method,
        params,
        id,
    };
    serde_json::to_writer(&mut *out, &request)?;
    out.push(0);
    Ok(())
}

fn response(out: &mut Vec<u8>, result: impl Serialize, id: u64) -> Result {
    let response = Response {
        jsonrpc: "2.0",
        result,
        id,
    };
    serde_json::to_writer(&mut *out, &response)?;
    out.push(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_typed_messages_are_the_same() {
        let (mut plain, mut typed) = (Vec::new(), Vec::new());
        for (body, out) in [(Body::Plain, &mut plain), (Body::Typed, &mut typed)] {
            body.call(out, 100_007).unwrap();
            body.log(out).unwrap();
            body.text(out, "abc", 100_008).unwrap();
        }
        assert_eq!(
            String::from_utf8(plain).unwrap(),
            String::from_utf8(typed).unwrap()
        );
    }
}
