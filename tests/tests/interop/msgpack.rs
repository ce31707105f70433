//! MessagePack-RPC with two implementations in Python: that of its authors, for which texts and
//! bytes are the same, and that of pynvim, which calls both ways. For Neovim itself, see `neovim`.

use quickrpc::{Error, remote_api};
use quickrpc_tests::{Event, Lab, LabInverse, OwnPort, Peer, Python, inbox};
use serde_json::json;

use crate::settled;

/// Nothing but what is called: such a client closes the connection at a notification.
#[remote_api]
trait Desk {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn echo(&self, text: &str) -> String;
    #[incoming]
    fn blob(&self, data: &[u8]) -> Vec<u8>;
    #[incoming]
    fn fail(&self, message: &str) -> ();
    #[incoming]
    fn notify(&self, text: &str);
}

/// How a call of the counterpart went.
#[track_caller]
fn of_call(peer: &Peer, kind: &str, method: &str) -> Event {
    let event = peer.expect_one_of(&["result", "failed"]);
    assert_eq!(
        (&event["event"], &event["of"]),
        (&json!(kind), &json!(method)),
        "{event}"
    );
    event
}

#[test]
fn a_client_of_its_authors() {
    let Some(python) = Python::with_msgpackrpc(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let desk = Desk::bind("msgpack", "tcpserv:127.0.0.1:0").unwrap();
    desk.add.connect(|_sender, a, b| a + b);
    desk.echo.connect(|_sender, text| text.to_owned());
    desk.blob.connect(|_sender, data| data.to_vec());
    desk.fail
        .connect(|_sender, message| Err::<(), _>(message.to_owned()));
    let (noted, notes) = inbox();
    desk.notify.connect(move |_sender, text| {
        let _ = noted.send(text.to_owned());
    });
    desk.start().unwrap();
    let port = desk.local_addrs()[0].port().to_string();
    let peer = Peer::start(python.script("msgpackrpc_peer.py").args(["client", &port]));
    let result = |of: &str| of_call(&peer, "result", of);
    assert_eq!(result("add")["value"], 5);
    assert_eq!(result("echo")["value"], "ä\u{1f600}");
    assert_eq!(result("blob")["value"], "\u{0}\u{1}\u{2}");
    let error = |of: &str| of_call(&peer, "failed", of)["error"].clone();
    assert_eq!(error("fail"), "no luck");
    assert_eq!(error("missing"), "-32601: unknown method `missing`");
    assert_eq!(notes.next(), "from python");
    let doubled: Vec<i64> = (0..100).map(|n| 2 * n).collect();
    assert_eq!(peer.expect("many")["values"], json!(doubled));
    peer.expect("done");
}

#[test]
fn a_server_of_its_authors() {
    let Some(python) = Python::with_msgpackrpc(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let own = OwnPort::new();
    let port = own.addr().port().to_string();
    let peer = Peer::start(python.script("msgpackrpc_peer.py").args(["server", &port]));
    peer.expect("ready");
    let client = LabInverse::bind("msgpack", format!("tcp:127.0.0.1:{port}")).unwrap();
    client.start().unwrap();
    let lab = client.all();
    assert_eq!(settled(lab.add(2, 3)).unwrap(), 5);
    assert_eq!(settled(lab.echo("ä")).unwrap(), "ä");
    match settled(lab.fail("no luck")).unwrap_err() {
        Error::Call(error) => assert_eq!((error.code, &*error.message), (-32000, "no luck")),
        other => panic!("{other:?}"),
    }
    let error = settled(lab.ask("x")).unwrap_err();
    assert!(error.to_string().contains("method not found"), "{error}");
    lab.notify("from rust").unwrap();
    assert_eq!(peer.expect("notified")["text"], "from rust");
    let promises: Vec<_> = (0..100).map(|n| lab.add(n, n)).collect();
    for (n, promise) in (0..100).zip(promises) {
        assert_eq!(settled(promise).unwrap(), 2 * n);
    }
}

#[test]
fn pynvim_calls_and_is_called() {
    let Some(python) = Python::with_pynvim(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let lab = Lab::bind("msgpack", "tcpserv:127.0.0.1:0").unwrap();
    let _served = quickrpc_tests::serve(&lab);
    let (here, came) = inbox();
    lab.on_connect(move |sender| {
        let _ = here.send(sender.clone());
    });
    lab.start().unwrap();
    let port = lab.local_addrs()[0].port().to_string();
    let peer = Peer::start(python.script("pynvim_peer.py").arg(port));
    let sender = came.next();
    assert_eq!(of_call(&peer, "result", "add")["value"], 5);
    // The hub asks it while it waits.
    assert_eq!(of_call(&peer, "result", "ask")["value"], "cba");
    assert_eq!(of_call(&peer, "failed", "fail")["error"], "no luck");
    peer.expect("done");
    let to = lab.to(&sender);
    assert_eq!(settled(to.question("äbc")).unwrap(), "cbä");
    match settled(to.question("fail")).unwrap_err() {
        Error::Call(error) => assert_eq!((error.code, &*error.message), (-32000, "no")),
        other => panic!("{other:?}"),
    }
    to.notified("stop").unwrap();
    let event = peer.expect("notified");
    assert_eq!(event["args"], json!(["stop"]));
}
