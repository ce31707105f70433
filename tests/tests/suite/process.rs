//! `process:`: a child's standard input and output as the wire.

use std::fs;
use std::io::ErrorKind;

use quickrpc::{DisconnectReason, Error, Sender, TransportState};
use quickrpc_tests::{Inbox, Lab, LabInverse, OwnDir, bounded, inbox, kill, serve};

use crate::settled;

const PROGRAM: &str = env!("CARGO_BIN_EXE_lab_stdio");

/// A child that runs a script; its calls are lines of terse.
fn shell(script: &str) -> String {
    assert!(!script.contains('\''));
    format!("process:(sh -c '{script}')")
}

/// A caller whose child is this script, and the reasons of its disconnections.
fn caller_of(script: &str) -> (LabInverse, Inbox<DisconnectReason>) {
    caller_over(&shell(script))
}

/// The same, with a child that is given little time to end.
fn caller_of_stubborn(script: &str) -> (LabInverse, Inbox<DisconnectReason>) {
    caller_over(&format!("{}?stop=3", shell(script)))
}

fn caller_over(transport: &str) -> (LabInverse, Inbox<DisconnectReason>) {
    let caller = LabInverse::bind("terse", transport).unwrap();
    let (gone, reasons) = inbox();
    caller.on_disconnect(move |_peer, reason| gone.send(reason.clone()).unwrap());
    (caller, reasons)
}

/// What a child tells with `notified`.
fn told(caller: &LabInverse) -> Inbox<String> {
    let (seen, texts) = inbox();
    caller
        .notified
        .connect(move |_sender, text| seen.send(text.to_owned()).unwrap());
    texts
}

#[track_caller]
fn stopped(caller: LabInverse) {
    bounded("stop", move || caller.stop()).unwrap();
}

/// Neither running nor a zombie.
#[track_caller]
fn is_gone(pid: &str) {
    assert!(
        !fs::exists(format!("/proc/{pid}")).unwrap(),
        "{pid} is left"
    );
}

#[track_caller]
fn status_of(reasons: &Inbox<DisconnectReason>) -> String {
    match reasons.next() {
        DisconnectReason::Transport(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_child_is_called() {
    for (codec, expression) in [
        ("jrpc", format!("process:({PROGRAM} jrpc)")),
        ("terse", format!("qprocess:[\"{PROGRAM}\" 'terse']")),
    ] {
        let caller = LabInverse::bind(codec, expression).unwrap();
        let texts = told(&caller);
        caller.start().unwrap();
        let names: Vec<String> = caller.peers().iter().map(Sender::to_string).collect();
        assert_eq!(names, ["lab_stdio"], "the program's file name");
        assert_eq!(caller.peers()[0].credentials(), None);
        let child = caller.to("lab_stdio");
        assert_eq!(settled(child.add(2, 3)).unwrap(), 5);
        child.notify("hello").unwrap();
        assert_eq!(texts.next(), "hello");
        let text = "x".repeat(1 << 20);
        assert!(settled(child.echo(&text)).unwrap() == text);
        stopped(caller);
    }
}

#[test]
fn a_child_calls() {
    let hub = Lab::bind(
        "terse",
        shell(r#"echo "add/1 a:1 b:2"; read answer; echo "notify text:\"$answer\"""#),
    )
    .unwrap();
    let served = serve(&hub);
    hub.start().unwrap();
    let note = served.notes.next();
    assert_eq!(note, (String::from("sh"), String::from("[1]:3")));
}

#[test]
fn the_words_are_those_of_a_shell() {
    let expression = r#"process:(sh -c 'for word; do echo "notify text:\"$word\""; done' - a "b  c" d\ e '*' "" $HOME)"#;
    let hub = Lab::bind("terse", expression).unwrap();
    let served = serve(&hub);
    hub.start().unwrap();
    let words: Vec<String> = served
        .notes
        .take(6)
        .into_iter()
        .map(|note| note.1)
        .collect();
    assert_eq!(words, ["a", "b  c", "d e", "*", "", "$HOME"]);
}

#[test]
fn the_exit_status_is_the_reason() {
    for (script, reason) in [
        ("exit 0", "exited with status 0"),
        ("exit 3", "exited with status 3"),
        ("kill -9 $$", "killed by signal 9"),
        ("kill -TERM $$", "killed by signal 15"),
    ] {
        let (caller, reasons) = caller_of(script);
        caller.start().unwrap();
        assert_eq!(status_of(&reasons), reason);
        // All has ended, so there is nothing to wait for.
        bounded("wait", move || caller.wait()).unwrap();
    }
}

#[test]
fn the_exit_status_fails_the_pending_call() {
    let (caller, reasons) = caller_of("read call; exit 3");
    caller.start().unwrap();
    let error = settled(caller.all().add(2, 3)).unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "peer `sh` is disconnected: exited with status 3"
    );
    assert_eq!(status_of(&reasons), "exited with status 3");
    bounded("wait", move || {
        caller.wait().unwrap();
        assert!(matches!(caller.status()[0].state, TransportState::Stopped));
    });
}

#[test]
fn what_a_child_says_last_is_heard() {
    let script = r#"seq 1000 | sed "s/.*/notified text:\"&\"/"; exit 7"#;
    let (caller, reasons) = caller_of(script);
    let texts = told(&caller);
    caller.start().unwrap();
    assert_eq!(status_of(&reasons), "exited with status 7");
    let expected: Vec<String> = (1..=1000).map(|number| number.to_string()).collect();
    assert_eq!(texts.so_far(), expected);
}

#[test]
fn what_is_sent_to_a_child_that_has_exited_harms_nothing() {
    // The calls that it has made are still handled, though their answers go nowhere.
    let (gone, reasons) = inbox();
    let hub = Lab::bind(
        "terse",
        shell(r#"seq 1000 | sed "s/.*/add\/& a:& b:1/"; exec <&-; exit 4"#),
    )
    .unwrap();
    let (seen, calls) = inbox();
    hub.add.connect(move |_sender, a, b| {
        seen.send(a).unwrap();
        a + b
    });
    hub.on_disconnect(move |_peer, reason| gone.send(reason.clone()).unwrap());
    hub.start().unwrap();
    assert_eq!(status_of(&reasons), "exited with status 4");
    assert_eq!(calls.so_far(), (1..=1000).collect::<Vec<_>>());
}

#[test]
fn a_program_that_cannot_be_run_is_named() {
    for (expression, expected, words) in [
        (
            "process:(no-such-program -x)",
            ErrorKind::NotFound,
            ["`no-such-program`", "`PATH`"],
        ),
        (
            "process:(/nowhere/lab)",
            ErrorKind::NotFound,
            ["`/nowhere/lab`", "full path"],
        ),
        (
            "process:(/dev/null)",
            ErrorKind::PermissionDenied,
            ["`/dev/null`", "make it executable"],
        ),
    ] {
        let caller = LabInverse::bind("terse", expression).unwrap();
        let error = caller.start().unwrap_err();
        let Error::Start {
            transport, kind, ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(&**transport, expression);
        assert_eq!(*kind, Some(expected));
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

#[test]
fn a_quote_that_is_not_closed_is_an_error_of_the_binding() {
    let error = LabInverse::bind("terse", "process:(sh -c 'exit)").unwrap_err();
    assert_eq!(
        error.to_string(),
        "command line `sh -c 'exit`: at byte 6: the quote `'` is not closed"
    );
}

#[test]
fn a_child_ends_by_itself_at_the_end_of_its_input() {
    let dir = OwnDir::new();
    let path = dir.path("input");
    // Whoever is asked by a signal does not come to its last line.
    let script = format!("cat > {0}; echo end >> {0}", path.display());
    let (caller, reasons) = caller_of(&script);
    caller.start().unwrap();
    let text = "x".repeat(1 << 20);
    caller.all().notify(&text).unwrap();
    stopped(caller);
    assert!(matches!(reasons.next(), DisconnectReason::Stopped));
    let input = fs::read_to_string(path).unwrap();
    assert!(input == format!("notify text:\"{text}\"\nend\n"));
}

#[test]
fn a_disconnected_child_ends_too() {
    let (caller, reasons) = caller_of(r#"echo "notified text:\"$$\""; exec cat"#);
    let texts = told(&caller);
    caller.start().unwrap();
    let pid = texts.next();
    caller.disconnect("sh").unwrap();
    assert!(matches!(reasons.next(), DisconnectReason::Local));
    bounded("wait", move || caller.wait()).unwrap();
    is_gone(&pid);
}

#[test]
fn a_removed_transport_ends_its_child() {
    let (caller, reasons) = caller_of(r#"echo "notified text:\"$$\""; exec cat"#);
    let texts = told(&caller);
    caller.start().unwrap();
    let pid = texts.next();
    caller.remove_transport(caller.status()[0].id).unwrap();
    assert!(matches!(reasons.next(), DisconnectReason::Local));
    stopped(caller);
    is_gone(&pid);
}

#[test]
fn a_child_that_does_not_listen_is_ended() {
    // It ignores the end of its input, but not SIGTERM.
    let (caller, _reasons) = caller_of_stubborn(r#"echo "notified text:\"$$\""; exec sleep 1000"#);
    let texts = told(&caller);
    caller.start().unwrap();
    let pid = texts.next();
    // More than its pipe can hold.
    caller.all().notify(&"x".repeat(1 << 20)).unwrap();
    stopped(caller);
    is_gone(&pid);
}

#[test]
fn a_child_that_ignores_everything_is_killed() {
    let script = r#"trap "" TERM; echo "notified text:\"$$\""; exec sleep 1000"#;
    let (caller, _reasons) = caller_of_stubborn(script);
    let texts = told(&caller);
    caller.start().unwrap();
    let pid = texts.next();
    stopped(caller);
    is_gone(&pid);
    // The same when the last handle is dropped.
    let (caller, _reasons) = caller_of_stubborn(script);
    let texts = told(&caller);
    caller.start().unwrap();
    let pid = texts.next();
    bounded("drop", move || drop(caller));
    is_gone(&pid);
}

#[test]
fn a_child_that_talks_while_it_ends_is_let_talk() {
    // It writes more than its pipe can hold before it exits, and cannot if nobody reads.
    let dir = OwnDir::new();
    let path = dir.path("end");
    let script = format!(
        r#"echo "notified text:\"$$\""; cat > /dev/null; seq 100000; echo end > {}"#,
        path.display()
    );
    let (caller, _reasons) = caller_of(&script);
    let texts = told(&caller);
    caller.start().unwrap();
    texts.next();
    stopped(caller);
    assert_eq!(fs::read_to_string(path).unwrap(), "end\n");
}

#[test]
fn a_child_that_closes_its_output_is_ended() {
    let script = r#"echo "notified text:\"$$\""; exec >&- sleep 1000"#;
    let (caller, reasons) = caller_of_stubborn(script);
    let texts = told(&caller);
    caller.start().unwrap();
    let pid = texts.next();
    let call = caller.all().add(2, 3);
    assert!(matches!(reasons.next(), DisconnectReason::EndOfInput));
    settled(call).unwrap_err();
    bounded("wait", move || caller.wait()).unwrap();
    is_gone(&pid);
}

#[test]
fn a_child_that_closes_its_input_is_ended() {
    let script = r#"exec <&-; echo "notified text:\"$$\""; exec sleep 1000"#;
    let (caller, reasons) = caller_of_stubborn(script);
    let texts = told(&caller);
    caller.start().unwrap();
    let pid = texts.next();
    let call = caller.all().add(2, 3);
    let DisconnectReason::Lost(error) = reasons.next() else {
        panic!("another reason");
    };
    assert_eq!(error.to_string(), "it closed its standard input");
    assert!(matches!(settled(call), Err(Error::Disconnected { .. })));
    bounded("wait", move || caller.wait()).unwrap();
    is_gone(&pid);
}

#[test]
fn a_grandchild_that_holds_the_output_holds_up_nobody() {
    for grandchild in [
        // It writes until nobody reads any more.
        "while echo; do :; done",
        "exec sleep 3",
    ] {
        let script = format!("{{ {grandchild}; }} & exit 5");
        let (caller, reasons) = caller_of(&script);
        caller.start().unwrap();
        assert_eq!(status_of(&reasons), "exited with status 5");
        bounded("wait", move || caller.wait()).unwrap();
    }
}

#[test]
fn restart_is_a_supervisor() {
    let script = format!(r#"echo "notified text:\"$$\""; exec {PROGRAM} terse"#);
    let expression = format!("restart:0.01:({})", shell(&script));
    let (caller, reasons) = caller_over(&expression);
    let texts = told(&caller);
    caller.start().unwrap();
    let mut pid = texts.next();
    for _ in 0..3 {
        assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
        kill(&pid);
        assert_eq!(status_of(&reasons), "killed by signal 9");
        let next = texts.next();
        is_gone(&pid);
        pid = next;
    }
    assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
    stopped(caller);
    is_gone(&pid);
}

#[test]
fn a_supervisor_stops_while_it_waits() {
    let (caller, reasons) = caller_over(&format!("restart:1000:({})", shell("exit 1")));
    caller.start().unwrap();
    assert_eq!(status_of(&reasons), "exited with status 1");
    stopped(caller);
}

#[test]
fn several_children_are_peers_of_one_api() {
    let both = format!(
        "mux:({})({})",
        shell("exec cat > /dev/null"),
        shell("read x; exit 9")
    );
    let (caller, reasons) = caller_over(&both);
    caller.start().unwrap();
    assert_eq!(caller.peers().len(), 2);
    caller.all().notify("both").unwrap();
    assert_eq!(status_of(&reasons), "exited with status 9");
    assert_eq!(caller.peers().len(), 1, "the other one is not concerned");
    stopped(caller);
}

#[test]
fn the_loss_of_an_exit_status_is_explained() {
    // The child ends when it was asked something; the program has inherited that nobody cares.
    let output = std::process::Command::new("env")
        .args(["--ignore-signal=CHLD", env!("CARGO_BIN_EXE_lab_caller")])
        .args(["terse", &shell("read line; exit 3")])
        .stderr(std::process::Stdio::inherit())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = bounded("the caller", move || output.wait_with_output()).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("ignores SIGCHLD"), "{said}");
    assert!(!said.contains("5.3"), "{said}");
}

#[test]
fn a_child_has_a_name_a_directory_and_variables() {
    let dir = OwnDir::new();
    let script = "printf \"notified text:\\\"$PWD $WHO $HOME\\\"\\n\"; cat >/dev/null";
    let child = |name: &str| {
        let path = dir.path("").display().to_string();
        let path = path.trim_end_matches('/').to_owned();
        let transport = format!(
            "{}?name={name}&cwd={path}&env.WHO=of+{name}&env.HOME=/nowhere",
            shell(script)
        );
        (path, transport)
    };
    let (path, transport) = child("alice");
    let caller = LabInverse::bind("terse", transport.as_str()).unwrap();
    let texts = told(&caller);
    caller.start().unwrap();
    let status = caller.status()[0].clone();
    // What variables say may be secret.
    assert!(!status.name().contains("nowhere"), "{status}");
    assert!(status.name().contains("env.WHO="), "{status}");
    assert_eq!(caller.peers()[0].name(), "alice");
    assert_eq!(caller.peers()[0].wire(), status.name());
    let path = fs::canonicalize(path).unwrap();
    let seen = texts.next();
    assert!(seen.starts_with(path.to_str().unwrap()), "{seen}");
    assert!(seen.ends_with(" of+alice /nowhere"), "{seen}");
    stopped(caller);

    let nowhere = format!("{}?cwd=/nowhere/at/all", shell("true"));
    let caller = LabInverse::bind("terse", nowhere.as_str()).unwrap();
    let error = caller.start().unwrap_err().to_string();
    assert!(
        error.contains("in `/nowhere/at/all`, which is no directory"),
        "{error}"
    );
}

#[test]
fn those_of_one_name_are_shown_so_that_they_can_be_told_apart() {
    let script = "cat >/dev/null";
    let transport = format!(
        "mux:({}?name=twin)({}?name=twin)",
        shell(script),
        shell(script)
    );
    let caller = LabInverse::bind("terse", transport.as_str()).unwrap();
    let (come, peers) = inbox();
    caller.on_connect(move |peer| come.send(peer.clone()).unwrap());
    caller.start().unwrap();
    let twins: Vec<Sender> = vec![peers.next(), peers.next()];
    let shown: Vec<String> = twins.iter().map(Sender::to_string).collect();
    assert!(
        shown.iter().all(|name| name.starts_with("twin#")),
        "{shown:?}"
    );
    assert_ne!(shown[0], shown[1]);
    assert!(twins.iter().all(|twin| twin.name() == "twin"));
    // What is shown names just this one.
    caller.to(&shown[0]).notify("x").unwrap();
    assert!(matches!(
        caller.to("twin").notify("x"),
        Err(Error::AmbiguousPeer { .. })
    ));
    stopped(caller);
}
