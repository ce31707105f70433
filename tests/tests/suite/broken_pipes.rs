//! Programs that have given `SIGPIPE` its default action back: a peer that closes its end of a
//! pipe must not end them.

use std::process::{Command, Stdio};

use quickrpc_tests::bounded;

/// Runs a program over this transport, whose peer closes its input; gives what it says at
/// its end.
fn survives(transport: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab_sigpipe"))
        .arg(transport)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    // Its input is open until it has ended.
    let input = child.stdin.take();
    let output = bounded("the program", move || child.wait_with_output());
    drop(input);
    let output = output.expect("it ends");
    assert!(output.status.success(), "{transport}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_child_that_closes_its_input_does_not_end_its_parent() {
    let said = survives("process:(sh -c 'exec <&-; exec sleep 1000')?stop=1");
    assert!(said.contains("still here: "), "{said}");
    assert!(said.contains("closed its standard input"), "{said}");
}

#[test]
fn a_reader_that_ends_does_not_end_who_writes_to_it_on_stdio() {
    let said = survives("stdio:");
    assert!(said.contains("still here: "), "{said}");
    assert!(said.contains("Broken pipe"), "{said}");
}
