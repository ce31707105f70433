//! Signed messages to and from a `Security` subclass for the Python original, twenty lines
//! made from `docs/security.md` alone.

use quickrpc::Error;
use quickrpc::security::SecurityError;
use quickrpc_tests::{KeyFile, Lab, LabInverse, inbox, serve};

use crate::{python, settled};

fn hub(keys: &KeyFile) -> Lab {
    Lab::builder()
        .security(keys.hmac("hub"))
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap()
}

#[test]
fn a_python_client() {
    let Some(python) = python() else { return };
    let keys = KeyFile::of(&["alice"]);
    let lab = hub(&keys);
    let _served = serve(&lab);
    let (seen, users) = inbox();
    lab.echo.connect(move |sender, _text| {
        seen.send(sender.secinfo()["user"].clone()).unwrap();
        None::<String>
    });
    let (here, came) = inbox();
    lab.on_connect(move |peer| here.send(peer.clone()).unwrap());
    lab.start().unwrap();
    let security = format!("{}&to=hub", keys.hmac("alice"));
    let transport = format!("tcp:{}", lab.local_addrs()[0]);
    let mut peer = python.client(&["--security", &security], &transport, "jrpc");
    assert_eq!(peer.result("add a=2 b=3"), 5);
    assert_eq!(peer.result("echo text='h\u{e4}'"), "h\u{e4}");
    assert_eq!(users.next(), "alice");
    let error = peer.outcome("fail message='no luck'");
    assert_eq!(error["message"], "no luck");
    // We ask, it answers; and a broadcast.
    let client = came.next();
    assert_eq!(settled(lab.to(&client).question("abc")).unwrap(), "cba");
    lab.all().notified("news").unwrap();
    assert_eq!(peer.expect("notified")["text"], "news");
}

/// It signs on two threads, and each of its messages still counts.
#[test]
fn a_python_client_calls_and_answers_at_once() {
    const COUNT: usize = 100;
    let Some(python) = python() else { return };
    let keys = KeyFile::of(&["alice"]);
    let lab = hub(&keys);
    let _served = serve(&lab);
    let (failed, trouble) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| failed.send(error.clone()).unwrap());
    let (here, came) = inbox();
    lab.on_connect(move |peer| here.send(peer.clone()).unwrap());
    lab.start().unwrap();
    let security = format!("{}&to=hub", keys.hmac("alice"));
    let transport = format!("tcp:{}", lab.local_addrs()[0]);
    let options = ["--dawdle", "--timeout", "5", "--security", &security];
    let mut peer = python.client(&options, &transport, "jrpc");
    let client = lab.to(came.next());
    for _ in 0..COUNT {
        peer.command("add a=2 b=3");
    }
    for _ in 0..COUNT {
        let answer = settled(client.question("abc"));
        assert_eq!(
            answer.ok().as_deref(),
            Some("cba"),
            "{:?}",
            trouble.so_far()
        );
    }
    for _ in 0..COUNT {
        let sum = peer.expect_one_of(&["result", "timeout"]);
        assert_eq!(sum["value"], 5, "{sum}: {:?}", trouble.so_far());
    }
    let trouble = trouble.so_far();
    assert!(trouble.is_empty(), "{trouble:?}");
}

#[test]
fn a_python_server() {
    let Some(python) = python() else { return };
    let keys = KeyFile::of(&["alice"]);
    let security = format!("{}&to=alice", keys.hmac("hub"));
    let (peer, addr) = python.server(&["--security", &security], "jrpc");
    // One connection after the other: the original knows no peers.
    for _ in 0..2 {
        let caller = LabInverse::builder()
            .security(format!("{}&to=hub", keys.hmac("alice")))
            .transport(format!("tcp:{addr}"))
            .build()
            .unwrap();
        let (heard, notes) = inbox();
        caller.notified.connect(move |sender, text| {
            let user = sender.secinfo()["user"].clone();
            heard.send((user, text.to_owned())).unwrap();
        });
        caller.start().unwrap();
        assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
        assert_eq!(settled(caller.all().echo("h\u{e4}")).unwrap(), "h\u{e4}");
        let Err(Error::Call(error)) = settled(caller.all().fail("no luck")) else {
            panic!("an error was asked for");
        };
        assert_eq!(error.message, "no luck");
        caller.all().notify("news").unwrap();
        assert_eq!(notes.next(), ("hub".into(), "news".into()));
    }
    assert_eq!(peer.expect("call")["method"], "add");
}

#[test]
fn a_python_client_with_another_key_is_refused() {
    let Some(python) = python() else { return };
    let lab = hub(&KeyFile::of(&["alice"]));
    let served = serve(&lab);
    let (failed, errors) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| failed.send(error.clone()).unwrap());
    lab.start().unwrap();
    let wrong = KeyFile::with(&KeyFile::table("alice", "bob", ""));
    let security = format!("{}&to=hub", wrong.hmac("alice"));
    let transport = format!("tcp:{}", lab.local_addrs()[0]);
    let mut peer = python.client(&["--security", &security], &transport, "jrpc");
    peer.command("notify text=x");
    let error = errors.next();
    assert!(
        matches!(error, Error::Security(SecurityError::InvalidSignature(_))),
        "{error:?}"
    );
    assert!(served.notes.so_far().is_empty());
}
