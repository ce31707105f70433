//! What a client has to say to be let in, and nobody else is to see.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use quickrpc_tests::{LabInverse, OwnDir, SOON, bounded, inbox};
use tungstenite::handshake::derive_accept_key;

use super::{SERVER, other_server};
use crate::settled;

/// A server of one connection, which tells the head of the request, and answers with this; what is
/// empty is the answer that makes it a WebSocket.
fn asked(answer: &'static str) -> (SocketAddr, Receiver<String>, thread::JoinHandle<()>) {
    let (heads, seen) = mpsc::channel();
    let (addr, serving) = other_server(move |mut stream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.expect("a key").as_bytes());
        let answer = match answer {
            "" => format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            ),
            answer => answer.to_owned(),
        };
        stream.write_all(answer.as_bytes()).unwrap();
        heads.send(head).unwrap();
        if answer.contains(" 101 ") {
            // Until the client goes.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    (addr, seen, serving)
}

/// What a client with this URL asks for. Nothing that it shows has `secret` in it.
#[track_caller]
fn request_of(url: impl FnOnce(SocketAddr) -> String) -> String {
    let (addr, seen, serving) = asked("");
    let url = url(addr);
    let client = LabInverse::bind("jrpc", url.as_str()).unwrap();
    let (told, shown) = inbox();
    client.on_status(move |status| told.send(format!("{status} {status:?}")).unwrap());
    client.start().unwrap();
    let head = seen.recv_timeout(SOON).unwrap();
    let peer = &client.peers()[0];
    let mut all = format!(
        "{client:?} {:?} {:?} {peer} {peer:?}",
        client.status(),
        client.peers()
    );
    for status in client.status() {
        all.push_str(&status.to_string());
    }
    assert_eq!(peer.name(), format!("{addr}/rpc"));
    bounded("stop", move || client.stop()).unwrap();
    serving.join().unwrap();
    all.extend(shown.so_far());
    assert!(
        !all.contains("secret") && !all.contains("c2VjcmV0"),
        "{all}"
    );
    head
}

#[test]
fn a_query_is_part_of_the_request() {
    let head = request_of(|addr| format!("ws://{addr}/rpc?token=secret&x=%20"));
    assert!(
        head.starts_with("GET /rpc?token=secret&x=%20 HTTP/1.1\r\n"),
        "{head}"
    );
    let head = request_of(|addr| format!("ws://{addr}/rpc?token=secret?nodelay=off"));
    assert!(
        head.starts_with("GET /rpc?token=secret HTTP/1.1\r\n"),
        "{head}"
    );
    let head = request_of(|addr| format!("restart:1:ws://{addr}/rpc?token=secret"));
    assert!(
        head.starts_with("GET /rpc?token=secret HTTP/1.1\r\n"),
        "{head}"
    );
    let head = request_of(|addr| format!("ws:{addr}?path=/rpc\\x3ftoken=secret"));
    assert!(
        head.starts_with("GET /rpc?token=secret HTTP/1.1\r\n"),
        "{head}"
    );
    // Our server does not mind.
    let (_api, addr, _served) = quickrpc_tests::server_on("jrpc", &format!("{SERVER}/rpc"));
    let client = super::client_of("jrpc", &format!("ws://{addr}/rpc?a=b"));
    assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
}

#[test]
fn a_user_and_a_password_are_basic_authorization() {
    let head = request_of(|addr| format!("ws://secret-user:secret%3A%C3%BC@{addr}/rpc"));
    // "secret-user:secret:ü"
    let expected = "\r\nauthorization: Basic c2VjcmV0LXVzZXI6c2VjcmV0OsO8\r\n";
    assert!(head.contains(expected), "{head}");
    assert!(!head.contains("secret"), "{head}");
}

#[test]
fn headers_come_from_a_file() {
    let dir = OwnDir::new();
    let file = dir.path("headers");
    let headers = |text: &str| fs::write(&file, text).unwrap();
    let url = |addr| format!("ws://{addr}/rpc?header_file={}", file.display());
    headers("\u{feff}Authorization: Bearer secret\r\n\r\nX-Room: 7\r\n");
    let head = request_of(url);
    assert!(
        head.contains("\r\nauthorization: Bearer secret\r\nx-room: 7\r\n"),
        "{head}"
    );
    // It is read each time.
    headers("Cookie: secret=x");
    let head = request_of(url);
    assert!(head.ends_with("\r\ncookie: secret=x\r\n\r\n"), "{head}");
}

/// Why a client does not start.
#[track_caller]
fn refused(url: &str) -> String {
    let client = LabInverse::bind("jrpc", url).unwrap();
    let error = bounded("start", move || client.start()).unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(
        !told.contains("secret") && !told.contains("c2VjcmV0"),
        "{told}"
    );
    error.to_string()
}

#[test]
fn files_that_are_wrong() {
    let dir = OwnDir::new();
    let file = dir.path("headers");
    let (_api, addr, _served) = super::server();
    let with = |path: &std::path::Path| format!("ws://{addr}/?header_file={}", path.display());
    for (text, words) in [
        ("Token secret", "expected `Name: value` in line 1"),
        ("Connection: secret", "belongs to the handshake"),
        ("A: secret\u{7f}", "a character that no header can have"),
        (&"A: secret\n".repeat(3_000), "larger than 16384 bytes"),
    ] {
        fs::write(&file, text).unwrap();
        let error = refused(&with(&file));
        assert!(error.contains(words), "{error}");
        assert!(error.contains(&file.display().to_string()), "{error}");
    }
    let utf16: Vec<u8> = "\u{feff}A: secret"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(&file, utf16).unwrap();
    assert!(refused(&with(&file)).contains("UTF-16"));
    assert!(refused(&with(&dir.path("missing"))).contains("cannot be read"));
    #[cfg(unix)] // there are no pipes with a place among files elsewhere
    {
        let pipe = dir.path("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(refused(&with(&pipe)).contains("is no file"));
        // Windows does not even open one.
        assert!(refused(&with(&dir.path(""))).contains("is no file"));
    }
    fs::write(&file, "Authorization: Bearer secret").unwrap();
    let error = refused(&format!(
        "ws://me:secret@{addr}/?header_file={}",
        file.display()
    ));
    assert!(error.contains("take one of them away"), "{error}");
}

/// It has heard them, and must not have us write them into a log.
#[test]
fn a_server_that_shows_our_secrets() {
    let dir = OwnDir::new();
    let file = dir.path("headers");
    fs::write(&file, "Cookie: session=cookie-secret").unwrap();
    let file = file.display();
    for answer in [
        "HTTP/1.1 401 Unauthorized\r\n\r\ntoken-secret is no token, nor is cookie-secret\n",
        "HTTP/1.1 302 Found\r\nLocation: /login?back=token-secret\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /token-secret\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Protocol: token-secret\r\n\r\n",
    ] {
        let (addr, _seen, serving) = asked(answer);
        let error = refused(&format!(
            "ws://{addr}/?token=token-secret?header_file={file}"
        ));
        assert!(error.contains("the server"), "{error}");
        serving.join().unwrap();
    }
}
