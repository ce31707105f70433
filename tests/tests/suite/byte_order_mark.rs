//! Programs of Windows above all begin a text, or each text that they write, with a byte order
//! mark. It means nothing in UTF-8, and costs neither a message nor a connection.

use std::fs;
use std::net::SocketAddr;

use quickrpc_tests::{
    DatagramPort, KeyFile, Lab, LabInverse, OwnDir, Telnet, register_lists, serve, server,
    server_on,
};
use serde_json::json;

use crate::settled;

const MARK: &str = "\u{feff}";

fn add(id: i64) -> String {
    let params = json!({"a": id, "b": 1});
    json!({"jsonrpc": "2.0", "method": "add", "params": params, "id": id}).to_string()
}

fn sum(id: i64) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{},"id":{id}}}"#, id + 1)
}

/// A started server that fails the test when it sees any trouble.
fn calm(codec: &str) -> (Lab, SocketAddr) {
    let (lab, addr, _served) = server(codec);
    lab.on_error(|_peer, error, _method| panic!("{error}"));
    (lab, addr)
}

#[test]
fn before_each_message_of_a_stream() {
    let (lab, addr) = calm("jrpc");
    let mut peer = Telnet::connect(addr);
    for id in 1..=3 {
        // The second has blanks as well, and the form that this library does not write.
        let call = match id {
            2 => format!("{MARK} \n{}", add(id).replace(':', " : ")),
            _ => format!("{MARK}{}", add(id)),
        };
        peer.send(call + "\0");
        assert_eq!(peer.until(0), sum(id).as_bytes());
    }
    // In the form of this library, which is told at a glance.
    let own = r#"{"jsonrpc":"2.0","method":"add","params":{"a":4,"b":1},"id":4}"#;
    peer.send(format!("{MARK}{own}\0{MARK}\0{MARK}[{}]\0", add(5)));
    assert_eq!(peer.until(0), sum(4).as_bytes());
    assert_eq!(peer.until(0), format!("[{}]", sum(5)).as_bytes());
    // As an answer.
    let peers = lab.peers();
    let promise = lab.to(&peers[0]).question("x");
    let asked: serde_json::Value = serde_json::from_slice(&peer.until(0)).unwrap();
    let id = &asked["id"];
    peer.send(format!(
        "{MARK}{{\"jsonrpc\":\"2.0\",\"result\":\"y\",\"id\":{id}}}\0"
    ));
    assert_eq!(settled(promise).unwrap(), "y");
}

#[test]
fn byte_by_byte() {
    for codec in ["jrpc", "jrpc:\\r\\n", "jrpc:content-length", "terse"] {
        let (_lab, addr) = calm(codec);
        let mut peer = Telnet::connect(addr);
        let (call, answer) = match codec {
            "jrpc" => (format!("{MARK}{}\0", add(1)), sum(1) + "\0"),
            "terse" => (format!("{MARK}add[1] a:1 b:1\n"), String::from("[1]:2\n")),
            "jrpc:\\r\\n" => (format!("{MARK}{}\r\n", add(1)), sum(1) + "\r\n"),
            _ => (
                format!("{MARK}Content-Length: {}\r\n\r\n{}", add(1).len(), add(1)),
                format!("Content-Length: {}\r\n\r\n{}", sum(1).len(), sum(1)),
            ),
        };
        peer.send_bytewise(call);
        let last = *answer.as_bytes().last().unwrap();
        assert_eq!(
            peer.until(last),
            &answer.as_bytes()[..answer.len() - 1],
            "{codec}"
        );
    }
}

#[test]
fn before_the_headers_and_before_the_text_that_they_announce() {
    let (_lab, addr) = calm("jrpc:content-length");
    let mut peer = Telnet::connect(addr);
    for id in 1..=3 {
        let text = format!("{MARK}{}", add(id));
        peer.send(format!(
            "{MARK}Content-Length: {}\r\n\r\n{text}",
            text.len()
        ));
        assert_eq!(peer.announced(), sum(id));
    }
    // A program that writes a line end behind each message, in a writer of its own.
    peer.send(format!(
        "{MARK}\r\nContent-Length: {}\r\n\r\n{}",
        add(4).len(),
        add(4)
    ));
    assert_eq!(peer.announced(), sum(4));
}

#[test]
fn before_what_people_type() {
    let (_lab, addr) = calm("terse");
    let mut person = Telnet::connect(addr);
    person.send(format!(
        "{MARK}add[1] a:1 b:1\n{MARK}\n{MARK}  add[2] a:2 b:1\r\n"
    ));
    assert_eq!(person.line(), "[1]:2");
    assert_eq!(person.line(), "[2]:3");
}

#[test]
fn in_datagrams() {
    for codec in ["jrpc", "terse", "jrpc:content-length"] {
        let port = DatagramPort::new();
        let lab = Lab::bind(codec, port.wire(1)).unwrap();
        let _served = serve(&lab);
        lab.on_error(|_peer, error, _method| panic!("{error}"));
        lab.start().unwrap();
        let raw = port.raw(2);
        let (call, answer) = match codec {
            "jrpc" => (add(1) + "\0", sum(1) + "\0"),
            "terse" => (String::from("add[1] a:1 b:1\n"), String::from("[1]:2\n")),
            _ => (
                format!("Content-Length: {}\r\n\r\n{}", add(1).len(), add(1)),
                format!("Content-Length: {}\r\n\r\n{}", sum(1).len(), sum(1)),
            ),
        };
        // Alone, and before each of two messages.
        raw.send(1, format!("{MARK}{call}"));
        assert_eq!(raw.receive(), answer, "{codec}");
        raw.send(1, format!("{MARK}{call}{MARK}{call}"));
        assert_eq!(raw.receive(), answer, "{codec}");
        assert_eq!(raw.receive(), answer, "{codec}");
    }
}

#[test]
fn before_the_text_of_a_plug_in() {
    register_lists();
    let (_lab, addr) = calm("lists:;");
    let mut peer = Telnet::connect(addr);
    peer.send(format!(
        "{MARK}[\"call\",\"add\",{{\"a\":1,\"b\":1}},1];{MARK};"
    ));
    assert_eq!(peer.until(b';'), b"[\"reply\",1,2]");
}

#[test]
fn before_a_header_of_security() {
    let lab = Lab::builder()
        .codec("jrpc")
        .security("blindly_believe_everything:hub")
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let mut peer = Telnet::connect(lab.local_addrs()[0]);
    let header = r#"{"jsonrpc":"2.0","method":"rpc.secinfo","params":{"user":"jo"}}"#;
    peer.send(format!("{MARK}{header}\0{MARK}{}\0", add(1)));
    let answered = String::from_utf8(peer.until(0)).unwrap();
    assert!(answered.contains("rpc.secinfo"), "{answered}");
    assert_eq!(peer.until(0), sum(1).as_bytes());
}

#[test]
fn in_files_of_secrets() {
    let dir = OwnDir::new();
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
    let keys = KeyFile::with(&format!("{MARK}[users.alice]\nkeys = [\"{secret}\"]\n"));
    let security = keys.hmac("alice");
    let built = Lab::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .security(security.as_str())
        .build();
    built.unwrap();

    let (marked, plain) = (dir.path("marked"), dir.path("plain"));
    fs::write(&marked, format!("{MARK}s3cret\r\n")).unwrap();
    fs::write(&plain, "s3cret\n").unwrap();
    let codec = format!("zonis?secret_file={}", marked.display());
    let (_api, addr, _served) = server_on(&codec, "wsserv:127.0.0.1:0");
    let codec = format!("zonis:cog?secret_file={}", plain.display());
    let cog = LabInverse::bind(codec.as_str(), format!("ws:{addr}")).unwrap();
    cog.start().unwrap();
    assert_eq!(settled(cog.all().add(1, 2)).unwrap(), 3);

    // The mark of another encoding is the reason of an error.
    let utf16 = |text: &str| -> Vec<u8> {
        let text = format!("{MARK}{text}");
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    fs::write(keys.path(), utf16("[users.alice]\n")).unwrap();
    let built = Lab::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .security(security.as_str())
        .build();
    let error = built.unwrap_err().to_string();
    assert!(
        error.contains("keys.toml") && error.contains("UTF-16"),
        "{error}"
    );
    fs::write(&plain, utf16("s3cret")).unwrap();
    let error = LabInverse::bind(codec.as_str(), "ws:localhost:1").unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("plain") && error.contains("UTF-16"),
        "{error}"
    );
}
