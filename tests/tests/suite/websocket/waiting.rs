//! Threads that wait for an answer read a WebSocket by themselves, with everything that comes
//! before the answer; and what becomes of answers when somebody goes meanwhile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use quickrpc::{Error, Promise};
use quickrpc_tests::{LabInverse, SOON, bounded, frame, inbox, read_frame, server_on};
use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use super::{Other, SERVER, client_of, echo, other_server, reply, server};
use crate::settled;

/// The next text as JSON.
#[track_caller]
fn asked(stream: &mut TcpStream) -> Value {
    let (first, payload) = read_frame(stream).expect("a frame");
    assert_eq!(first, 0x81);
    serde_json::from_slice(&payload).expect("JSON")
}

#[track_caller]
fn pong(stream: &mut TcpStream, content: &[u8]) {
    assert_eq!(read_frame(stream).expect("a frame"), (0x8a, content.into()));
}

#[test]
fn whoever_waits_answers_pings_and_puts_parts_together() {
    let (addr, serving) = other_server(|mut stream| {
        let copy = stream.try_clone().unwrap();
        let _socket = tungstenite::accept(copy).unwrap();
        for _ in 0..3 {
            let id = asked(&mut stream)["id"].as_i64().unwrap();
            stream.write_all(&frame(0x89, b"first", None)).unwrap();
            pong(&mut stream, b"first");
            let answer = reply("ä", id).to_string();
            // The cut is within the character.
            let (head, tail) = answer.as_bytes().split_at(answer.find('ä').unwrap() + 1);
            stream.write_all(&frame(0x01, head, None)).unwrap();
            stream.write_all(&frame(0x89, b"between", None)).unwrap();
            pong(&mut stream, b"between");
            let rest = [frame(0x00, b"", None), frame(0x80, tail, None)].concat();
            stream.write_all(&rest).unwrap();
        }
        // And in place of an answer, the end.
        asked(&mut stream);
        let reason = [&4001_u16.to_be_bytes()[..], b"no more"].concat();
        stream.write_all(&frame(0x88, &reason, None)).unwrap();
        let (first, code) = read_frame(&mut stream).unwrap();
        assert_eq!((first, code), (0x88, 4001_u16.to_be_bytes().to_vec()));
    });
    let client = client_of("jrpc", &format!("ws:{addr}"));
    for _ in 0..3 {
        assert_eq!(settled(client.all().echo("?")).unwrap(), "ä");
    }
    let lost = settled(client.all().echo("?"));
    let Err(Error::Disconnected { reason, .. }) = lost else {
        panic!("{lost:?}");
    };
    assert!(
        reason.contains("4001") && reason.contains("no more"),
        "{reason}"
    );
    bounded("the server", || serving.join()).unwrap();
}

/// Around the sizes where the length of a frame is written in another form, both ways.
#[test]
fn messages_of_all_sizes_of_frames() {
    let (_api, addr, _served) = server_on("terse", SERVER);
    let client = client_of("terse", &format!("ws:{addr}"));
    client.question.connect(|_sender, text| text.to_owned());
    for size in (90..130).chain(65_505..65_540).chain([1 << 20]) {
        let text = "x".repeat(size);
        assert_eq!(settled(client.all().echo(&text)).unwrap(), text);
    }
    for size in [0, 100, 65_520, 1 << 20] {
        let text = "x".repeat(size);
        assert_eq!(settled(client.all().ask(&text)).unwrap(), text);
    }
}

#[test]
fn what_is_owed_comes_before_the_end() {
    let (_api, addr, _served) = server();
    let mut client = Other::connect(addr);
    let ask = json!({"jsonrpc": "2.0", "method": "ask", "params": {"text": "x"}, "id": 1});
    client.say(ask.to_string());
    let question = client.json();
    // Its promise of an answer is settled by this, behind which nothing more comes.
    client.say(reply("y", question["id"].as_i64().unwrap()).to_string());
    client.0.close(None).unwrap();
    assert_eq!(client.json(), reply("y", 1));
    assert_eq!(client.closed(), None);
}

#[test]
fn what_a_peer_owes_fails_with_its_close_code() {
    let (api, addr, _served) = server();
    let mut client = Other::connect(addr);
    client.say(echo("x", 1));
    assert_eq!(client.json(), reply("x", 1));
    let owed: Promise<String> = api.to(&api.peers()[0]).question("?");
    assert_eq!(client.json()["method"], "question");
    // A message that will never be whole is lost with it.
    let part = frame(0x01, b"[", Some([1, 2, 3, 4]));
    client.0.get_mut().write_all(&part).unwrap();
    let frame = CloseFrame {
        code: 4000.into(),
        reason: "bored".into(),
    };
    client.0.close(Some(frame)).unwrap();
    let lost = settled(owed);
    let Err(Error::Disconnected { reason, .. }) = lost else {
        panic!("{lost:?}");
    };
    assert!(
        reason.contains("4000") && reason.contains("bored"),
        "{reason}"
    );
    assert_eq!(
        client.closed().map(|frame| u16::from(frame.code)),
        Some(4000)
    );
}

/// The first attempt fails in the greeting, which a start with `restart:` does not mind; the
/// second one succeeds.
#[test]
fn a_greeting_that_fails_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    let api = LabInverse::bind("jrpc", format!("restart:0.01:ws:{addr}")).unwrap();
    let (told, states) = inbox();
    api.on_status(move |status| told.send(status.to_string()).unwrap());
    let starting = api.start_nonblocking();
    let accept = || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
    };
    let mut refusing = accept();
    let mut request = [0; 4];
    refusing.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"GET ");
    let refusal = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    refusing.write_all(refusal).unwrap();
    let mut socket = tungstenite::accept(accept()).unwrap();
    bounded("start", move || starting.result()).unwrap();
    while !states.next().contains("503") {}
    while !states.next().ends_with(": up") {}
    api.all().notify("here").unwrap();
    let Message::Text(text) = socket.read().unwrap() else {
        panic!("a text");
    };
    assert!(text.contains("here"), "{text}");
}
