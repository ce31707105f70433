//! What a browser sees of a server before it is a peer: pages, files, and refusals.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use quickrpc_tests::{KeyFile, Lab, OwnDir, SOON, Telnet, eventually, server_on};

use super::{Other, SERVER, echo, reply, server};

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
        ("POST / HTTP/1.1\r\n\r\n", "411", "without a body"),
        ("PUT / HTTP/1.1\r\n\r\n", "405", "with POST"),
        ("POST /x HTTP/1.1\r\n\r\n", "405", "GET or HEAD"),
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
fn the_keys_of_a_security_provider_are_no_files() {
    let dir = OwnDir::new();
    let keys = KeyFile::of(&["alice"]);
    fs::copy(keys.path(), dir.path("keys.toml")).unwrap();
    symlink("keys.toml", dir.path("alias.toml")).unwrap();
    fs::write(dir.path("page.txt"), "the page").unwrap();
    let api = Lab::builder()
        .security(format!(
            "hmac:hub?keys={}",
            dir.path("alias.toml").display()
        ))
        .transport(format!("{SERVER}?files={}", dir.path("").display()))
        .build()
        .unwrap();
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    for (path, status) in [("page.txt", 200), ("keys.toml", 404), ("alias.toml", 404)] {
        let (head, _) = fetch(
            addr,
            &format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        );
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {head}"
        );
    }
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
fn a_page_shows_the_api_where_that_was_asked_for() {
    let dir = OwnDir::new();
    fs::write(dir.path("index.html"), "mine").unwrap();
    let files = format!("{SERVER}?inspect=on&files={}", dir.path("").display());
    let wire = "wsserv:127.0.0.1:0/rpc?inspect=on";
    for (transport, pages, others, path) in [
        (SERVER.to_owned(), &[][..], &["/", "/inspect"][..], "/"),
        (
            format!("{SERVER}?inspect=on"),
            &["/", "/inspect"],
            &["/x"],
            "/",
        ),
        (wire.to_owned(), &["/rpc", "/inspect"], &["/"], "/rpc"),
        (files, &["/inspect"], &["/"], "/"),
    ] {
        let (_api, addr, _served) = server_on("jrpc", &transport);
        let get = |path: &str, host: &str| {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            fetch(addr, &request)
        };
        for page in pages {
            let (head, body) = get(page, &addr.to_string());
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{page}: {head}");
            assert!(head.contains("frame-ancestors 'none'"), "{head}");
            assert!(head.contains("\r\nX-Frame-Options: DENY\r\n"), "{head}");
            assert!(body.contains("<title>API</title>"), "{page}");
            let wire = format!("<meta name=\"wire\" content=\"{path}\">");
            assert!(body.contains(&wire), "{body}");
            // Its name was bound to this address.
            let (head, _) = get(page, "evil.example");
            assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
        }
        for other in others {
            assert!(!get(other, "localhost").1.contains("<title>API</title>"));
        }
    }
}

#[test]
fn the_page_that_shows_the_api_needs_a_wire_that_it_can_speak_to() {
    for codec in ["terse", "custom"] {
        let codec = codec.replace("custom", "jrpc:content-length");
        let made = Lab::bind(&*codec, "wsserv:127.0.0.1:0?inspect=on");
        match (codec.as_str(), made) {
            ("terse", made) => {
                let error = made.unwrap_err().to_string();
                assert!(error.contains("`inspect` speaks `jrpc`"), "{error}");
            }
            // What frames streams makes no difference here.
            (_, made) => drop(made.unwrap()),
        }
    }
    for origins in ["*", "null", "http://a.example,null"] {
        let transport = format!("wsserv:127.0.0.1:0?inspect=on&origins={origins}");
        let error = Lab::bind("jrpc", transport).unwrap_err().to_string();
        assert!(error.contains("list the origins that may"), "{error}");
    }
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

/// What is no file among the files does not exist, and holds up nobody.
#[test]
fn pipes_and_sockets_are_no_files() {
    let dir = OwnDir::new();
    let pipe = Command::new("mkfifo").arg(dir.path("pipe.txt")).status();
    assert!(pipe.unwrap().success());
    let _socket = UnixListener::bind(dir.path("socket.txt")).unwrap();
    let root = dir.path("");
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?files={}", root.display()));
    for name in ["pipe.txt", "socket.txt"] {
        let (head, _) = fetch(addr, &format!("GET /{name} HTTP/1.1\r\n\r\n"));
        assert!(head.starts_with("HTTP/1.1 404 "), "{name}: {head}");
    }
}

/// Its place among the connections is free long before the time for a greeting is over.
#[test]
fn who_does_not_read_a_file_is_given_up() {
    let dir = OwnDir::new();
    fs::write(dir.path("big.bin"), vec![7; 8 << 20]).unwrap();
    let root = dir.path("");
    let options = format!(
        "?files={}&stall=50ms&connections=3&greeting=600",
        root.display()
    );
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}{options}"));
    let mut client = Other::connect(addr);
    let lazy = [(); 2].map(|()| {
        let mut lazy = Telnet::narrow(addr);
        lazy.send("GET /big.bin HTTP/1.1\r\n\r\n");
        assert_eq!(lazy.line(), "HTTP/1.1 200 OK\r");
        lazy
    });
    eventually("there is room again", || {
        let mut next = Telnet::connect(addr);
        next.try_send("GET /nothing HTTP/1.1\r\n\r\n") && next.try_read()
    });
    client.say(echo("a", 1));
    assert_eq!(client.json(), reply("a", 1));
    drop(lazy);
}

/// Its length was promised, so the end of the connection tells that it is not what it was.
#[test]
fn a_file_that_shrinks_while_it_is_sent() {
    let dir = OwnDir::new();
    let name = dir.path("big.bin");
    fs::write(&name, vec![7; 8 << 20]).unwrap();
    let root = dir.path("");
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?files={}", root.display()));
    let mut client = Telnet::narrow(addr);
    client.send("GET /big.bin HTTP/1.1\r\n\r\n");
    assert_eq!(client.line(), "HTTP/1.1 200 OK\r");
    fs::write(&name, "short").unwrap();
    client.expect_closed();
    let (_, body) = fetch(addr, "GET /big.bin HTTP/1.1\r\n\r\n");
    assert_eq!(body, "short");
}

/// What a handshake with these headers beside the usual ones gets.
fn handshake(addr: SocketAddr, headers: &[&str]) -> String {
    let mut client = Telnet::connect(addr);
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: {addr}\r\n{}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        headers.join("\r\n")
    ));
    let mut head = String::new();
    loop {
        match client.line().as_str() {
            "\r" => return head,
            line => head.push_str(&format!("{line}\n")),
        }
    }
}

/// A list may stand on several lines, have empty elements and blanks of both kinds (RFC 9110,
/// sections 5.3 and 5.6.1); proxies and browsers make use of that.
#[test]
fn lists_in_the_headers_of_a_handshake() {
    let (_api, addr, _served) = server_on("jrpc", &format!("{SERVER}?subprotocol=lab"));
    for (headers, status) in [
        (
            &[
                "Connection: keep-alive",
                "Connection: Upgrade",
                "Upgrade: websocket",
            ][..],
            "101",
        ),
        (
            &[
                "Connection: Upgrade",
                "Connection: keep-alive",
                "Upgrade: websocket",
            ],
            "101",
        ),
        (&["Connection: Upgrade", "Upgrade: websocket, foo"], "101"),
        (
            &[
                "Connection: Upgrade",
                "Upgrade: foo/1",
                "Upgrade: WebSocket",
            ],
            "101",
        ),
        (
            &["Connection:\t,, upgrade\t,", "Upgrade: ,foo,\twebsocket"],
            "101",
        ),
        (&["Connection: keep-alive", "Upgrade: websocket"], "400"),
        (&["Connection: no-upgrade", "Upgrade: websocket"], "400"),
        (&["Upgrade: websocket"], "400"),
        (&["Connection: Upgrade", "Upgrade: websockets"], "426"),
    ] {
        let answer = handshake(addr, headers);
        let begins = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&begins), "{headers:?}: {answer}");
        let upgraded = answer.contains("\nUpgrade: websocket\r\nSec-WebSocket-Accept: ");
        assert_eq!(upgraded, status == "101", "{headers:?}: {answer}");
    }
    let usual = ["Connection: Upgrade", "Upgrade: websocket"];
    for (lines, agreed) in [
        (&["Sec-WebSocket-Protocol: other, lab"][..], true),
        (
            &[
                "Sec-WebSocket-Protocol: other",
                "Sec-WebSocket-Protocol: lab",
            ],
            true,
        ),
        (&["Sec-WebSocket-Protocol: other"], false),
        // Extensions are not wanted, however they are offered.
        (
            &[
                "Sec-WebSocket-Extensions: permessage-deflate",
                "Sec-WebSocket-Extensions: x; y=\"a, b\"",
            ],
            false,
        ),
    ] {
        let answer = handshake(addr, &[&usual[..], lines].concat());
        assert!(answer.starts_with("HTTP/1.1 101 "), "{lines:?}: {answer}");
        let says = answer.contains("\nSec-WebSocket-Protocol: lab\r\n");
        assert_eq!(says, agreed, "{lines:?}: {answer}");
        assert!(!answer.contains("Extensions"), "{answer}");
    }
}
