//! WebSocket as programs and browsers speak it.

mod hostile;
mod http;
mod waiting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use quickrpc::codec::{Codec, Message as Told};
use quickrpc::{BoxError, DisconnectReason, Error, Processing, Value as Any};
use quickrpc_tests::{
    Lab, LabInverse, OwnDir, OwnPort, SOON, Served, Telnet, bounded, inbox, serve, server_on,
};
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
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

#[test]
fn one_api_for_telnet_and_browsers() {
    let dir = OwnDir::new();
    std::fs::write(dir.path("index.html"), "chat").unwrap();
    let files = dir.path("");
    let lab = Lab::builder()
        .bind("terse", "tcpserv:127.0.0.1:0")
        .bind("jrpc", format!("{SERVER}?files={}", files.display()))
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let [telnet, web] = lab.local_addrs()[..] else {
        panic!("two addresses");
    };
    let mut person = Telnet::connect(telnet);
    person.send("add[1] a:1 b:2\n");
    assert_eq!(person.line(), "[1]:3");
    let mut page = Other::connect(web);
    page.say(echo("x", 1));
    assert_eq!(page.json(), reply("x", 1));
    page.say(
        json!({"jsonrpc": "2.0", "method": "notify", "params": {"text": "from a page"}})
            .to_string(),
    );
    assert_eq!(person.line(), "notified text:\"from a page\"");
    assert_eq!(page.json()["params"]["text"], "from a page");
    person.send("notify text:\"from telnet\"\n");
    assert_eq!(person.line(), "notified text:\"from telnet\"");
    assert_eq!(page.json()["params"]["text"], "from telnet");
}

#[test]
fn a_ping_is_answered_while_a_handler_runs() {
    let lab = Lab::builder()
        .codec("jrpc")
        .transport(SERVER)
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let (entered, running) = inbox();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    lab.echo.connect(move |_sender, text| {
        let _ = entered.send(());
        let _ = released.lock().unwrap().recv();
        text.to_owned()
    });
    lab.start().unwrap();
    let mut client = Other::connect(lab.local_addrs()[0]);
    client.say(echo("slow", 1));
    running.next();
    client.send(Message::Ping("are you there".into()));
    assert_eq!(client.message(), Message::Pong("are you there".into()));
    release.send(()).unwrap();
    assert_eq!(client.json(), reply("slow", 1));
}

#[test]
fn keepalive_is_a_ping_with_any_codec() {
    let (api, addr, _served) = server_on("terse", &format!("{SERVER}?keepalive=0.05"));
    let mut client = Other::connect(addr);
    for _ in 0..3 {
        // Answered by the other side, when it reads.
        assert_eq!(client.message(), Message::Ping("".into()));
    }
    client.say("echo[1] text:\"x\"");
    let answer = loop {
        match client.message() {
            Message::Ping(_) => {}
            other => break other,
        }
    };
    assert_eq!(answer, Message::text("[1]:\"x\""));
    drop(api);
    // And of a client.
    let (addr, serving) = other_server(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        for _ in 0..3 {
            assert_eq!(socket.read().unwrap(), Message::Ping("".into()));
        }
    });
    let client = client_of("terse", &format!("ws:{addr}?keepalive=0.05"));
    bounded("three pings", || serving.join()).unwrap();
    drop(client);
}

#[test]
fn a_stop_says_going_away() {
    let (api, addr, _served) = server();
    let mut client = Other::connect(addr);
    client.say(echo("x", 1));
    assert_eq!(client.json(), reply("x", 1));
    bounded("stop", move || api.stop()).unwrap();
    let end = client.closed().expect("a reason");
    assert_eq!(
        (u16::from(end.code), end.reason.as_str()),
        (1001, "stopped")
    );
    // Another one of ours hears it too.
    let (api, addr, _served) = server();
    let client = LabInverse::bind("jrpc", format!("ws:{addr}")).unwrap();
    let (gone, ends) = inbox();
    client.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.clone());
    });
    client.start().unwrap();
    assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
    let pending = client.all().ask("x");
    bounded("stop", move || api.stop()).unwrap();
    let error = settled(pending).unwrap_err();
    assert!(
        matches!(error, Error::Disconnected { .. } | Error::Call(_)),
        "{error:?}"
    );
    let reason = ends.next();
    assert!(
        matches!(reason, DisconnectReason::Closed { code: 1001, .. }),
        "{reason:?}"
    );
}

#[test]
fn a_disconnection_is_a_normal_end() {
    let (api, addr, _served) = server();
    let mut client = Other::connect(addr);
    client.say(echo("x", 1));
    assert_eq!(client.json(), reply("x", 1));
    api.disconnect(&api.peers()[0]).unwrap();
    assert_eq!(client.closed().map(|end| end.code.into()), Some(1000));
    // The connection ends when that is answered.
    assert!(client.0.read().is_err());
}

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

#[test]
fn a_client_comes_back_to_a_server_that_restarts() {
    let port = OwnPort::new();
    let addr = port.addr();
    let server = Lab::bind("jrpc", format!("wsserv:{addr}")).unwrap();
    let _served = serve(&server);
    let client = LabInverse::bind("jrpc", format!("restart:0.01:ws:{addr}")).unwrap();
    let (came, comes) = inbox();
    client.on_connect(move |_peer| {
        let _ = came.send(());
    });
    // Open after the first attempt, which fails.
    client.start().unwrap();
    for _ in 0..3 {
        server.start().unwrap();
        comes.next();
        assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
        let api = server.clone();
        bounded("stop", move || api.stop()).unwrap();
    }
}

#[test]
fn a_greeting_does_not_hold_up_a_stop() {
    let (api, addr, _served) = server();
    let mut half = Telnet::connect(addr);
    half.send("GET / HTTP/1.1\r\n");
    let mut whole = Other::connect(addr);
    whole.say(echo("x", 1));
    assert_eq!(whole.json(), reply("x", 1));
    let began = std::time::Instant::now();
    bounded("stop", move || api.stop()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    half.expect_closed();
    // A client that greets can be stopped, too.
    let (addr, serving) = other_server(|mut stream| {
        let mut everything = Vec::new();
        let _ = stream.read_to_end(&mut everything);
    });
    let client = LabInverse::bind("jrpc", format!("ws:{addr}")).unwrap();
    let starting = client.start_nonblocking();
    let api = client.clone();
    bounded("stop", move || api.stop()).unwrap();
    bounded("start", move || starting.result()).unwrap_err();
    serving.join().unwrap();
}
