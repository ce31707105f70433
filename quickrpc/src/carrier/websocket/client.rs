//! The client's side of the handshake.

use std::io;
use std::sync::Arc;

use tungstenite::Error;
use tungstenite::handshake::client::{Response, generate_key, generate_request};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::http;

use super::super::greeter::{Greeter, Greeting, Output, Step};
use super::super::stream::Stream;
use super::http::{HEAD, read_head, single, words};

/// What a `ws:` asks for.
#[derive(Debug, Clone)]
pub(super) struct Client(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    /// Host and port, as the server is to see them.
    authority: String,
    path: String,
    subprotocol: Option<String>,
}

impl Client {
    pub(super) fn new(authority: String, path: &str, subprotocol: Option<&str>) -> Self {
        Client(Arc::new(Asked {
            authority,
            path: path.to_owned(),
            subprotocol: subprotocol.map(str::to_owned),
        }))
    }

    /// The request, and what the answer must have.
    fn request(&self) -> Result<(Vec<u8>, String), String> {
        let asked = &*self.0;
        let mut request = http::Request::get(&asked.path)
            .header("Host", &asked.authority)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", generate_key());
        if let Some(subprotocol) = &asked.subprotocol {
            request = request.header("Sec-WebSocket-Protocol", subprotocol);
        }
        let request = request.body(()).map_err(|error| error.to_string())?;
        let (bytes, key) = generate_request(request).map_err(|error| error.to_string())?;
        Ok((bytes, derive_accept_key(key.as_bytes())))
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
    /// The request leaves, and the answer must have this.
    Asking(Output, String),
}

impl Greeter for Handshake {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        if let State::New = self.state {
            self.state = match self.client.request() {
                Ok((bytes, accept)) => State::Asking(Output::new(bytes), accept),
                Err(why) => return Step::Refused(why),
            };
        }
        let State::Asking(output, accept) = &mut self.state else {
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
            Err(why) => Step::Refused(why),
        }
    }
}

impl Client {
    /// Whether the connection is a WebSocket now (RFC 6455, section 4.1).
    fn check(&self, response: &Response, accept: &str, input: &[u8]) -> Result<(), String> {
        let status = response.status();
        let headers = response.headers();
        if status != http::StatusCode::SWITCHING_PROTOCOLS {
            let mut text = format!("the server answered {status}");
            if let Some(location) = single(headers, "location") {
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
        Err(error) => Some(Err(format!("the server does not speak HTTP: {error}"))),
    }
}
