//! The client's side of the handshake.

use std::io;
use std::sync::Arc;

use tungstenite::Error;
use tungstenite::handshake::client::{Response, generate_key};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::http;

use super::super::greeter::{Greeter, Greeting, Output, Step};
use super::super::stream::Stream;
use super::headers::Headers;
use super::reading::read_head;
use crate::expr::Hidden;
use crate::wire::http::{HEAD, single, words};

/// What a `ws:` asks for.
#[derive(Debug, Clone)]
pub(super) struct Client(Arc<Target>);

#[derive(Debug)]
pub(super) struct Target {
    /// Host and port, as the server is to see them.
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: Option<Hidden>,
    pub(super) subprotocol: Option<String>,
    pub(super) headers: Headers,
}

/// One request.
struct Asked {
    bytes: Vec<u8>,
    /// What the answer must have.
    accept: String,
    /// What must not be shown, even if the server does.
    secrets: Vec<Hidden>,
}

impl Client {
    pub(super) fn new(target: Target) -> Self {
        Client(Arc::new(target))
    }

    /// # Errors
    ///
    /// When the file of headers is wrong.
    fn request(&self) -> Result<Asked, String> {
        let target = &*self.0;
        let key = generate_key();
        let query = target
            .query
            .as_ref()
            .map(|query| format!("?{}", query.reveal()));
        let mut request = format!(
            "GET {}{} HTTP/1.1\r\n\
             Host: {}\r\n\
             Connection: Upgrade\r\n\
             Upgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {key}\r\n",
            target.path,
            query.unwrap_or_default(),
            target.authority,
        );
        if let Some(subprotocol) = &target.subprotocol {
            request.push_str(&format!("Sec-WebSocket-Protocol: {subprotocol}\r\n"));
        }
        let mut secrets: Vec<Hidden> = target.query.iter().cloned().collect();
        for (name, value) in target.headers.read()? {
            request.push_str(&format!("{name}: {}\r\n", value.reveal()));
            secrets.push(value);
        }
        request.push_str("\r\n");
        Ok(Asked {
            bytes: request.into_bytes(),
            accept: derive_accept_key(key.as_bytes()),
            secrets,
        })
    }
}

impl Greeting for Client {
    fn greeter(&self) -> Box<dyn Greeter> {
        Box::new(Handshake {
            client: self.clone(),
            state: State::New,
        })
    }
}

/// The handshake of one connection.
struct Handshake {
    client: Client,
    state: State,
}

enum State {
    New,
    /// The request leaves, and the answer must have this; and what is not shown of it.
    Asking(Output, String, Vec<Hidden>),
}

impl Greeter for Handshake {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        if let State::New = self.state {
            self.state = match self.client.request() {
                Ok(asked) => State::Asking(Output::new(asked.bytes), asked.accept, asked.secrets),
                Err(why) => return Step::Refused(why),
            };
        }
        let State::Asking(output, accept, secrets) = &mut self.state else {
            return Step::Wait;
        };
        if let Err(error) = output.write(stream) {
            return Step::Failed(error);
        }
        let response = match read_head(stream, input, take) {
            Ok(Some(response)) => response,
            Ok(None) => return Step::Wait,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let text = "the server closed the connection without an answer to the \
                            handshake; is it a WebSocket server?";
                return Step::Refused(String::from(text));
            }
            Err(error) => return Step::Failed(error),
        };
        let checked = response.and_then(|response| self.client.check(&response, accept, input));
        match checked {
            Ok(()) => Step::Done,
            Err(why) => Step::Refused(without(why, secrets)),
        }
    }
}

/// What is said to people, where a server may have said our own secrets: whole, or a part of a query
/// or of a header, such as a token.
fn without(mut said: String, secrets: &[Hidden]) -> String {
    // Shorter ones are words of any text.
    const SHORTEST: usize = 4;
    for secret in secrets {
        for part in secret.reveal().split(['&', ' ', ';', ',']) {
            // The value of a key; what ends with `=` is base64.
            let value = part.split_once('=').map_or("", |(_, value)| value);
            let part = if value.trim_matches('=').is_empty() {
                part
            } else {
                value
            };
            if part.len() >= SHORTEST {
                said = said.replace(part, "***");
            }
        }
    }
    said
}

impl Client {
    /// Whether the connection is a WebSocket now (RFC 6455, section 4.1).
    fn check(&self, response: &Response, accept: &str, input: &[u8]) -> Result<(), String> {
        let status = response.status();
        let headers = response.headers();
        if status != http::StatusCode::SWITCHING_PROTOCOLS {
            let mut text = format!("the server answered {status}");
            if let Some(location) = single(headers, "location") {
                // Its query may be ours.
                let location = location.split('?').next().unwrap_or_default();
                text.push_str(&format!(" and points to `{location}`"));
            }
            // What it says to people, as far as it is there.
            let said = String::from_utf8_lossy(input);
            let said = said.lines().next().unwrap_or_default();
            let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
            if !said.is_empty() {
                text.push_str(&format!(" ({said})"));
            }
            return Err(text);
        }
        let says =
            |name: &str, word: &str| words(headers, name).any(|one| one.eq_ignore_ascii_case(word));
        if !says("upgrade", "websocket") || !says("connection", "upgrade") {
            return Err(String::from("the server switched to another protocol"));
        }
        if single(headers, "sec-websocket-accept") != Some(accept) {
            return Err(String::from("the server answered another handshake"));
        }
        if words(headers, "sec-websocket-extensions").next().is_some() {
            return Err(String::from(
                "the server wants extensions that were not asked for",
            ));
        }
        let chosen: Vec<&str> = words(headers, "sec-websocket-protocol").collect();
        match (chosen.as_slice(), self.0.subprotocol.as_deref()) {
            ([], None) => Ok(()),
            ([theirs], Some(ours)) if *theirs == ours => Ok(()),
            ([], Some(ours)) => Err(format!("the server does not know subprotocol `{ours}`")),
            (theirs, _) => Err(format!(
                "the server wants subprotocol `{}`, which was not asked for",
                theirs.join(", ")
            )),
        }
    }
}

/// Takes the server's answer from the input; `None` if it is not there yet.
fn take(input: &mut Vec<u8>) -> Option<Result<Response, String>> {
    match Response::try_parse(input) {
        Ok(Some((length, response))) => {
            input.drain(..length);
            Some(Ok(response))
        }
        Ok(None) if input.len() < HEAD => None,
        Ok(None) => Some(Err(format!(
            "the server's answer has more than {HEAD} bytes"
        ))),
        Err(Error::HttpFormat(error)) => {
            Some(Err(format!("the server's answer is wrong: {error}")))
        }
        // A record of TLS (RFC 8446, section 5.1): an alert.
        Err(_) if input.starts_with(&[0x15, 3]) => Some(Err(String::from(
            "the server speaks TLS, and this wire is not encrypted; use `wss:`",
        ))),
        Err(error) => Some(Err(format!("the server does not speak HTTP: {error}"))),
    }
}
