//! What is refused, and what is said then.

use quickrpc::dynamic::Api;
use quickrpc::{CallError, Value};

use crate::run::{Dir, quickrpc, run, says, tcp_lab};

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_says_why() {
    let dir = Dir::new();
    let folder = dir.path().display().to_string();
    let latin = dir.path().join("latin.toml");
    std::fs::write(&latin, b"[wire.lab]\ntransport = 'tcp:h\xf6r:1'\n").unwrap();
    let latin = latin.display().to_string();
    for (file, said) in [
        (folder.as_str(), "name a file in it"),
        (&latin, "save it as UTF-8"),
        ("/nonexistent/wires.toml", "name a file that exists"),
    ] {
        let ran = run(&["call", "--config", file, "@lab", "add"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{said} in {}", ran.stderr);
    }
}

#[cfg(unix)] // it has the permissions of files
#[test]
fn who_shows_no_key_is_told_how() {
    use std::os::unix::fs::PermissionsExt as _;

    let secret = "YWxpY2VhbGljZWFsaWNlYWxpY2U=";
    let dir = Dir::new();
    let keys = dir.file(
        "keys.toml",
        &format!("[users.alice]\nkeys = [\"{secret}\"]\n"),
    );
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600)).unwrap();
    let api = Api::builder()
        .transport(format!("wsserv:127.0.0.1:0?keys={keys}"))
        .build_dynamic()
        .unwrap();
    api.on("hello", |_sender, _args| Value::from("you"));
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let ran = run(&["call", &format!("ws://{addr}/"), "hello"]);
    assert!(ran.stderr.contains("answered 401"), "{}", ran.stderr);
    assert!(ran.stderr.contains("ws://<user>:<key>@"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("is it the path"), "{}", ran.stderr);
    let secret = secret.replace('=', "%3D");
    let told = says(&["call", &format!("ws://alice:{secret}@{addr}/"), "hello"]);
    assert_eq!(told, "\"you\"\n");
    let ran = run(&[
        "call",
        &format!("ws://alice:{secret}@{addr}/elsewhere"),
        "hello",
    ]);
    assert!(
        ran.stderr.contains("is it the path of a WebSocket"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_no_description_is_refused() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let dir = Dir::new();
    let lab = dir.file("lab.json", &says(&["describe", "--openrpc", &tcp]));
    assert_eq!(says(&["check", &lab, &tcp]), "the same\n");
    for (name, text, said) in [
        ("empty.json", "", "is empty"),
        ("other.json", "{\"methods\": {}}", "is no OpenRPC document"),
        ("list.json", "[]", "is no OpenRPC document"),
    ] {
        let file = dir.file(name, text);
        for args in [
            &["check", &file, &lab][..],
            &["check", &lab, &file],
            &["describe", &file],
            &["codegen", "rust", &file],
        ] {
            let ran = run(args);
            assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
            assert_eq!(ran.stdout, "", "{args:?}");
        }
    }
    // The answer of a service is no mistake of the command line.
    let api = Api::builder()
        .transport("tcpserv:127.0.0.1:0")
        .discover(false)
        .build_dynamic()
        .unwrap();
    api.on("rpc.discover", |_sender, _args| Value::from("nothing"));
    api.start().unwrap();
    let other = format!("tcp:{}", api.local_addrs()[0]);
    let ran = run(&["check", &other, &lab]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("is no OpenRPC document"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_document_may_be_that_of_a_method() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let said = says(&["describe", "--openrpc", &tcp, "measure"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["name"], "measure");
    assert_eq!(said["errors"][0]["code"], 404);
    let ran = run(&["describe", "--openrpc", &tcp, "ad"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean `add`?"), "{}", ran.stderr);
}

#[test]
fn who_does_not_greet_is_not_waited_for_longer_than_is_said() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ws = format!("ws://{}/", silent.local_addr().unwrap());
    let started = std::time::Instant::now();
    let ran = run(&["call", "--timeout", "300ms", &ws, "add"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    // The library by itself waits for ten.
    let took = started.elapsed();
    assert!(took < std::time::Duration::from_secs(9), "{took:?}");
}

#[test]
fn values_are_kept_or_refused() {
    let (lab, tcp) = tcp_lab("jrpc");
    says(&["set", &tcp, "voltage", "-5"]);
    assert_eq!(lab.voltage.get(), Some(-5.0));
    says(&["set", &tcp, "voltage", "-1.5", "--timeout", "5"]);
    assert_eq!(lab.voltage.get(), Some(-1.5));
    let deep = "[".repeat(130) + &"]".repeat(130);
    for (value, why) in [("1e400", "number out of range"), (&deep, "recursion limit")] {
        for args in [
            &["call", &tcp, "say", &format!("text={value}")][..],
            &["set", &tcp, "voltage", value],
        ] {
            let ran = run(args);
            assert_eq!(ran.code, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains(why), "{}", ran.stderr);
        }
    }
    says(&["call", &tcp, "say", "text=[1e400 is no JSON"]);
    let ran = run(&["seek", "--transport", &tcp]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("is none"), "{}", ran.stderr);
}

/// Over UDP nobody says that he is there before he says something.
#[test]
fn to_each_of_nobody_is_an_error() {
    let udp = "udp:0?bind=127.0.0.1&broadcast=127.255.255.255";
    let ran = run(&["call", "--each", "-c", "terse", udp, "add"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("hint: --each is for those"),
        "{}",
        ran.stderr
    );
}

/// What others say is shown, and does nothing to the terminal and to what the program itself says.
#[test]
fn words_of_others_have_no_effect() {
    let api = Api::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let said = "no\nhint: sudo this\u{1b}[2J\u{9b}1m";
    let shown = r"no\nhint: sudo this\u{1b}[2J\u{9b}1m";
    api.on("fail", move |_sender, _args| {
        Err::<Value, _>(CallError::new(7, said))
    });
    let teller = api.clone();
    api.on("start", move |sender, _args| {
        let args = Value::from_iter([("text\u{1b}", said)]);
        teller.to(sender).notify("tick\n", &args).unwrap();
        Value::from(said)
    });
    api.start().unwrap();
    let tcp = format!("tcp:{}", api.local_addrs()[0]);
    let ran = run(&["call", &tcp, "fail"]);
    assert_eq!(ran.stderr, format!("error: {shown} (code 7)\n"));
    let ran = run(&["call", "--each", &tcp, "fail"]);
    assert_eq!(ran.code, 1);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    // JSON stays JSON, and a program gets a text as it is.
    let json = says(&["call", &tcp, "start"]);
    assert!(!json.trim_end().contains(char::is_control), "{json}");
    assert_eq!(
        serde_json::from_str::<Value>(&json).unwrap(),
        Value::from(said)
    );
    assert_eq!(says(&["call", "--raw", &tcp, "start"]), format!("{said}\n"));
    let heard = says(&["listen", "--first", "start", "-n", "1", &tcp]);
    assert!(
        heard.ends_with("\n") && !heard.trim_end().contains(char::is_control),
        "{heard}"
    );
    assert!(heard.contains(r"tick\n text\u{1b}="), "{heard}");

    let dir = Dir::new();
    let old = r#"{"info": {"title": "T\u001b[2J", "version": "1\n", "description": "d\u001b\ne"}, "methods": [
        {"name": "m\u001b[2J\nn", "description": "x\u001b", "params": [
            {"name": "p\u001b", "description": "y\u001b", "schema": {"type": "t\u001b"}}]}],
        "x-properties": [{"name": "q\u001b", "description": "z\u009b", "schema": {"title": "u\u001b"}}]}"#;
    let old = dir.file("old.json", old);
    let new = dir.file("new.json", r#"{"methods": []}"#);
    let name = "m\u{1b}[2J\nn";
    for args in [
        &["describe", &old][..],
        &["describe", &old, name],
        &["describe", "--openrpc", &old],
        &["check", &old, &new],
        &["check", &new, &old],
    ] {
        let output = quickrpc(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("u{1b}") || text.contains("u001b"), "{text:?}");
        let has_effect = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(has_effect), "{args:?}: {text:?}");
    }
}

#[test]
fn who_goes_at_once_is_said_to_have_gone() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::SeqCst) {
                drop(listener.accept());
            }
        });
        // Before the call or within it.
        for _ in 0..5 {
            let ran = run(&["call", &format!("tcp:{addr}"), "add", "a=1"]);
            assert_eq!(ran.code, 3, "{}", ran.stderr);
            let said = format!("error: peer `{addr}` is disconnected: ");
            assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
        }
        ended.store(true, std::sync::atomic::Ordering::SeqCst);
        drop(std::net::TcpStream::connect(addr));
    });
}
