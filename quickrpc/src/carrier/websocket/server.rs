//! The server's side of the handshake: an upgrade to WebSocket, a file, or why not.

use std::sync::Arc;

use tungstenite::handshake::derive_accept_key;

use crate::base::often::Origin;

use super::super::greeter::{Greeter, Greeting, Output, Step};
use super::super::stream::Stream;
use super::access::Access;
use super::files::{Body, Folder, Found, Sending};
use super::http::{BadRequest, HEAD, Request, answer_head, read_head, words};

/// What a `wsserv:` serves.
#[derive(Debug, Clone)]
pub(super) struct Server(Arc<Served>);

#[derive(Debug)]
struct Served {
    /// Where the wire is.
    path: String,
    folder: Option<Folder>,
    access: Access,
    subprotocol: Option<String>,
}

impl Server {
    pub(super) fn new(
        path: &str,
        folder: Option<Folder>,
        access: Access,
        subprotocol: Option<&str>,
    ) -> Self {
        Server(Arc::new(Served {
            path: path.to_owned(),
            folder,
            access,
            subprotocol: subprotocol.map(str::to_owned),
        }))
    }
}

impl Greeting for Server {
    fn greeter(&self) -> Box<dyn Greeter> {
        Box::new(Handshake {
            server: self.clone(),
            state: State::Asked,
        })
    }
}

/// The handshake of one connection.
struct Handshake {
    server: Server,
    state: State,
}

enum State {
    /// The request is arriving.
    Asked,
    /// The connection will be a peer.
    Upgrading(Output),
    /// Something else is told, and then the connection is closed.
    Answering(Sending),
}

impl Greeter for Handshake {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        if let State::Asked = self.state {
            let take = |input: &mut Vec<u8>| Request::take(input).transpose();
            self.state = match read_head(stream, input, take) {
                Ok(Some(request)) => self.server.answer(request, &stream.origin()),
                Ok(None) => return Step::Wait,
                Err(error) => return Step::Failed(error),
            };
        }
        match &mut self.state {
            State::Asked => Step::Wait,
            State::Upgrading(output) => match output.write(stream) {
                Ok((_, true)) => Step::Done,
                Ok((_, false)) => Step::Wait,
                Err(error) => Step::Failed(error),
            },
            State::Answering(sending) => sending.advance(stream),
        }
    }
}

impl Server {
    fn answer(&self, request: Result<Request, BadRequest>, origin: &Origin) -> State {
        let request = match request {
            Ok(request) => request,
            Err(BadRequest::TooLarge) => {
                let text = format!("the request has more than {HEAD} bytes of headers");
                return refuse("431 Request Header Fields Too Large", &[], &text, true);
            }
            Err(BadRequest::Malformed(why)) => {
                let text = format!("this is no HTTP request: {why}");
                return refuse("400 Bad Request", &[], &text, true);
            }
        };
        let served = &*self.0;
        let with_body = request.method != "HEAD";
        let get = matches!(request.method.as_str(), "GET" | "HEAD");
        if request.says("upgrade", "websocket") && request.path == served.path {
            return self.upgrade(&request, origin);
        }
        if !get {
            let text = format!("`{}` can only be read, with GET or HEAD", request.path);
            let allow = [("Allow", "GET, HEAD")];
            return refuse("405 Method Not Allowed", &allow, &text, true);
        }
        if let Some(folder) = &served.folder {
            if let Err(why) = served.access.check_page(&request) {
                crate::base::log::warn_often!("pages that were refused", origin; "{why}");
                return refuse("403 Forbidden", &[], &why, with_body);
            }
            if let Some(found) = folder.find(&request.path) {
                return serve(found, &request.path, with_body);
            }
        } else if request.path == served.path {
            let upgrade = [("Upgrade", "websocket")];
            let text = "here is a WebSocket, for programs and scripts that speak that; \
                        there is no page";
            return refuse("426 Upgrade Required", &upgrade, text, with_body);
        }
        let text = format!("there is nothing at `{}`", request.path);
        refuse("404 Not Found", &[], &text, with_body)
    }

    fn upgrade(&self, request: &Request, origin: &Origin) -> State {
        let served = &*self.0;
        if let Err(why) = served.access.check_wire(request) {
            crate::base::log::warn_often!("pages that were refused", origin; "{why}");
            return refuse("403 Forbidden", &[], &why, true);
        }
        if request.header("sec-websocket-version") != Some("13") {
            let version = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
            let text = "this server speaks version 13 of WebSocket (RFC 6455)";
            return refuse("426 Upgrade Required", &version, text, true);
        }
        match self.accept(request) {
            Ok(bytes) => State::Upgrading(Output::new(bytes)),
            Err(why) => {
                let text = format!("this is no handshake of a WebSocket: {why}");
                refuse("400 Bad Request", &[], &text, true)
            }
        }
    }

    /// The answer with which the connection is a WebSocket (RFC 6455, section 4.2). Made here,
    /// since tungstenite looks at the first line of a list only.
    fn accept(&self, request: &Request) -> Result<Vec<u8>, &'static str> {
        if request.method != "GET" {
            return Err("its method has to be GET");
        }
        if request.version < 1 {
            return Err("HTTP/1.1 is needed");
        }
        if !request.says("connection", "upgrade") {
            return Err("`Connection: Upgrade` is missing");
        }
        let key = request.header("sec-websocket-key").unwrap_or_default();
        if !is_key(key) {
            return Err("`Sec-WebSocket-Key` is missing or wrong");
        }
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\n\
             Connection: Upgrade\r\n\
             Upgrade: websocket\r\n\
             Sec-WebSocket-Accept: {}\r\n",
            derive_accept_key(key.as_bytes())
        );
        // Who offers none is welcome too; who offers others decides by itself.
        if let Some(ours) = &self.0.subprotocol
            && words(&request.headers, "sec-websocket-protocol").any(|one| one == ours)
        {
            answer.push_str(&format!("Sec-WebSocket-Protocol: {ours}\r\n"));
        }
        answer.push_str("\r\n");
        Ok(answer.into_bytes())
    }
}

/// Whether it is 16 bytes in base64 (RFC 6455, section 4.2.1).
fn is_key(text: &str) -> bool {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
    decoded.is_ok_and(|bytes| bytes.len() == 16)
}

fn serve(found: Found, path: &str, with_body: bool) -> State {
    let head = answer_head("200 OK", found.content_type, found.length, &[]);
    let body = with_body.then_some(found.body);
    State::Answering(Sending::new(head, body, format!("`{path}` was sent")))
}

/// An answer in words, for whoever tries it by hand.
fn refuse(status: &str, headers: &[(&str, &str)], text: &str, with_body: bool) -> State {
    let body = format!("{status}: {text}\n").into_bytes();
    let plain = "text/plain; charset=utf-8";
    let head = answer_head(status, plain, body.len() as u64, headers);
    let body = with_body.then_some(Body::Text(body.into()));
    State::Answering(Sending::new(head, body, format!("{status}: {text}")))
}
