//! Our client, with our server and with others.

use std::io::{Read, Write};
use std::time::Duration;

use quickrpc_tests::{Lab, LabInverse, OwnPort, Telnet, bounded, inbox, serve, server_on};
use serde_json::Value;
use tungstenite::Message;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::CloseFrame;

use super::{Other, SERVER, client_of, echo, other_server, reply, server};
use crate::settled;

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
    let cases: [(&[u8], &str); 7] = [
        (b"", "without an answer"),
        (b"nonsense\r\n\r\n", "does not speak HTTP"),
        // An alert of TLS.
        (
            b"\x15\x03\x03\0\x02\x02\x32",
            "speaks TLS, and this wire is not encrypted; use `wss:`",
        ),
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

/// The answer to a client's handshake, with these headers beside what proves that it was read;
/// the error of its start, if there is one.
fn answered_with(options: &str, headers: &'static str) -> Result<(), String> {
    let (addr, serving) = other_server(move |mut stream| {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let request = String::from_utf8(request).unwrap();
        let key = request
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
            .expect("a key");
        let accept = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        // Until the client goes.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let client = LabInverse::bind("jrpc", format!("ws:{addr}{options}")).unwrap();
    let starting = client.clone();
    let started = bounded("start", move || starting.start());
    bounded("stop", move || client.stop()).unwrap();
    serving.join().unwrap();
    started.map_err(|error| error.to_string())
}

/// As in what a server is asked: several lines, several elements, empty elements.
#[test]
fn lists_in_the_headers_of_an_answer() {
    for (options, headers) in [
        (
            "",
            "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        ),
        ("", "Connection: Upgrade\r\nUpgrade: foo, WebSocket\r\n"),
        (
            "",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: \r\n",
        ),
        (
            "",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: \r\n",
        ),
        (
            "?subprotocol=lab",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: lab, \r\n",
        ),
    ] {
        let started = answered_with(options, headers);
        assert_eq!(started, Ok(()), "{headers}");
    }
    for (options, headers, words) in [
        (
            "",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: a\r\n\
             Sec-WebSocket-Protocol: b\r\n",
            "subprotocol `a, b`, which was not asked for",
        ),
        (
            "?subprotocol=lab",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: lab\r\n\
             Sec-WebSocket-Protocol: b\r\n",
            "subprotocol `lab, b`, which was not asked for",
        ),
        (
            "",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: ,\r\n\
             Sec-WebSocket-Extensions: x\r\n",
            "extensions",
        ),
    ] {
        let error = answered_with(options, headers).unwrap_err();
        assert!(error.contains(words), "{headers}: {error}");
    }
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
