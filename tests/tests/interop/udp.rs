//! Calls over UDP, in both roles. The original binds all addresses and sends from
//! 127.0.0.1; we are 127.0.0.2.

use quickrpc::{CallError, Error};
use quickrpc_tests::{DatagramPort, Lab, LabInverse, inbox, serve};

use crate::{python, settled};

#[test]
fn a_python_service_is_called() {
    let Some(python) = python() else { return };
    let port = DatagramPort::new();
    let peer = python.peer(&["server", &format!("udp:{}", port.number()), "jrpc"]);
    peer.expect("ready");
    let caller = LabInverse::bind("jrpc", port.wire(2)).unwrap();
    let (seen, heard) = inbox();
    caller
        .notified
        .connect(move |sender, text| seen.send((sender.to_string(), text.to_owned())).unwrap());
    caller.start().unwrap();
    let one = caller.to("127.0.0.1");
    assert_eq!(settled(one.add(2, 3)).unwrap(), 5);
    assert_eq!(peer.expect("call")["sender"], "127.0.0.2");
    assert_eq!(
        settled(one.echo("h\u{e4}\u{1f600}")).unwrap(),
        "h\u{e4}\u{1f600}"
    );
    let error = settled(one.fail("no")).unwrap_err();
    assert!(
        matches!(&error, Error::Call(CallError { code: 0, .. })),
        "{error:?}"
    );
    // Its answer to this is a broadcast.
    one.notify("hello").unwrap();
    let from = (String::from("127.0.0.1"), String::from("hello"));
    assert_eq!(heard.next(), from);
    // A broadcast call is answered by whom it concerns.
    assert_eq!(settled(caller.all().add(20, 3)).unwrap(), 23);
    // The longest that it reads.
    let around = r#"{"jsonrpc": "2.0", "method": "echo", "params": {"text": ""}, "id": 10}"#;
    let text = "x".repeat(2048 - around.len() - 1);
    for text in [text.as_str(), &text[1..]] {
        match settled(one.echo(text)) {
            Ok(echo) => assert_eq!(echo, text),
            Err(error) => assert!(matches!(error, Error::MessageTooLarge { .. }), "{error:?}"),
        }
    }
    assert_eq!(settled(one.add(1, 1)).unwrap(), 2);
}

#[test]
fn a_python_caller_is_answered() {
    let Some(python) = python() else { return };
    let port = DatagramPort::new();
    let lab = Lab::bind("jrpc", port.wire(2)).unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    let mut peer = python.client(&[], &format!("udp:{}", port.number()), "jrpc");
    assert_eq!(peer.result("add a=2 b=3 to=127.0.0.2"), 5);
    assert_eq!(
        peer.outcome("fail message=no to=127.0.0.2")["message"],
        "no"
    );
    peer.command("notify text=hello to=127.0.0.2");
    let note = (String::from("127.0.0.1"), String::from("hello"));
    assert_eq!(served.notes.next(), note);
    // What `serve` passes on is a broadcast, which we do not hear.
    assert_eq!(peer.expect("notified")["sender"], "127.0.0.2");
    // A broadcast, which the peer hears itself, and so do we.
    peer.command("notify text=all");
    assert_eq!(served.notes.next().1, "all");
}
