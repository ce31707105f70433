//! The terse format between both: notifications only, since the original's calls with
//! reply do not work even with itself.

use quickrpc_tests::{LabInverse, inbox, server};

use crate::python;

/// Texts that the original's grammar carries unharmed.
const TEXTS: [&str; 5] = [
    "",
    "hello",
    "h\u{e4}\u{1f600}",
    "a:1 b:[2]",
    "\"quoted\"\nline",
];

#[test]
fn a_python_client_notifies() {
    let Some(python) = python() else { return };
    let (_lab, addr, served) = server("terse");
    let mut peer = python.client(&[], &format!("tcp:{addr}"), "terse");
    for text in ["hello", "h\u{e4}", "a:1 b:[2]"] {
        peer.command(&format!("notify text='{text}'"));
        assert_eq!(served.notes.next().1, text);
        assert_eq!(peer.expect("notified")["text"], text);
    }
}

/// It logs them, and goes on.
#[test]
fn a_python_client_survives_answers_for_people() {
    let Some(python) = python() else { return };
    let (_lab, addr, served) = server("terse");
    let mut peer = python.client(&[], &format!("tcp:{addr}"), "terse");
    let wrong = [
        r"no_such text:\x22x\x22\n",
        r"no_such \x22a:\x5c\n",
        r"notify txet:\x22x\x22\n",
        r"notify text:\n",
        r"notify 1 2 \x22 :\n",
    ];
    for (number, line) in wrong.into_iter().enumerate() {
        peer.command(&format!("raw {line}"));
        let text = format!("after {number}");
        peer.command(&format!("notify text='{text}'"));
        assert_eq!(served.notes.next().1, text);
        assert_eq!(peer.expect("notified")["text"], text);
    }
}

#[test]
fn a_python_server_is_notified() {
    let Some(python) = python() else { return };
    let (peer, addr) = python.server(&[], "terse");
    let caller = LabInverse::bind("terse", format!("tcp:{addr}").as_str()).unwrap();
    let (seen, log) = inbox();
    caller
        .notified
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    caller.start().unwrap();
    for text in TEXTS {
        caller.all().notify(text).unwrap();
        assert_eq!(peer.expect("call")["text"], text);
        assert_eq!(log.next(), text);
    }
}

#[test]
fn what_the_original_writes_for_a_call_is_answered() {
    let Some(python) = python() else { return };
    let (_lab, addr, served) = server("terse");
    let mut peer = python.client(&["--timeout", "0.2"], &format!("tcp:{addr}"), "terse");
    // It writes `add/1 a:2 b:3`, and cannot read the answer. Nothing breaks by that.
    assert_eq!(peer.outcome("add a=2 b=3")["event"], "timeout");
    peer.command("notify text=after");
    assert_eq!(served.notes.next().1, "after");
    assert_eq!(peer.expect("notified")["text"], "after");
}
