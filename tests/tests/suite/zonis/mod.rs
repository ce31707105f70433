//! Zonis over WebSocket: between two sides of the library, and with sockets that say what they
//! like.

mod hostile;
mod names;
mod silence;
mod vectors;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use quickrpc::{DisconnectReason, Error};
use quickrpc_tests::{Bot, LabInverse, OwnDir, SOON, bounded, inbox, serve_bot, server_on};
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::settled;

const SERVER: &str = "wsserv:127.0.0.1:0";

/// Secrets in files, as bindings name them.
struct Secrets {
    dir: OwnDir,
}

impl Secrets {
    fn new() -> Self {
        let dir = OwnDir::new();
        for (name, secret) in [
            ("secret", "s3cret\n"),
            ("override", "over"),
            ("wrong", "no"),
        ] {
            fs::write(dir.path(name), secret).expect("a file");
        }
        Secrets { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path(name)
    }

    /// A codec with the secret, and what else is given.
    fn codec(&self, identifier: &str, more: &str) -> String {
        let secret = self.path("secret");
        format!("zonis:{identifier}?secret_file={}{more}", secret.display())
    }

    /// The option for the override key.
    fn overriding(&self) -> String {
        format!("&override_file={}", self.path("override").display())
    }

    /// A running server with both keys.
    #[track_caller]
    fn server(&self, options: &str) -> (Bot, SocketAddr) {
        let codec = self.codec("", &self.overriding());
        let api = Bot::bind(codec.as_str(), format!("{SERVER}{options}").as_str()).unwrap();
        serve_bot(&api, "SERVER");
        api.start().unwrap();
        let addr = api.local_addrs()[0];
        (api, addr)
    }

    /// A client that is not started yet.
    fn client(&self, identifier: &str, more: &str, transport: &str) -> Bot {
        let codec = self.codec(identifier, more);
        let api = Bot::bind(codec.as_str(), transport).unwrap();
        serve_bot(&api, identifier);
        api
    }
}

/// A socket that says what it likes.
struct Raw(WebSocket<TcpStream>);

/// What a socket has got.
#[derive(Debug, PartialEq)]
enum Got {
    Packet(Value),
    Closed(u16, String),
    /// Without a close frame.
    Gone,
}

impl Raw {
    #[track_caller]
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server accepts");
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!("ws://{addr}/").into_client_request().unwrap();
        Raw(tungstenite::client(request, stream).expect("a handshake").0)
    }

    /// One that has identified itself.
    #[track_caller]
    fn identified(addr: SocketAddr, identifier: &str) -> Self {
        let mut raw = Raw::connect(addr);
        raw.say(identify(identifier, "s3cret", None));
        assert_eq!(raw.packet()["data"]["type"], "IDENTIFY");
        raw
    }

    /// The server's side of the next client.
    #[track_caller]
    fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw(tungstenite::accept(stream).expect("a handshake"))
    }

    /// The same, once the client has identified itself and knows that it is known.
    #[track_caller]
    fn accept_identified(listener: &TcpListener) -> Self {
        let mut raw = Raw::accept(listener);
        raw.accept_identify();
        raw
    }

    #[track_caller]
    fn accept_identify(&mut self) {
        let packet = self.packet();
        assert_eq!(packet["data"]["type"], "IDENTIFY", "{packet}");
        let identifier = packet["data"]["identifier"].as_str().unwrap();
        self.say(response(
            &packet["packet_id"],
            "IDENTIFY",
            Value::Null,
            identifier,
        ));
    }

    #[track_caller]
    fn text(&mut self, text: impl Into<String>) {
        let text: String = text.into();
        self.0.send(Message::text(text)).expect("a reader");
    }

    #[track_caller]
    fn say(&mut self, packet: Value) {
        self.text(packet.to_string());
    }

    #[track_caller]
    fn next(&mut self) -> Got {
        loop {
            return match self.0.read() {
                Ok(Message::Text(text)) => {
                    // Who sends as an id what only Python takes for JSON gets it back.
                    let json = text.replace("NaN", "null").replace("1e999", "null");
                    let json = json.replace("\\ud800", "?");
                    Got::Packet(serde_json::from_str(&json).expect("JSON"))
                }
                Ok(Message::Close(Some(frame))) => {
                    Got::Closed(frame.code.into(), frame.reason.to_string())
                }
                Ok(Message::Close(None)) => Got::Closed(1005, String::new()),
                Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                Ok(other) => panic!("{other:?}"),
                Err(tungstenite::Error::Io(error))
                    if error.kind() == std::io::ErrorKind::WouldBlock =>
                {
                    panic!("nothing comes")
                }
                Err(_) => Got::Gone,
            };
        }
    }

    #[track_caller]
    fn packet(&mut self) -> Value {
        match self.next() {
            Got::Packet(packet) => packet,
            other => panic!("{other:?} in the place of a packet"),
        }
    }

    /// Whether it is served: nothing else comes before the answer.
    #[track_caller]
    fn is_served(&mut self) {
        self.say(request("CLIENT_REQUEST", "ping", json!({}), "still?"));
        let expected = response(
            &json!("still?"),
            "SUCCESS_RESPONSE",
            json!("pong"),
            "SERVER",
        );
        assert_eq!(self.packet(), expected);
    }
}

fn identify(identifier: &str, secret: &str, override_key: Option<&str>) -> Value {
    json!({"packet_id": "1", "type": "request", "data": {
        "identifier": identifier, "type": "IDENTIFY",
        "data": {"secret_key": secret, "override_key": override_key}}})
}

fn request(kind: &str, route: &str, arguments: Value, packet_id: &str) -> Value {
    json!({"packet_id": packet_id, "type": "request", "data": {
        "identifier": "one", "type": kind,
        "data": {"route": route, "arguments": arguments}}})
}

fn response(packet_id: &Value, kind: &str, data: Value, identifier: &str) -> Value {
    json!({"packet_id": packet_id, "type": "response", "data": {
        "identifier": identifier, "type": kind, "data": data}})
}

/// Starts a client, and lets it in.
#[track_caller]
fn let_in(client: &Bot, listener: &TcpListener) -> Raw {
    let client = client.clone();
    let starting = thread::spawn(move || client.start());
    let raw = Raw::accept_identified(listener);
    bounded("the start", move || starting.join().unwrap()).unwrap();
    raw
}

fn refused(api: Bot) -> String {
    bounded("start", move || api.start())
        .unwrap_err()
        .to_string()
}

/// Why a codec cannot be had.
#[track_caller]
fn config_error(codec: &str) -> String {
    match Bot::bind(codec, SERVER) {
        Err(Error::Config(text)) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_named_client_and_its_server_call_each_other() {
    let dir = OwnDir::new();
    let (key, wrong) = (dir.path("key"), dir.path("wrong"));
    fs::write(&key, "s3cret\n").unwrap();
    fs::write(&wrong, "guess\n").unwrap();
    let (api, addr, _served) = server_on(&format!("zonis?secret_file={}", key.display()), SERVER);
    let transport = format!("ws:{addr}");
    let codec = format!("zonis:cog?secret_file={}", key.display());
    let cog = LabInverse::bind(codec.as_str(), transport.as_str()).unwrap();
    cog.question.connect(|_sender, text| text.to_uppercase());
    cog.start().unwrap();
    assert_eq!(settled(cog.all().add(1, 2)).unwrap(), 3);
    assert_eq!(settled(api.to("cog").question("a")).unwrap(), "A");
    assert_eq!(settled(cog.all().ask("b")).unwrap(), "B");
    let failed = settled(cog.all().fail("on purpose")).unwrap_err();
    assert!(failed.to_string().contains("on purpose"), "{failed}");
    // A stranger is told why it has to go.
    let codec = format!("zonis:other?secret_file={}", wrong.display());
    let other = LabInverse::bind(codec.as_str(), transport.as_str()).unwrap();
    let refused = bounded("start", move || other.start()).unwrap_err();
    assert!(
        refused.to_string().contains("Invalid secret key."),
        "{refused}"
    );
    assert_eq!(settled(cog.all().add(3, 4)).unwrap(), 7);
}

#[test]
fn a_name_belongs_to_one_client_until_it_is_gone_or_replaced() {
    let dir = OwnDir::new();
    let key = dir.path("over");
    fs::write(&key, "over").unwrap();
    let over = format!("override_file={}", key.display());
    let (api, addr, _served) = server_on(&format!("zonis?{over}"), SERVER);
    let (gone, ends) = inbox();
    api.on_disconnect(move |peer, reason| gone.send((peer.to_string(), reason.clone())).unwrap());
    let bind = |codec: &str| LabInverse::bind(codec, format!("ws:{addr}").as_str()).unwrap();
    let first = bind("zonis:cog");
    first.start().unwrap();
    let second = bind("zonis:cog");
    let refused = bounded("start", move || second.start()).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("Duplicate identifier on IDENTIFY"),
        "{refused}"
    );
    assert_eq!(settled(first.all().add(1, 2)).unwrap(), 3);
    let third = bind(&format!("zonis:cog?{over}"));
    third.question.connect(|_sender, _text| "third".to_owned());
    third.start().unwrap();
    let (name, reason) = ends.next();
    assert_eq!(name, "cog");
    assert!(matches!(reason, DisconnectReason::Replaced), "{reason:?}");
    assert_eq!(settled(api.to("cog").question("who")).unwrap(), "third");
    third.stop().unwrap();
    assert_eq!(ends.next().0, "cog");
    let fourth = bind("zonis:cog");
    fourth
        .question
        .connect(|_sender, _text| "fourth".to_owned());
    fourth.start().unwrap();
    assert_eq!(settled(api.to("cog").question("who")).unwrap(), "fourth");
}
