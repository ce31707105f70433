//! Who may connect, by a file of keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quickrpc::Error;
use quickrpc_tests::{Lab, LabInverse, OwnDir};

use super::{Poster, add, sum};

const ALICE: &str = "YWxpY2VhbGljZWFsaWNlYWxpY2U=";
const BOB: &str = "Ym9iYm9iYm9iYm9iYm9iYm9i";

/// A server that lets in who has a key, and says who that is.
fn server(dir: &OwnDir) -> (Lab, std::net::SocketAddr) {
    let file = dir.path("keys.toml");
    let text = format!(
        "[users.alice]\nkeys = [\"{ALICE}\"]\nroles = [\"admin\"]\n\n\
         [users.bob]\nkeys = [\"{BOB}\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let transport = format!("wsserv:127.0.0.1:0?keys={}", file.display());
    let api = Lab::bind("jrpc", transport.as_str()).unwrap();
    api.add.connect(|_sender, a, b| a + b);
    api.echo.connect(|sender, text| {
        let info = sender.secinfo();
        let known = |key: &str| info.get(key).cloned().unwrap_or_default();
        format!("{text} {} {}", known("user"), known("roles"))
    });
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    (api, addr)
}

fn echo() -> serde_json::Value {
    serde_json::json!({"jsonrpc": "2.0", "method": "echo", "params": ["it is"], "id": 1})
}

fn basic(user: &str, password: &str) -> String {
    let login = STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {login}\r\n")
}

#[test]
fn each_request_says_who_posts_it() {
    let dir = OwnDir::new();
    let (_api, addr) = server(&dir);
    let mut poster = Poster::connect(addr);
    for (headers, who) in [
        (basic("alice", ALICE), "it is alice admin"),
        (format!("Authorization: Bearer {BOB}\r\n"), "it is bob "),
        (
            format!("Authorization: bearer {ALICE}\r\n"),
            "it is alice admin",
        ),
    ] {
        let answer = poster.post_with(&headers, echo()).json();
        assert_eq!(answer["result"], who);
    }
}

#[test]
fn who_shows_no_key_is_told_so() {
    let dir = OwnDir::new();
    let (api, addr) = server(&dir);
    let twice = format!("Authorization: Bearer {ALICE}\r\n").repeat(2);
    for headers in [
        String::new(),
        basic("alice", BOB),
        basic("carol", ALICE),
        String::from("Authorization: Bearer abc\r\n"),
        String::from("Authorization: Digest x\r\n"),
        twice,
    ] {
        let mut poster = Poster::connect(addr);
        let response = poster.post_with(&headers, echo());
        assert_eq!(response.status, 401, "{headers}");
        // Each scheme has a line of its own: browsers ask nobody for a password otherwise.
        let schemes = response.head.lines();
        let schemes = schemes.filter_map(|line| line.strip_prefix("www-authenticate: "));
        let schemes: Vec<&str> = schemes.collect();
        assert_eq!(
            schemes,
            ["basic realm=\"quickrpc\", charset=\"utf-8\"", "bearer"],
            "{response:?}"
        );
        assert!(!response.body.contains(ALICE), "{response:?}");
        poster.end();
    }
    // A page that may post can read it, too.
    for (page, reads) in [
        ("http://localhost:3000", true),
        ("http://evil.example", false),
    ] {
        let response = Poster::connect(addr).post_with(&format!("Origin: {page}\r\n"), echo());
        assert_eq!(response.status, 401);
        let allowed = format!("access-control-allow-origin: {page}\r\n");
        assert_eq!(response.head.contains(&allowed), reads, "{response:?}");
    }
    // Nor does a connection vouch for what comes later on it.
    let mut poster = Poster::connect(addr);
    poster.post_with(&basic("alice", ALICE), add(1, 1, 1));
    assert_eq!(poster.post(add(1, 1, 1)).status, 401);
    poster.end();
    quickrpc_tests::eventually("nobody is a peer", || api.peers().is_empty());
}

#[test]
fn web_sockets_need_the_same_key() {
    let dir = OwnDir::new();
    let (_api, addr) = server(&dir);
    let refused = LabInverse::bind("jrpc", format!("ws://{addr}/").as_str()).unwrap();
    let Err(Error::Start { reason, .. }) = refused.start() else {
        panic!("it is let in");
    };
    assert!(reason.contains("401"), "{reason}");
    let password = ALICE.replace('=', "%3D");
    let client = LabInverse::bind("jrpc", format!("ws://alice:{password}@{addr}/").as_str());
    let client = client.unwrap();
    client.start().unwrap();
    assert_eq!(
        client.all().echo("it is").result().unwrap(),
        "it is alice admin"
    );
    // Both are there at once.
    let mut poster = Poster::connect(addr);
    let headers = basic("bob", BOB);
    assert_eq!(poster.post_with(&headers, add(2, 3, 1)).json(), sum(5, 1));
}
