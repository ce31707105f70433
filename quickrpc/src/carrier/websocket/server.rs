//! The server's side of the handshake: an upgrade to WebSocket, a file, or why not.

use std::io::Read as _;
use std::sync::Arc;

use tungstenite::handshake::derive_accept_key;

use crate::base::often::Origin;
use crate::wire::http::{
    Caller, Host, Request, Visit, answer_head, made_readable, refusal, single, words,
};
use crate::wire::met::{Met, Vouched as _};
use crate::wire::security::{Guest, Tokens};

use super::super::greeter::{Greeter, Greeting, Output, Step};
use super::super::stream::Stream;
use super::access::Access;
use super::files::{Body, Folder, Found, Sending};
use super::inspect::{self, Page};
use super::reading::read_head;

/// Larger files are not sent on a connection that has posted before.
const LARGE: u64 = 1 << 20;

/// What a `wsserv:` serves.
#[derive(Debug, Clone)]
pub(super) struct Server(Arc<Served>);

#[derive(Debug)]
pub(super) struct Served {
    /// Where the wire is.
    pub(super) path: String,
    pub(super) folder: Option<Folder>,
    /// The page that shows the API.
    pub(super) inspect: Option<Page>,
    pub(super) access: Access,
    /// Who may connect, if not anybody.
    pub(super) tokens: Option<Tokens>,
    /// Messages may be posted.
    pub(super) posts: bool,
    pub(super) subprotocol: Option<String>,
}

impl Server {
    pub(super) fn new(served: Served) -> Self {
        Server(Arc::new(served))
    }
}

impl Greeting for Server {
    fn greeter(&self) -> Box<dyn Greeter> {
        Box::new(Handshake {
            server: self.clone(),
            state: State::Asked,
            met: None,
        })
    }
}

/// The handshake of one connection.
struct Handshake {
    server: Server,
    state: State,
    met: Option<Met>,
}

enum State {
    /// The request is arriving.
    Asked,
    /// The connection will be a peer.
    Upgrading(Output),
    /// It is one: the request, which is still in the input, is its first.
    Posts,
    /// Something else is told, and then the connection is closed.
    Answering(Sending),
}

/// What is done about a request.
enum Verdict {
    /// It becomes a WebSocket by this answer.
    Upgrade(Vec<u8>, Option<Guest>),
    /// Its body is a message.
    Post(Option<Guest>),
    Answer(Answer),
}

/// An answer that is the last one of its connection.
struct Answer {
    head: Vec<u8>,
    body: Option<Body>,
    why: String,
}

impl Greeter for Handshake {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        if let State::Asked = self.state {
            let parse = |input: &mut Vec<u8>| Request::parse(input).transpose();
            let request = match read_head(stream, input, parse) {
                Ok(Some(request)) => request,
                Ok(None) => return Step::Wait,
                Err(error) => return Step::Failed(error),
            };
            self.state = match request {
                Ok((request, length)) => {
                    let verdict = self.server.verdict(&request, &stream.origin());
                    self.decided(verdict, input, length)
                }
                Err(bad) => {
                    let (status, why) = bad.answer();
                    State::Answering(refuse(status, &[], &why, true).sending())
                }
            };
        }
        match &mut self.state {
            State::Asked => Step::Wait,
            State::Posts => Step::Done,
            State::Upgrading(output) => match output.write(stream) {
                Ok((_, true)) => Step::Done,
                Ok((_, false)) => Step::Wait,
                Err(error) => Step::Failed(error),
            },
            State::Answering(sending) => sending.advance(stream),
        }
    }

    fn met(&mut self) -> Option<Met> {
        self.met.take()
    }
}

impl Handshake {
    fn decided(&mut self, verdict: Verdict, input: &mut Vec<u8>, length: usize) -> State {
        match verdict {
            Verdict::Post(_) => {
                let host: Arc<dyn Host> = Arc::new(self.server.clone());
                self.met = Some(Met::Posts(Arc::new(Caller::new(host))));
                State::Posts
            }
            Verdict::Upgrade(answer, who) => {
                input.drain(..length);
                self.met = who.map(|who| Met::Known(Arc::new(who)));
                State::Upgrading(Output::new(answer))
            }
            Verdict::Answer(answer) => {
                input.drain(..length);
                State::Answering(answer.sending())
            }
        }
    }
}

impl Host for Server {
    fn visit(&self, request: &Request) -> Visit {
        match self.verdict(request, &Origin::Anybody) {
            Verdict::Post(who) => match who.map(|who| who.info()).transpose() {
                Ok(info) => Visit::Message(info),
                // The file has changed at this moment.
                Err(_) => Visit::Other(
                    nobody("nobody is known by that")
                        .whole()
                        .unwrap_or_default(),
                ),
            },
            // Whoever wants that begins with it.
            Verdict::Upgrade(..) => Visit::Other(Vec::new()),
            Verdict::Answer(answer) => Visit::Other(answer.whole().unwrap_or_default()),
        }
    }
}

impl Answer {
    fn sending(self) -> Sending {
        Sending::new(self.head, self.body, self.why)
    }

    /// All of it, if it is not large.
    fn whole(self) -> Option<Vec<u8>> {
        let mut whole = self.head;
        match self.body {
            None => {}
            Some(Body::Text(text)) => whole.extend_from_slice(&text),
            Some(Body::File(_, length)) if length > LARGE => return None,
            Some(Body::File(file, length)) => {
                file.take(length).read_to_end(&mut whole).ok()?;
            }
        }
        Some(whole)
    }
}

impl Server {
    /// What is done about a request. A page that may post may read why it cannot, too; nothing else is for those from
    /// elsewhere.
    fn verdict(&self, request: &Request, origin: &Origin) -> Verdict {
        let verdict = self.judge(request, origin);
        let reads = matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        match (verdict, request.header("origin")) {
            (Verdict::Answer(mut answer), Some(page))
                if self.0.posts && !reads && self.0.access.check_wire(request).is_ok() =>
            {
                answer.head = made_readable(answer.head, page);
                Verdict::Answer(answer)
            }
            (verdict, _) => verdict,
        }
    }

    fn judge(&self, request: &Request, origin: &Origin) -> Verdict {
        let served = &*self.0;
        let here = request.path == served.path;
        let posts = here && served.posts;
        if posts && request.method == "OPTIONS" {
            return Verdict::Answer(self.preflight(request, origin));
        }
        let who = match self.who(request) {
            Ok(who) => who,
            Err(why) => {
                crate::base::log::warn_often!("requests of nobody known", origin, &why; "{why}");
                return Verdict::Answer(nobody(why));
            }
        };
        if here && request.says("upgrade", "websocket") {
            return match self.upgrade(request, origin) {
                Ok(answer) => Verdict::Upgrade(answer, who),
                Err(answer) => Verdict::Answer(answer),
            };
        }
        if posts && request.method == "POST" {
            return match self.may_post(request, origin) {
                Ok(()) => Verdict::Post(who),
                Err(answer) => Verdict::Answer(answer),
            };
        }
        Verdict::Answer(self.answer(request, origin))
    }

    /// Who sends a request, where that matters.
    fn who(&self, request: &Request) -> Result<Option<Guest>, &'static str> {
        let Some(tokens) = &self.0.tokens else {
            return Ok(None);
        };
        let authorization = single(&request.headers, "authorization");
        let authorization = authorization.ok_or("there is no `Authorization`")?;
        tokens.who(authorization).map(Some)
    }

    /// A browser asks whether a page from elsewhere may post (the Fetch standard, "CORS-preflight
    /// fetch"), without saying who asks.
    fn preflight(&self, request: &Request, origin: &Origin) -> Answer {
        if let Err(answer) = self.check_page(request, origin) {
            return answer;
        }
        let page = request.header("origin").unwrap_or("*");
        let head = format!(
            "HTTP/1.1 204 No Content\r\n\
             Allow: GET, HEAD, POST, OPTIONS\r\n\
             Access-Control-Allow-Origin: {page}\r\n\
             Access-Control-Allow-Methods: POST\r\n\
             Access-Control-Allow-Headers: authorization, content-type, traceparent, tracestate\r\n\
             Access-Control-Max-Age: 600\r\n\
             Vary: Origin\r\n\
             Connection: close\r\n\r\n"
        )
        .into_bytes();
        let why = String::from("a page asked whether it may post");
        let body = None;
        Answer { head, body, why }
    }

    fn check_page(&self, request: &Request, origin: &Origin) -> Result<(), Answer> {
        self.0.access.check_wire(request).map_err(|why| {
            crate::base::log::warn_often!("pages that were refused", origin, &why; "{why}");
            refuse("403 Forbidden", &[], &why, true)
        })
    }

    fn may_post(&self, request: &Request, origin: &Origin) -> Result<(), Answer> {
        self.check_page(request, origin)?;
        let unsupported = |why: &str| {
            let accept = [("Accept", "application/json")];
            Err(refuse("415 Unsupported Media Type", &accept, why, true))
        };
        if request.headers.contains_key("content-encoding") {
            return unsupported("a message is not encoded; `Content-Encoding` is not understood");
        }
        let kind = match request.header("content-type") {
            None if request.headers.contains_key("content-type") => "?",
            None => "",
            Some(kind) => kind.split(';').next().unwrap_or_default().trim(),
        };
        let kind = kind.to_ascii_lowercase();
        // The last two are what `curl -d` and scripts say who do not care; who posts is told by
        // `Origin`, and not by this.
        let json = matches!(
            kind.as_str(),
            "" | "application/json"
                | "application/json-rpc"
                | "application/jsonrequest"
                | "application/x-www-form-urlencoded"
                | "text/plain"
        );
        match json || (kind.starts_with("application/") && kind.ends_with("+json")) {
            true => Ok(()),
            false => unsupported("a message is JSON: `Content-Type: application/json`"),
        }
    }

    /// What is at the path of a request, for those who read.
    fn answer(&self, request: &Request, origin: &Origin) -> Answer {
        let served = &*self.0;
        let with_body = request.method != "HEAD";
        let get = matches!(request.method.as_str(), "GET" | "HEAD");
        if !get {
            let here = request.path == served.path;
            let posts = served.posts && here;
            let (allow, what) = match posts {
                true => ("GET, HEAD, POST, OPTIONS", "takes messages, with POST"),
                false => ("GET, HEAD", "can only be read, with GET or HEAD"),
            };
            let mut text = format!("`{}` {what}", request.path);
            match (served.posts, here, request.method == "POST") {
                // A path that was forgotten.
                (true, false, true) => {
                    text.push_str(&format!("; messages are posted to `{}`", served.path));
                }
                (false, true, true) => text.push_str(
                    "; messages are posted to wires of the codec `jrpc` without a security provider, \
                     and this is none",
                ),
                _ => {}
            }
            return refuse("405 Method Not Allowed", &[("Allow", allow)], &text, true);
        }
        if (served.folder.is_some() || served.inspect.is_some())
            && let Err(why) = served.access.check_page(request)
        {
            crate::base::log::warn_often!("pages that were refused", origin, &why; "{why}");
            return refuse("403 Forbidden", &[], &why, with_body);
        }
        if let Some(page) = &served.inspect
            && (request.path == inspect::PATH
                || (served.folder.is_none() && request.path == served.path))
        {
            return serve(page.found(), &request.path, &inspect::HEADERS, with_body);
        }
        if let Some(folder) = &served.folder {
            if let Some(found) = folder.find(&request.path) {
                return serve(found, &request.path, &[], with_body);
            }
        } else if request.path == served.path {
            let upgrade = [("Upgrade", "websocket")];
            let text = match served.posts {
                true => "here is a WebSocket, and JSON-RPC for who posts it; there is no page",
                false => {
                    "here is a WebSocket, for programs and scripts that speak that; \
                     there is no page"
                }
            };
            return refuse("426 Upgrade Required", &upgrade, text, with_body);
        }
        let text = format!("there is nothing at `{}`", request.path);
        refuse("404 Not Found", &[], &text, with_body)
    }

    fn upgrade(&self, request: &Request, origin: &Origin) -> Result<Vec<u8>, Answer> {
        self.check_page(request, origin)?;
        if request.header("sec-websocket-version") != Some("13") {
            let version = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
            let text = "this server speaks version 13 of WebSocket (RFC 6455)";
            return Err(refuse("426 Upgrade Required", &version, text, true));
        }
        self.accept(request).map_err(|why| {
            let text = format!("this is no handshake of a WebSocket: {why}");
            refuse("400 Bad Request", &[], &text, true)
        })
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

fn serve(found: Found, path: &str, more: &[(&str, &str)], with_body: bool) -> Answer {
    let head = answer_head("200 OK", found.content_type, found.length, more);
    let body = with_body.then_some(found.body);
    let why = format!("`{path}` was sent");
    Answer { head, body, why }
}

fn nobody(why: &str) -> Answer {
    // A line for each scheme: Chromium asks nobody for a password where both are in one.
    let schemes = [
        (
            "WWW-Authenticate",
            "Basic realm=\"quickrpc\", charset=\"UTF-8\"",
        ),
        ("WWW-Authenticate", "Bearer"),
    ];
    let text = format!("{why}; who may connect shows a key, as a password or a token");
    refuse("401 Unauthorized", &schemes, &text, true)
}

/// An answer in words, for whoever tries it by hand.
fn refuse(status: &str, headers: &[(&str, &str)], text: &str, with_body: bool) -> Answer {
    let mut head = refusal(status, headers, text);
    if !with_body {
        let end = head.windows(4).position(|four| four == b"\r\n\r\n");
        head.truncate(end.map_or(0, |end| end + 4));
    }
    let body = None;
    let why = format!("{status}: {text}");
    Answer { head, body, why }
}
