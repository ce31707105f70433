//! WebSocket as programs and browsers speak it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::thread;

use quickrpc::DisconnectReason;
use quickrpc_tests::{Lab, LabInverse, OwnDir, SOON, Served, Telnet, bounded, inbox, server_on};
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, WebSocket};

use crate::settled;

const SERVER: &str = "wsserv:127.0.0.1:0";

/// Another implementation.
struct Other(WebSocket<TcpStream>);

impl Other {
    #[track_caller]
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server accepts");
        stream.set_read_timeout(Some(SOON)).unwrap();
        let request = format!("ws://{addr}/").into_client_request().unwrap();
        let (socket, _) = tungstenite::client(request, stream).expect("a handshake");
        Other(socket)
    }

    #[track_caller]
    fn send(&mut self, message: Message) {
        self.0.send(message).expect("the server reads");
    }

    #[track_caller]
    fn say(&mut self, text: impl Into<String>) {
        self.send(Message::text(text.into()));
    }

    #[track_caller]
    fn message(&mut self) -> Message {
        self.0.read().expect("a message")
    }

    #[track_caller]
    fn json(&mut self) -> Value {
        serde_json::from_str(self.message().to_text().unwrap()).expect("JSON")
    }

    #[track_caller]
    fn closed(&mut self) -> Option<CloseFrame> {
        match self.message() {
            Message::Close(frame) => frame,
            other => panic!("{other:?} instead of the end"),
        }
    }
}

fn echo(text: &str, id: i64) -> String {
    json!({"jsonrpc": "2.0", "method": "echo", "params": {"text": text}, "id": id}).to_string()
}

fn reply(text: &str, id: i64) -> Value {
    json!({"jsonrpc": "2.0", "result": text, "id": id})
}

fn server() -> (Lab, SocketAddr, Served) {
    server_on("jrpc", SERVER)
}

#[test]
fn text_messages_are_telegrams() {
    let (api, addr, _served) = server();
    let mut client = Other::connect(addr);
    client.say(echo("ä", 1));
    assert_eq!(client.json(), reply("ä", 1));
    // Binary ones are taken too, and a delimiter that nobody needs.
    client.send(Message::binary(echo("b", 2)));
    assert_eq!(client.json(), reply("b", 2));
    client.say(echo("c", 3) + "\0");
    assert_eq!(client.json(), reply("c", 3));
    // The other way round.
    let peers = api.peers();
    let promise = api.to(&peers[0]).question("abc");
    let asked = client.json();
    assert_eq!(asked["method"], "question");
    client.say(reply("cba", asked["id"].as_i64().unwrap()).to_string());
    assert_eq!(settled(promise).unwrap(), "cba");
}

#[test]
fn the_code_of_the_end_is_its_reason() {
    let (api, addr, _served) = server();
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.clone());
    });
    let mut client = Other::connect(addr);
    client.say(echo("before", 1));
    let frame = CloseFrame {
        code: 1001.into(),
        reason: "leaving".into(),
    };
    client.0.close(Some(frame)).unwrap();
    // What came before is still answered.
    assert_eq!(client.json(), reply("before", 1));
    assert_eq!(client.closed().map(|frame| frame.code.into()), Some(1001));
    let reason = ends.next();
    let DisconnectReason::Closed { code, text } = &reason else {
        panic!("{reason:?}");
    };
    assert_eq!((*code, &**text), (1001, "leaving"));
    assert_eq!(
        reason.to_string(),
        "it closed the connection (1001: leaving)"
    );
}

#[test]
fn who_is_no_websocket_gets_an_answer_in_words() {
    let (_api, addr, _served) = server();
    let get = |request: &str| {
        let mut client = Telnet::connect(addr);
        client.send(request);
        client.rest()
    };
    for (request, status, words) in [
        ("GET / HTTP/1.1\r\n\r\n", "426", "here is a WebSocket"),
        (
            "GET /?a=1 HTTP/1.1\r\nHost: x\r\n\r\n",
            "426",
            "here is a WebSocket",
        ),
        ("GET /x HTTP/1.1\r\n\r\n", "404", "nothing at `/x`"),
        ("POST / HTTP/1.1\r\n\r\n", "405", "GET or HEAD"),
        ("nonsense\r\n", "400", "no HTTP request"),
    ] {
        let answer = get(request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.contains(words), "{answer}");
    }
    assert!(!get("HEAD / HTTP/1.1\r\n\r\n").contains("here is a WebSocket"));
}

/// The head and the body of an answer.
#[track_caller]
fn fetch(addr: SocketAddr, request: &str) -> (String, String) {
    let mut client = Telnet::connect(addr);
    client.send(request);
    let answer = client.rest();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

#[test]
fn files_are_served_beside_the_wire() {
    let dir = OwnDir::new();
    for (name, text) in [
        ("index.html", "<h1>ä</h1>"),
        ("app.js", "js"),
        (".secret", "secret"),
    ] {
        fs::write(dir.path(name), text).unwrap();
    }
    fs::create_dir(dir.path("sub")).unwrap();
    fs::write(dir.path("sub/index.html"), "sub").unwrap();
    let outside = OwnDir::new();
    fs::write(outside.path("outside.txt"), "secret").unwrap();
    symlink(outside.path("outside.txt"), dir.path("out.txt")).unwrap();
    symlink(outside.path(""), dir.path("away")).unwrap();
    symlink(dir.path(".secret"), dir.path("hidden.txt")).unwrap();
    symlink(dir.path("app.js"), dir.path("alias.js")).unwrap();
    let root = dir.path("");
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?files={}", root.display()));
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", "<h1>ä</h1>"),
        ("/?a=1", "text/html; charset=utf-8", "<h1>ä</h1>"),
        ("/index.html", "text/html; charset=utf-8", "<h1>ä</h1>"),
        ("/app.js", "text/javascript; charset=utf-8", "js"),
        ("/alias.js", "text/javascript; charset=utf-8", "js"),
        ("/sub/", "text/html; charset=utf-8", "sub"),
    ] {
        let (head, found) = fetch(
            addr,
            &format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n"),
        );
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {head}");
        assert!(
            head.contains(&format!("\r\nContent-Type: {kind}\r\n")),
            "{head}"
        );
        assert!(
            head.contains("\r\nX-Content-Type-Options: nosniff\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nCache-Control: no-cache\r\n"), "{head}");
        let length = format!("\r\nContent-Length: {}\r\n", body.len());
        assert!(head.contains(&length), "{head}");
        assert_eq!(found, body);
        let asked = fetch(
            addr,
            &format!("HEAD {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n"),
        );
        assert_eq!(asked, (head, String::new()));
    }
    for path in [
        "/missing",
        "/sub",
        "/.secret",
        "/hidden.txt",
        "/out.txt",
        "/away/outside.txt",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "//etc/passwd",
        "/sub/../app.js",
    ] {
        let (head, _) = fetch(addr, &format!("GET {path} HTTP/1.1\r\n\r\n"));
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
    // Its name was bound to this address.
    let (head, body) = fetch(addr, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert!(body.contains("origins="), "{body}");
    // The wire is there, too.
    let mut client = Other::connect(addr);
    client.say(echo("a", 1));
    assert_eq!(client.json(), reply("a", 1));
}

#[test]
fn a_folder_that_is_not_there_is_an_error_of_the_builder() {
    let error = Lab::bind("jrpc", "wsserv::0?files=/nowhere/at/all").unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

/// The status that an upgrade from this page gets.
fn upgrade_from(addr: SocketAddr, host: &str, origin: &str) -> String {
    let mut client = Telnet::connect(addr);
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    let status = client.line();
    status.split(' ').nth(1).expect("a status").to_owned()
}

#[test]
fn a_hostile_page_is_refused() {
    let (_api, addr, _served) = server();
    let host = addr.to_string();
    assert_eq!(upgrade_from(addr, &host, "https://evil.example"), "403");
    assert_eq!(
        upgrade_from(addr, "evil.example", "http://evil.example"),
        "403"
    );
    assert_eq!(upgrade_from(addr, &host, "null"), "403");
    assert_eq!(upgrade_from(addr, &host, &format!("http://{addr}")), "101");
    assert_eq!(upgrade_from(addr, &host, "http://localhost:3000"), "101");
    let listed = format!("{SERVER}?origins=https://a.example,https://b.example");
    let (_api, addr, _served) = server_on("jrpc", &listed);
    assert_eq!(upgrade_from(addr, &host, "https://b.example"), "101");
    assert_eq!(upgrade_from(addr, &host, "https://evil.example"), "403");
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?origins=*"));
    assert_eq!(upgrade_from(addr, &host, "https://evil.example"), "101");
}

#[test]
fn a_big_file_arrives_while_others_are_served() {
    let dir = OwnDir::new();
    let content: Vec<u8> = (0..=255_u8).cycle().take(40 << 20).collect();
    fs::write(dir.path("big.bin"), &content).unwrap();
    let root = dir.path("");
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?files={}", root.display()));
    let mut reader = TcpStream::connect(addr).unwrap();
    reader.set_read_timeout(Some(SOON)).unwrap();
    reader.write_all(b"GET /big.bin HTTP/1.1\r\n\r\n").unwrap();
    // Nothing of it was read yet.
    let mut client = Other::connect(addr);
    client.say(echo("a", 1));
    assert_eq!(client.json(), reply("a", 1));
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&content));
}

/// A client of ours.
#[track_caller]
fn client_of(codec: &str, transport: &str) -> LabInverse {
    let api = LabInverse::bind(codec, transport).expect("right expressions");
    api.start().expect("a server that accepts");
    api
}

#[test]
fn our_client_and_our_server() {
    let (server, addr, served) = server_on("terse", &format!("{SERVER}/rpc?subprotocol=lab"));
    for url in [
        format!("ws:{addr}/rpc"),
        format!("ws://{addr}/rpc"),
        format!("ws:ws://{addr}/rpc?subprotocol=lab"),
    ] {
        let client = client_of("terse", &url);
        assert_eq!(client.peers()[0].name(), format!("{addr}/rpc"));
        assert_eq!(settled(client.all().add(2, 3)).unwrap(), 5);
        client.question.connect(|_sender, text| text.to_uppercase());
        assert_eq!(settled(client.all().ask("abc")).unwrap(), "ABC");
        client.all().notify("note").unwrap();
        assert_eq!(served.notes.next().1, "note");
        client.stop().unwrap();
    }
    drop(server);
}

/// A server that is none of ours, for one connection.
fn other_server(
    serve: impl FnOnce(TcpStream) + Send + 'static,
) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        serve(stream);
    });
    (addr, serving)
}

#[test]
fn our_client_and_another_server() {
    let (addr, serving) = other_server(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let asked = socket.read().unwrap();
        assert!(asked.is_text());
        let asked: Value = serde_json::from_str(asked.to_text().unwrap()).unwrap();
        let answer = reply("from the other", asked["id"].as_i64().unwrap());
        socket.send(Message::text(answer.to_string())).unwrap();
        socket
            .close(Some(CloseFrame {
                code: 4000.into(),
                reason: "enough".into(),
            }))
            .unwrap();
        // Until the answer to that.
        while socket.read().is_ok() {}
    });
    let client = LabInverse::bind("jrpc", format!("ws:{addr}")).unwrap();
    let (gone, ends) = inbox();
    client.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.to_string());
    });
    client.start().unwrap();
    assert_eq!(settled(client.all().echo("x")).unwrap(), "from the other");
    assert_eq!(ends.next(), "it closed the connection (4000: enough)");
    serving.join().unwrap();
}

#[test]
fn a_server_that_does_not_upgrade_is_an_error_of_the_start() {
    let answer = |bytes: &'static [u8]| {
        let (addr, serving) = other_server(move |mut stream| {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let client = LabInverse::bind("jrpc", format!("ws:{addr}")).unwrap();
        let error = bounded("start", move || client.start()).unwrap_err();
        serving.join().unwrap();
        error.to_string()
    };
    let cases: [(&[u8], &str); 6] = [
        (b"", "without an answer"),
        (b"nonsense\r\n\r\n", "does not speak HTTP"),
        (
            b"HTTP/1.1 403 Forbidden\r\n\r\nnot you\x07\n",
            "403 Forbidden (not you)",
        ),
        (
            b"HTTP/1.1 301 Moved\r\nLocation: wss://x\r\n\r\n",
            "points to `wss://x`",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "another protocol",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
              Sec-WebSocket-Accept: wrong\r\n\r\n",
            "another handshake",
        ),
    ];
    for (bytes, words) in cases {
        let error = answer(bytes);
        assert!(error.contains(words), "{error}");
    }
    let (_server, addr, _served) = server();
    let client = LabInverse::bind("jrpc", format!("ws:{addr}?subprotocol=x")).unwrap();
    let error = client.start().unwrap_err().to_string();
    assert!(error.contains("subprotocol `x`"), "{error}");
    let client = LabInverse::bind("jrpc", format!("ws:{addr}/elsewhere")).unwrap();
    let error = client.start().unwrap_err().to_string();
    assert!(error.contains("404 Not Found"), "{error}");
}

#[test]
fn a_server_that_never_answers_is_an_error_in_time() {
    let (addr, serving) = other_server(|mut stream| {
        let mut everything = Vec::new();
        stream.read_to_end(&mut everything).unwrap();
    });
    let client = LabInverse::bind("jrpc", format!("ws:{addr}?greeting=50ms")).unwrap();
    let error = bounded("start", move || client.start()).unwrap_err();
    assert!(
        error.to_string().contains("did not greet in time"),
        "{error}"
    );
    serving.join().unwrap();
}
