//! WebSocket as programs and browsers speak it.

mod client;
mod guests;
mod hostile;
#[cfg(unix)] // it has symlinks and sockets in folders
mod http;
mod messages;
mod secrets;
mod waiting;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use quickrpc::{DisconnectReason, Error, Processing};
use quickrpc_tests::{
    Lab, LabInverse, OwnDir, SOON, Served, Telnet, bounded, inbox, serve, server_on,
};
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

/// A client of ours.
#[track_caller]
fn client_of(codec: &str, transport: &str) -> LabInverse {
    let api = LabInverse::bind(codec, transport).expect("right expressions");
    api.start().expect("a server that accepts");
    api
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
